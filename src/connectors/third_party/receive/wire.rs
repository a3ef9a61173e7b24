//! What a third party sends, as the document shows it. It is read by hand, so that every fault is named with its place:
//! see [`super::parse`]. Members that are not named here are ignored.

use serde::Serialize;
use utoipa::ToSchema;

use crate::content::members::PartMembers;

/// What is posted to a channel.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ThirdPartyMessages)]
pub struct Body {
    /// Content, receipts and events, in any mixture.
    #[schema(min_items = 1, max_items = 1_000)]
    pub messages: Vec<Message>,
}

/// One item of a body.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ThirdPartyMessage, examples(
    json!({
        "channel": {
            "from": { "id": "16505550199", "name": "Jane" }, "to": { "id": "16504661149" }, "messageId": "yours-1",
        },
        "type": "Text", "text": "Hello",
    }),
    json!({
        "channel": {
            "from": { "id": "16504661149" }, "to": { "id": "16505550199" }, "messageId": "what-you-answered",
        },
        "type": "Receipt", "status": "Failed", "reasons": [{ "code": 530, "message": "unknown number" }],
    }),
))]
#[serde(tag = "type")]
pub enum Message {
    Text {
        channel: Channel,
        text: String,
    },
    Email {
        channel: Channel,
        subject: String,
        content: Vec<PartMembers<'static>>,
    },
    RichMedia {
        channel: Channel,
        text: Option<String>,
        content: Vec<PartMembers<'static>>,
    },
    /// What became of a message that was posted to the webhook.
    Receipt {
        channel: Channel,
        /// `Delivered`, `Removed` or `Failed`.
        status: String,
        #[schema(max_items = 20)]
        reasons: Option<Vec<Reason>>,
    },
    /// It is answered and kept nowhere.
    Event {
        channel: EventChannel,
        #[schema(min_items = 1, max_items = 20)]
        events: Vec<Event>,
    },
}

/// From whom to whom. Of a receipt one side is the channel's, of anything else `to`.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ThirdPartyChannel)]
#[serde(rename_all = "camelCase")]
pub struct Channel {
    pub from: Party,
    pub to: Party,
    /// The third party's own id; of a receipt what the webhook's answer gave, or ours.
    #[schema(min_length = 1, max_length = 255)]
    pub message_id: String,
}

/// From whom to whom.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ThirdPartyEventChannel)]
pub struct EventChannel {
    pub from: Party,
    pub to: Party,
}

/// One side.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ThirdPartyParty)]
pub struct Party {
    /// A phone number or an email address.
    pub id: String,
    #[schema(max_length = 255)]
    pub name: Option<String>,
}

/// Why a message was not delivered.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ThirdPartyReason)]
pub struct Reason {
    pub code: i32,
    #[schema(max_length = 1_000)]
    pub message: Option<String>,
}

/// Somebody begins or ends to type.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ThirdPartyEvent)]
#[serde(rename_all = "camelCase")]
pub struct Event {
    /// Always `Typing`.
    pub event_type: String,
    pub typing: Typing,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ThirdPartyTyping)]
pub struct Typing {
    /// `On` or `Off`.
    pub r#type: String,
    /// How long it may be shown, in milliseconds.
    pub duration: Option<i32>,
}
