use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::content::testing::LIMITS;

const PHONE: &str = "0123456789";

fn read(channel: &str, body: &Value) -> Result<Vec<Inbound>, Vec<Fault>> {
    parse(
        &channel.parse().unwrap(),
        body.to_string().as_bytes(),
        LIMITS,
    )
}

/// Path and reason code of every fault.
fn faults(channel: &str, body: &Value) -> Vec<(String, u16)> {
    let faults = read(channel, body).unwrap_err();
    faults
        .into_iter()
        .map(|fault| (fault.path, fault.reason.code()))
        .collect()
}

fn text() -> Value {
    json!({
        "channel": { "from": { "id": "16504661149" }, "to": { "id": PHONE }, "messageId": "m-1" },
        "type": "Text",
        "text": "Consumer message text",
    })
}

/// The vendor's example of a receipt.
fn receipt() -> Value {
    json!({
        "channel": {
            "from": { "id": "no-reply@company.com" },
            "to": { "id": "recipient-1@mail.com" },
            "messageId": "f7acbac6-68db-4031-aec2-4bbd02627c4b",
        },
        "type": "Receipt",
        "status": "Failed",
        "reasons": [{ "code": 350, "message": "Message not allowed. Your account has been suspended." }],
    })
}

/// The message with one member changed, given by a JSON pointer.
fn changed(mut message: Value, pointer: &str, value: Value) -> Value {
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    message.pointer_mut(parent).unwrap()[name] = value;
    message
}

#[test]
fn a_consumer_s_text_is_read() {
    let message = changed(text(), "/channel/from/name", json!("Jane"));
    let message = changed(
        message,
        "/channel/from/id",
        json!("+1 (650) 466-1149".replace(['(', ')'], "")),
    );
    let inbound = read(PHONE, &json!({ "messages": [message] })).unwrap();
    let expected = InboundContent {
        from: Party {
            address: "16504661149".parse().unwrap(),
            name: Some("Jane".to_owned()),
        },
        to: Party {
            address: PHONE.parse().unwrap(),
            name: None,
        },
        message_id: "m-1".to_owned(),
        content: Content::Text("Consumer message text".to_owned()),
    };
    assert_eq!(inbound, [Inbound::Content(expected)]);
}

#[test]
fn the_vendor_s_receipt_is_read() {
    let inbound = read("company.com", &json!({ "messages": [receipt()] })).unwrap();
    let [Inbound::Receipt(receipt)] = &inbound[..] else {
        panic!("one receipt")
    };
    let channel = "company.com".parse().unwrap();
    assert_eq!(receipt.recipient(&channel).as_str(), "recipient-1@mail.com");
    assert_eq!(receipt.message_id, "f7acbac6-68db-4031-aec2-4bbd02627c4b");
    assert_eq!(receipt.status, ReceiptStatus::Failed);
    assert_eq!(receipt.reasons[0].known(), Some(ReasonCode::NotAllowed));
    let message = receipt.reasons[0].message.as_deref();
    assert_eq!(
        message,
        Some("Message not allowed. Your account has been suspended.")
    );
}

#[test]
fn a_receipt_may_have_its_sides_swapped_and_needs_no_reasons() {
    let swapped = json!({
        "channel": { "from": { "id": "16504661149" }, "to": { "id": PHONE }, "messageId": "1" },
        "type": "Receipt",
        "status": "Delivered",
        "reasons": null,
    });
    let inbound = read(PHONE, &json!({ "messages": [swapped] })).unwrap();
    let Inbound::Receipt(receipt) = &inbound[0] else {
        panic!("a receipt")
    };
    assert_eq!(
        receipt.recipient(&PHONE.parse().unwrap()).as_str(),
        "16504661149"
    );
    assert_eq!(receipt.status, ReceiptStatus::Delivered);
    assert!(receipt.reasons.is_empty());
}

#[test]
fn a_reason_of_nobody_s_table_is_kept_as_it_came() {
    let unknown = changed(
        receipt(),
        "/reasons",
        json!([{ "code": 999 }, { "code": -7 }]),
    );
    let inbound = read("company.com", &json!({ "messages": [unknown] })).unwrap();
    let Inbound::Receipt(receipt) = &inbound[0] else {
        panic!("a receipt")
    };
    let codes: Vec<_> = receipt
        .reasons
        .iter()
        .map(|reason| (reason.code, reason.known()))
        .collect();
    assert_eq!(codes, [(999, None), (-7, None)]);
}

