//! One request and its answer, under one budget.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use reqwest::header::{HeaderMap, HeaderName};
use reqwest::{Body, Request, Response};

use super::body::{BodyProgress, BodyStage, ObservedBody};
use super::clients::OutboundClient;
use super::guard::AddressRefused;
use super::resolver::{self, ResolveError};
use super::tls::TlsFault;

/// What came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    /// At most as many bytes as the client reads.
    pub body: Bytes,
    /// Whether the body was longer than what was read.
    pub truncated: bool,
}

impl Answer {
    /// The header of this name as it came, if there was exactly one that is text.
    pub fn only(&self, name: &HeaderName) -> Option<&str> {
        let mut fields = self.headers.get_all(name).iter();
        let only = fields.next().filter(|_| fields.next().is_none());
        only.and_then(|value| value.to_str().ok())
    }
}

/// Why there is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{kind}")]
pub struct ExchangeFailed {
    pub kind: FailureKind,
    /// Whether the first byte of the request's body was handed over, so that the other side may have acted on it.
    pub body_started: bool,
}

/// The ways in which an exchange fails. None of them says what a name resolved to, or shows a URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureKind {
    /// The destination, or everything that its name resolves to, is refused by the guard.
    AddressRefused,
    /// The name was not resolved.
    Dns,
    /// No connection: refused, or no way there.
    Connect,
    /// A connection, but no TLS session.
    Tls(TlsFault),
    /// The budget ran out.
    Timeout(TimeoutPhase),
    /// Closed or reset before the answer was complete.
    ConnectionLost,
    /// What came back is not HTTP.
    BadAnswer,
    /// The gate of the body said no.
    GateRefused,
    /// The request cannot be written as HTTP.
    Unsendable,
}

/// How far an exchange was when its budget ran out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimeoutPhase {
    /// Name, connection and TLS. For a request without body also the wait for the answer's head.
    Connecting,
    /// Connected, and the gate had not decided.
    Gate,
    /// The body had begun to leave, and the answer's head was not complete.
    Answer,
    /// The answer's head was there, and its body was not complete.
    AnswerBody,
}

impl fmt::Display for FailureKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::AddressRefused => "the address is not one that this gateway connects to",
            Self::Dns => "the name was not resolved",
            Self::Connect => "no connection was made",
            Self::Tls(_) => "no TLS session was made",
            Self::Timeout(TimeoutPhase::Connecting) => "no connection was made in time",
            Self::Timeout(TimeoutPhase::Gate) => "the request was not released in time",
            Self::Timeout(TimeoutPhase::Answer) => "no answer came in time",
            Self::Timeout(TimeoutPhase::AnswerBody) => "the answer was not complete in time",
            Self::ConnectionLost => "the connection was lost before the answer was complete",
            Self::BadAnswer => "the answer is not HTTP",
            Self::GateRefused => "the request was stopped before the first byte of its body",
            Self::Unsendable => "the request cannot be written as HTTP",
        })
    }
}

/// Sends a request and reads the answer, all within `budget`: resolving, connecting, TLS, waiting for the gate of a
/// [`super::GatedBody`], sending, and reading head and body. Whatever the end, no byte of the body leaves after it.
///
/// # Errors
///
/// [`ExchangeFailed`]. Any status is an answer, not an error; redirects are answers too.
pub async fn exchange(
    client: &OutboundClient,
    mut request: Request,
    budget: Duration,
) -> Result<Answer, ExchangeFailed> {
    if client.check(&request).is_err() {
        return Err(ExchangeFailed {
            kind: FailureKind::AddressRefused,
            body_started: false,
        });
    }
    let progress = EndOnDrop(Arc::default());
    if let Some(body) = request.body_mut().take() {
        let observed = ObservedBody::new(body, Arc::clone(&progress.0));
        *request.body_mut() = Some(Body::wrap(observed));
    }

    let mut head_came = false;
    let port = request.url().port_or_known_default();
    let finished = tokio::time::timeout(budget, async {
        client.check_ahead(&request).await?;
        let response = resolver::towards(port, client.http.execute(request)).await?;
        head_came = true;
        Ok(read(response, client.answer_bytes_max).await?)
    })
    .await;

    let stage = progress.0.stage();
    let kind = match finished {
        Ok(Ok(answer)) => return Ok(answer),
        Ok(Err(_)) if progress.0.gate_refused() => FailureKind::GateRefused,
        Ok(Err(Broken::Refused(AddressRefused))) => FailureKind::AddressRefused,
        Ok(Err(Broken::Http(error))) => classify(&error, head_came, stage),
        Err(_) => FailureKind::Timeout(phase(head_came, stage)),
    };
    Err(ExchangeFailed {
        kind,
        body_started: stage == BodyStage::Started,
    })
}

