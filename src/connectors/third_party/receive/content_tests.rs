use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::connectors::outbound::Outbound;
use crate::connectors::third_party::send::render_body;
use crate::connectors::third_party::settings::BodyShape;
use crate::content::testing::{LIMITS, any_content};
use crate::values::{Email, EmailPart, MediaId};

const DOMAIN: &str = "company.com";
const PHONE: &str = "0123456789";

fn read(channel: &str, message: &Value) -> Result<Vec<Inbound>, Vec<Fault>> {
    let body = json!({ "messages": [message] }).to_string();
    parse(&channel.parse().unwrap(), body.as_bytes(), LIMITS)
}

/// Path and reason code of every fault, below the message.
fn faults(channel: &str, message: &Value) -> Vec<(String, u16)> {
    let faults = read(channel, message).unwrap_err();
    let named = |fault: Fault| {
        (
            fault.path.replacen("/messages/0", "", 1),
            fault.reason.code(),
        )
    };
    faults.into_iter().map(named).collect()
}

fn party(address: &str) -> Party {
    Party {
        address: address.parse().unwrap(),
        name: None,
    }
}

fn email() -> Value {
    json!({
        "channel": {
            "from": { "id": "jane@mail.com" },
            "to": { "id": "help@Company.com" },
            "messageId": "m-1",
        },
        "type": "Email",
        "subject": "Subject",
        "content": [{ "type": "html", "text": "<p>Hello</p>", "charset": "utf-8" }],
        "headers": [],
    })
}

fn typing() -> Value {
    json!({
        "channel": { "from": { "id": "16504661149" }, "to": { "id": PHONE } },
        "type": "Event",
        "events": [{ "eventType": "Typing", "typing": { "type": "On", "duration": 5000 } }],
    })
}

#[test]
fn a_consumer_s_mail_is_read_and_what_is_unknown_in_it_ignored() {
    let expected = InboundContent {
        from: party("jane@mail.com"),
        to: party("help@company.com"),
        message_id: "m-1".to_owned(),
        content: Content::Email(Email {
            subject: "Subject".to_owned(),
            parts: vec![EmailPart::Html("<p>Hello</p>".to_owned())],
        }),
    };
    assert_eq!(read(DOMAIN, &email()), Ok(vec![Inbound::Content(expected)]));
}

#[test]
fn a_number_carries_no_mail_and_a_domain_texts_and_media() {
    assert_eq!(faults(PHONE, &email()), [("/type".to_owned(), 510)]);
    let mut message = email();
    message["text"] = json!("Hello");
    message["content"][0] = json!({ "type": "image", "url": "https://company.com/a.png" });
    for word in ["Text", "RichMedia"] {
        message["type"] = json!(word);
        assert!(read(DOMAIN, &message).is_ok(), "{word}");
    }
}

#[test]
fn the_faults_of_a_mail_stand_beside_those_of_its_envelope() {
    let mut message = email();
    message["channel"]["to"]["id"] = json!("help@other.example");
    message["channel"]["messageId"] = json!("");
    message["subject"] = json!(1);
    message["content"][0]["type"] = json!("fax");
    let named = [
        ("/channel/to/id", 530),
        ("/channel/messageId", 520),
        ("/subject", 520),
        ("/content/0/type", 510),
    ];
    assert_eq!(
        faults(DOMAIN, &message),
        named.map(|(path, code)| (path.to_owned(), code))
    );
}

#[test]
fn typing_is_read_with_or_without_how_long_it_lasts() {
    let mut message = typing();
    let ended = json!({ "eventType": "Typing", "typing": { "type": "Off" } });
    message["events"].as_array_mut().unwrap().push(ended);
    let expected = InboundEvent {
        from: party("16504661149"),
        to: party(PHONE),
        typing: vec![
            Typing {
                on: true,
                duration_ms: Some(5_000),
            },
            Typing {
                on: false,
                duration_ms: None,
            },
        ],
    };
    assert_eq!(read(PHONE, &message), Ok(vec![Inbound::Event(expected)]));
}

#[test]
fn an_event_that_makes_no_sense_is_named_with_its_place() {
    let mut message = typing();
    message["channel"]["to"]["id"] = json!("99999");
    message["events"] = json!([
        5,
        { "eventType": "Presence" },
        { "eventType": "Typing" },
        { "eventType": "Typing", "typing": { "type": "on", "duration": 0.5 } },
    ]);
    let named = [
        ("/channel/to/id", 530),
        ("/events/0", 520),
        ("/events/1/eventType", 510),
        ("/events/2/typing", 520),
        ("/events/3/typing/type", 520),
        ("/events/3/typing/duration", 520),
    ];
    assert_eq!(
        faults(PHONE, &message),
        named.map(|(path, code)| (path.to_owned(), code))
    );
    message = typing();
    message["events"] = json!(vec![typing()["events"][0].clone(); 21]);
    assert_eq!(faults(PHONE, &message), [("/events".to_owned(), 520)]);
}

proptest! {
    #[test]
    fn what_a_webhook_says_is_read_as_what_was_sent(content in any_content()) {
        let (channel_id, from, to) = (DOMAIN.parse().unwrap(), party("jane@mail.com"), party("help@company.com"));
        let outbound = Outbound {
            channel_id: &channel_id,
            from: &from,
            to: &to,
            message_id: "1613474523265-0".parse().unwrap(),
            reply_to: None,
        is_bulk: false,
        unsubscribe_link: None,
            content: &content,
            link: &MediaId::reference,
        };
        let body = render_body(&outbound, BodyShape::Messages);
        prop_assert_eq!(&body, &render_body(&outbound, BodyShape::Messages));
        let expected = InboundContent {
            from: from.clone(),
            to: to.clone(),
            message_id: "1613474523265-0".to_owned(),
            content: content.clone(),
        };
        let read = parse(&channel_id, &body, LIMITS);
        prop_assert_eq!(read, Ok(vec![Inbound::Content(expected)]));
    }
}
