//! mGage's DirectTEXT: a form in, XML out. Written from what several public clients of it agree on.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use form_urlencoded::Serializer;
use http_body_util::Full;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue, WWW_AUTHENTICATE};
use hyper::{HeaderMap, Method, Response, StatusCode};

use super::callback::{Became, Callback, ConsumerText, Taken};
use super::dialect::Envelope;
use super::form;
use super::received::Signature;
use super::wire::{Reply, WireClient, WireError};
use crate::values::Secret;

const XML: HeaderValue = HeaderValue::from_static("text/xml;charset=UTF-8");

pub(super) fn envelope(body: &[u8]) -> Envelope {
    Envelope {
        message_id: form::member(body, "reporting_key1"),
        sender: form::member(body, "reply_to"),
        recipient: form::member(body, "recipient"),
    }
}

pub(super) fn check((username, password): (&str, &Secret), headers: &HeaderMap) -> Signature {
    let pair = format!("{username}:{}", password.expose());
    let expected = format!("Basic {}", BASE64_STANDARD.encode(pair));
    match headers.get(AUTHORIZATION) {
        Some(given) if given.as_bytes() == expected.as_bytes() => Signature::Good,
        Some(_) | None => Signature::Refused,
    }
}

pub(super) fn refused() -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from_static(b"<html>Unauthorized</html>")));
    *response.status_mut() = StatusCode::UNAUTHORIZED;
    let challenge = HeaderValue::from_static("Basic realm=\"DirectTEXT\"");
    response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
    response
}

pub(super) fn accepted(recipient: Option<&str>, id: Option<&str>) -> Response<Full<Bytes>> {
    let id = id.map_or_else(String::new, |id| format!("<messageId>{id}</messageId>"));
    let recipient = recipient.unwrap_or_default();
    coded(
        100,
        "Success",
        &format!(
            "<recipients><recipient><mobileNumber>{recipient}</mobileNumber>{id}</recipient></recipients>"
        ),
    )
}

/// An answer with a code of the provider's own.
pub(super) fn coded(code: i32, description: &str, rest: &str) -> Response<Full<Bytes>> {
    let body = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<httpApiResponse><code>{code}</code>\
         <description>{description}</description>{rest}</httpApiResponse>"
    );
    let mut response = Response::new(Full::new(Bytes::from(body)));
    response.headers_mut().insert(CONTENT_TYPE, XML);
    response
}

pub(super) fn receipt(taken: &Taken, became: Became) -> Callback {
    let status_code = match became {
        Became::Sent => "7",
        Became::Delivered => "40",
        Became::Failed => "270",
    };
    form::post(&receipt_fields(&taken.id, status_code, &taken.recipient))
}

pub(super) fn text(text: &ConsumerText) -> Callback {
    form::post(&text_fields(&text.id, (&text.from, &text.to), &text.text))
}

fn receipt_fields<'a>(
    message_id: &'a str,
    status_code: &'a str,
    recipient: &'a str,
) -> [(&'static str, &'a str); 5] {
    [
        ("carrier", "383"),
        ("status", "as the code says"),
        ("status_code", status_code),
        ("message_id", message_id),
        ("device_address", recipient),
    ]
}

fn text_fields<'a>(
    message_id: &'a str,
    (from, to): (&'a str, &'a str),
    text: &'a str,
) -> [(&'static str, &'a str); 8] {
    [
        ("device_address", from),
        ("inbound_address", to),
        ("message", text),
        ("message_orig", text),
        ("message_id", message_id),
        ("carrier", "383"),
        ("channel", "sms"),
        ("router", "1"),
    ]
}

/// DirectTEXT as a caller: what became of texts, and what consumers wrote. Cheap to clone.
#[derive(Debug, Clone)]
pub struct MGageClient {
    /// The address that was given to the provider.
    url: String,
    client: WireClient,
}

impl MGageClient {
    pub fn new(url: impl Into<String>) -> Result<Self, WireError> {
        Ok(Self {
            url: url.into(),
            client: WireClient::new()?,
        })
    }

    /// A receipt for the text that was given this id.
    pub async fn receipt(
        &self,
        message_id: &str,
        status_code: &str,
        recipient: &str,
    ) -> Result<Reply, WireError> {
        self.post(&receipt_fields(message_id, status_code, recipient))
            .await
    }

    /// What a consumer wrote to a code.
    pub async fn text(
        &self,
        message_id: &str,
        (from, to): (&str, &str),
        text: &str,
    ) -> Result<Reply, WireError> {
        self.post(&text_fields(message_id, (from, to), text)).await
    }

    /// A call with any fields.
    pub async fn post(&self, fields: &[(&str, &str)]) -> Result<Reply, WireError> {
        let form = Serializer::new(String::new()).extend_pairs(fields).finish();
        let content_type = HeaderValue::from_static("application/x-www-form-urlencoded");
        let headers = HeaderMap::from_iter([(CONTENT_TYPE, content_type)]);
        self.client
            .send(Method::POST, &self.url, headers, form)
            .await
    }
}
