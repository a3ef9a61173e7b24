//! What an MMS carries beside its text: `mms_attachment[n].content_type` and `mms_attachment[n].content` in Base64, `n`
//! from 0.

use std::collections::BTreeMap;
use std::fmt;

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde_json::Value;

use super::MemberFault;

/// With what the names of all of them begin. In JSON they may also be a list under this name.
pub(super) const ATTACHMENT: &str = "mms_attachment";
/// What there is of each; whatever else is there is ignored.
const PIECES: [&str; 2] = ["content_type", "content"];
/// Digits of a number at most.
const DIGITS_MAX: usize = 3;
/// Longest content type, in characters.
const CHARS_MAX: usize = 255;

/// Some senders leave the padding out; it says nothing.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// A picture, a sound or a file. `Debug` shows none of it.
#[derive(Clone, PartialEq, Eq)]
pub struct Attachment {
    /// The number in its name.
    pub number: u16,
    /// What it is said to be: an essence such as `image/png` in lower case.
    pub declared: Option<String>,
    pub bytes: Vec<u8>,
}

/// What stands in a call, before anybody asks for it: a receipt has none, and faults in what it ignores are none.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Written {
    pieces: BTreeMap<u16, Pieces>,
    faults: Vec<MemberFault>,
}

/// Each as it came; empty where there is none.
#[derive(Debug, Default, PartialEq, Eq)]
struct Pieces {
    content_type: String,
    content: String,
}

impl Written {
    /// Takes a member whose name begins with [`ATTACHMENT`]. One without a value is as good as none.
    pub(super) fn add(&mut self, name: &str, value: String) {
        if value.is_empty() {
            return;
        }
        let Some((number, piece)) = parse(name) else {
            let sentence = "must be mms_attachment[n].content_type or .content, n from 0 to 999";
            return self.faults.push(MemberFault::new(name, sentence));
        };
        self.put(number, piece, value);
    }

    /// Takes a list of them as JSON has lists.
    pub(super) fn add_list(&mut self, items: Vec<Value>) {
        for (number, item) in (0..).zip(items) {
            let name = format!("{ATTACHMENT}[{number}]");
            let (Value::Object(members), 0..1_000) = (item, number) else {
                let sentence = "must be an object, one of at most 1000";
                return self.faults.push(MemberFault::new(&name, sentence));
            };
            for (piece, value) in members {
                match value {
                    Value::String(text) => self.put(number, &piece, text),
                    Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)
                        if PIECES.contains(&piece.as_str()) =>
                    {
                        let fault = MemberFault::new(&format!("{name}.{piece}"), "must be a text");
                        self.faults.push(fault);
                    }
                    Value::Null
                    | Value::Bool(_)
                    | Value::Number(_)
                    | Value::Array(_)
                    | Value::Object(_) => {}
                }
            }
        }
    }

    /// Decodes them in the order of their numbers, or names every fault. Each is given up as it is decoded, so they are
    /// not all in memory twice.
    pub(super) fn decode(
        self,
        attachments_max: usize,
    ) -> Result<Vec<Attachment>, Vec<MemberFault>> {
        let Self { pieces, mut faults } = self;
        if pieces.len() > attachments_max {
            let sentence = format!("may be there at most {attachments_max} times");
            return Err(vec![MemberFault::new(ATTACHMENT, sentence)]);
        }
        let mut attachments = Vec::with_capacity(pieces.len());
        for (number, pieces) in pieces {
            match pieces.decode(number) {
                Ok(attachment) => attachments.push(attachment),
                Err(fault) => faults.push(fault),
            }
        }
        if faults.is_empty() {
            Ok(attachments)
        } else {
            Err(faults)
        }
    }

    fn put(&mut self, number: u16, piece: &str, value: String) {
        let pieces = self.pieces.entry(number).or_default();
        let place = match piece {
            "content_type" => &mut pieces.content_type,
            "content" => &mut pieces.content,
            _ => return,
        };
        if place.is_empty() {
            *place = value;
        } else if *place != value && !value.is_empty() {
            self.faults.push(MemberFault::new(
                &format!("{ATTACHMENT}[{number}].{piece}"),
                "is there twice and says two things",
            ));
        }
    }
}

impl Pieces {
    fn decode(self, number: u16) -> Result<Attachment, MemberFault> {
        let fault = |piece: &str, sentence: &str| {
            MemberFault::new(&format!("{ATTACHMENT}[{number}].{piece}"), sentence)
        };
        let essence = self.content_type.split(';').next().unwrap_or_default();
        let declared = essence.trim().to_ascii_lowercase();
        if declared.chars().count() > CHARS_MAX || declared.contains(char::is_control) {
            return Err(fault("content_type", "is not a media type"));
        }
        let bytes = decoded(self.content).ok_or_else(|| fault("content", "is not Base64"))?;
        if bytes.is_empty() {
            return Err(fault("content", "is missing"));
        }
        Ok(Attachment {
            number,
            declared: (!declared.is_empty()).then_some(declared),
            bytes,
        })
    }
}