#[test]
fn content_and_receipts_are_read_together_in_order() {
    let other = changed(text(), "/channel/messageId", json!("m-2"));
    let delivered = json!({
        "channel": { "from": { "id": PHONE }, "to": { "id": "16504661149" }, "messageId": "1" },
        "type": "Receipt", "status": "Removed",
    });
    let inbound = read(PHONE, &json!({ "messages": [text(), delivered, other] })).unwrap();
    let is_receipt = |item: &Inbound| matches!(item, Inbound::Receipt(_));
    assert_eq!(
        inbound.iter().map(is_receipt).collect::<Vec<_>>(),
        [false, true, false]
    );
}

#[test]
fn members_that_nobody_knows_are_ignored() {
    let mut message = changed(
        text(),
        "/channel/context",
        json!({ "deep": [1, { "er": null }] }),
    );
    message = changed(message, "/channel/type", json!(5));
    message = changed(message, "/priority", json!("high"));
    assert!(read(PHONE, &json!({ "messages": [message], "version": 2 })).is_ok());
}

#[test]
fn an_empty_text_is_a_text() {
    assert!(
        read(
            PHONE,
            &json!({ "messages": [changed(text(), "/text", json!(""))] })
        )
        .is_ok()
    );
}

/// Changes one member of a message, and expects one fault at a place and with a reason.
fn refuses(channel: &str, message: &Value, cases: &[(&str, Value, &str, u16)]) {
    for (pointer, value, place, reason) in cases {
        let body = json!({ "messages": [changed(message.clone(), pointer, value.clone())] });
        let expected = [(format!("/messages/0{place}"), *reason)];
        assert_eq!(faults(channel, &body), expected, "{pointer} {value}");
    }
}

#[test]
fn a_type_that_is_not_received_is_unsupported() {
    for word in ["Sms", "text", "", "Email", "richMedia", "Typing"] {
        let case = ("/type", json!(word), "/type", 510);
        refuses(PHONE, &text(), &[case]);
    }
}

#[test]
fn what_is_wrong_with_a_text_is_named_with_its_place_and_reason() {
    let id = "/channel/messageId";
    let cases = [
        ("/type", json!(null), "/type", 520),
        ("/type", json!(1), "/type", 520),
        ("/text", json!(null), "/text", 520),
        ("/text", json!(["Hi"]), "/text", 520),
        ("/channel", json!(null), "/channel", 520),
        ("/channel", json!("sms"), "/channel", 520),
        (id, json!(null), id, 520),
        (id, json!(17), id, 520),
        (id, json!(""), id, 520),
        (id, json!("a\u{7}b"), id, 520),
        (id, json!("x".repeat(256)), id, 520),
    ];
    refuses(PHONE, &text(), &cases);
}

#[test]
fn what_is_wrong_with_a_side_is_named_with_its_place_and_reason() {
    let (from, to) = ("/channel/from", "/channel/to");
    let (from_id, from_name, to_id) = ("/channel/from/id", "/channel/from/name", "/channel/to/id");
    let cases = [
        (from, json!(null), from, 520),
        (from, json!("16504661149"), from, 520),
        (from_id, json!(null), from_id, 520),
        (from_id, json!(16_504_661_149_u64), from_id, 520),
        (from_id, json!("nobody"), from_id, 530),
        (from_id, json!("12"), from_id, 530),
        (from_id, json!("jane@company.com"), from_id, 530),
        (from_name, json!(7), from_name, 520),
        (from_name, json!("x".repeat(256)), from_name, 520),
        (to, json!([]), to, 520),
        (to_id, json!("16504661149"), to_id, 530),
        (to_id, json!("0123456789@company.com"), to_id, 530),
    ];
    refuses(PHONE, &text(), &cases);
}

