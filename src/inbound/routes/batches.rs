//! Batches of providers that were taken: one that comes again is answered and changes nothing.

use axum::http::StatusCode;
use sha2::{Digest, Sha256};

use crate::platform::clock::Clock;
use crate::platform::database::Pool;
use crate::platform::http::ApiError;
use crate::platform::http::envelope::Answer;
use crate::platform::http::idempotency::{IdempotencyKeys, KeyedCall, RequestKey};
use crate::values::Ccid;

/// Knows them for as long as idempotency keys are kept; cheap to clone.
#[derive(Debug, Clone)]
pub struct Batches {
    pub keys: IdempotencyKeys,
    pub pool: Pool,
    pub clock: Clock,
}

impl Batches {
    /// A batch of a tenant's. Its name has blanks, which no caller's own key can have.
    pub(super) fn call(ccid: Ccid, id: &str, body: &[u8]) -> KeyedCall {
        let name = format!("batch of SparkPost {id}");
        RequestKey::new(name, Sha256::digest(body).into()).of(ccid)
    }

    pub(super) async fn is_known(&self, call: Option<&KeyedCall>) -> Result<bool, ApiError> {
        let before = self.keys.begin_elsewhere(&self.pool, call).await?;
        Ok(before.is_some())
    }

    pub(super) async fn keep(&self, call: Option<&KeyedCall>) -> Result<(), ApiError> {
        let answer = Answer::new(StatusCode::OK, serde_json::json!({}))?;
        let now_ms = self.clock.now_ms();
        let (keys, pool) = (&self.keys, &self.pool);
        keys.keep_elsewhere(pool, call, &answer, now_ms).await
    }
}
