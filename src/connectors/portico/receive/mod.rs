//! What the aggregation service calls us with: MO, a message of a consumer, and DR, a delivery receipt.
//!
//! The names are those of its HTTP API. They come as a form, behind the `?` of the URL or as JSON; whoever reads a call
//! does not see which.

mod attachments;
mod members;
mod message;
mod receipt;
mod wire;

pub use attachments::Attachment;
pub use members::Members;
pub use message::{SmsMessage, message};
pub use receipt::{SmsReceipt, Verdict, receipt};
pub use wire::{MessageMembers, ReceiptMembers};

use crate::connectors::form::MemberFault;
