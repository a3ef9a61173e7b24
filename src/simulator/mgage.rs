//! mGage's DirectTEXT: a form in, XML out. Written from what several public clients of it agree on.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use form_urlencoded::Serializer;
use http_body_util::Full;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue, WWW_AUTHENTICATE};
use hyper::{HeaderMap, Method, Response, StatusCode};

use super::dialect::Envelope;
use super::received::Signature;
use super::wire::{Reply, WireClient, WireError};
use crate::values::Secret;

const XML: HeaderValue = HeaderValue::from_static("text/xml;charset=UTF-8");

pub(super) fn envelope(body: &[u8]) -> Envelope {
    let member = |wanted: &str| {
        let mut members = form_urlencoded::parse(body);
        members
            .find(|(name, _)| name == wanted)
            .map(|(_, value)| value.into_owned())
    };
    Envelope {
        message_id: member("reporting_key1"),
        recipient: member("recipient"),
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
        self.post(&[
            ("carrier", "383"),
            ("status", "as the code says"),
            ("status_code", status_code),
            ("message_id", message_id),
            ("device_address", recipient),
        ])
        .await
    }

    /// What a consumer wrote to a code.
    pub async fn text(
        &self,
        message_id: &str,
        (from, to): (&str, &str),
        text: &str,
    ) -> Result<Reply, WireError> {
        self.post(&[
            ("device_address", from),
            ("inbound_address", to),
            ("message", text),
            ("message_orig", text),
            ("message_id", message_id),
            ("carrier", "383"),
            ("channel", "sms"),
            ("router", "1"),
        ])
        .await
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
