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
pub use self::body::render_body;
use super::settings::{DatedSecrets, SignatureScheme, ThirdPartyChannel};
use crate::auth::signature::standard_webhooks::{self, WebhookKey};
use crate::auth::signature::{SHA1_HEADER, SHA256_HEADER, sign_sha1, sign_sha256};
use crate::platform::outbound::{GateRefused, GatedBody};
use crate::values::{MessageId, TraceContext};

const TRACE_ID: HeaderName = HeaderName::from_static("x-b3-traceid");
const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
const B3: HeaderName = HeaderName::from_static("b3");

/// One attempt to send a rendered message.
#[derive(Debug, Clone)]
pub struct WebhookCall<'a> {
    pub body: Bytes,
    /// The same at every attempt.
    pub message_id: MessageId,
    /// As it came with the message.
    pub trace: &'a TraceContext,
    /// From the sender's options, read by [`super::headers::parse_header_option`].
    pub custom_headers: &'a [(HeaderName, HeaderValue)],
    /// Unix milliseconds: when it is signed, and so which secrets are in force.
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
        match scheme {
            SignatureScheme::Sha1 => put(headers, SHA1_HEADER, sign_sha1(key, &call.body)),
            SignatureScheme::Sha256 => put(headers, SHA256_HEADER, sign_sha256(key, &call.body)),
            SignatureScheme::StandardWebhooks => {
                if let Some(keys) = &channel.webhook_keys {
                    sign_as_standard_webhook(headers, keys, call);
                }
            }
        }
    }
}

/// Signs with every key in force: its header has room for more than one signature, so a receiver may change its secret at
/// any time while two are.
fn sign_as_standard_webhook(
    headers: &mut HeaderMap,
    keys: &DatedSecrets<WebhookKey>,
    call: &WebhookCall<'_>,
) {
    let id = call.message_id.to_string();
    let timestamp_seconds = call.now_ms.div_euclid(1_000);
    let signatures: Vec<String> = keys
        .signing_all(call.now_ms)
        .map(|key| key.sign(&id, timestamp_seconds, &call.body))
        .collect();
    put(headers, standard_webhooks::ID_HEADER, id);
    put(
        headers,
        standard_webhooks::TIMESTAMP_HEADER,
        timestamp_seconds.to_string(),
    );
    put(
        headers,
        standard_webhooks::SIGNATURE_HEADER,
        signatures.join(" "),
    );
}

/// Sets a header to a value of ours, which is always fit to be one.
fn put(headers: &mut HeaderMap, name: HeaderName, value: String) {
    if let Ok(value) = HeaderValue::try_from(value) {
        headers.insert(name, value);
    }
}
