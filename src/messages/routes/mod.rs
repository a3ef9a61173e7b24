//! All HTTP over messages: submitting, replying, searching, looking, retrying. What comes from third parties is taken in
//! `inbound`, and receipts are shown as part of a message's history.

mod cancel;
mod look;
mod search;
mod submissions;

use std::sync::Arc;

use axum::extract::FromRef;
use axum::middleware::from_fn;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::desk::Desk;
use super::error::MessageError;
use super::item::ItemRefused;
use super::submit::Submit;
use crate::auth::keyring::Keyring;
use crate::platform::clock::Clock;
use crate::platform::http::ApiError;
use crate::platform::http::idempotency::{IdempotencyKeys, still_running};
use crate::platform::http::patience::waits_by_nature;
use crate::provisioning::directory::Directory;
use crate::values::ReasonCode;

/// The code of a conflict that passes by itself.
const UNDER_WAY: u16 = 4091;

/// What these handlers may reach.
#[derive(Debug, Clone, FromRef)]
pub struct State {
    pub keyring: Keyring,
    pub clock: Clock,
    pub desk: Desk,
    pub directory: Directory,
    pub submit: Arc<Submit>,
    pub keys: IdempotencyKeys,
}

/// Submissions, look-ups and replies, below the base path.
pub fn routes() -> OpenApiRouter<State> {
    OpenApiRouter::default()
        .routes(routes!(cancel::cancel))
        .route_layer(from_fn(waits_by_nature))
        .routes(routes!(search::search, submissions::submit))
        .routes(routes!(look::show))
        .routes(routes!(look::attempts))
        .routes(routes!(look::explain))
        .routes(routes!(look::retry))
        .routes(routes!(look::conversation, submissions::reply))
}

impl From<MessageError> for ApiError {
    fn from(error: MessageError) -> Self {
        match error {
            MessageError::UnknownMessage | MessageError::UnknownConversation => {
                Self::not_found(error.to_string())
            }
            MessageError::ConversationClosed | MessageError::NotDead | MessageError::NotQueued => {
                Self::conflict(None, error.to_string())
            }
            MessageError::UnderWay => {
                Self::conflict(Some(UNDER_WAY), error.to_string()).retry_after(1)
            }
            MessageError::LaneFull(_) => submissions::backlog_is_full(),
            MessageError::CannotSend(_) => Self::unprocessable(error.to_string()),
            // Another request came between the look for the first one's answer and the store; its answer is there next time.
            MessageError::KeyUsed => still_running(),
            MessageError::Item(refused) => item(&refused),
            MessageError::Database(cause) => Self::unavailable(cause),
        }
    }
}

/// A single message's refusal as the answer of the whole call.
fn item(refused: &ItemRefused) -> ApiError {
    match refused.code {
        404 => ApiError::not_found(refused.message.clone()),
        409 => ApiError::conflict(None, refused.message.clone()),
        503 => ApiError::unavailable(std::io::Error::other(refused.message.clone())),
        code if code == ReasonCode::RateLimit.code() => submissions::backlog_is_full(),
        code => {
            let error = ApiError::unprocessable(refused.message.clone());
            let error = match ReasonCode::from_code(code) {
                Some(reason) => error.with_reason(reason),
                None => error,
            };
            refused.details.iter().fold(error, |error, fault| {
                error.detail(fault.path.clone(), fault.message.clone())
            })
        }
    }
}
