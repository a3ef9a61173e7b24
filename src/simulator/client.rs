//! The third party's side of the Third-Party Messaging API: it signs what it sends us.

use bytes::Bytes;
use reqwest::Method;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use serde_json::{Value, json};

use super::wire::{Reply, WireClient, WireError};
use crate::auth::signature;

/// Between the parts of every form that is uploaded.
pub const FORM_BOUNDARY: &str = "simulated-third-party";
/// The content type of every form that is uploaded.
pub const FORM_TYPE: &str = "multipart/form-data; boundary=simulated-third-party";

/// Calls one channel of the gateway as its third party. Cheap to clone.
#[derive(Debug, Clone)]
pub struct SignedClient {
    /// Without a slash at its end and without the base path, such as `http://127.0.0.1:8080`.
    pub base_url: String,
    pub ccid: String,
    pub channel_id: String,
    pub api_secret: String,
    client: WireClient,
}

/// A receipt for a message that the third party took from a webhook.
#[derive(Debug, Clone)]
pub struct ReceiptToSend<'a> {
    /// As in the message it is about: the company's address.
    pub from: &'a str,
    /// As in the message it is about: the consumer's address.
    pub to: &'a str,
    /// The id the webhook was answered with.
    pub message_id: &'a str,
    /// `Delivered`, `Removed` or `Failed`.
    pub status: &'a str,
    pub reasons: &'a [ReceiptReason<'a>],
}

#[derive(Debug, Clone)]
pub struct ReceiptReason<'a> {
    pub code: u16,
    pub message: Option<&'a str>,
}

impl SignedClient {
    pub fn new(
        base_url: impl Into<String>,
        ccid: impl Into<String>,
        channel_id: impl Into<String>,
        api_secret: impl Into<String>,
    ) -> Result<Self, WireError> {
        Ok(Self {
            base_url: base_url.into(),
            ccid: ccid.into(),
            channel_id: channel_id.into(),
            api_secret: api_secret.into(),
            client: WireClient::new()?,
        })
    }

    /// What a consumer (`from`) wrote to the company (`to`); `message_id` is the third party's own.
    pub async fn send_text(
        &self,
        from: &str,
        to: &str,
        message_id: &str,
        text: &str,
    ) -> Result<Reply, WireError> {
        self.send(&[text_message(from, to, message_id, text)]).await
    }

    pub async fn send_receipt(&self, receipt: &ReceiptToSend<'_>) -> Result<Reply, WireError> {
        self.send(&[receipt_message(receipt)]).await
    }

    /// Several messages and receipts in one body.
    pub async fn send(&self, messages: &[Value]) -> Result<Reply, WireError> {
        let body = Bytes::from(json!({ "messages": messages }).to_string());
        let headers = self.signed_headers(&body);
        self.post(headers, body).await
    }

    /// These headers and bytes as they are: for wrong signatures, broken bodies and the like.
    pub async fn post(&self, headers: HeaderMap, body: Bytes) -> Result<Reply, WireError> {
        self.client
            .send(Method::POST, &self.messages_url(), headers, body)
            .await
    }

    /// Uploads one file; its name and type are written as they are.
    pub async fn upload(
        &self,
        filename: &str,
        mimetype: &str,
        content: &[u8],
    ) -> Result<Reply, WireError> {
        self.upload_form(upload_form(filename, mimetype, content))
            .await
    }

    /// Uploads a form of any content, rightly signed; its boundary is [`FORM_BOUNDARY`].
    pub async fn upload_form(&self, form: Bytes) -> Result<Reply, WireError> {
        let mut headers = self.signed_headers(&form);
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(FORM_TYPE));
        self.client
            .send(Method::POST, &self.media_url(), headers, form)
            .await
    }

    pub fn media_url(&self) -> String {
        format!(
            "{}/nexus/v3/channels/{}/media",
            self.base_url, self.channel_id
        )
    }

    pub fn messages_url(&self) -> String {
        format!(
            "{}/nexus/v3/channels/{}/messages",
            self.base_url, self.channel_id
        )
    }

    /// `Content-Type`, `x-ccid` and `X-Hub-Signature` for this body.
    pub fn signed_headers(&self, body: &[u8]) -> HeaderMap {
        let signature = signature::sign_sha1(self.api_secret.as_bytes(), body);
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        for (name, value) in [("x-ccid", &self.ccid), ("x-hub-signature", &signature)] {
            // A value that no header can carry is left out, which the gateway refuses as missing.
            if let Ok(value) = HeaderValue::from_str(value) {
                headers.insert(HeaderName::from_static(name), value);
            }
        }
        headers
    }
}

/// A form with one file, as browsers and curl send it.
pub fn upload_form(filename: &str, mimetype: &str, content: &[u8]) -> Bytes {
    let begin = format!(
        "--{FORM_BOUNDARY}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{filename}\"\r\n\
         Content-Type: {mimetype}\r\n\r\n"
    );
    let end = format!("\r\n--{FORM_BOUNDARY}--\r\n");
    [begin.as_bytes(), content, end.as_bytes()].concat().into()
}

/// A content message of type `Text`.
pub fn text_message(from: &str, to: &str, message_id: &str, text: &str) -> Value {
    json!({
        "channel": { "from": { "id": from }, "to": { "id": to }, "messageId": message_id },
        "type": "Text",
        "text": text,
    })
}

pub fn receipt_message(receipt: &ReceiptToSend<'_>) -> Value {
    let mut message = json!({
        "channel": {
            "from": { "id": receipt.from },
            "to": { "id": receipt.to },
            "messageId": receipt.message_id,
        },
        "type": "Receipt",
        "status": receipt.status,
    });
    if !receipt.reasons.is_empty() {
        message["reasons"] = receipt.reasons.iter().map(ReceiptReason::to_json).collect();
    }
    message
}

impl ReceiptReason<'_> {
    fn to_json(&self) -> Value {
        self.message.map_or_else(
            || json!({ "code": self.code }),
            |message| json!({ "code": self.code, "message": message }),
        )
    }
}
