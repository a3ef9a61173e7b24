//! Who calls: extractors that a handler names to let in nobody but the holder of a live API key.
//!
//! Whatever is wrong with a key, the answer is the same 401, so that nobody learns which keys exist.

use std::marker::PhantomData;
use std::net::IpAddr;
use std::str::FromStr;
use std::sync::Arc;

use axum::extract::{FromRef, FromRequestParts, MatchedPath, RawPathParams};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName};

use super::key::ApiKey;
use super::keyring::Keyring;
use super::permission::Permission;
use super::record::{KeyRecord, KeyTenant};
use super::uses::KeyUse;
use crate::platform::clock::Clock;
use crate::platform::http::{ApiError, CallerAddress};
use crate::values::Ccid;

const API_KEY: HeaderName = HeaderName::from_static("x-api-key");
const TENANT: HeaderName = HeaderName::from_static("x-ccid");

/// The holder of a live key, for whichever tenant. Where the header `x-ccid` is there, it names one that the key may act
/// for.
#[derive(Debug, Clone)]
pub struct Caller {
    key: Arc<KeyRecord>,
    named: Option<Ccid>,
    address: Option<IpAddr>,
}

/// A caller that acts for one tenant, named in the way that `N` says.
#[derive(Debug, Clone)]
pub struct ActingFor<N> {
    pub ccid: Ccid,
    pub caller: Caller,
    named: PhantomData<N>,
}

/// The tenant is named by the header `x-ccid`.
#[derive(Debug, Clone)]
pub struct InHeader;

/// The tenant is named by the path's `{ccid}`.
#[derive(Debug, Clone)]
pub struct InPath;

/// A caller that acts for the tenant of its `x-ccid` header.
pub type TenantCaller = ActingFor<InHeader>;

/// A caller that acts for the tenant in the path's `{ccid}`. The header may be left out but must not disagree.
pub type PathTenantCaller = ActingFor<InPath>;

impl Caller {
    pub(super) fn new(key: Arc<KeyRecord>, parts: &Parts) -> Self {
        let address = parts.extensions.get::<CallerAddress>();
        Self {
            key,
            named: None,
            address: address.map(|address| address.ip()),
        }
    }

    /// Notes that a key of every tenant is used, and for which; of others nothing is noted.
    pub(super) fn noted<S>(self, ccid: Option<Ccid>, (parts, state): (&Parts, &S)) -> Self
    where
        Keyring: FromRef<S>,
        Clock: FromRef<S>,
    {
        if self.key.tenant == KeyTenant::Every {
            let route = parts.extensions.get::<MatchedPath>();
            let route = route.map_or("none", MatchedPath::as_str);
            let used = KeyUse {
                key: Arc::clone(&self.key),
                route: format!("{} {route}", parts.method),
                ccid,
                address: self.address,
            };
            let now_ms = Clock::from_ref(state).now_ms();
            Keyring::from_ref(state).uses().note(used, now_ms);
        }
        self
    }

    /// Where the call came from; `None` where it came through no connection.
    pub fn address(&self) -> Option<IpAddr> {
        self.address
    }

    /// Whose things are looked at where a call may be about several tenants: those of the tenant in the header `x-ccid`,
    /// and without it whatever the key may act for.
    pub fn scope(&self) -> KeyTenant {
        self.named.map_or(self.key.tenant, KeyTenant::One)
    }

    pub fn key(&self) -> &KeyRecord {
        &self.key
    }

    /// Refuses with 403 unless the key has this permission.
    pub fn require(&self, permission: Permission) -> Result<(), ApiError> {
        if self.key.permissions.allows(permission) {
            Ok(())
        } else {
            Err(ApiError::forbidden(format!(
                "this API key lacks the permission {permission}"
            )))
        }
    }

    pub fn may_act_for(&self, ccid: Ccid) -> bool {
        self.key.tenant.covers(KeyTenant::One(ccid))
    }

    /// Refuses with 403 where the header `x-ccid` names another tenant than the call is for.
    pub fn require_named(&self, tenant: KeyTenant) -> Result<(), ApiError> {
        match self.named {
            Some(named) if !tenant.covers(KeyTenant::One(named)) => Err(ApiError::forbidden(
                "the header x-ccid names another tenant than the request",
            )),
            Some(_) | None => Ok(()),
        }
    }

