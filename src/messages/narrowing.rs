//! What narrows a set of messages, as people say it.

use std::str::FromStr;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::status::Status;
use super::store::search::Filter;
use super::view::{RECEIVED, status_words};
use crate::platform::clock::unix_ms;
use crate::values::{Address, ChannelId, MessageId};

const INBOUND: i16 = 0;
const OUTBOUND: i16 = 1;
/// Longest name of a campaign that is looked for, in characters.
const CAMPAIGN_CHARS_MAX: usize = 255;

/// The members that a search and a replay have in common; what is not there does not narrow.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[schema(as = MessageFilter)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Narrowing {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub channel_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    /// The consumer's phone number or email address.
    pub address: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = status_words, required = false)]
    pub status: Option<String>,
    /// `inbound` or `outbound`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub direction: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = DateTime)]
    pub since: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = DateTime)]
    pub until: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub campaign_id: Option<String>,
}

/// The same as it is looked for.
#[derive(Debug, Clone)]
pub struct Narrowed {
    pub filter: Filter,
    /// The oldest id that is wanted.
    pub lowest: MessageId,
    /// Only ids below this one.
    pub below: MessageId,
}

/// A member that says nothing that messages have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{member} {why}")]
pub struct BadMember {
    pub member: &'static str,
    pub why: &'static str,
}

impl Narrowing {
    /// Reads every member.
    pub fn read(&self) -> Result<Narrowed, BadMember> {
        let time = |member, text: &Option<String>| {
            let text = text.as_deref();
            text.map(|text| unix_ms(text).ok_or(bad(member, "is not an RFC 3339 time")))
                .transpose()
        };
        let (since, until) = (time("since", &self.since)?, time("until", &self.until)?);
        if let (Some(since), Some(until)) = (since, until)
            && since > until
        {
            return Err(bad("until", "is before since"));
        }
        let direction = self.direction.as_deref().map(direction).transpose()?;
        let (direction, statuses) = match self.status.as_deref() {
            Some(word) => standing(word, direction)?,
            None => (direction, None),
        };
        let filter = Filter {
            channel_id: self.channel_id.as_deref().map(channel).transpose()?,
            address: self.address.as_deref().map(address).transpose()?,
            direction,
            statuses,
            campaign_id: self.campaign_id.as_deref().map(campaign).transpose()?,
            conversation: None,
            dead_letters_only: false,
        };
        let all = MessageId::from_i64(i64::MAX);
        Ok(Narrowed {
            filter,
            lowest: since.map_or(MessageId::from_i64(0), MessageId::first_at),
            below: until.map_or(all, MessageId::first_at),
        })
    }
}

/// Which direction and which ranks a status stands for. A received message has no delivery that could have a status, so
/// its word stands for its direction.
fn standing(
    word: &str,
    direction: Option<i16>,
) -> Result<(Option<i16>, Option<Vec<i16>>), BadMember> {
    let (of_status, ranks) = if word == RECEIVED {
        (INBOUND, None)
    } else {
        let ranks: Vec<i16> = Status::shown_as(word).map(Status::rank).collect();
        if ranks.is_empty() {
            let words =
                "is Queued, Unknown, Sent, Failed, Delivered, Removed, Cancelled or Received";
            return Err(bad("status", words));
        }
        (OUTBOUND, Some(ranks))
    };
    if direction.is_some_and(|direction| direction != of_status) {
        return Err(bad("status", "is not one of that direction"));
    }
    Ok((Some(of_status), ranks))
}

fn direction(word: &str) -> Result<i16, BadMember> {
    match word {
        "inbound" => Ok(INBOUND),
        "outbound" => Ok(OUTBOUND),
        _ => Err(bad("direction", "is inbound or outbound")),
    }
}

/// In the spelling that is stored.
fn channel(text: &str) -> Result<String, BadMember> {
    let read = ChannelId::from_str(text).map_err(|_| bad("channelId", "cannot be read"))?;
    Ok(read.as_str().to_owned())
}

fn address(text: &str) -> Result<String, BadMember> {
    let read = Address::from_str(text).map_err(|_| bad("address", "cannot be read"))?;
    Ok(read.as_str().to_owned())
}

fn campaign(text: &str) -> Result<String, BadMember> {
    let fits = (1..=CAMPAIGN_CHARS_MAX).contains(&text.chars().count());
    if fits {
        Ok(text.to_owned())
    } else {
        Err(bad("campaignId", "cannot be read"))
    }
}

const fn bad(member: &'static str, why: &'static str) -> BadMember {
    BadMember { member, why }
}
