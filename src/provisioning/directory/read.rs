//! From rows to tenants. What cannot be read is left out with a log line, so that one tenant's trouble stays its own.

use std::collections::HashMap;
use std::sync::Arc;

use sqlx::PgConnection;
use tracing::error;
use uuid::Uuid;

use super::tenant::{Tenant, TenantParts};
use crate::connectors::open_messaging::CONNECTOR;
use crate::history;
use crate::lanes;
use crate::platform::vault::Vault;
use crate::provisioning::error::{ProvisioningError, UnreadableRow};
use crate::provisioning::model::{Sender, ServiceName};
use crate::provisioning::senders;
use crate::provisioning::services::callbacks::CallbackTokens;
use crate::provisioning::services::settings::{Documents, ServiceSettings};
use crate::provisioning::services::{self};
use crate::provisioning::store::{self, StoredSender, StoredService};
use crate::values::Ccid;

/// Reads every tenant that changed after this version.
pub(super) async fn changed_tenants(
    connection: &mut PgConnection,
    vault: &Vault,
    version: i64,
) -> sqlx::Result<Vec<Tenant>> {
    let ccids = store::tenants_changed_since(connection, version).await?;
    let tenants = parts_of(connection, vault, &ccids).await?.into_iter();
    Ok(tenants
        .map(|(ccid, parts)| Tenant::build(Ccid::from_uuid(ccid), parts))
        .collect())
}

/// Gives each channel of these tenants the lanes that it is to be sent for through, so that messages can wait there
/// from this moment on.
pub(super) async fn give_lanes(
    connection: &mut PgConnection,
    vault: &Vault,
    ccids: &[Uuid],
) -> sqlx::Result<()> {
    for (ccid, parts) in parts_of(connection, vault, ccids).await? {
        for (provider, channel_id) in parts.lanes_wanting() {
            let ccid = Ccid::from_uuid(ccid);
            let target = (provider.as_str(), channel_id.as_str());
            lanes::store::ensure_lane(connection, ccid, target.0, target.1).await?;
        }
        if parts.wants_lane_to_agents() {
            let ccid = Ccid::from_uuid(ccid);
            let lane = lanes::store::ensure_lane(connection, ccid, CONNECTOR, CONNECTOR).await?;
            history::store::begin_following(connection, ccid, lane.0).await?;
        }
    }
    Ok(())
}

/// Reads what was provisioned for these tenants.
async fn parts_of(
    connection: &mut PgConnection,
    vault: &Vault,
    ccids: &[Uuid],
) -> sqlx::Result<HashMap<Uuid, TenantParts>> {
    let mut tenants: HashMap<Uuid, TenantParts> = ccids
        .iter()
        .map(|ccid| (*ccid, TenantParts::default()))
        .collect();
    for stored in store::services_of_tenants(connection, ccids).await? {
        if let Some((parts, settings)) = tenants
            .get_mut(&stored.ccid)
            .zip(read_service(vault, &stored))
        {
            parts.take(settings, stored.updated_at);
            parts.callbacks.extend(read_tokens(vault, &stored));
        }
    }
    for stored in store::senders_of_tenants(connection, ccids).await? {
        if let Some((parts, sender)) = tenants.get_mut(&stored.ccid).zip(read_sender(&stored)) {
            parts.senders.push(Arc::new(sender));
        }
    }
    for lane in lanes::store::lanes_of_tenants(connection, ccids).await? {
        if let Some(parts) = tenants.get_mut(&lane.ccid.as_uuid()) {
            parts.lanes.push(lane);
        }
    }
    Ok(tenants)
}

fn read_service(vault: &Vault, stored: &StoredService) -> Option<ServiceSettings> {
    match open_service(vault, stored) {
        Ok(settings) => Some(settings),
        Err(cause) => {
            error!(
                ccid = %stored.ccid,
                service.name = stored.name,
                error.cause = %cause,
                "A service cannot be read and is left out: its channels neither send nor receive",
            );
            None
        }
    }
}

/// What the provider of a service calls with.
fn read_tokens(vault: &Vault, stored: &StoredService) -> Option<(ServiceName, CallbackTokens)> {
    let (ccid, name) = (Ccid::from_uuid(stored.ccid), stored.name.parse().ok()?);
    match CallbackTokens::of(vault, (ccid, name), stored) {
        Ok(tokens) => Some((name, tokens?)),
        Err(cause) => {
            error!(
                ccid = %stored.ccid,
                service.name = stored.name,
                error.cause = %cause,
                "A service's callback token cannot be opened: its provider's calls are refused",
            );
            None
        }
    }
}

fn open_service(
    vault: &Vault,
    stored: &StoredService,
) -> Result<ServiceSettings, ProvisioningError> {
    let name: ServiceName = stored
        .name
        .parse()
        .map_err(|_| UnreadableRow("service of this name"))?;
    let secret = services::open_secret(vault, Ccid::from_uuid(stored.ccid), name, &stored.secret)?;
    let data = services::read_json(stored.data.as_bytes())?;
    let documents = Documents {
        url: stored.url.as_deref(),
        data: &data,
        secret: &secret,
    };
    ServiceSettings::parse(name, documents).map_err(ProvisioningError::Invalid)
}

fn read_sender(stored: &StoredSender) -> Option<Sender> {
    match senders::read(stored) {
        Ok(sender) => Some(sender),
        Err(cause) => {
            error!(
                ccid = %stored.ccid,
                section = stored.section,
                error.cause = %cause,
                "A sender section cannot be read and is left out",
            );
            None
        }
    }
}
