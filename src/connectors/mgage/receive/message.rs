//! MO: what a consumer wrote.

use super::fields::Fields;
use crate::connectors::callback::{Text, number, own_number};
use crate::connectors::form::MemberFault;

const FROM: &str = "device_address";
const TO: &str = "inbound_address";

pub(super) fn read(fields: &Fields, text_bytes_max: usize) -> Result<Text, Vec<MemberFault>> {
    let read = (
        fields.id("message_id"),
        needed(fields, FROM).and_then(|said| number(said, FROM)),
        needed(fields, TO).and_then(|said| own_number(said, TO)),
        text(fields, text_bytes_max),
    );
    match read {
        (Ok(id), Ok(from), Ok((channel_id, to)), Ok(text)) => Ok(Text {
            message_id: fields
                .said("message_subid")
                .map_or_else(|| id.to_owned(), |part| format!("{id}/{part}")),
            from,
            to,
            channel_id,
            text: text.to_owned(),
        }),
        (id, from, to, text) => {
            let faults = [id.err(), from.err(), to.err(), text.err()];
            Err(faults.into_iter().flatten().collect())
        }
    }
}

fn needed<'a>(fields: &'a Fields, name: &'static str) -> Result<&'a str, MemberFault> {
    fields
        .said(name)
        .ok_or_else(|| MemberFault::new(name, "is missing"))
}

/// An empty text is one, since a consumer can send it.
fn text(fields: &Fields, bytes_max: usize) -> Result<&str, MemberFault> {
    let text = fields.given("message").unwrap_or_default();
    if text.len() > bytes_max {
        let message = format!("says more than {bytes_max} bytes");
        return Err(MemberFault::new("message", message));
    }
    Ok(text)
}
