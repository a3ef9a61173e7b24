//! MO: what a consumer wrote.

use std::fmt;

use super::MemberFault;
use super::attachments::Attachment;
use super::members::{MESSAGE, MESSAGE_ID, Members, PHONE_NUMBER, SHORTCODE};
use crate::content::rules::ContentLimits;
use crate::values::{Address, ChannelId, ChannelIdError, ChannelType, ReasonCode};

/// A message of a consumer. `Debug` shows no text, and of the address only its ends.
#[derive(Clone, PartialEq, Eq)]
pub struct SmsMessage {
    /// The service's id, by which repetitions are known.
    pub message_id: String,
    pub from: Address,
    pub to: Address,
    /// Whose address `to` is.
    pub channel_id: ChannelId,
    /// An MMS may have none.
    pub text: Option<String>,
    /// In the order of their numbers.
    pub attachments: Vec<Attachment>,
}

/// Reads a call of type `MO`, or names every fault.
pub fn message(
    mut members: Members,
    limits: ContentLimits,
) -> Result<SmsMessage, Vec<MemberFault>> {
    let written = std::mem::take(&mut members.attachments);
    let attachments = written.decode(limits.parts_max);
    let is_mms = !matches!(&attachments, Ok(attachments) if attachments.is_empty());
    let read = (
        members.is_of_type("MO"),
        members.needed(MESSAGE_ID),
        shortcode(&members),
        number(&members, PHONE_NUMBER),
        text(&members, is_mms, limits),
        attachments,
    );
    match read {
        (Ok(()), Ok(message_id), Ok((channel_id, to)), Ok(from), Ok(text), Ok(attachments)) => {
            Ok(SmsMessage {
                message_id: message_id.to_owned(),
                from,
                to,
                channel_id,
                text: text.map(str::to_owned),
                attachments,
            })
        }
        (of_type, message_id, to, from, text, attachments) => {
            let faults = [
                of_type.err(),
                message_id.err(),
                to.err(),
                from.err(),
                text.err(),
            ];
            let attached = attachments.err().unwrap_or_default();
            Err(faults.into_iter().flatten().chain(attached).collect())
        }
    }
}

/// The channel and, what is the same number, the address that the consumer wrote to.
fn shortcode(members: &Members) -> Result<(ChannelId, Address), MemberFault> {
    let address = number(members, SHORTCODE)?;
    match address.as_str().parse() {
        Ok(channel_id) => Ok((channel_id, address)),
        Err(ChannelIdError::Neither | ChannelIdError::Phone(_) | ChannelIdError::Domain(_)) => {
            Err(no_number(SHORTCODE, "must be a phone number or short code"))
        }
    }
}

fn number(members: &Members, name: &str) -> Result<Address, MemberFault> {
    match members.needed(name)?.parse::<Address>() {
        Ok(address) if address.channel_type() == ChannelType::Sms => Ok(address),
        Ok(_) => Err(no_number(name, "must be a phone number or short code")),
        Err(error) => Err(no_number(name, error.to_string())),
    }
}

fn no_number(name: &str, sentence: impl Into<String>) -> MemberFault {
    MemberFault::with_reason(name, ReasonCode::InvalidDestination, sentence)
}

/// An empty text is one, since a consumer can send it; only an MMS may have none at all.
fn text(
    members: &Members,
    is_mms: bool,
    limits: ContentLimits,
) -> Result<Option<&str>, MemberFault> {
    let text = members.text();
    if text.is_none() && !is_mms {
        return Err(MemberFault::new(MESSAGE, "is missing"));
    }
    let bytes_max = limits.bytes_max;
    if text.is_some_and(|text| text.len() > bytes_max) {
        let sentence = format!("says more than {bytes_max} bytes");
        return Err(MemberFault::new(MESSAGE, sentence));
    }
    Ok(text)
}

