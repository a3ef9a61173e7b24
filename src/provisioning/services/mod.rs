//! Services of a tenant: typed and checked when they are saved, their secrets sealed before they are stored.
//! What may be in a service is known to its connector.

pub mod masks;
pub mod media;
pub mod routes;
pub mod settings;

use std::sync::Arc;

use serde_json::Value;
use sqlx::PgConnection;
use time::OffsetDateTime;
use zeroize::Zeroizing;

use super::Put;
use super::change::Change;
use super::directory::Directory;
use super::error::{Fault, ProvisioningError, UnreadableRow};
use super::model::ServiceName;
use super::store::{self, StoredService};
use crate::lanes;
use crate::platform::database::Pool;
use crate::platform::outbound::AddressGuard;
use crate::platform::vault::{SealContext, Vault};
use crate::values::Ccid;
use settings::{Documents, ServiceSettings};

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
}

/// What a caller sends to define a service; masks in `secret` stand for what is stored.
#[derive(Debug)]
pub struct ServiceDefinition {
    pub url: Option<String>,
    pub data: Value,
    pub secret: Value,
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
}

impl Services {
    /// Stores a service, whether there is one of this name or not, as a part of a change.
    pub async fn put(
        &self,
        change: &mut Change,
        (ccid, name): (Ccid, ServiceName),
        definition: ServiceDefinition,
        now: OffsetDateTime,
    ) -> Result<(Put, MaskedService), ProvisioningError> {
        check_url(definition.url.as_deref())?;
        let stored = store::find_service(change.connection(), ccid, name.as_str()).await?;
        let put = if stored.is_some() {
            Put::Replaced
        } else {
            Put::Created
        };
        // A secret that can no longer be opened can still be replaced, only not kept.
        let kept =
            stored.and_then(|stored| open_secret(&self.vault, ccid, name, &stored.secret).ok());
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

        let masked = MaskedService {
            ccid,
            name,
            url: definition.url.clone(),
            data: definition.data.clone(),
            secret: masks::mask(&secret),
            updated_at: now,
        };
        let service = StoredService {
            ccid: ccid.as_uuid(),
            name: name.as_str().to_owned(),
            url: definition.url,
            data: definition.data.to_string(),
            secret: seal_secret(&self.vault, ccid, name, &secret),
            updated_at: now,
        };
        store::put_service(change.connection(), &service).await?;
        ensure_lanes(change.connection(), ccid, &settings).await?;
        change.touch(ccid).await?;
        Ok((put, masked))
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

    /// Removes a service. Messages that wait for its channels stay where they are.
    pub async fn delete(&self, ccid: Ccid, name: ServiceName) -> Result<(), ProvisioningError> {
        let mut change = Change::begin(&self.pool).await?;
        if !store::delete_service(change.connection(), ccid, name.as_str()).await? {
            return Err(ProvisioningError::NoService(name));
        }
        change.touch(ccid).await?;
        change.commit(&self.pool, &self.directory).await?;
        Ok(())
    }

    fn masked(
        &self,
        ccid: Ccid,
        name: ServiceName,
        stored: StoredService,
    ) -> Result<MaskedService, ProvisioningError> {
        let secret = open_secret(&self.vault, ccid, name, &stored.secret)?;
        Ok(MaskedService {
            ccid,
            name,
            url: stored.url,
            data: read_json(stored.data.as_bytes())?,
            secret: masks::mask(&secret),
            updated_at: stored.updated_at,
        })
    }
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
        table: "services",
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

/// Gives every channel its lane, so that messages can wait for it from this moment on.
async fn ensure_lanes(
    connection: &mut PgConnection,
    ccid: Ccid,
    settings: &ServiceSettings,
) -> sqlx::Result<()> {
    let ServiceSettings::Async(settings) = settings else {
        return Ok(());
    };
    for channel in &settings.channels {
        lanes::store::ensure_lane(
            connection,
            ccid,
            ServiceName::Async.as_str(),
            channel.channel_id.as_str(),
        )
        .await?;
    }
    Ok(())
}
