//! What the aggregation service calls us with: MO, a message of a consumer, and DR, a delivery receipt.
//!
//! The names are those of its HTTP API. They come as a form, behind the `?` of the URL or as JSON; whoever reads a call
//! does not see which.

mod attachments;
mod form;
mod members;
mod message;
mod receipt;
mod wire;

pub use attachments::Attachment;
pub use members::{BodyShape, Members};
pub use message::{SmsMessage, message};
pub use receipt::{SmsReceipt, Verdict, receipt};
pub use wire::{MessageMembers, ReceiptMembers};

use crate::values::ReasonCode;

/// One thing that is wrong with a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberFault {
    /// The name of the member, such as `message_id`; empty where the whole is at fault.
    pub name: String,
    pub message: String,
    pub reason: ReasonCode,
}

impl MemberFault {
    fn new(name: &str, message: impl Into<String>) -> Self {
        Self::with_reason(name, ReasonCode::InvalidStructure, message)
    }

    fn with_reason(name: &str, reason: ReasonCode, message: impl Into<String>) -> Self {
        Self {
            name: name.to_owned(),
            message: message.into(),
            reason,
        }
    }
}
