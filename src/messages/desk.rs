//! What people do with stored messages: look and explain. Replying, retrying and cancelling have files of their own.

use std::sync::Arc;
use std::time::Duration;

use sqlx::PgConnection;

use super::error::MessageError;
use super::explanation::Prospects;
use super::search::{Found, Search};
use super::store::read::{self, Stored};
use super::store::search::Filter;
use super::submit::Submit;
use crate::conversations;
use crate::history;
use crate::history::model::{Kind, Recorded};
use crate::lanes::LaneId;
use crate::lanes::ids::Ids;
use crate::lanes::ownership::Ownership;
use crate::lanes::store as lanes;
use crate::messages::accept::AfterAccept;
use crate::platform::clock::Clock;
use crate::platform::database::Database;
use crate::provisioning::directory::Directory;
use crate::suppressions::proof::Proofs;
use crate::values::{Ccid, ConversationId, MessageId};

/// Entries of one message that are shown at most.
const HISTORY_MAX: i64 = 1_000;

/// The agent's and the operator's desk; cheap to clone.
#[derive(Clone)]
pub struct Desk {
    pub database: Database,
    pub clock: Clock,
    pub ids: Arc<Ids>,
    pub ownership: Arc<Ownership>,
    pub directory: Directory,
    pub submit: Arc<Submit>,
    pub after: Arc<dyn AfterAccept>,
    pub proofs: Proofs,
    /// How long a search may take before it answers with what it has.
    pub search_time_max: Duration,
}

impl std::fmt::Debug for Desk {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Desk").finish_non_exhaustive()
    }
}

impl Desk {
    /// One message with everything that happened to it.
    pub async fn find(
        &self,
        ccid: Ccid,
        id: MessageId,
    ) -> Result<(Stored, Vec<Recorded>), MessageError> {
        let mut connection = self.database.reads.acquire().await?;
        let message = find(&mut connection, ccid, id).await?;
        let entries =
            history::store::of_subject(&mut connection, ccid, id.as_i64(), HISTORY_MAX).await?;
        // The entry of its own reception says nothing that the message does not.
        Ok((
            message,
            entries
                .into_iter()
                .filter(|entry| entry.kind != Kind::Received)
                .collect(),
        ))
    }

    /// Who sends the message, or has sent it; `None` for one of a consumer's.
    pub fn provider(&self, message: &Stored) -> Option<&'static str> {
        let provider = self.directory.snapshot().provider(LaneId(message.lane?))?;
        Some(provider.as_str())
    }

    /// What the endpoint that the message is for has to do with what comes next.
    pub async fn prospects(&self, message: &Stored) -> Result<Prospects, MessageError> {
        let Some(lane) = message.lane.map(LaneId) else {
            return Ok(Prospects::default());
        };
        let mut connection = self.database.reads.acquire().await?;
        let stoppages = lanes::stoppages(&mut connection, lane).await?;
        let snapshot = self.directory.snapshot();
        Ok(Prospects {
            paused: stoppages.paused,
            held: stoppages.held,
            repeats_safe: snapshot.lane(lane).is_some_and(|to| to.repeats_safe()),
        })
    }

    /// Messages of one conversation, newest first.
    pub async fn conversation(
        &self,
        ccid: Ccid,
        id: ConversationId,
        before: Option<MessageId>,
        limit: i64,
    ) -> Result<Found, MessageError> {
        let mut connection = self.database.reads.acquire().await?;
        let conversation = conversations::store::find(&mut connection, ccid, id)
            .await?
            .ok_or(MessageError::UnknownConversation)?;
        drop(connection);
        let filter = Filter {
            // All of a conversation's messages are its consumer's, and those are quick to find.
            address: Some(conversation.consumer.as_str().to_owned()),
            conversation: Some(id),
            ..Filter::default()
        };
        let search = Search::newest(filter, before, limit);
        self.search(ccid, &search).await
    }
}

pub(super) async fn find(
    connection: &mut PgConnection,
    ccid: Ccid,
    id: MessageId,
) -> Result<Stored, MessageError> {
    let found = read::by_ids(connection, ccid, &[id]).await?;
    found.into_iter().next().ok_or(MessageError::UnknownMessage)
}
