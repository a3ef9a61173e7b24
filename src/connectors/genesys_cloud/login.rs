//! One question to the login host: a token for a client, by the grant `client_credentials` (RFC 6749, section 4.4).

use std::time::Duration;

use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use reqwest::{Method, Request, Url};
use serde::Deserialize;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::tokens::{NoToken, Token};
use crate::connectors::answer::{Repeats, no_answer};
use crate::connectors::authorization;
use crate::connectors::outcome::AttemptError;
use crate::connectors::retry_after;
use crate::platform::clock::Clock;
use crate::platform::outbound::{Answer, OutboundClient, exchange};
use crate::values::Secret;

/// Below the login host; its URL may end in it.
const PATH: [&str; 2] = ["oauth", "token"];
const GRANT: &str = "grant_type=client_credentials";
const FORM: HeaderValue = HeaderValue::from_static("application/x-www-form-urlencoded");
const JSON: HeaderValue = HeaderValue::from_static("application/json");
/// For the question and its answer, whoever waits for it.
const BUDGET: Duration = Duration::from_secs(10);
/// Seconds that a token lives where the login host does not say: the shortest life that a client can be given.
const LIFE_DEFAULT_SECONDS: u64 = 300;
/// The longest one.
const LIFE_MAX_SECONDS: u64 = 172_800;
/// Longest token that is taken.
const TOKEN_BYTES_MAX: usize = 8_192;

/// Who asks for tokens, and where.
#[derive(Debug, Clone)]
pub struct ClientCredentials {
    /// Of the login host, such as `https://login.mypurecloud.com`.
    pub login_url: Url,
    pub client_id: Secret,
    pub client_secret: Secret,
}

/// What credentials are known by where nobody is to see them.
pub(super) type Fingerprint = [u8; 32];

#[derive(Deserialize)]
struct Granted {
    access_token: Zeroizing<String>,
    expires_in: Option<u64>,
}

impl ClientCredentials {
    /// The same for the same host, client and secret, and for nothing else: who does not have the secret gets no token
    /// of who does.
    pub(super) fn fingerprint(&self) -> Fingerprint {
        let mut hash = Sha256::new();
        for part in [
            self.login_url.as_str(),
            self.client_id.expose(),
            self.client_secret.expose(),
        ] {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        hash.finalize().into()
    }
}

/// Asks for a token.
pub(super) async fn ask(
    client: &OutboundClient,
    credentials: &ClientCredentials,
    clock: &Clock,
) -> Result<Token, NoToken> {
    let request = request(credentials).ok_or(NoToken::Unavailable {
        reason: AttemptError::BadRequest,
        after: None,
    })?;
    let answer = exchange(client, request, BUDGET).await.map_err(|failed| {
        let outcome = no_answer(failed, None, Repeats::Safe);
        NoToken::Unavailable {
            reason: outcome.error().unwrap_or(AttemptError::Connect),
            after: None,
        }
    })?;
    read_grant(&answer, clock.now_ms())
}

fn request(credentials: &ClientCredentials) -> Option<Request> {
    let mut request = Request::new(Method::POST, token_url(&credentials.login_url));
    let headers = request.headers_mut();
    headers.insert(CONTENT_TYPE, FORM);
    headers.insert(ACCEPT, JSON);
    headers.insert(
        AUTHORIZATION,
        authorization::basic(&credentials.client_id, &credentials.client_secret)?,
    );
    *request.body_mut() = Some(GRANT.into());
    Some(request)
}

fn token_url(login_url: &Url) -> Url {
    let mut url = login_url.clone();
    let is_whole = login_url
        .path()
        .trim_end_matches('/')
        .ends_with(&PATH.join("/"));
    if !is_whole && let Ok(mut segments) = url.path_segments_mut() {
        segments.pop_if_empty().extend(PATH);
    }
    url
}

/// Reads what the login host answered. Both 400 and 401 are used for `invalid_client`.
pub fn read_grant(answer: &Answer, now_ms: i64) -> Result<Token, NoToken> {
    let unavailable = |reason| NoToken::Unavailable {
        reason,
        after: answer
            .only(&RETRY_AFTER)
            .and_then(|wait| retry_after::parse(wait, now_ms)),
    };
    match answer.status {
        200 => granted(answer, now_ms).ok_or(unavailable(AttemptError::BadAnswer)),
        400 | 401 => Err(NoToken::Credentials),
        status => Err(unavailable(AttemptError::HttpStatus(status))),
    }
}

fn granted(answer: &Answer, now_ms: i64) -> Option<Token> {
    if answer.truncated {
        return None;
    }
    let granted: Granted = serde_json::from_slice(&answer.body).ok()?;
    let text = &granted.access_token;
    let is_token = (1..=TOKEN_BYTES_MAX).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_graphic());
    let life = granted.expires_in.unwrap_or(LIFE_DEFAULT_SECONDS);
    let life = Duration::from_secs(life.min(LIFE_MAX_SECONDS));
    is_token.then(|| Token::new(text, now_ms, life))?
}
