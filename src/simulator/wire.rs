//! An HTTP client of the world outside. It reaches everything, loopback too, and keeps no promise of the gateway's.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use reqwest::header::HeaderMap;
use reqwest::redirect::Policy;
use reqwest::{Method, RequestBuilder};
use serde_json::Value;

/// The longest answer that is read.
const ANSWER_BYTES_MAX: usize = 64 * 1024 * 1024;

/// From the first byte of the request to the last of the answer. Long enough for a long-poll of 30 s.
const BUDGET: Duration = Duration::from_mins(1);

/// Cheap to clone; clones share their connections.
#[derive(Debug, Clone)]
pub struct WireClient {
    client: reqwest::Client,
}

/// An answer, whatever its status.
#[derive(Debug, Clone)]
pub struct Reply {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Bytes,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum WireError {
    #[error("the HTTP client cannot be built")]
    Build(#[source] reqwest::Error),
    #[error("no complete answer from {url}")]
    NoAnswer { url: String, source: reqwest::Error },
    #[error("the answer from {url} is longer than {ANSWER_BYTES_MAX} bytes")]
    TooLong { url: String },
}

impl Reply {
    /// A header's first value, if it is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The body as JSON; `Null` if it is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

impl WireClient {
    pub fn new() -> Result<Self, WireError> {
        #[expect(
            clippy::disallowed_methods,
            reason = "the simulator plays the world outside, which the gateway's address guard does not bind"
        )]
        let builder = reqwest::Client::builder();
        let client = builder
            .no_proxy()
            .redirect(Policy::none())
            .timeout(BUDGET)
            .build();
        Ok(Self {
            client: client.map_err(WireError::Build)?,
        })
    }

    pub async fn send(
        &self,
        method: Method,
        url: &str,
        headers: HeaderMap,
        body: impl Into<Bytes>,
    ) -> Result<Reply, WireError> {
        let body: Bytes = body.into();
        let request = self.client.request(method, url).headers(headers);
        // An empty body is none at all: a GET carries neither length nor content.
        let request = if body.is_empty() {
            request
        } else {
            request.body(body)
        };
        read(url, request).await
    }
}

async fn read(url: &str, request: RequestBuilder) -> Result<Reply, WireError> {
    let failed = |source| WireError::NoAnswer {
        url: url.to_owned(),
        source,
    };
    let mut response = request.send().await.map_err(failed)?;
    let mut body = BytesMut::new();
    while let Some(chunk) = response.chunk().await.map_err(failed)? {
        if body.len() + chunk.len() > ANSWER_BYTES_MAX {
            return Err(WireError::TooLong {
                url: url.to_owned(),
            });
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Reply {
        status: response.status().as_u16(),
        headers: response.headers().clone(),
        body: body.freeze(),
    })
}