#[test]
fn what_is_wrong_with_a_receipt_is_named_with_its_place_and_reason() {
    let (from_id, to_id) = ("/channel/from/id", "/channel/to/id");
    let cases = [
        ("/status", json!("Read"), "/status", 520),
        ("/status", json!("delivered"), "/status", 520),
        ("/status", json!(null), "/status", 520),
        ("/channel/messageId", json!(null), "/channel/messageId", 520),
        (from_id, json!("company.com"), from_id, 530),
        (from_id, json!("no-reply@other.com"), "/channel", 530),
        (to_id, json!("other@company.com"), "/channel", 530),
        (to_id, json!("16504661149"), "/channel", 530),
    ];
    refuses("company.com", &receipt(), &cases);
}

#[test]
fn what_is_wrong_with_a_reason_is_named_with_its_place() {
    let cases = [
        (json!({}), ""),
        (json!(vec![json!({ "code": 500 }); 21]), ""),
        (json!([null]), "/0"),
        (json!([{ "code": 350 }, { "code": "350" }]), "/1/code"),
        (json!([{ "code": 350.5 }]), "/0/code"),
        (json!([{ "code": 2_147_483_648_u64 }]), "/0/code"),
        (json!([{ "message": "x" }]), "/0/code"),
        (json!([{ "code": 350, "message": 1 }]), "/0/message"),
        (
            json!([{ "code": 500, "message": "x".repeat(1_001) }]),
            "/0/message",
        ),
    ];
    for (reasons, place) in cases {
        let place = format!("/reasons{place}");
        refuses(
            "company.com",
            &receipt(),
            &[("/reasons", reasons, &place, 520)],
        );
    }
}

#[test]
fn every_fault_of_every_message_is_named() {
    let mut worst = changed(text(), "/text", json!(1));
    worst = changed(worst, "/channel/from/id", json!("x"));
    worst = changed(worst, "/channel/to/id", json!("99999"));
    worst = changed(worst, "/channel/messageId", json!(1));
    let unknown = changed(receipt(), "/type", json!("Fax"));
    let body =
        json!({ "messages": [worst, text(), unknown, 5, { "type": "Receipt", "status": 1 }] });
    let named = [
        ("/messages/0/channel/from/id", 530),
        ("/messages/0/channel/to/id", 530),
        ("/messages/0/channel/messageId", 520),
        ("/messages/0/text", 520),
        ("/messages/2/type", 510),
        ("/messages/3", 520),
        ("/messages/4/channel", 520),
        ("/messages/4/status", 520),
    ];
    assert_eq!(
        faults(PHONE, &body),
        named.map(|(path, code)| (path.to_owned(), code))
    );
}

#[test]
fn a_body_has_one_to_a_thousand_messages() {
    let body = |count: usize| json!({ "messages": vec![text(); count] });
    assert_eq!(read(PHONE, &body(1_000)).unwrap().len(), 1_000);
    let list = [("/messages".to_owned(), 520)];
    assert_eq!(faults(PHONE, &body(1_001)), list);
    assert_eq!(faults(PHONE, &body(0)), list);
    assert_eq!(faults(PHONE, &json!({})), list);
    assert_eq!(faults(PHONE, &json!({ "messages": text() })), list);
    let root = [(String::new(), 520)];
    assert_eq!(faults(PHONE, &json!([text()])), root);
    assert_eq!(faults(PHONE, &json!(null)), root);
    let not_json = parse(&PHONE.parse().unwrap(), b"{\"messages\":[", LIMITS).unwrap_err();
    assert_eq!(not_json[0].path, "");
}

#[test]
fn printing_a_message_shows_neither_text_nor_address() {
    let inbound = read(PHONE, &json!({ "messages": [text()] })).unwrap();
    let printed = format!("{inbound:?}");
    assert!(!printed.contains("Consumer message") && !printed.contains("16504661149"));
}

proptest! {
    #[test]
    fn arbitrary_bytes_are_never_a_panic(body in any::<Vec<u8>>()) {
        prop_assert!(parse(&PHONE.parse().unwrap(), &body, LIMITS).is_err());
    }

    #[test]
    fn whatever_a_consumer_writes_is_kept_as_it_is(words in any::<String>()) {
        let body = json!({ "messages": [changed(text(), "/text", json!(words))] });
        let inbound = read(PHONE, &body).unwrap();
        let Inbound::Content(InboundContent { content: Content::Text(kept), .. }) = &inbound[0] else {
            panic!("a text")
        };
        prop_assert_eq!(kept, &words);
    }
}
