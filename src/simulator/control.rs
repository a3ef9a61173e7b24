//! The simulated provider's switches over HTTP, for whoever is not in its process: `GET /__requests` shows what came,
//! `POST /__answers` says what is answered from now on, `POST /__callbacks` whom it calls and how, `POST /__texts` hands in
//! what a consumer wrote, `GET /__callbacks` shows the calls that were made, `POST /__reset` forgets it all.
//! Where Genesys Cloud is played, `POST /__genesys-cloud` sets its switches, and `POST /__genesys-cloud/revoke` ends all tokens.

use std::collections::BTreeMap;

use bytes::Bytes;
use http_body_util::Full;
use hyper::{Method, Response, StatusCode, Uri};
use serde::{Deserialize, Serialize};

use super::answer::Rule;
use super::callback::ConsumerText;
use super::caller::CallbackRules;
use super::received::Received;
use super::third_party::{Desk, json};

/// No webhook is expected below it.
pub(super) const PREFIX: &str = "/__";

const GENESYS_CLOUD: &str = "/__genesys-cloud";
const SHOWN_DEFAULT: usize = 50;

/// Body of `POST /__answers`: the first rule that applies to a request answers it; without any, all is accepted.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Answers {
    rules: Vec<Rule>,
}

#[derive(Debug, Serialize)]
struct Shown {
    count: u64,
    requests: Vec<ShownRequest>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ShownRequest {
    number: u64,
    arrived_after_milliseconds: u128,
    method: String,
    path: String,
    headers: BTreeMap<String, String>,
    signature: &'static str,
    body: String,
}

/// `after` skips all requests up to that number; `limit` bounds how many are shown.
#[derive(Debug)]
struct Window {
    after: u64,
    limit: usize,
}

pub(super) fn answer(
    method: &Method,
    uri: &Uri,
    body: &[u8],
    desk: &Desk,
) -> Response<Full<Bytes>> {
    match (method, uri.path()) {
        (&Method::GET, "/__requests") => match Window::parse(uri.query().unwrap_or_default()) {
            Ok(window) => show(&window, desk),
            Err(message) => refuse(&message),
        },
        (&Method::POST, "/__answers") => match serde_json::from_slice::<Answers>(body) {
            Ok(answers) => {
                desk.answer_with(answers.rules);
                json(StatusCode::OK, "{}")
            }
            Err(error) => refuse(&error.to_string()),
        },
        (&Method::POST, "/__callbacks") => match serde_json::from_slice::<CallbackRules>(body) {
            Ok(rules) => {
                desk.caller.follow(rules);
                json(StatusCode::OK, "{}")
            }
            Err(error) => refuse(&error.to_string()),
        },
        (&Method::GET, "/__callbacks") => {
            let calls = serde_json::json!({ "calls": desk.caller.calls() });
            json(StatusCode::OK, calls.to_string())
        }
        (&Method::POST, "/__texts") => match serde_json::from_slice::<ConsumerText>(body) {
            Ok(text) => match desk.hand_in(&text) {
                Ok(()) => json(StatusCode::OK, "{}"),
                Err(cannot) => refuse(&cannot.to_string()),
            },
            Err(error) => refuse(&error.to_string()),
        },
        (&Method::POST, "/__reset") => {
            desk.answer_with([]);
            desk.log.clear();
            desk.caller.reset();
            json(StatusCode::OK, "{}")
        }
        (&Method::POST, path) if path.starts_with(GENESYS_CLOUD) => switch(path, body, desk),
        _ => json(
            StatusCode::NOT_FOUND,
            r#"{"error":"there are GET /__requests, POST /__answers, POST and GET /__callbacks, POST /__texts and POST /__reset"}"#,
        ),
    }
}

/// The switches of Genesys Cloud, where that is played.
fn switch(path: &str, body: &[u8], desk: &Desk) -> Response<Full<Bytes>> {
    let Some(organization) = desk.dialect.genesys_cloud() else {
        return refuse("Genesys Cloud is not what is played here");
    };
    match path.strip_prefix(GENESYS_CLOUD) {
        Some("") => match serde_json::from_slice(body) {
            Ok(switches) => organization.switch(switches),
            Err(error) => return refuse(&error.to_string()),
        },
        Some("/revoke") => organization.revoke_tokens(),
        Some(_) | None => return refuse("there are /__genesys-cloud and /__genesys-cloud/revoke"),
    }
    json(StatusCode::OK, "{}")
}

fn refuse(message: &str) -> Response<Full<Bytes>> {
    json(
        StatusCode::UNPROCESSABLE_ENTITY,
        serde_json::json!({ "error": message }).to_string(),
    )
}

fn show(window: &Window, desk: &Desk) -> Response<Full<Bytes>> {
    let requests = desk.log.after(window.after, window.limit);
    let shown = Shown {
        count: desk.log.count(),
        requests: requests
            .iter()
            .map(|request| ShownRequest::of(request, desk))
            .collect(),
    };
    match serde_json::to_vec(&shown) {
        Ok(body) => json(StatusCode::OK, body),
        Err(error) => refuse(&error.to_string()),
    }
}

impl ShownRequest {
    fn of(request: &Received, desk: &Desk) -> Self {
        let headers = request.headers.iter().map(|(name, value)| {
            (
                name.to_string(),
                String::from_utf8_lossy(value.as_bytes()).into_owned(),
            )
        });
        Self {
            number: request.number,
            arrived_after_milliseconds: request.at.duration_since(desk.started).as_millis(),
            method: request.method.to_string(),
            path: request.uri.to_string(),
            headers: headers.collect(),
            signature: request.signature.as_str(),
            body: String::from_utf8_lossy(&request.body).into_owned(),
        }
    }
}

impl Window {
    fn parse(query: &str) -> Result<Self, String> {
        let mut window = Self {
            after: 0,
            limit: SHOWN_DEFAULT,
        };
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let number: u64 = value
                .parse()
                .map_err(|_| format!("{name} must be a number"))?;
            match name {
                "after" => window.after = number,
                "limit" => window.limit = usize::try_from(number).unwrap_or(usize::MAX),
                _ => return Err(format!("there are only after and limit, not {name}")),
            }
        }
        Ok(window)
    }
}
