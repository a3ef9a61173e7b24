//! Who calls: extractors that a handler names to let in nobody but the holder of a live API key.
//!
//! Whatever is wrong with a key, the answer is the same 401, so that nobody learns which keys exist.

use std::marker::PhantomData;
use std::str::FromStr;
use std::sync::Arc;

use axum::extract::{FromRef, FromRequestParts, RawPathParams};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName};

use super::key::ApiKey;
use super::keyring::Keyring;
use super::permission::Permission;
use super::record::{KeyRecord, KeyTenant};
use crate::platform::clock::Clock;
use crate::platform::http::ApiError;
use crate::values::Ccid;

const API_KEY: HeaderName = HeaderName::from_static("x-api-key");
const TENANT: HeaderName = HeaderName::from_static("x-ccid");

/// The holder of a live key, for whichever tenant.
#[derive(Debug, Clone)]
pub struct Caller {
    key: Arc<KeyRecord>,
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
    pub(super) fn new(key: Arc<KeyRecord>) -> Self {
        Self { key }
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

    pub(super) fn acting_for<N>(self, ccid: Ccid) -> Result<ActingFor<N>, ApiError> {
        if self.may_act_for(ccid) {
            Ok(ActingFor {
                ccid,
                caller: self,
                named: PhantomData,
            })
        } else {
            Err(ApiError::forbidden(
                "this API key may not act for this tenant",
            ))
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
        let now = Clock::from_ref(state).now();
        single(&parts.headers, &API_KEY)
            .and_then(|text| ApiKey::from_str(text).ok())
            .and_then(|key| Keyring::from_ref(state).live(&key, now))
            .map(Self::new)
            .ok_or_else(|| {
                ApiError::unauthorized("a valid API key is needed in the header x-api-key")
            })
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
        let ccid = tenant_header(&parts.headers)?.ok_or_else(|| {
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
        let caller = Caller::from_request_parts(parts, state).await?;
        let ccid = path_tenant(parts, state).await?;
        if tenant_header(&parts.headers)?.is_some_and(|named| named != ccid) {
            return Err(ApiError::forbidden(
                "the header x-ccid names another tenant than the path",
            ));
        }
        caller.acting_for(ccid)
    }
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
