//! Why numbers are not shown or ordered.

use std::time::Duration;

use crate::connectors::genesys_cloud::{NoToken, NotCalled};
use crate::connectors::retry_after::{self, RETRY_AFTER_MAX};
use crate::platform::http::ApiError;
use crate::platform::outbound::{Answer, ExchangeFailed};
use crate::provisioning::model::ServiceName;

/// Where the service says nothing, it is asked again after so long.
const PAUSE: Duration = Duration::from_secs(5);

/// Why a call of the service came to nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NumbersError {
    #[error("the tenant has no {0} service, with which numbers are ordered")]
    NoService(ServiceName),
    #[error("server.public_url is not set, so nobody could be told where to call us")]
    NoPublicUrl,
    #[error("Genesys Cloud does not accept the credentials of the tenant's PurecloudIDP service")]
    Credentials,
    #[error("Genesys Cloud refused this with status {0}")]
    Refused(u16),
    #[error("Genesys Cloud takes no more calls at the moment")]
    TooMany(Duration),
    #[error("Genesys Cloud cannot be reached at the moment; nothing was asked")]
    Unreachable,
    #[error(
        "Genesys Cloud did not answer, or not so that it can be understood; it may have done what it was asked"
    )]
    Unanswered,
}

impl NumbersError {
    /// Whether it may have been done for all that.
    pub(super) fn may_be_done(self) -> bool {
        match self {
            Self::Unanswered => true,
            Self::NoService(_)
            | Self::NoPublicUrl
            | Self::Credentials
            | Self::Refused(_)
            | Self::TooMany(_)
            | Self::Unreachable => false,
        }
    }

    pub(super) fn of_call(why: NotCalled) -> Self {
        match why {
            NotCalled::NoToken(NoToken::Credentials) => Self::Credentials,
            NotCalled::NoToken(NoToken::Unavailable { .. }) | NotCalled::Unwritable => {
                Self::Unreachable
            }
        }
    }

    pub(super) fn of_exchange(failed: ExchangeFailed) -> Self {
        if failed.body_started {
            Self::Unanswered
        } else {
            Self::Unreachable
        }
    }

    /// What an answer other than a success says.
    pub(super) fn of_answer(answer: &Answer, now_ms: i64) -> Self {
        match answer.status {
            401 | 403 => Self::Credentials,
            429 => {
                let wait = answer.only(&reqwest::header::RETRY_AFTER);
                let wait = wait.and_then(|wait| retry_after::parse(wait, now_ms));
                Self::TooMany(wait.unwrap_or(PAUSE))
            }
            status @ 300..=499 => Self::Refused(status),
            _ => Self::Unanswered,
        }
    }
}

impl From<NumbersError> for ApiError {
    fn from(error: NumbersError) -> Self {
        let sentence = error.to_string();
        match error {
            NumbersError::NoService(_)
            | NumbersError::NoPublicUrl
            | NumbersError::Credentials
            | NumbersError::Refused(_) => Self::unprocessable(sentence),
            NumbersError::TooMany(wait) => {
                let seconds = wait.min(RETRY_AFTER_MAX).as_secs();
                Self::rate_limited(u32::try_from(seconds).unwrap_or(u32::MAX).max(1), sentence)
            }
            NumbersError::Unreachable | NumbersError::Unanswered => Self::busy(sentence),
        }
    }
}
