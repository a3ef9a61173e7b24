//! `?limit=` and `?cursor=` of lists.

use std::str::FromStr;

use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{ApiError, envelope};

const LIMIT_DEFAULT: i64 = 50;
const LIMIT_MAX: i64 = 500;

/// Which page of a list is wanted.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct Page {
    /// Most items on the page; 50 unless asked otherwise.
    #[param(minimum = 1, maximum = 500)]
    pub limit: Option<i64>,
    /// `next` of the page before.
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

    /// What the page before ended with.
    pub fn after<Key: FromStr>(&self) -> Result<Option<Key>, ApiError> {
        let read = |cursor: &String| {
            let bytes = URL_SAFE_NO_PAD.decode(cursor).ok()?;
            let text = String::from_utf8(bytes).ok()?;
            // U+0000 would not reach the database.
            (!text.contains('\0')).then(|| text.parse().ok()).flatten()
        };
        let key = self.cursor.as_ref().map(read);
        key.map(|key| key.ok_or_else(Self::bad_cursor)).transpose()
    }

    /// The answer to a cursor that no list has given.
    pub fn bad_cursor() -> ApiError {
        ApiError::unprocessable("cursor is not one that this list has given")
            .detail("cursor", "unknown")
    }
}

/// A page that is being looked for: one item more than it shows, which tells whether there is a next one.
#[derive(Debug, Clone, Copy)]
pub struct Sought {
    limit: i64,
}

impl Sought {
    pub fn of(page: &Page) -> Result<Self, ApiError> {
        Ok(Self {
            limit: page.limit()?,
        })
    }

    /// How many items to look for.
    pub fn items(self) -> i64 {
        self.limit + 1
    }

    /// Answers the page with what was found; `key` says what the next page begins behind.
    pub fn answer<T, V: Serialize>(
        self,
        mut found: Vec<T>,
        key: impl Fn(&T) -> String,
        view: impl Fn(T) -> V,
    ) -> Response {
        let shown = usize::try_from(self.limit).unwrap_or(usize::MAX);
        let more = found.len() > shown;
        found.truncate(shown);
        let last = found.last().filter(|_| more);
        let next = last.map(|last| cursor(&key(last)));
        answer(found.into_iter().map(view).collect(), next)
    }
}

/// The cursor of the page that begins behind this key: opaque, and safe in a URL whatever the key holds.
pub fn cursor(key: &str) -> String {
    URL_SAFE_NO_PAD.encode(key)
}

/// One page of a list as an answer.
#[derive(Debug, Serialize, ToSchema)]
pub struct Items<T> {
    items: Vec<T>,
    /// The cursor of the page after this one; absent at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// Answers a page. `next` is the cursor of the page after it; `None` at the end.
pub fn answer<T: Serialize>(items: Vec<T>, next: Option<String>) -> Response {
    envelope::ok(Items { items, next })
}

#[cfg(test)]
mod tests {
    use axum::body::to_bytes;
    use serde_json::Value;

    use super::*;

    fn page(limit: Option<i64>, cursor: Option<&str>) -> Page {
        Page {
            limit,
            cursor: cursor.map(str::to_owned),
        }
    }

    #[tokio::test]
    async fn a_list_is_walked_by_its_own_cursors_and_ends_with_its_last_item() {
        let all = ["a", "b/?", "c", "d"];
        let (mut seen, mut pages) = (Vec::new(), 0);
        let mut next: Option<String> = None;
        loop {
            let page = page(Some(2), next.as_deref());
            let (sought, after) = (Sought::of(&page).unwrap(), page.after::<String>().unwrap());
            let rest = all
                .iter()
                .filter(|item| after.as_deref().is_none_or(|after| **item > after));
            let found: Vec<&str> = rest.copied().take(3).collect();
            let answer = sought.answer(found, |item| (*item).to_owned(), str::to_owned);
            let body = to_bytes(answer.into_body(), 65_536).await.unwrap();
            let body: Value = serde_json::from_slice(&body).unwrap();
            let items = body["data"]["items"].as_array().unwrap();
            seen.extend(items.iter().map(|item| item.as_str().unwrap().to_owned()));
            pages += 1;
            match body["data"]["next"].as_str() {
                Some(cursor) => next = Some(cursor.to_owned()),
                None => break,
            }
        }
        assert_eq!((seen, pages), (all.map(str::to_owned).to_vec(), 2));
    }

    #[test]
    fn a_page_is_50_items_and_at_most_500() {
        assert_eq!(page(None, None).limit().unwrap(), 50);
        assert_eq!(page(Some(500), None).limit().unwrap(), 500);
        assert!(page(Some(0), None).limit().is_err());
        assert!(page(Some(501), None).limit().is_err());
    }

    #[test]
    fn a_cursor_of_another_hand_is_refused() {
        for text in ["!", "AA", "_w"] {
            assert!(page(None, Some(text)).after::<String>().is_err(), "{text}");
        }
        assert!(page(None, Some(&cursor("x"))).after::<i64>().is_err());
        assert_eq!(page(None, Some(&cursor("7"))).after().unwrap(), Some(7));
        assert_eq!(page(None, None).after::<i64>().unwrap(), None);
    }
}
