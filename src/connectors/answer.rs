//! What the status of an HTTP answer says about a message and about the endpoint that gave it.

use std::time::Duration;

use super::outcome::{AttemptError, Outcome};
use crate::values::ReasonCode;

/// Reads a status as the webhook's contract has it. The caller puts the provider's id into what is accepted,
/// and looks into the body itself where a provider refuses with 200.
///
/// A status outside 200 to 599 is none that ends an exchange; as RFC 9110, section 15, asks, it counts as a 5xx.
pub fn classify_http(status: u16, retry_after: Option<Duration>) -> Outcome {
    let detail = AttemptError::HttpStatus(status);
    match status {
        200..=299 => Outcome::Accepted {
            provider_message_id: None,
        },
        410 => refused(detail, About::EndpointForGood),
        408 | 425 | 429 => retry(detail, retry_after),
        300..=399 | 401 | 403 | 404 | 405 | 407 => refused(detail, About::Endpoint),
        400..=499 => refused(detail, About::Message),
        _ => retry(detail, retry_after),
    }
}

/// What a refusal is about.
#[derive(Clone, Copy, PartialEq, Eq)]
enum About {
    Message,
    Endpoint,
    /// The endpoint says that it is gone.
    EndpointForGood,
}

fn refused(detail: AttemptError, about: About) -> Outcome {
    Outcome::Refused {
        reason: ReasonCode::General,
        detail,
        endpoint_fault: about != About::Message,
        pause_endpoint: about == About::EndpointForGood,
    }
}

fn retry(reason: AttemptError, after: Option<Duration>) -> Outcome {
    Outcome::Retry {
        reason,
        after,
        endpoint_fault: true,
    }
}
