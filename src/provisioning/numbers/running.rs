//! An order that is under way, as it is kept under its caller's key: sealed, in the place where its answer will be.

use http::StatusCode;
use serde::{Deserialize, Serialize};
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::lanes::model::Life;
use crate::platform::http::ApiError;
use crate::platform::http::envelope::Answer;

/// Stands where an answer's status would: there is none yet.
pub(super) const RUNNING: StatusCode = StatusCode::PROCESSING;

/// What whoever goes on with an order has to know.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Running {
    /// Number and life of the replica that works on it; `None`: nobody does, and whether it is done is not known.
    worker: Option<(i16, i64)>,
    /// The key that the service calls us with, and its value.
    pub key_id: Uuid,
    pub password: Zeroizing<String>,
}

impl Running {
    pub fn new(worker: Life, key_id: Uuid, password: String) -> Self {
        Self {
            worker: Some((worker.number, worker.life)),
            key_id,
            password: Zeroizing::new(password),
        }
    }

    /// Reads what is kept; `None` where that is an answer.
    pub fn read(kept: &Answer) -> Option<Self> {
        let is_running = kept.status == RUNNING;
        is_running.then(|| serde_json::from_slice(&kept.body).ok())?
    }

    /// As it is kept.
    pub fn kept(&self) -> Result<Answer, ApiError> {
        let body = serde_json::to_vec(self).map_err(ApiError::unavailable)?;
        Ok(Answer {
            status: RUNNING,
            body,
        })
    }

    /// Whether one of these lives works on it.
    pub fn is_worked_on(&self, standing: &[Life]) -> bool {
        self.worker
            .is_some_and(|(number, life)| standing.contains(&Life { number, life }))
    }

    #[must_use]
    pub fn by(self, worker: Option<Life>) -> Self {
        Self {
            worker: worker.map(|worker| (worker.number, worker.life)),
            ..self
        }
    }
}

impl std::fmt::Debug for Running {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Running")
            .field("key_id", &self.key_id)
            .finish_non_exhaustive()
    }
}
