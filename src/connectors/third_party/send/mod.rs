//! Webhooks: how a message is written, signed and sent, and what the answer means.
//!
//! A message is rendered to the same bytes whenever it is sent again, and signed anew with the secret that is then in force.

mod answer;
mod body;
#[cfg(test)]
mod tests;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, Request};

pub use self::answer::interpret;
pub use self::body::{Outbound, render_body};
use super::settings::{SignatureScheme, ThirdPartyChannel};
use crate::auth::signature::{SHA1_HEADER, SHA256_HEADER, sign_sha1, sign_sha256};
use crate::platform::outbound::{GateRefused, GatedBody};
use crate::values::TraceContext;

const TRACE_ID: HeaderName = HeaderName::from_static("x-b3-traceid");
const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
const B3: HeaderName = HeaderName::from_static("b3");

/// One attempt to send a rendered message.
#[derive(Debug, Clone)]
pub struct WebhookCall<'a> {
    pub body: Bytes,
    /// As it came with the message.
    pub trace: &'a TraceContext,
    /// From the sender's options, read by [`super::headers::parse_header_option`].
    pub custom_headers: &'a [(HeaderName, HeaderValue)],
    /// Unix milliseconds: which secret is in force.
    pub now_ms: i64,
}

/// Makes the request of one attempt. Its body waits for `gate` when its first byte is asked for.
pub fn build_request(
    channel: &ThirdPartyChannel,
    call: WebhookCall<'_>,
    gate: BoxFuture<'static, Result<(), GateRefused>>,
) -> Request {
    let mut request = Request::new(Method::POST, channel.webhook.url.clone());
    let headers = request.headers_mut();
    headers.extend(call.custom_headers.iter().cloned());
    // After the custom ones, so that none of them replaces what the protocol says.
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    add_trace(headers, call.trace);
    sign(headers, channel, &call);
    *request.body_mut() = Some(GatedBody::new(call.body, gate).into());
    request
}

fn add_trace(headers: &mut HeaderMap, trace: &TraceContext) {
    let given = [
        (TRACE_ID, &trace.trace_id),
        (TRACEPARENT, &trace.traceparent),
        (B3, &trace.b3),
    ];
    for (name, text) in given {
        // What cannot be a header's value did not come in one either.
        if let Some(Ok(value)) = text.as_deref().map(HeaderValue::from_str) {
            headers.insert(name, value);
        }
    }
}

fn sign(headers: &mut HeaderMap, channel: &ThirdPartyChannel, call: &WebhookCall<'_>) {
    let secret = channel.webhook_secrets.signing(call.now_ms);
    let key = secret.expose().as_bytes();
    for scheme in &channel.webhook.signatures {
        let (name, signature) = match scheme {
            SignatureScheme::Sha1 => (SHA1_HEADER, sign_sha1(key, &call.body)),
            SignatureScheme::Sha256 => (SHA256_HEADER, sign_sha256(key, &call.body)),
        };
        if let Ok(value) = HeaderValue::try_from(signature) {
            headers.insert(name, value);
        }
    }
}
