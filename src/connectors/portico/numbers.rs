//! Toll-free numbers of the aggregation service: those that there are, those that can be had, and orders. What the service
//! answers is passed on as it came, since its models are not public.

use std::fmt;

use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderValue};
use reqwest::{Method, Request, Url};
use serde::Serialize;
use serde_json::Value;
use zeroize::Zeroizing;

use super::settings::PorticoSettings;
use crate::connectors::genesys_cloud::below;

/// Below the API host.
const NUMBERS: [&str; 6] = [
    "api",
    "v2",
    "messaging",
    "sms",
    "provisioning",
    "tollfreenumbers",
];
const JSON: HeaderValue = HeaderValue::from_static("application/json");
/// The member of an order that nobody is shown.
const PASSWORD: &str = "webhookPassword";
const MASK: &str = "********";

/// What is looked for among the numbers that can be had.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wanted {
    /// How many are shown, 1 to 100.
    pub count: Option<u8>,
    /// 4 to 7 letters and digits that a number spells.
    pub vanity: Option<String>,
}

/// A number that is ordered, and how the service reaches us about it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NumberOrder<'a> {
    /// Digits with the country code.
    pub tollfree_number: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comment: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email_address: Option<&'a str>,
    pub mo_url: &'a str,
    pub dr_url: &'a str,
    pub webhook_username: &'a str,
    pub webhook_password: &'a str,
}

impl fmt::Debug for NumberOrder<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "NumberOrder({})", self.tollfree_number)
    }
}

/// Asks for the numbers that there are.
pub fn list(settings: &PorticoSettings) -> Request {
    get(below(&settings.url, &NUMBERS))
}

/// Asks for numbers that can be had.
pub fn available(settings: &PorticoSettings, wanted: &Wanted) -> Request {
    let mut url = below(&settings.url, &NUMBERS);
    if let Ok(mut segments) = url.path_segments_mut() {
        segments.push("available");
    }
    let count = wanted.count.map(|count| count.to_string());
    let asked = [
        ("numberOfResults", count.as_deref()),
        ("vanity", wanted.vanity.as_deref()),
    ];
    for (name, value) in asked {
        if let Some(value) = value {
            url.query_pairs_mut().append_pair(name, value);
        }
    }
    get(url)
}

/// Orders numbers; `None` where the order cannot be written.
pub fn order(settings: &PorticoSettings, orders: &[NumberOrder<'_>]) -> Option<Request> {
    let body = Zeroizing::new(serde_json::to_vec(orders).ok()?);
    let mut request = Request::new(Method::POST, below(&settings.url, &NUMBERS));
    let headers = request.headers_mut();
    headers.insert(CONTENT_TYPE, JSON);
    headers.insert(ACCEPT, JSON);
    *request.body_mut() = Some(body.to_vec().into());
    Some(request)
}

/// Reads an answer; passwords in it are masked, however deep they are.
pub fn read(body: &[u8]) -> Option<Value> {
    let mut answer = serde_json::from_slice(body).ok()?;
    mask(&mut answer);
    Some(answer)
}

/// Whether this number is in an answer, wherever it stands.
pub fn has(answer: &Value, number: &str) -> bool {
    match answer {
        Value::String(text) => text.strip_prefix('+').unwrap_or(text) == number,
        Value::Array(items) => items.iter().any(|item| has(item, number)),
        Value::Object(members) => members.values().any(|member| has(member, number)),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

fn get(url: Url) -> Request {
    let mut request = Request::new(Method::GET, url);
    request.headers_mut().insert(ACCEPT, JSON);
    request
}

fn mask(answer: &mut Value) {
    match answer {
        Value::Array(items) => items.iter_mut().for_each(mask),
        Value::Object(members) => {
            for (name, member) in members {
                if name == PASSWORD {
                    *member = MASK.into();
                } else {
                    mask(member);
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn settings() -> PorticoSettings {
        PorticoSettings::parse(Some("https://host.example/"), &json!({}), &json!({})).unwrap()
    }

    #[test]
    fn what_is_wanted_is_in_the_query() {
        let path = "https://host.example/api/v2/messaging/sms/provisioning/tollfreenumbers";
        assert_eq!(list(&settings()).url().as_str(), path);
        let any = available(&settings(), &Wanted::default());
        assert_eq!(any.url().as_str(), format!("{path}/available"));
        let wanted = Wanted {
            count: Some(5),
            vanity: Some("PIZZA".to_owned()),
        };
        assert_eq!(
            available(&settings(), &wanted).url().as_str(),
            format!("{path}/available?numberOfResults=5&vanity=PIZZA")
        );
    }

    #[test]
    fn no_password_is_passed_on() {
        let body =
            json!({ "orders": [{ "webhookPassword": "p", "deep": { "webhookPassword": ["p"] } }] });
        let shown = read(body.to_string().as_bytes()).unwrap();
        let expected =
            json!({ "orders": [{ "webhookPassword": MASK, "deep": { "webhookPassword": MASK } }] });
        assert_eq!(shown, expected);
    }

    #[test]
    fn a_number_is_found_wherever_it_stands() {
        let answer = json!({ "entities": [{ "tollfreeNumber": "18445551212" }, "+18445551213"] });
        assert!(has(&answer, "18445551212") && has(&answer, "18445551213"));
        assert!(!has(&answer, "1844555121"));
    }

    proptest! {
        #[test]
        fn nothing_that_comes_back_makes_it_stumble(body: Vec<u8>) {
            if let Some(answer) = read(&body) {
                prop_assert!(!has(&answer, "no such number"));
            }
        }
    }
}
