//! What is known of messages that others speak of: whether one is here already, for who would do much before it is
//! accepted, and who was sent one, for who is told about it later.

use std::collections::HashMap;
use std::time::Duration;

use super::store::sent::Sent;
use super::store::{keys, sent};
use super::verdict::Holder;
use crate::platform::clock::Clock;
use crate::platform::database::{Pool, within};
use crate::values::{Address, Ccid, MessageId};

/// How long the look-up may take, with the wait for a connection.
const PATIENCE: Duration = Duration::from_secs(3);
/// Of a person who got more messages than that the latest are looked at.
const MESSAGES_MAX: i64 = 1_000;

/// Looks for messages by their de-duplication keys; cheap to clone.
#[derive(Debug, Clone)]
pub struct KnownMessages {
    pub pool: Pool,
    pub clock: Clock,
}

impl KnownMessages {
    /// The message that holds a key. That there is none says nothing about the next moment: who accepts decides.
    pub async fn holder(&self, ccid: Ccid, key: [u8; 16]) -> sqlx::Result<Option<Holder>> {
        within(PATIENCE, async {
            let mut connection = self.pool.acquire().await?;
            keys::holder_of(&mut connection, (ccid, key), self.clock.now_ms()).await
        })
        .await
    }

    /// From where these messages were sent and to whom; those that the tenant has not sent are left out.
    pub async fn sent(
        &self,
        ccid: Ccid,
        ids: &[MessageId],
    ) -> sqlx::Result<HashMap<MessageId, Sent>> {
        if ids.is_empty() {
            return Ok(HashMap::new());
        }
        within(PATIENCE, async {
            let mut connection = self.pool.acquire().await?;
            sent::by_ids(&mut connection, ccid, ids).await
        })
        .await
    }

    /// The channels through which the tenant has sent to any of these addresses of late.
    pub async fn sent_to(
        &self,
        (ccid, addresses): (Ccid, &[Address]),
        of_late: Duration,
    ) -> sqlx::Result<Vec<Sent>> {
        let of_late = i64::try_from(of_late.as_millis()).unwrap_or(i64::MAX);
        let after = MessageId::first_at(self.clock.now_ms().saturating_sub(of_late));
        let addresses: Vec<&str> = addresses.iter().map(Address::as_str).collect();
        within(PATIENCE, async {
            let mut connection = self.pool.acquire().await?;
            let person = (ccid, addresses.as_slice());
            sent::to_addresses(&mut connection, person, after, MESSAGES_MAX).await
        })
        .await
    }
}
