//! DR: what became of a text.

use super::fields::Fields;
use crate::connectors::callback::Receipt;
use crate::connectors::form::MemberFault;
use crate::connectors::mgage::settings::StatusCodes;

/// Longest status code that is looked up and kept.
const CODE_CHARS_MAX: usize = 20;

pub(super) fn read(fields: &Fields, codes: &StatusCodes) -> Result<Receipt, Vec<MemberFault>> {
    match (fields.id("message_id"), code(fields)) {
        (Ok(id), Ok(code)) => Ok(Receipt {
            message_id: id.to_owned(),
            recipient: fields
                .said("device_address")
                .and_then(|address| address.parse().ok()),
            verdict: codes.verdict(code),
            code: code.to_owned(),
            said: fields.as_json(),
        }),
        (id, code) => Err([id.err(), code.err()].into_iter().flatten().collect()),
    }
}

fn code(fields: &Fields) -> Result<&str, MemberFault> {
    let code = fields
        .said("status_code")
        .ok_or_else(|| MemberFault::new("status_code", "is missing"))?;
    let is_short = code.len() <= CODE_CHARS_MAX && code.bytes().all(|byte| byte.is_ascii_graphic());
    is_short
        .then_some(code)
        .ok_or_else(|| MemberFault::new("status_code", "must be a short code"))
}
