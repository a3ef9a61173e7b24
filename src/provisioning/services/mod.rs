//! Services of a tenant: typed and checked when they are saved, their secrets sealed before they are stored.
//! What may be in a service is known to its connector.

pub mod callbacks;
pub mod masks;
pub mod media;
pub mod routes;
pub mod settings;

use std::sync::Arc;

use serde_json::Value;
use time::OffsetDateTime;
use zeroize::Zeroizing;

use super::Put;
use super::change::Change;
use super::directory::Directory;
use super::error::{Fault, ProvisioningError, UnreadableRow};
use super::model::ServiceName;
use super::store::{self, StoredService};
use crate::audit::{Action, Entry, difference};
use crate::auth::PathTenantCaller;
use crate::platform::database::Pool;
use crate::platform::outbound::AddressGuard;
use crate::platform::vault::{SealContext, Vault};
use crate::values::Ccid;
use callbacks::CallbackTokens;
use settings::{Documents, ServiceSettings};

/// What its secrets are sealed for, beside tenant and name.
pub const SEALED_TABLE: &str = "services";
/// Longest `url` of a service, in characters.
const URL_CHARS_MAX: usize = 2048;

/// A service with its secrets masked.
#[derive(Debug, PartialEq)]
pub struct MaskedService {
    pub ccid: Ccid,
    pub name: ServiceName,
    pub url: Option<String>,
    pub data: Value,
    pub secret: Value,
    pub updated_at: OffsetDateTime,
    /// Where its provider is to call us, with the token where it cannot sign.
    pub callback_path: Option<String>,
}

/// What a caller sends to define a service; masks in `secret` stand for what is stored.
#[derive(Debug)]
pub struct ServiceDefinition {
    pub url: Option<String>,
    pub data: Value,
    pub secret: Value,
}

/// A service that was put, as a part of a change.
#[derive(Debug)]
pub struct Saved {
    pub put: Put,
    pub service: MaskedService,
    /// Places of what is not as it was.
    pub changed: Vec<String>,
}

/// What changes of services need.
#[derive(Debug, Clone)]
pub struct Services {
    pub pool: Pool,
    pub directory: Directory,
    pub vault: Arc<Vault>,
    pub guard: AddressGuard,
    /// Refuse webhook URLs of plain `http`.
    pub https_only: bool,
    /// Whether it is known how the outside reaches us.
    pub has_public_url: bool,
}

impl Services {
    /// Stores a service, whether there is one of this name or not, as a part of a change.
    pub async fn put(
        &self,
        change: &mut Change,
        (ccid, name): (Ccid, ServiceName),
        definition: ServiceDefinition,
        now: OffsetDateTime,
    ) -> Result<Saved, ProvisioningError> {
        check_url(definition.url.as_deref())?;
        let stored = store::find_service(change.connection(), ccid, name.as_str()).await?;
        // A secret that can no longer be opened can still be replaced, only not kept.
        let kept = stored
            .as_ref()
            .and_then(|stored| open_secret(&self.vault, ccid, name, &stored.secret).ok());
        let secret = masks::unmask(definition.secret, kept.as_ref(), "/secret")
            .map_err(ProvisioningError::Invalid)?;
        let documents = Documents {
            url: definition.url.as_deref(),
            data: &definition.data,
            secret: &secret,
        };
        let settings = ServiceSettings::parse(name, documents);
        let settings = settings.map_err(ProvisioningError::Invalid)?;
        let checked = settings.check_destinations(&self.guard, self.https_only);
        checked.map_err(ProvisioningError::Invalid)?;
        let checked = settings.check_callbacks(self.has_public_url);
        checked.map_err(ProvisioningError::Invalid)?;

        let changed = stored.as_ref().map_or_else(everything, |stored| {
            let new = (definition.url.as_deref(), &definition.data, &secret);
            changed(stored, kept.as_ref(), new)
        });
        let tokens = self.callback_tokens((ccid, name), stored.as_ref());
        let masked = MaskedService {
            ccid,
            name,
            url: definition.url.clone(),
            data: definition.data.clone(),
            secret: masks::mask(&secret),
            updated_at: now,
            callback_path: callbacks::path((ccid, name), tokens.as_ref()),
        };
        let service = StoredService {
            ccid: ccid.as_uuid(),
            name: name.as_str().to_owned(),
            url: definition.url,
            data: definition.data.to_string(),
            secret: seal_secret(&self.vault, ccid, name, &secret),
            updated_at: now,
            callback_tokens: tokens.map(|tokens| tokens.seal(&self.vault, (ccid, name))),
        };
        store::put_service(change.connection(), &service).await?;
        change.touch(ccid).await?;
        Ok(Saved {
            put: stored.map_or(Put::Created, |_| Put::Replaced),
            service: masked,
            changed,
        })
    }
}

impl Services {
    /// Lists services by name from behind `after`; at most `limit`.
    pub async fn list(
        &self,
        ccid: Ccid,
        after: Option<&str>,
        limit: i64,
    ) -> Result<Vec<MaskedService>, ProvisioningError> {
        let mut connection = self.pool.acquire().await?;
        let stored = store::list_services(&mut connection, ccid, after, limit).await?;
        self.masked_all(ccid, stored)
    }

    /// Services as they are shown, from how they are stored.
    pub fn masked_all(
        &self,
        ccid: Ccid,
        stored: Vec<StoredService>,
    ) -> Result<Vec<MaskedService>, ProvisioningError> {
        // A row that another release stored under a name of its own is not ours to show.
        stored
            .into_iter()
            .filter_map(|stored| Some((stored.name.parse().ok()?, stored)))
            .map(|(name, stored)| self.masked(ccid, name, stored))
            .collect()
    }

