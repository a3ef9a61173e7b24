//! What the answers of provisioning have in common: times, and how a refusal is said.

use http::StatusCode;
use serde::Deserialize;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::Put;
use super::api_keys::ApiKeysError;
use super::error::{Fault, ProvisioningError};
use crate::platform::clock;
use crate::platform::http::ApiError;

/// The last segment of a path below a tenant.
#[derive(Debug, Deserialize)]
pub struct Place {
    pub name: String,
}

/// A moment as answers write it: RFC 3339 in UTC with milliseconds.
pub fn time(moment: OffsetDateTime) -> String {
    clock::rfc3339(moment.unix_timestamp() * 1000 + i64::from(moment.millisecond()))
}

/// Reads a time of a body.
pub fn parse_time(text: &str) -> Option<OffsetDateTime> {
    OffsetDateTime::parse(text, &Rfc3339).ok()
}

/// A refusal that names every place.
pub fn refused(faults: Vec<Fault>) -> ApiError {
    faults.into_iter().fold(
        ApiError::unprocessable("what was sent is not allowed; details name the places"),
        |error, fault| error.detail(fault.path, fault.message),
    )
}

impl Put {
    /// 201 for the first of its name, 200 for one that takes another's place.
    pub fn status(self) -> StatusCode {
        match self {
            Self::Created => StatusCode::CREATED,
            Self::Replaced => StatusCode::OK,
        }
    }
}

impl From<ProvisioningError> for ApiError {
    fn from(error: ProvisioningError) -> Self {
        match error {
            ProvisioningError::NoCallbacks(_) => Self::conflict(None, error.to_string()),
            ProvisioningError::NoService(_) | ProvisioningError::NoSection(_) => {
                Self::not_found(error.to_string())
            }
            ProvisioningError::Invalid(faults) => refused(faults),
            ProvisioningError::Vault(cause) => Self::unavailable(cause),
            ProvisioningError::Unreadable(cause) => Self::unavailable(cause),
            ProvisioningError::Refresh(cause) => Self::unavailable(cause),
            ProvisioningError::Database(cause) => Self::unavailable(cause),
        }
    }
}

impl From<ApiKeysError> for ApiError {
    fn from(error: ApiKeysError) -> Self {
        match error {
            ApiKeysError::NoKey => Self::not_found(error.to_string()),
            ApiKeysError::Escalation | ApiKeysError::OtherTenant => {
                Self::forbidden(error.to_string())
            }
            ApiKeysError::Taken => Self::conflict(None, error.to_string()),
            ApiKeysError::Refresh(cause) => Self::unavailable(cause),
            ApiKeysError::Database(cause) => Self::unavailable(cause),
        }
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn times_are_shown_in_utc_with_milliseconds() {
        assert_eq!(
            time(datetime!(2026-11-21 12:00:00.1239 +2)),
            "2026-11-21T10:00:00.123Z"
        );
        assert_eq!(
            parse_time("2026-11-21T12:00:00+02:00"),
            Some(datetime!(2026-11-21 10:00 UTC))
        );
        assert_eq!(parse_time("2026-11-21"), None);
    }
}
