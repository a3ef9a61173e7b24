//! Whether a message is here already, for who would do much before it is accepted.

use std::time::Duration;

use super::store::keys;
use super::verdict::Holder;
use crate::platform::clock::Clock;
use crate::platform::database::{Pool, within};
use crate::values::Ccid;

/// How long the look-up may take, with the wait for a connection.
const PATIENCE: Duration = Duration::from_secs(3);

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
}