    pub async fn find(
        &self,
        ccid: Ccid,
        name: ServiceName,
    ) -> Result<MaskedService, ProvisioningError> {
        let mut connection = self.pool.acquire().await?;
        let stored = store::find_service(&mut connection, ccid, name.as_str()).await?;
        self.masked(
            ccid,
            name,
            stored.ok_or(ProvisioningError::NoService(name))?,
        )
    }

    /// Gives a service another address for its provider's calls, as a part of a change. The one before is called for a
    /// day more.
    pub async fn renew_callback_token(
        &self,
        change: &mut Change,
        (ccid, name): (Ccid, ServiceName),
        now_ms: i64,
    ) -> Result<MaskedService, ProvisioningError> {
        let stored = store::find_service(change.connection(), ccid, name.as_str()).await?;
        let stored = stored.ok_or(ProvisioningError::NoService(name))?;
        let tokens = self
            .callback_tokens((ccid, name), Some(&stored))
            .ok_or(ProvisioningError::NoCallbacks(name))?
            .renewed(now_ms);
        let sealed = tokens.seal(&self.vault, (ccid, name));
        let of = (ccid, name.as_str());
        store::put_callback_tokens(change.connection(), of, &sealed).await?;
        change.touch(ccid).await?;
        Ok(MaskedService {
            callback_path: callbacks::path((ccid, name), Some(&tokens)),
            ..self.masked(ccid, name, stored)?
        })
    }

    /// The tokens of a service that has some or is to have one. Those that can no longer be opened are replaced.
    fn callback_tokens(
        &self,
        of: (Ccid, ServiceName),
        stored: Option<&StoredService>,
    ) -> Option<CallbackTokens> {
        callbacks::word(of.1)?;
        let there = stored.and_then(|stored| CallbackTokens::of(&self.vault, of, stored).ok()?);
        Some(there.unwrap_or_else(CallbackTokens::generate))
    }

    /// Removes a service. Messages that wait for its channels stay where they are.
    pub async fn delete(
        &self,
        caller: &PathTenantCaller,
        name: ServiceName,
    ) -> Result<(), ProvisioningError> {
        let ccid = caller.ccid;
        let mut change = Change::begin(&self.pool).await?;
        if !store::delete_service(change.connection(), ccid, name.as_str()).await? {
            return Err(ProvisioningError::NoService(name));
        }
        change.touch(ccid).await?;
        let deleted = (Action::ServiceDeleted, name.as_str());
        let entry = Entry::by(&caller.caller, ccid, deleted);
        let in_force = (&self.pool, &self.directory);
        change.commit(&entry, in_force).await?;
        Ok(())
    }

    fn masked(
        &self,
        ccid: Ccid,
        name: ServiceName,
        stored: StoredService,
    ) -> Result<MaskedService, ProvisioningError> {
        let secret = open_secret(&self.vault, ccid, name, &stored.secret)?;
        let tokens = CallbackTokens::of(&self.vault, (ccid, name), &stored)?;
        Ok(MaskedService {
            callback_path: callbacks::path((ccid, name), tokens.as_ref()),
            ccid,
            name,
            url: stored.url,
            data: read_json(stored.data.as_bytes())?,
            secret: masks::mask(&secret),
            updated_at: stored.updated_at,
        })
    }
}

/// What changes of a service that is new.
fn everything() -> Vec<String> {
    ["/url", "/data", "/secret"].map(str::to_owned).to_vec()
}

/// Places of what of a service is not as it was.
fn changed(
    stored: &StoredService,
    kept: Option<&Value>,
    (url, data, secret): (Option<&str>, &Value, &Value),
) -> Vec<String> {
    let old = read_json(stored.data.as_bytes()).unwrap_or(Value::Null);
    let mut changed = difference::between("/data", &old, data);
    let old = kept.unwrap_or(&Value::Null);
    changed.extend(difference::between("/secret", old, secret));
    if stored.url.as_deref() != url {
        changed.push("/url".to_owned());
    }
    changed
}

/// Reads the secret document of a service as it was sealed for this tenant and name.
pub fn open_secret(
    vault: &Vault,
    ccid: Ccid,
    name: ServiceName,
    sealed: &[u8],
) -> Result<Value, ProvisioningError> {
    let opened = vault.open(&context(ccid, name), sealed)?;
    Ok(read_json(&opened)?)
}

/// Reads a stored JSON document.
pub fn read_json(document: &[u8]) -> Result<Value, UnreadableRow> {
    serde_json::from_slice(document).map_err(|_| UnreadableRow("service"))
}

fn seal_secret(vault: &Vault, ccid: Ccid, name: ServiceName, secret: &Value) -> Vec<u8> {
    let document = Zeroizing::new(secret.to_string());
    vault.seal(&context(ccid, name), document.as_bytes())
}

fn context(ccid: Ccid, name: ServiceName) -> SealContext<'static> {
    SealContext {
        ccid,
        table: SEALED_TABLE,
        row: name.as_str(),
    }
}

/// Where a service is not reached under its `url` the vendor's examples send `N/A`. It is kept and shown.
fn check_url(url: Option<&str>) -> Result<(), ProvisioningError> {
    let fits = url
        .is_none_or(|url| url.chars().count() <= URL_CHARS_MAX && !url.contains(char::is_control));
    let fault = || {
        Fault::new(
            "/url",
            format!("must be at most {URL_CHARS_MAX} characters without control characters"),
        )
    };
    if fits {
        Ok(())
    } else {
        Err(ProvisioningError::Invalid(vec![fault()]))
    }
}