/// What ended an exchange within its budget.
#[derive(Debug, thiserror::Error)]
enum Broken {
    #[error(transparent)]
    Refused(#[from] AddressRefused),
    #[error(transparent)]
    Http(#[from] reqwest::Error),
}

/// Ends the body when the exchange ends, also when its future is dropped half way.
struct EndOnDrop(Arc<BodyProgress>);

impl Drop for EndOnDrop {
    fn drop(&mut self) {
        self.0.end();
    }
}

async fn read(mut response: Response, bytes_max: usize) -> Result<Answer, reqwest::Error> {
    let status = response.status().as_u16();
    let headers = std::mem::take(response.headers_mut());
    let mut body = BytesMut::new();
    let mut truncated = false;
    while let Some(chunk) = response.chunk().await? {
        let room = bytes_max - body.len();
        truncated = chunk.len() > room;
        body.extend_from_slice(&chunk[..chunk.len().min(room)]);
        if truncated {
            break;
        }
    }
    Ok(Answer {
        status,
        headers,
        body: body.freeze(),
        truncated,
    })
}

fn classify(error: &reqwest::Error, head_came: bool, stage: BodyStage) -> FailureKind {
    let mut causes = super::causes(error);
    if let Some(error) = causes.find_map(|cause| cause.downcast_ref::<ResolveError>()) {
        return match error {
            ResolveError::Refused(_) => FailureKind::AddressRefused,
            ResolveError::Lookup(_) | ResolveError::NoNameServers => FailureKind::Dns,
        };
    }
    if error.is_builder() {
        return FailureKind::Unsendable;
    }
    if error.is_timeout() {
        return FailureKind::Timeout(phase(head_came, stage));
    }
    if error.is_connect() {
        return tls_fault(error).map_or(FailureKind::Connect, FailureKind::Tls);
    }
    // With TLS 1.3 a server says only after the handshake that it wants another certificate of ours.
    if tls_fault(error) == Some(TlsFault::OurCertificate) {
        return FailureKind::Tls(TlsFault::OurCertificate);
    }
    let is_parse = super::causes(error)
        .filter_map(|cause| cause.downcast_ref::<hyper::Error>())
        .any(hyper::Error::is_parse);
    if is_parse {
        FailureKind::BadAnswer
    } else {
        FailureKind::ConnectionLost
    }
}

/// Tells a failed handshake from a failed connection. A peer that hangs up in the handshake leaves no TLS error behind, only
/// the end of its stream, which a mere connection attempt cannot meet.
fn tls_fault(error: &reqwest::Error) -> Option<TlsFault> {
    super::causes(error).find_map(|cause| {
        let ended = cause
            .downcast_ref::<std::io::Error>()
            .is_some_and(|error| error.kind() == std::io::ErrorKind::UnexpectedEof);
        let fault = cause.downcast_ref::<rustls::Error>().map(TlsFault::from);
        fault.or(ended.then_some(TlsFault::Other))
    })
}

fn phase(head_came: bool, stage: BodyStage) -> TimeoutPhase {
    match stage {
        _ if head_came => TimeoutPhase::AnswerBody,
        BodyStage::Unasked => TimeoutPhase::Connecting,
        BodyStage::Asked => TimeoutPhase::Gate,
        BodyStage::Started => TimeoutPhase::Answer,
    }
}

#[cfg(test)]
#[path = "exchange_budget_tests.rs"]
mod budget_tests;
#[cfg(test)]
#[path = "exchange_tests.rs"]
mod tests;