    pub(super) fn acting_for<N>(self, ccid: Ccid) -> Result<ActingFor<N>, ApiError> {
        if self.may_act_for(ccid) {
            Ok(ActingFor {
                ccid,
                caller: self,
                named: PhantomData,
            })
        } else {
            Err(foreign_tenant())
        }
    }
}

impl<N> ActingFor<N> {
    /// Refuses with 403 unless the key has this permission.
    pub fn require(&self, permission: Permission) -> Result<(), ApiError> {
        self.caller.require(permission)
    }
}

impl<S> FromRequestParts<S> for Caller
where
    S: Send + Sync,
    Keyring: FromRef<S>,
    Clock: FromRef<S>,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Self::Rejection> {
        let caller = authenticated(parts, state)?;
        let named = caller.named;
        Ok(caller.noted(named, (parts, state)))
    }
}

impl<S> FromRequestParts<S> for TenantCaller
where
    S: Send + Sync,
    Keyring: FromRef<S>,
    Clock: FromRef<S>,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Self::Rejection> {
        let caller = Caller::from_request_parts(parts, state).await?;
        let ccid = caller.named.ok_or_else(|| {
            ApiError::bad_request("the header x-ccid is missing: it names the tenant")
        })?;
        caller.acting_for(ccid)
    }
}

impl<S> FromRequestParts<S> for PathTenantCaller
where
    S: Send + Sync,
    Keyring: FromRef<S>,
    Clock: FromRef<S>,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Self::Rejection> {
        let caller = authenticated(parts, state)?;
        let ccid = path_tenant(parts, state).await?;
        if caller.named.is_some_and(|named| named != ccid) {
            return Err(ApiError::forbidden(
                "the header x-ccid names another tenant than the path",
            ));
        }
        caller.noted(Some(ccid), (parts, state)).acting_for(ccid)
    }
}

/// The holder of the key in the header, who may act for the tenant in the other one.
fn authenticated<S>(parts: &Parts, state: &S) -> Result<Caller, ApiError>
where
    Keyring: FromRef<S>,
    Clock: FromRef<S>,
{
    let now = Clock::from_ref(state).now();
    let key = single(&parts.headers, &API_KEY)
        .and_then(|text| ApiKey::from_str(text).ok())
        .and_then(|key| Keyring::from_ref(state).live(&key, now))
        .ok_or_else(|| {
            ApiError::unauthorized("a valid API key is needed in the header x-api-key")
        })?;
    let named = tenant_header(&parts.headers)?;
    let caller = Caller {
        named,
        ..Caller::new(key, parts)
    };
    match named {
        Some(ccid) if !caller.may_act_for(ccid) => Err(foreign_tenant()),
        Some(_) | None => Ok(caller),
    }
}

fn foreign_tenant() -> ApiError {
    ApiError::forbidden("this API key may not act for this tenant")
}

/// The only value of a header; `None` if it is missing, repeated or not visible ASCII.
fn single<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (Some(value), None) => value.to_str().ok(),
        (None, _) | (Some(_), Some(_)) => None,
    }
}

pub(super) fn tenant_header(headers: &HeaderMap) -> Result<Option<Ccid>, ApiError> {
    if !headers.contains_key(&TENANT) {
        return Ok(None);
    }
    let ccid = single(headers, &TENANT).and_then(|text| text.parse().ok());
    ccid.map(Some)
        .ok_or_else(|| ApiError::bad_request("the header x-ccid must be one UUID"))
}

async fn path_tenant<S: Send + Sync>(parts: &mut Parts, state: &S) -> Result<Ccid, ApiError> {
    let parameters = RawPathParams::from_request_parts(parts, state).await.ok();
    parameters
        .as_ref()
        .and_then(|parameters| parameters.iter().find(|(name, _)| *name == "ccid"))
        .and_then(|(_, text)| text.parse().ok())
        .ok_or_else(|| ApiError::bad_request("the tenant in the path must be a UUID"))
}