/// Number and piece of a name such as `mms_attachment[0].content`.
fn parse(name: &str) -> Option<(u16, &str)> {
    let (digits, piece) = name
        .strip_prefix(ATTACHMENT)?
        .strip_prefix('[')?
        .split_once("].")?;
    let is_number = digits.len() <= DIGITS_MAX && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then_some((digits.parse().ok()?, piece))
}

/// Line ends are where writers of mail break Base64. A space is a plus that nobody escaped in a form: there is none in
/// Base64.
fn decoded(mut content: String) -> Option<Vec<u8>> {
    if content.contains(['\r', '\n', ' ']) {
        content.retain(|character| !matches!(character, '\r' | '\n'));
        content = content.replace(' ', "+");
    }
    BASE64.decode(content).ok()
}

impl fmt::Debug for Attachment {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "Attachment({}, {} bytes)",
            self.number,
            self.bytes.len()
        )
    }
}

#[cfg(test)]
mod tests {
    use base64::prelude::BASE64_STANDARD;
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn written(members: &[(&str, &str)]) -> Written {
        let mut written = Written::default();
        for (name, value) in members {
            written.add(name, (*value).to_owned());
        }
        written
    }

    fn listed(items: Value) -> Written {
        let mut written = Written::default();
        if let Value::Array(items) = items {
            written.add_list(items);
        }
        written
    }

    fn named(written: Written) -> Vec<String> {
        let faults = written.decode(50).unwrap_err();
        faults.into_iter().map(|fault| fault.name).collect()
    }

    #[test]
    fn attachments_come_in_the_order_of_their_numbers_however_they_are_written() {
        let expected = [("image/gif", &b"GIF"[..], 0), ("text/plain", b"Hi", 10)].map(
            |(declared, bytes, number)| Attachment {
                number,
                declared: Some(declared.to_owned()),
                bytes: bytes.to_vec(),
            },
        );
        let flat = written(&[
            ("mms_attachment[10].content", "SGk="),
            ("mms_attachment[0].content_type", "Image/GIF; name=a.gif"),
            ("mms_attachment[10].content_type", "text/plain"),
            ("mms_attachment[0].content", "R0lG"),
            ("mms_attachment[1].content", ""),
        ]);
        assert_eq!(flat.decode(2).unwrap(), expected);
        let list = listed(json!([
            { "content_type": "image/gif", "content": "R0lG", "content_location": "a.gif" },
            { "content_type": "text/plain", "content": "SGk", "size": 2, "parts": [] },
        ]));
        let bytes: Vec<_> = list
            .decode(2)
            .unwrap()
            .into_iter()
            .map(|a| a.bytes)
            .collect();
        assert_eq!(bytes, [b"GIF".to_vec(), b"Hi".to_vec()]);
    }

    #[test]
    fn a_plus_that_nobody_escaped_and_broken_lines_are_understood() {
        let one = |content: &str| {
            let written = written(&[("mms_attachment[0].content", content)]);
            written.decode(1).unwrap().remove(0).bytes
        };
        assert_eq!(one("+/+/"), one(" / /"));
        assert_eq!(one("R0lG\r\nODlh\n"), b"GIF89a");
        assert_eq!(one("R0lGOA"), one("R0lGOA=="));
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (name, value) in [
            ("mms_attachment[0].content", "!!!"),
            ("mms_attachment[0].content", "R0lGO"),
            ("mms_attachment[0].content", "_-_-"),
            ("mms_attachment.content", "R0lG"),
            ("mms_attachment[].content", "R0lG"),
            ("mms_attachment[1000].content", "R0lG"),
            ("mms_attachment[-1].content", "R0lG"),
            ("mms_attachment[0]", "R0lG"),
        ] {
            assert_eq!(named(written(&[(name, value)])), [name], "{name}={value}");
        }
        let typed = written(&[("mms_attachment[3].content_type", "image/gif")]);
        assert_eq!(named(typed), ["mms_attachment[3].content"]);
        let twice = [
            ("mms_attachment[0].content", "R0lG"),
            ("mms_attachment[0].content", "SGk="),
        ];
        assert_eq!(named(written(&twice)), ["mms_attachment[0].content"]);
        assert_eq!(named(listed(json!(["R0lG"]))), ["mms_attachment[0]"]);
        let number = json!([{ "content": 7 }]);
        assert!(named(listed(number)).contains(&"mms_attachment[0].content".to_owned()));
        let two = written(&[
            ("mms_attachment[0].content", "R0lG"),
            ("mms_attachment[1].content", "R0lG"),
        ]);
        assert_eq!(two.decode(1).unwrap_err()[0].name, ATTACHMENT);
    }

    #[test]
    fn nothing_of_an_attachment_is_printed() {
        let mut one = written(&[("mms_attachment[0].content", "aHVzaA==")])
            .decode(1)
            .unwrap();
        assert_eq!(format!("{:?}", one.remove(0)), "Attachment(0, 4 bytes)");
    }

    proptest! {
        #[test]
        fn whatever_bytes_were_encoded_are_decoded(bytes in prop::collection::vec(any::<u8>(), 1..200)) {
            let mut written = Written::default();
            written.add("mms_attachment[0].content", BASE64_STANDARD.encode(&bytes));
            prop_assert_eq!(written.decode(1).unwrap().remove(0).bytes, bytes);
        }
    }
}
