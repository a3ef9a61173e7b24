//! The names of the aggregation service's calls, as the document shows them. They are read by hand from wherever they
//! stand: see [`super::Members`]. Other names are ignored.

use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

/// A message of a consumer (MO). Each member may stand behind the `?` instead.
#[derive(Debug, Serialize, ToSchema, IntoParams)]
#[into_params(parameter_in = Query)]
#[schema(as = SmsMessage, examples(json!({
    "type": "MO", "message_id": "mo-1", "shortcode": "16504661149", "phone_number": "16505550199", "message": "Hello",
})))]
pub struct MessageMembers {
    /// Always `MO`.
    #[param(required = false)]
    pub r#type: String,
    /// The service's own id, by which repetitions are known.
    #[param(required = false)]
    #[schema(max_length = 255)]
    pub message_id: String,
    /// The number that was written to.
    #[param(required = false)]
    pub shortcode: String,
    /// The consumer's.
    #[param(required = false)]
    pub phone_number: String,
    pub carrier: Option<String>,
    #[param(required = false)]
    pub message: String,
    /// What an MMS carries. In a form and behind the `?` it is `mms_attachment[0].content_type` and
    /// `mms_attachment[0].content`, and so on.
    #[param(ignore)]
    pub mms_attachment: Option<Vec<AttachmentMembers>>,
}

/// A picture, a sound or a file.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SmsAttachment)]
pub struct AttachmentMembers {
    /// Such as `image/png`.
    pub content_type: Option<String>,
    /// In Base64.
    pub content: String,
}

/// A delivery receipt (DR). Each member may stand behind the `?` instead.
#[derive(Debug, Serialize, ToSchema, IntoParams)]
#[into_params(parameter_in = Query)]
#[schema(as = SmsReceipt, examples(json!({
    "type": "receipt", "message_id": "what-it-was-given", "message_state": "2", "result_code": "0",
})))]
pub struct ReceiptMembers {
    /// Always `receipt`.
    #[param(required = false)]
    pub r#type: String,
    /// The id that the service gave the message, or ours.
    #[param(required = false)]
    pub message_id: String,
    /// 1 to 8, as in SMPP.
    pub message_state: Option<String>,
    /// Where it names a failure, it says more than the state.
    pub result_code: Option<String>,
    pub app_id: Option<String>,
    pub conversation_id: Option<String>,
}
