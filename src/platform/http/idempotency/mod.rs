//! `Idempotency-Key`: a call that is made again under the same key changes nothing and is answered the same.
//!
//! The key is stored in the transaction of the work itself, so it is there exactly where the work is. A call that was
//! refused has done nothing and leaves no key: it is judged anew. Which answer follows from stored work is rendered by
//! whoever did it; only short answers are kept here, sealed, since one of them may show a secret.

mod key;
pub mod store;
mod work;

use std::collections::HashSet;
use std::sync::Arc;

use arc_swap::ArcSwap;
use axum::http::StatusCode;
use sha2::{Digest as _, Sha256};
use sqlx::PgConnection;

pub use key::{Keyed, KeyedCall, Once, RequestKey, StreamedOnce, StreamedRequest};
use store::Stored;
pub use work::{Begun, Work};

use super::ApiError;
use super::envelope::Answer;
use crate::platform::database::Pool;
use crate::platform::telemetry::metric;
use crate::platform::vault::{SealContext, Vault};
use crate::values::Ccid;

/// What answers are sealed for, beside tenant and key.
pub const SEALED_TABLE: &str = "idempotency_keys";
/// `status.code` of a call whose first is still under way.
const STILL_RUNNING: u16 = 4091;
/// When a caller may ask again what became of the first, in seconds.
const RETRY_AFTER_SECONDS: u32 = 1;
/// When a tenant with too many keys may try again, in seconds.
const CROWDED_SECONDS: u32 = 60;

/// The tenants that have as many keys as may be kept, as the last count found them. Clones share one state.
#[derive(Debug, Clone, Default)]
pub struct CrowdedTenants(Arc<ArcSwap<HashSet<Ccid>>>);

impl CrowdedTenants {
    pub fn replace(&self, tenants: HashSet<Ccid>) {
        self.0.store(Arc::new(tenants));
    }

    fn contains(&self, ccid: Ccid) -> bool {
        self.0.load().contains(&ccid)
    }
}

/// Knows calls again; cheap to clone.
#[derive(Debug, Clone)]
pub struct IdempotencyKeys {
    pub vault: Arc<Vault>,
    pub crowded: CrowdedTenants,
}

impl IdempotencyKeys {
    /// Begins a short call within the transaction of its work. `Some`: the work was done before, and this was its answer.
    async fn begin(
        &self,
        connection: &mut PgConnection,
        call: Option<&KeyedCall>,
    ) -> Result<Option<Answer>, ApiError> {
        let Some(call) = call else { return Ok(None) };
        let alone = store::try_lock(connection, lock_of(call)).await;
        if !alone.map_err(ApiError::unavailable)? {
            return Err(still_running());
        }
        match self.find(connection, call).await? {
            None => Ok(None),
            Some(stored) => self.answer(call, stored).map(Some),
        }
    }

    /// Keeps the answer of a short call, within the transaction of its work.
    pub async fn keep(
        &self,
        connection: &mut PgConnection,
        call: Option<&KeyedCall>,
        answer: &Answer,
        now_ms: i64,
    ) -> Result<(), ApiError> {
        let Some(call) = call else { return Ok(()) };
        let sealed = self.sealed(call, answer);
        let kept = store::keep(connection, call, &sealed, now_ms).await;
        if kept.map_err(ApiError::unavailable)? {
            Ok(())
        } else {
            Err(still_running())
        }
    }

    /// Puts another answer in the place of one that is kept, if it is still that one; whether it was. Without a key
    /// there is nothing to be put.
    pub async fn replace(
        &self,
        pool: &Pool,
        call: Option<&KeyedCall>,
        (kept, answer): (&Answer, &Answer),
    ) -> Result<bool, ApiError> {
        let Some(call) = call else { return Ok(true) };
        let mut transaction = pool.begin().await.map_err(ApiError::unavailable)?;
        let found = self.begin(&mut transaction, Some(call)).await;
        let (mut transaction, found) = transaction.unless_refused(found).await?;
        let is_kept =
            found.is_some_and(|found| (found.status, &found.body) == (kept.status, &kept.body));
        if !is_kept {
            return Ok(false);
        }
        let sealed = self.sealed(call, answer);
        let replaced = store::replace(&mut transaction, call, &sealed).await;
        replaced.map_err(ApiError::unavailable)?;
        transaction.commit().await.map_err(ApiError::unavailable)?;
        Ok(true)
    }

