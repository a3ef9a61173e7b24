//! From rows to tenants. What cannot be read is left out with a log line, so that one tenant's trouble stays its own.

use std::collections::HashMap;
use std::sync::Arc;

use sqlx::PgConnection;
use tracing::error;
use uuid::Uuid;

use super::tenant::{Tenant, TenantParts};
use crate::lanes;
use crate::platform::vault::Vault;
use crate::provisioning::error::{ProvisioningError, UnreadableRow};
use crate::provisioning::model::{Sender, ServiceName};
use crate::provisioning::senders;
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
    let mut tenants: HashMap<Uuid, TenantParts> = ccids
        .iter()
        .map(|ccid| (*ccid, TenantParts::default()))
        .collect();
    for stored in store::services_of_tenants(connection, &ccids).await? {
        if let Some((parts, settings)) = tenants
            .get_mut(&stored.ccid)
            .zip(read_service(vault, &stored))
        {
            match settings {
                ServiceSettings::Async(settings) => {
                    parts.third_party = settings.channels.into_iter().map(Arc::new).collect();
                }
                ServiceSettings::Sms(settings) => parts.sms = settings,
                ServiceSettings::Email(settings) => parts.email = settings,
                // Nobody sends through these, so nothing of them is asked for.
                ServiceSettings::MGageSms(_)
                | ServiceSettings::SparkPostEmail(_)
                | ServiceSettings::PurecloudIdp(_)
                | ServiceSettings::PorticoSms(_)
                | ServiceSettings::PorticoEmail(_)
                | ServiceSettings::OpenMessaging(_) => {}
            }
        }
    }
    for stored in store::senders_of_tenants(connection, &ccids).await? {
        if let Some((parts, sender)) = tenants.get_mut(&stored.ccid).zip(read_sender(&stored)) {
            parts.senders.push(Arc::new(sender));
        }
    }
    for lane in lanes::store::lanes_of_tenants(connection, &ccids).await? {
        if let Some(parts) = tenants.get_mut(&lane.ccid.as_uuid()) {
            parts.lanes.push(lane);
        }
    }
    Ok(tenants
        .into_iter()
        .map(|(ccid, parts)| Tenant::build(Ccid::from_uuid(ccid), parts))
        .collect())
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
