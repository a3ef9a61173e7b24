//! A whole tenant as one document: its services, with their secrets masked, and its sender sections.
//!
//! An export is imported unchanged, since a mask keeps what is stored; where nothing is, the secrets are entered again. API
//! keys are in no document: nothing but their hashes is known.

pub mod routes;

use std::collections::{HashMap, HashSet};

use serde_json::{Map, Value};
use sqlx::Connection;
use time::OffsetDateTime;

use super::change::Change;
use super::error::{Fault, ProvisioningError};
use super::model::{Sender, ServiceName};
use super::senders::{self, options::SenderOptions};
use super::services::{MaskedService, ServiceDefinition, Services};
use super::store;
use crate::values::{Ccid, ChannelId, SectionName, SectionPrefix};

/// Everything that a tenant has.
#[derive(Debug)]
pub struct Exported {
    pub services: Vec<MaskedService>,
    pub senders: Vec<Sender>,
}

/// What a document says, in its own order; nothing of it has been checked but its form.
#[derive(Debug)]
pub struct Document {
    pub services: Vec<(String, ServiceDefinition)>,
    pub senders: Vec<(String, Map<String, Value>)>,
}

/// Exports and imports tenants.
#[derive(Debug, Clone)]
pub struct Transfer {
    pub services: Services,
}

impl Transfer {
    /// Reads everything of a tenant as it is at one moment.
    pub async fn export(&self, ccid: Ccid) -> Result<Exported, ProvisioningError> {
        let mut connection = self.services.pool.acquire().await?;
        let mut transaction = connection
            .begin_with("begin isolation level repeatable read, read only")
            .await?;
        let stored = store::services_of_tenants(&mut transaction, &[ccid.as_uuid()]).await?;
        let sections = store::senders_of_tenants(&mut transaction, &[ccid.as_uuid()]).await?;
        transaction.rollback().await?;
        let senders: Result<Vec<Sender>, _> = sections.iter().map(senders::read).collect();
        Ok(Exported {
            services: self.services.masked_all(ccid, stored)?,
            senders: senders?,
        })
    }

    /// Puts everything that a document names, as a part of a change; what it does not name stays.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with the document, by JSON pointers into it. The change must not be committed then.
    pub async fn import(
        &self,
        change: &mut Change,
        ccid: Ccid,
        document: Document,
        now: OffsetDateTime,
    ) -> Result<(), ProvisioningError> {
        let mut faults = Vec::new();
        let mut names = HashSet::new();
        for (index, (name, definition)) in document.services.into_iter().enumerate() {
            let place = format!("/services/{index}");
            match name.parse::<ServiceName>() {
                Err(unknown) => {
                    faults.push(Fault::new(format!("{place}/name"), unknown.to_string()));
                }
                Ok(name) if !names.insert(name) => {
                    faults.push(Fault::new(format!("{place}/name"), "is there twice"));
                }
                Ok(name) => {
                    let put = self.services.put(change, (ccid, name), definition, now);
                    faults.extend(faults_at(&place, put.await)?);
                }
            }
        }
        let senders = read_senders(document.senders, now, &mut faults);
        refuse_rivals(change, ccid, &senders, &mut faults).await?;
        if !faults.is_empty() {
            return Err(ProvisioningError::Invalid(faults));
        }
        let rows: Vec<_> = senders
            .iter()
            .map(|(_, sender)| senders::stored(ccid, sender))
            .collect();
        store::put_senders(change.connection(), ccid, &rows, now).await?;
        change.touch(ccid).await?;
        Ok(())
    }
}

/// Sections with their places in the document.
type Placed = Vec<(usize, Sender)>;

fn read_senders(
    wanted: Vec<(String, Map<String, Value>)>,
    now: OffsetDateTime,
    faults: &mut Vec<Fault>,
) -> Placed {
    let mut read: Placed = Vec::with_capacity(wanted.len());
    let mut names: HashSet<SectionName> = HashSet::new();
    for (index, (name, members)) in wanted.into_iter().enumerate() {
        let place = format!("/senders/{index}");
        let section: SectionName = match name.parse() {
            Ok(section) => section,
            Err(error) => {
                let message = format!("{error}");
                faults.push(Fault::new(format!("{place}/section"), message));
                continue;
            }
        };
        if !names.insert(section.clone()) {
            faults.push(Fault::new(format!("{place}/section"), "is there twice"));
        }
        match SenderOptions::parse(&section, members) {
            Ok(options) => read.push((
                index,
                Sender {
                    section,
                    options,
                    updated_at: now,
                },
            )),
            Err(found) => faults.extend(below(&place, found)),
        }
    }
    read
}

/// Refuses two sections of one prefix for one channel, be they in the document or already there.
async fn refuse_rivals(
    change: &mut Change,
    ccid: Ccid,
    wanted: &Placed,
    faults: &mut Vec<Fault>,
) -> Result<(), ProvisioningError> {
    let stored = store::senders_of_tenants(change.connection(), &[ccid.as_uuid()]).await?;
    let named: HashSet<&SectionName> = wanted.iter().map(|(_, sender)| &sender.section).collect();
    // What cannot be read serves no channel.
    let others: Vec<Sender> = stored
        .iter()
        .filter_map(|stored| senders::read(stored).ok())
        .filter(|other| !named.contains(&other.section))
        .collect();
    let mut holders: HashMap<(SectionPrefix, &ChannelId), &SectionName> = HashMap::new();
    for other in &others {
        holders.insert(place_of(other), &other.section);
    }
    for (index, sender) in wanted {
        match holders.insert(place_of(sender), &sender.section) {
            Some(rival) if *rival != sender.section => {
                let message = format!("is already the channel of the section {rival}");
                faults.push(Fault::new(format!("/senders/{index}/channelId"), message));
            }
            Some(_) | None => {}
        }
    }
    Ok(())
}

fn place_of(sender: &Sender) -> (SectionPrefix, &ChannelId) {
    (sender.section.prefix(), &sender.options.channel_id)
}

/// The faults of one part, placed in the whole; what is no fault of the caller's ends everything.
fn faults_at<T>(
    place: &str,
    put: Result<T, ProvisioningError>,
) -> Result<Vec<Fault>, ProvisioningError> {
    match put {
        Ok(_) => Ok(Vec::new()),
        Err(ProvisioningError::Invalid(faults)) => Ok(below(place, faults)),
        Err(
            error @ (ProvisioningError::NoService(_)
            | ProvisioningError::NoCallbacks(_)
            | ProvisioningError::NoSection(_)
            | ProvisioningError::Vault(_)
            | ProvisioningError::Unreadable(_)
            | ProvisioningError::Refresh(_)
            | ProvisioningError::Database(_)),
        ) => Err(error),
    }
}

fn below(place: &str, faults: Vec<Fault>) -> Vec<Fault> {
    let moved = faults
        .into_iter()
        .map(|fault| Fault::new(format!("{place}{}", fault.path), fault.message));
    moved.collect()
}