    /// Forgets a call that has done nothing after all, within the transaction that undoes it.
    pub async fn forget(
        &self,
        connection: &mut PgConnection,
        call: Option<&KeyedCall>,
    ) -> Result<(), ApiError> {
        let Some(call) = call else { return Ok(()) };
        let forgotten = store::forget(connection, call).await;
        forgotten.map_err(ApiError::unavailable)
    }

    fn sealed(&self, call: &KeyedCall, answer: &Answer) -> Vec<u8> {
        let mut plain = answer.status.as_u16().to_be_bytes().to_vec();
        plain.extend_from_slice(&answer.body);
        self.vault.seal(&context(call), &plain)
    }

    /// Begins a call whose work is not this process's alone, and so in no transaction of ours: doing it twice must do
    /// no harm. `Some`: it was done before, and this was its answer.
    pub async fn begin_elsewhere(
        &self,
        pool: &Pool,
        call: Option<&KeyedCall>,
    ) -> Result<Option<Answer>, ApiError> {
        if call.is_none() {
            return Ok(None);
        }
        match self.open(pool, call.cloned()).await? {
            Begun::Before(answer) => Ok(Some(answer)),
            Begun::Anew(work) => {
                let ended = work.into_transaction().commit().await;
                ended.map_err(ApiError::unavailable)?;
                Ok(None)
            }
        }
    }

    /// Keeps the answer of a call whose work was done elsewhere.
    pub async fn keep_elsewhere(
        &self,
        pool: &Pool,
        call: Option<&KeyedCall>,
        answer: &Answer,
        now_ms: i64,
    ) -> Result<(), ApiError> {
        if call.is_none() {
            return Ok(());
        }
        let mut transaction = pool.begin().await.map_err(ApiError::unavailable)?;
        self.keep(&mut transaction, call, answer, now_ms).await?;
        transaction.commit().await.map_err(ApiError::unavailable)
    }

    /// What is stored of the same call made before; `None`: it was not, and may be made.
    ///
    /// # Errors
    ///
    /// 422 where the key stands for another request, 429 where the tenant has too many keys for another one.
    pub async fn find(
        &self,
        connection: &mut PgConnection,
        call: &KeyedCall,
    ) -> Result<Option<Stored>, ApiError> {
        let stored = store::find(connection, call).await;
        match stored.map_err(ApiError::unavailable)? {
            Some(stored) if stored.request == call.key.request() => {
                count("again");
                Ok(Some(stored))
            }
            Some(_) => {
                count("other_request");
                Err(ApiError::unprocessable(
                    "this Idempotency-Key was used for another request",
                ))
            }
            None if self.crowded.contains(call.ccid) => {
                count("too_many");
                Err(ApiError::rate_limited(
                    CROWDED_SECONDS,
                    "this tenant has used too many Idempotency-Keys; wait until some are forgotten, or send none",
                ))
            }
            None => Ok(None),
        }
    }

    fn answer(&self, call: &KeyedCall, stored: Stored) -> Result<Answer, ApiError> {
        let sealed = stored.sealed_answer.ok_or_else(still_running)?;
        let plain = self.vault.open(&context(call), &sealed);
        let plain = plain.map_err(ApiError::unavailable)?;
        let status = plain.first_chunk().map(|bytes| u16::from_be_bytes(*bytes));
        let status = status.and_then(|status| StatusCode::from_u16(status).ok());
        let unreadable = || std::io::Error::other("a kept answer cannot be read");
        Ok(Answer {
            status: status.ok_or_else(|| ApiError::unavailable(unreadable()))?,
            body: plain[2..].to_vec(),
        })
    }
}

/// The refusal of a call whose first is still under way.
pub fn still_running() -> ApiError {
    count("running");
    ApiError::conflict(
        Some(STILL_RUNNING),
        "the first request with this Idempotency-Key is still running",
    )
    .retry_after(RETRY_AFTER_SECONDS)
}

fn count(outcome: &'static str) {
    metrics::counter!(metric::IDEMPOTENCY_KEYS_MET, "outcome" => outcome).increment(1);
}

/// Calls with the same key take the same lock; that others might is so rare that they may be told to wait.
fn lock_of(call: &KeyedCall) -> i64 {
    let mut hasher = Sha256::new();
    hasher.update(b"idempotency key");
    hasher.update(call.ccid.as_uuid().as_bytes());
    hasher.update(call.key.as_str());
    let hash: [u8; 32] = hasher.finalize().into();
    hash.first_chunk()
        .map_or(0, |bytes| i64::from_be_bytes(*bytes))
}

fn context(call: &KeyedCall) -> SealContext<'_> {
    SealContext {
        ccid: call.ccid,
        table: SEALED_TABLE,
        row: call.key.as_str(),
    }
}
