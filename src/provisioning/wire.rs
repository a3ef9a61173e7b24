//! What the answers of provisioning have in common: times, lists, and how a refusal is said.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::Put;
use super::api_keys::ApiKeysError;
use super::error::{Fault, ProvisioningError};
use crate::platform::clock;
use crate::platform::http::ApiError;

const LIMIT_DEFAULT: u16 = 50;
const LIMIT_MAX: u16 = 500;

/// The last segment of a path below a tenant.
#[derive(Debug, Deserialize)]
pub struct Place {
    pub name: String,
}

/// `?limit=&cursor=` as they were sent.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PageQuery {
    pub limit: Option<u16>,
    pub cursor: Option<String>,
}

/// One page that is asked for.
#[derive(Debug, PartialEq, Eq)]
pub struct Page {
    pub limit: u16,
    /// What the page before ended with.
    pub after: Option<String>,
}

/// A list's answer; without `next` it is the end.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Items<T> {
    items: Vec<T>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

impl PageQuery {
    pub fn parse(self) -> Result<Page, ApiError> {
        let limit = self.limit.unwrap_or(LIMIT_DEFAULT);
        if !(1..=LIMIT_MAX).contains(&limit) {
            return Err(ApiError::unprocessable(format!(
                "limit must be 1 to {LIMIT_MAX}"
            )));
        }
        let after = self.cursor.map(|cursor| {
            let bytes = URL_SAFE_NO_PAD.decode(cursor).ok();
            bytes
                .and_then(|bytes| String::from_utf8(bytes).ok())
                .filter(|text| !text.contains('\0'))
        });
        match after {
            Some(None) => Err(ApiError::unprocessable(
                "cursor is none that this list has given",
            )),
            Some(Some(after)) => Ok(Page {
                limit,
                after: Some(after),
            }),
            None => Ok(Page { limit, after: None }),
        }
    }
}

impl Page {
    /// One more than is shown, which tells whether there is a next page.
    pub fn limit_and_one(&self) -> i64 {
        i64::from(self.limit) + 1
    }
}

impl<T> Items<T> {
    /// A list that is always short enough for one answer.
    pub fn all(items: Vec<T>) -> Self {
        Self { items, next: None }
    }

    /// Cuts what was found with [`Page::limit_and_one`] to the page; `key` says what the next page begins behind.
    pub fn page(mut found: Vec<T>, page: &Page, key: impl Fn(&T) -> String) -> Self {
        let more = found.len() > usize::from(page.limit);
        found.truncate(usize::from(page.limit));
        let next = found
            .last()
            .filter(|_| more)
            .map(|last| URL_SAFE_NO_PAD.encode(key(last)));
        Self { items: found, next }
    }

    pub fn map<U>(self, view: impl Fn(T) -> U) -> Items<U> {
        Items {
            items: self.items.into_iter().map(view).collect(),
            next: self.next,
        }
    }
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

    fn query(limit: Option<u16>, cursor: Option<&str>) -> PageQuery {
        PageQuery {
            limit,
            cursor: cursor.map(str::to_owned),
        }
    }

    #[test]
    fn a_list_is_walked_by_its_own_cursors_to_the_end() {
        let all = ["a", "b", "c", "d", "e"];
        let mut seen = Vec::new();
        let mut cursor: Option<String> = None;
        loop {
            let page = query(Some(2), cursor.as_deref()).parse().unwrap();
            let rest = all
                .iter()
                .filter(|item| page.after.as_deref().is_none_or(|after| **item > after));
            let found: Vec<&str> = rest.copied().take(3).collect();
            let items = Items::page(found, &page, |item| (*item).to_owned());
            seen.extend(items.items);
            match items.next {
                Some(next) => cursor = Some(next),
                None => break,
            }
        }
        assert_eq!(seen, all);
    }

    #[test]
    fn a_page_is_50_items_and_at_most_500() {
        assert_eq!(query(None, None).parse().unwrap().limit, 50);
        assert_eq!(query(Some(500), None).parse().unwrap().limit, 500);
        assert!(query(Some(0), None).parse().is_err());
        assert!(query(Some(501), None).parse().is_err());
    }

    #[test]
    fn a_cursor_of_another_hand_is_refused() {
        for cursor in ["!", "AA", "_w"] {
            assert!(query(None, Some(cursor)).parse().is_err(), "{cursor}");
        }
    }

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
