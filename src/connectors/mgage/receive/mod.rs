//! What DirectTEXT and Kaleyra.io call us with: a text of a consumer (MO), or a receipt. Both are forms at the same address;
//! a text has a `message`.

mod fields;
mod message;
mod receipt;
#[cfg(test)]
mod tests;

use serde::Serialize;
use utoipa::ToSchema;

use self::fields::Fields;
use super::settings::{Api, MGageSettings, StatusCodes};
use crate::connectors::callback::{Receipt, Text};
use crate::connectors::form::{BodyShape, MemberFault};
use crate::connectors::http_sms;

/// One call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Call {
    Text(Text),
    Receipt(Receipt),
}

/// Reads a form of the API that is spoken, or names every fault.
pub fn call(
    settings: &MGageSettings,
    form: &[u8],
    text_bytes_max: usize,
) -> Result<Call, Vec<MemberFault>> {
    let account = match &settings.api {
        Api::DirectText(account) => return read(form, &account.status_codes, text_bytes_max),
        Api::KaleyraIo(account) => account,
    };
    let rules = &account.described(None).callbacks;
    let body = Some((BodyShape::Form, form));
    let call = http_sms::receive::read(rules, "", body, text_bytes_max);
    let mut call = call.map_err(|fault| vec![fault])?;
    match (call.texts.pop(), call.receipts.pop()) {
        (Some(placed), _) => Ok(Call::Text(placed.text)),
        (None, Some(receipt)) => Ok(Call::Receipt(receipt)),
        (None, None) => Err(call.faults),
    }
}

/// Reads a form of DirectTEXT, or names every fault. `codes` says what the status codes of receipts mean.
pub fn read(
    form: &[u8],
    codes: &StatusCodes,
    text_bytes_max: usize,
) -> Result<Call, Vec<MemberFault>> {
    let fields = Fields::read(form).map_err(|fault| vec![fault])?;
    if fields.given("message").is_some() {
        message::read(&fields, text_bytes_max).map(Call::Text)
    } else {
        receipt::read(&fields, codes).map(Call::Receipt)
    }
}

/// The names of a call, as the document shows them; others are ignored. A text of a consumer has `message` and
/// `inbound_address`, a receipt has `status_code`.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = MGageCall, examples(
    json!({ "device_address": "15555550100", "inbound_address": "87767", "message": "STOP", "message_id": "mo-1" }),
    json!({ "device_address": "15555550100", "message_id": "what-it-gave", "status_code": "40" }),
))]
pub struct CallMembers {
    /// DirectTEXT's id of the text.
    #[schema(max_length = 255)]
    pub message_id: String,
    /// Which part of a long text it is.
    pub message_subid: Option<String>,
    /// The consumer's number.
    pub device_address: Option<String>,
    /// The code or number that was written to.
    pub inbound_address: Option<String>,
    pub message: Option<String>,
    pub status_code: Option<String>,
    pub status: Option<String>,
    pub carrier: Option<String>,
}
