//! A mail that came for one of our domains, as SparkPost's relay webhooks hand it on.

use base64::alphabet::STANDARD;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use base64::engine::{DecodePaddingMode, Engine as _};
use serde::Deserialize;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::connectors::mail::{self, Mail, NotAMail};
use crate::values::{Address, ChannelId};

/// Whether the padding is there makes no difference.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// A mail with whom it was for.
#[derive(Debug)]
pub struct Relayed {
    /// The domain that it was for.
    pub channel_id: ChannelId,
    pub to: Address,
    pub from: Address,
    pub mail: Mail,
    /// Of the mail as it came: SHA-256.
    pub digest: [u8; 32],
}

/// Why a relayed mail cannot be taken, with the member that is at fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotRelayed {
    #[error("relay_message must be an object with rcpt_to and content.email_rfc822")]
    Shape,
    #[error("rcpt_to must be an email address")]
    Recipient,
    #[error("neither the mail nor friendly_from nor msg_from says who wrote it")]
    Sender,
    #[error("content.email_rfc822 is not Base64, which email_rfc822_is_base64 says")]
    Base64,
    #[error("content.email_rfc822: {0}")]
    Mail(#[from] NotAMail),
}

/// What SparkPost writes. The mail's words are there as well; what is in the mail itself counts.
#[derive(Deserialize)]
struct Wire {
    rcpt_to: String,
    #[serde(default)]
    friendly_from: Option<String>,
    /// Empty where whoever sent it wants no answer.
    #[serde(default)]
    msg_from: Option<String>,
    content: Content,
}

#[derive(Deserialize)]
struct Content {
    email_rfc822: String,
    #[serde(default)]
    email_rfc822_is_base64: Option<Value>,
}

/// Reads the member `relay_message`.
pub(super) fn read(message: Value) -> Result<Relayed, NotRelayed> {
    let wire: Wire = serde_json::from_value(message).map_err(|_| NotRelayed::Shape)?;
    let to: Address = wire
        .rcpt_to
        .trim()
        .parse()
        .map_err(|_| NotRelayed::Recipient)?;
    let domain = to.as_str().rsplit_once('@').map(|(_, domain)| domain);
    let channel_id = domain.and_then(|domain| domain.parse().ok());
    let channel_id = channel_id.ok_or(NotRelayed::Recipient)?;
    let bytes = if is_true(wire.content.email_rfc822_is_base64.as_ref()) {
        let text = wire.content.email_rfc822;
        let text: Vec<u8> = text
            .bytes()
            .filter(|byte| !byte.is_ascii_whitespace())
            .collect();
        BASE64.decode(text).map_err(|_| NotRelayed::Base64)?
    } else {
        wire.content.email_rfc822.into_bytes()
    };
    let digest = Sha256::digest(&bytes).into();
    let mut mail = mail::read(&bytes)?;
    let is_null = |from: &str| matches!(from.trim(), "" | "<>");
    mail.is_automatic |= wire.msg_from.as_deref().is_some_and(is_null);
    let envelope = [wire.friendly_from, wire.msg_from].into_iter().flatten();
    let envelope = envelope.filter_map(|from| from.trim().parse().ok());
    let from = mail.from.clone().into_iter().chain(envelope).next();
    Ok(Relayed {
        channel_id,
        to,
        from: from.ok_or(NotRelayed::Sender)?,
        mail,
        digest,
    })
}

/// SparkPost writes most values as texts, at times.
fn is_true(value: Option<&Value>) -> bool {
    match value {
        Some(Value::Bool(value)) => *value,
        Some(Value::String(text)) => text.eq_ignore_ascii_case("true"),
        Some(Value::Null | Value::Number(_) | Value::Array(_) | Value::Object(_)) | None => false,
    }
}
