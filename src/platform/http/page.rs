//! `?limit=` and `?cursor=` of lists.

use axum::response::Response;
use serde::{Deserialize, Serialize};

use super::{ApiError, envelope};

const LIMIT_DEFAULT: i64 = 50;
const LIMIT_MAX: i64 = 500;

/// Which page of a list is wanted.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Page {
    pub limit: Option<i64>,
    /// As the page before gave it.
    pub cursor: Option<String>,
}

impl Page {
    /// Items on the page: 50 unless asked otherwise, at most 500.
    pub fn limit(&self) -> Result<i64, ApiError> {
        match self.limit.unwrap_or(LIMIT_DEFAULT) {
            limit @ 1..=LIMIT_MAX => Ok(limit),
            _ => Err(ApiError::unprocessable("limit is a number from 1 to 500")
                .detail("limit", "1 to 500")),
        }
    }

    /// The id that the page before ended with.
    pub fn before<Id: std::str::FromStr>(&self) -> Result<Option<Id>, ApiError> {
        self.cursor
            .as_deref()
            .map(str::parse)
            .transpose()
            .map_err(|_| Self::bad_cursor())
    }

    /// The answer to a cursor that no list has given.
    pub fn bad_cursor() -> ApiError {
        ApiError::unprocessable("cursor is not one that this list has given")
            .detail("cursor", "unknown")
    }
}

/// One page of a list as an answer.
#[derive(Debug, Serialize)]
struct Items<T> {
    items: Vec<T>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// Answers a page. `next` is the cursor of the page after it; `None` at the end.
pub fn answer<T: Serialize>(items: Vec<T>, next: Option<String>) -> Response {
    envelope::ok(Items { items, next })
}