impl fmt::Debug for SmsMessage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("SmsMessage")
            .field("message_id", &self.message_id)
            .field("from", &self.from)
            .field("to", &self.to)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::content::testing::LIMITS;

    const GOOD: [(&str, &str); 6] = [
        ("type", "MO"),
        ("message_id", "mo-1"),
        ("shortcode", "16504661149"),
        ("phone_number", "16505550199"),
        ("carrier", "383"),
        ("message", "Is my order on its way?"),
    ];

    /// The documented call with one member said otherwise or (by `None`) left out.
    fn with(name: &str, value: Option<&str>) -> Result<SmsMessage, Vec<MemberFault>> {
        let pairs = GOOD.into_iter().filter(|(known, _)| *known != name);
        let pairs = pairs.chain(value.map(|value| (name, value)));
        let form = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(pairs)
            .finish();
        message(Members::read(&form, None).unwrap(), LIMITS)
    }

    #[test]
    fn the_documented_call_is_read() {
        let read = with("app_id", None).unwrap();
        assert_eq!(read.message_id, "mo-1");
        assert_eq!(read.from.as_str(), "16505550199");
        assert_eq!(read.to.as_str(), "16504661149");
        assert_eq!(read.channel_id.as_str(), "16504661149");
        assert_eq!(read.text.as_deref(), Some("Is my order on its way?"));
        let shown = format!("{read:?}");
        assert!(
            !shown.contains("order") && !shown.contains("16505550199"),
            "{shown}"
        );
    }

    #[test]
    fn numbers_are_the_same_with_and_without_a_plus() {
        for (name, value) in [
            ("shortcode", "+16504661149"),
            // A plus that nobody escaped is a space when it arrives.
            ("shortcode", " 16504661149"),
            ("phone_number", "+1 650-555-0199"),
            ("phone_number", " 16505550199"),
            ("type", "mo"),
            ("carrier", ""),
        ] {
            assert_eq!(
                with(name, Some(value)),
                with("app_id", None),
                "{name}={value}"
            );
        }
        let short = with("shortcode", Some("12345")).unwrap();
        assert_eq!(short.to.as_str(), "12345");
    }

    #[test]
    fn what_is_missing_or_wrong_is_named_with_its_reason() {
        for (name, value, code) in [
            ("type", None, 520),
            ("type", Some("receipt"), 510),
            ("message_id", None, 520),
            ("message_id", Some(" "), 520),
            ("shortcode", None, 520),
            ("shortcode", Some("INFO"), 530),
            ("shortcode", Some("company.com"), 530),
            ("phone_number", None, 520),
            ("phone_number", Some("12"), 530),
            ("phone_number", Some("me@company.com"), 530),
            ("message", None, 520),
            ("mms_attachment[0].content", Some("R0lGO"), 520),
        ] {
            let faults = with(name, value).unwrap_err();
            let named = faults[0].name.as_str();
            assert_eq!((faults.len(), faults[0].reason.code()), (1, code), "{name}");
            assert!(
                name.starts_with(named) && !named.is_empty(),
                "{name} {named}"
            );
        }
    }

    #[test]
    fn every_fault_is_named_at_once() {
        let faults = message(Members::default(), LIMITS).unwrap_err();
        let names: Vec<&str> = faults.iter().map(|fault| fault.name.as_str()).collect();
        assert_eq!(
            names,
            ["type", "message_id", "shortcode", "phone_number", "message"]
        );
    }

    #[test]
    fn an_mms_needs_no_text() {
        let attached = with("mms_attachment[0].content", Some("R0lG")).unwrap();
        assert_eq!(attached.attachments[0].bytes, b"GIF");
        let form = "type=MO&message_id=1&shortcode=16504661149&phone_number=16505550199\
                    &mms_attachment[0].content=R0lG";
        let alone = message(Members::read(form, None).unwrap(), LIMITS).unwrap();
        assert_eq!((alone.text, alone.attachments.len()), (None, 1));
    }

    #[test]
    fn an_empty_text_is_a_text() {
        assert_eq!(with("message", Some("")).unwrap().text.as_deref(), Some(""));
    }

    #[test]
    fn a_text_may_say_as_much_as_every_other_message_and_no_more() {
        let limits = ContentLimits {
            bytes_max: 4,
            ..LIMITS
        };
        let say = |text: &str| {
            let form = format!(
                "type=MO&message_id=1&shortcode=16504661149&phone_number=16505550199&message={text}"
            );
            message(Members::read(&form, None).unwrap(), limits)
        };
        assert_eq!(say("%C3%BC%C3%BC").unwrap().text.as_deref(), Some("üü"));
        let faults = say("%C3%BC%C3%BC.").unwrap_err();
        assert_eq!(
            (faults[0].name.as_str(), faults[0].reason.code()),
            ("message", 520)
        );
    }
}
