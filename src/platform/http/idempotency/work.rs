//! Short work in one transaction with its key.

use std::ops::{Deref, DerefMut};

use sqlx::PgConnection;

use super::{IdempotencyKeys, KeyedCall};
use crate::platform::database::{Pool, Transaction};
use crate::platform::http::ApiError;
use crate::platform::http::envelope::Answer;

/// What a call finds when it begins.
#[derive(Debug)]
pub enum Begun {
    Anew(Work),
    /// It was made before; this was its answer.
    Before(Answer),
}

/// The transaction of a call that is made for the first time. Dropped without [`Work::finish`] it leaves nothing behind.
#[derive(Debug)]
pub struct Work {
    transaction: Transaction,
    keys: IdempotencyKeys,
    call: Option<KeyedCall>,
}

impl IdempotencyKeys {
    /// Opens the transaction of a call. A refusal has ended it before anybody is told.
    ///
    /// # Errors
    ///
    /// 422 where the key stands for another request, 409 with code 4091 where the first is still under way.
    pub async fn open(&self, pool: &Pool, call: Option<KeyedCall>) -> Result<Begun, ApiError> {
        let mut transaction = pool.begin().await.map_err(ApiError::unavailable)?;
        let found = self.begin(&mut transaction, call.as_ref()).await;
        let (transaction, before) = transaction.unless_refused(found).await?;
        if let Some(answer) = before {
            transaction.commit().await.map_err(ApiError::unavailable)?;
            return Ok(Begun::Before(answer));
        }
        Ok(Begun::Anew(Work {
            transaction,
            keys: self.clone(),
            call,
        }))
    }
}

impl Work {
    /// Goes on after what was done within it; where that was refused everything is undone before anybody is told.
    pub async fn unless_refused<T, E>(self, done: Result<T, E>) -> Result<(Self, T), E> {
        let (transaction, done) = self.transaction.unless_refused(done).await?;
        let work = Self {
            transaction,
            ..self
        };
        Ok((work, done))
    }

    /// Keeps the answer with the key, if there is one, and makes all of it durable.
    pub async fn finish(mut self, answer: &Answer, now_ms: i64) -> Result<(), ApiError> {
        let call = self.call.as_ref();
        let kept = self.keys.keep(&mut self.transaction, call, answer, now_ms);
        kept.await?;
        let committed = self.transaction.commit().await;
        committed.map_err(ApiError::unavailable)
    }

    /// The open transaction alone, for work that has more to say when it ends.
    pub fn into_transaction(self) -> Transaction {
        self.transaction
    }
}

impl Deref for Work {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        &self.transaction
    }
}

impl DerefMut for Work {
    fn deref_mut(&mut self) -> &mut PgConnection {
        &mut self.transaction
    }
}
