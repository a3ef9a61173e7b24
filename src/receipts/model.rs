//! Receipts as they come in.

use sha2::{Digest, Sha256};

use crate::messages::status::Status;
use crate::values::{Ccid, ChannelId, MessageId, ReasonCode};

/// What a provider says about a message that it took.
#[derive(Debug, Clone)]
pub struct Receipt {
    pub ccid: Ccid,
    pub channel_id: ChannelId,
    /// The connector through which it came.
    pub connector: &'static str,
    /// The provider's id of the message, or ours.
    pub provider_message_id: String,
    pub status: Status,
    pub reasons: Vec<Reason>,
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
        receipt_key(&self.channel_id, self.connector, &self.provider_message_id)
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
            .map(|reason| serde_json::json!({ "code": reason.code, "message": reason.message }))
            .collect();
        let message_id = &self.provider_message_id;
        serde_json::json!({ "source": self.connector, "messageId": message_id, "reasons": reasons })
            .to_string()
    }
}

/// A provider's id is known per tenant, channel and connector; a hash keeps it short.
pub fn receipt_key(channel_id: &ChannelId, connector: &str, provider_message_id: &str) -> [u8; 16] {
    let mut digest = Sha256::new();
    for part in [channel_id.as_str(), connector, provider_message_id.trim()] {
        digest.update((part.len() as u64).to_be_bytes());
        digest.update(part.as_bytes());
    }
    let digest: [u8; 32] = digest.finalize().into();
    let mut key = [0; 16];
    key.copy_from_slice(&digest[..16]);
    key
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
        let key = receipt_key(&one, "Async", "a");
        assert_ne!(key, receipt_key(&other, "Async", "a"));
        assert_ne!(key, receipt_key(&one, "Asynca", ""));
        assert_eq!(key, receipt_key(&one, "Async", " a "));
    }
}
