//! Sender sections of a tenant: one channel each, with its options.
//! Which section speaks for a channel is decided in `directory`.

pub mod options;
pub mod routes;

use serde_json::{Map, Value};
use sqlx::PgConnection;
use time::OffsetDateTime;

use super::Put;
use super::change::Change;
use super::directory::Directory;
use super::error::{Fault, ProvisioningError, UnreadableRow};
use super::model::Sender;
use super::store::{self, StoredSender};
use crate::audit::{Action, Entry, difference};
use crate::auth::PathTenantCaller;
use crate::platform::database::Pool;
use crate::values::{Ccid, SectionName};
use options::SenderOptions;

/// What changes of senders need.
#[derive(Debug, Clone)]
pub struct Senders {
    pub pool: Pool,
    pub directory: Directory,
}

impl Senders {
    /// Stores a section, whether there is one of this name or not. In force here when this returns.
    pub async fn put(
        &self,
        caller: &PathTenantCaller,
        section: SectionName,
        members: Map<String, Value>,
        now: OffsetDateTime,
    ) -> Result<(Put, Sender), ProvisioningError> {
        let ccid = caller.ccid;
        let mut change = Change::begin(&self.pool).await?;
        let options =
            SenderOptions::parse(&section, members).map_err(ProvisioningError::Invalid)?;
        let before = stored_section(change.connection(), ccid, &section, &options).await?;
        let sender = Sender {
            section,
            options,
            updated_at: now,
        };
        let row = stored(ccid, &sender);
        store::put_sender(change.connection(), &row).await?;
        change.touch(ccid).await?;
        let put = match &before {
            Some(_) => Put::Replaced,
            None => Put::Created,
        };
        let changed =
            difference::between("", &members_of(before.as_ref()), &members_of(Some(&row)));
        let entry = entry(caller, Action::SenderSaved, &sender.section).changing(changed);
        let in_force = (&self.pool, &self.directory);
        change.commit(&entry, in_force).await?;
        Ok((put, sender))
    }

    /// Lists sections by name from behind `after`; at most `limit`.
    pub async fn list(
        &self,
        ccid: Ccid,
        after: Option<&str>,
        limit: i64,
    ) -> Result<Vec<Sender>, ProvisioningError> {
        let mut connection = self.pool.acquire().await?;
        let stored = store::list_senders(&mut connection, ccid, after, limit).await?;
        Ok(stored.iter().map(read).collect::<Result<_, _>>()?)
    }

    pub async fn find(
        &self,
        ccid: Ccid,
        section: SectionName,
    ) -> Result<Sender, ProvisioningError> {
        let mut connection = self.pool.acquire().await?;
        let stored = store::find_sender(&mut connection, ccid, &section).await?;
        Ok(read(&stored.ok_or(ProvisioningError::NoSection(section))?)?)
    }

    pub async fn delete(
        &self,
        caller: &PathTenantCaller,
        section: SectionName,
    ) -> Result<(), ProvisioningError> {
        let ccid = caller.ccid;
        let mut change = Change::begin(&self.pool).await?;
        if !store::delete_sender(change.connection(), ccid, &section).await? {
            return Err(ProvisioningError::NoSection(section));
        }
        change.touch(ccid).await?;
        let entry = entry(caller, Action::SenderDeleted, &section);
        let in_force = (&self.pool, &self.directory);
        change.commit(&entry, in_force).await?;
        Ok(())
    }
}

fn entry(caller: &PathTenantCaller, action: Action, section: &SectionName) -> Entry {
    Entry::by(&caller.caller, caller.ccid, (action, section.as_str()))
}

/// The options of a row as JSON; where there is none or it cannot be read, none.
fn members_of(row: Option<&StoredSender>) -> Value {
    let options = row.and_then(|row| serde_json::from_str(&row.options).ok());
    options.unwrap_or_else(|| Value::Object(Map::new()))
}

/// Reads a stored section.
pub fn read(stored: &StoredSender) -> Result<Sender, UnreadableRow> {
    let unreadable = UnreadableRow("sender section");
    let section: SectionName = stored.section.parse().map_err(|_| unreadable)?;
    let members = serde_json::from_str(&stored.options).map_err(|_| unreadable)?;
    let options = SenderOptions::parse(&section, members).map_err(|_| unreadable)?;
    Ok(Sender {
        section,
        options,
        updated_at: stored.updated_at,
    })
}

/// A section as it is stored.
pub fn stored(ccid: Ccid, sender: &Sender) -> StoredSender {
    StoredSender {
        ccid: ccid.as_uuid(),
        section: sender.section.as_str().to_owned(),
        options: Value::Object(sender.options.to_members()).to_string(),
        updated_at: sender.updated_at,
    }
}

/// The section as it is now, if it exists; refuses if another of the same prefix has its channel.
async fn stored_section(
    connection: &mut PgConnection,
    ccid: Ccid,
    section: &SectionName,
    options: &SenderOptions,
) -> Result<Option<StoredSender>, ProvisioningError> {
    let stored = store::senders_of_tenants(connection, &[ccid.as_uuid()]).await?;
    // What cannot be read serves no channel.
    let others: Vec<Sender> = stored
        .iter()
        .filter_map(|stored| read(stored).ok())
        .filter(|other| other.section != *section)
        .collect();
    let rival = others.iter().find(|other| {
        other.section.prefix() == section.prefix() && other.options.channel_id == options.channel_id
    });
    match rival {
        Some(rival) => {
            let message = format!("is already the channel of the section {}", rival.section);
            Err(ProvisioningError::Invalid(vec![Fault::new(
                "/channelId",
                message,
            )]))
        }
        None => Ok(stored
            .into_iter()
            .find(|row| row.section == section.as_str())),
    }
}
