//! Receipts as they come in.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::messages::status::Status;
use crate::values::{Ccid, ChannelId, MessageId, ReasonCode};

/// What a provider says about a message that it took.
#[derive(Debug, Clone)]
pub struct Receipt {
    pub ccid: Ccid,
    /// `None` where the connector's receipts do not say it.
    pub channel_id: Option<ChannelId>,
    /// The connector through which it came.
    pub connector: &'static str,
    /// The provider's id of the message, or ours.
    pub provider_message_id: String,
    pub status: Status,
    pub reasons: Vec<Reason>,
    /// What the provider said to the letter, where the rest does not hold all of it.
    pub said: Option<Value>,
}

/// Why a message was not delivered, as the provider says it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason {
    pub code: i64,
    pub message: Option<String>,
}

impl Receipt {
    /// Under what a receipt and the answer that it belongs to meet.
    pub fn key(&self) -> [u8; 16] {
        let channel_id = self.channel_id.as_ref();
        receipt_key(channel_id, self.connector, &self.provider_message_id)
    }

    /// Our own id, if the provider's id is one.
    pub fn own_id(&self) -> Option<MessageId> {
        self.provider_message_id.parse().ok()
    }

    /// The first reason's code, where it is one of ours.
    pub fn reason(&self) -> Option<ReasonCode> {
        self.reasons
            .first()
            .and_then(|reason| u16::try_from(reason.code).ok())
            .and_then(ReasonCode::from_code)
    }

    /// What history keeps of it.
    pub fn detail(&self) -> String {
        let reasons: Vec<_> = self
            .reasons
            .iter()
            .map(|reason| json!({ "code": reason.code, "message": reason.message }))
            .collect();
        let message_id = &self.provider_message_id;
        let mut detail =
            json!({ "source": self.connector, "messageId": message_id, "reasons": reasons });
        if let Some(said) = &self.said {
            detail["said"] = said.clone();
        }
        detail.to_string()
    }
}

/// A provider's id is known per tenant, channel and connector; a hash keeps it short.
///
/// Without a channel it is known per tenant and connector, for providers whose receipts do not name one: the ids of
/// such a provider are unique among all channels. An id of our own is then one of the whole tenant, whoever the
/// connector is, since no two of our messages share it.
pub fn receipt_key(
    channel_id: Option<&ChannelId>,
    connector: &str,
    provider_message_id: &str,
) -> [u8; 16] {
    let id = provider_message_id.trim();
    let channel = channel_id.map_or("", ChannelId::as_str);
    let is_own = channel_id.is_none() && id.parse::<MessageId>().is_ok();
    let connector = if is_own { "" } else { connector };
    let mut digest = Sha256::new();
    for part in [channel, connector, id] {
        digest.update((part.len() as u64).to_be_bytes());
        digest.update(part.as_bytes());
    }
    let digest: [u8; 32] = digest.finalize().into();
    let mut key = [0; 16];
    key.copy_from_slice(&digest[..16]);
    key
}

/// Under what receipts that name our own id and no channel wait for its message.
pub fn own_id_key(id: MessageId) -> [u8; 16] {
    receipt_key(None, "", &id.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_different_channels_and_connectors_never_meet() {
        let (one, other): (ChannelId, ChannelId) = (
            "16504661149".parse().unwrap(),
            "16504661150".parse().unwrap(),
        );
        let key = receipt_key(Some(&one), "Async", "a");
        assert_ne!(key, receipt_key(Some(&other), "Async", "a"));
        assert_ne!(key, receipt_key(Some(&one), "Asynca", ""));
        assert_ne!(key, receipt_key(None, "Async", "a"));
        assert_eq!(key, receipt_key(Some(&one), "Async", " a "));
    }

    #[test]
    fn without_a_channel_a_provider_s_id_is_its_connector_s_and_ours_is_everybody_s() {
        assert_eq!(
            receipt_key(None, "Portico", "a"),
            receipt_key(None, "Portico", "a ")
        );
        assert_ne!(
            receipt_key(None, "Portico", "a"),
            receipt_key(None, "Async", "a")
        );
        let own: MessageId = "1795264928594-7".parse().unwrap();
        for connector in ["Portico", "Async"] {
            assert_eq!(
                receipt_key(None, connector, "1795264928594-7"),
                own_id_key(own)
            );
        }
        let channel: ChannelId = "16504661149".parse().unwrap();
        assert_ne!(
            receipt_key(Some(&channel), "Async", "1795264928594-7"),
            own_id_key(own)
        );
    }

    #[test]
    fn what_was_said_to_the_letter_is_kept_beside_what_it_means() {
        let mut receipt = Receipt {
            ccid: Ccid::from_uuid(uuid::Uuid::nil()),
            channel_id: None,
            connector: "Portico",
            provider_message_id: "7".to_owned(),
            status: Status::Sent,
            reasons: Vec::new(),
            said: None,
        };
        let kept = |receipt: &Receipt| serde_json::from_str::<Value>(&receipt.detail()).unwrap();
        let meaning = json!({ "source": "Portico", "messageId": "7", "reasons": [] });
        assert_eq!(kept(&receipt), meaning);
        receipt.said = Some(json!({ "message_state": "1" }));
        assert_eq!(kept(&receipt)["said"], json!({ "message_state": "1" }));
        assert_eq!(kept(&receipt)["source"], "Portico");
    }
}
