use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::connectors::mail::NotAMail;

const ID: &str = "1613474523265-0";

fn event(kind: &str, more: &Value) -> Value {
    let mut event = json!({
        "type": kind, "event_id": "92356927693813856", "timestamp": 1_795_521_600, "rcpt_to": "jane@example.com",
        "rcpt_meta": { "messageId": ID }, "unheard": { "of": [] },
    });
    for (name, value) in more.as_object().unwrap() {
        event[name] = value.clone();
    }
    event
}

fn batch(events: &[Value]) -> Vec<u8> {
    let elements: Vec<Value> = events
        .iter()
        .map(|event| json!({ "msys": { "message_event": event } }))
        .collect();
    serde_json::to_vec(&elements).unwrap()
}

fn verdicts(events: &[Value]) -> Vec<Verdict> {
    let read = read(&batch(events)).unwrap().events;
    read.into_iter().filter_map(|event| event.verdict).collect()
}

fn opt_outs(events: &[Value]) -> Vec<Option<OptOut>> {
    let read = read(&batch(events)).unwrap().events;
    read.into_iter().map(|event| event.opt_out).collect()
}

#[test]
fn events_say_what_became_of_our_mails() {
    use ReasonCode::{General, InvalidDestination, InvalidStructure, NotAllowed};
    let bounced = |class: Value| event("bounce", &json!({ "bounce_class": class }));
    let none = json!({});
    assert_eq!(
        verdicts(&[
            event("delivery", &none),
            event("delay", &none),
            bounced(json!("10")),
            bounced(json!(30)),
            bounced(json!("25")),
            bounced(json!("90")),
            bounced(json!("23")),
            bounced(json!("51")),
            bounced(json!("no number")),
            event("out_of_band", &json!({ "bounce_class": "10" })),
            event("generation_rejection", &none),
            event("policy_rejection", &none),
        ]),
        [
            Verdict::Delivered,
            Verdict::UnderWay,
            Verdict::Failed(InvalidDestination),
            Verdict::Failed(InvalidDestination),
            Verdict::Failed(NotAllowed),
            Verdict::Failed(NotAllowed),
            Verdict::Failed(InvalidStructure),
            Verdict::Failed(General),
            Verdict::Failed(General),
            Verdict::Returned(InvalidDestination),
            Verdict::Failed(General),
            Verdict::Failed(General),
        ]
    );
}

#[test]
fn what_is_kept_of_an_event_does_not_say_whom_it_is_about() {
    let bounce = event(
        "bounce",
        &json!({ "bounce_class": "10", "error_code": "550", "reason": "5.1.1 no such user" }),
    );
    let [event] = read(&batch(&[bounce])).unwrap().events.try_into().unwrap();
    assert_eq!(event.message_id, Some(ID.parse().unwrap()));
    assert_eq!(
        event.said,
        json!({
            "type": "bounce", "event_id": "92356927693813856", "timestamp": 1_795_521_600, "bounce_class": "10",
            "error_code": "550", "reason": "5.1.1 no such user",
        })
    );
}

#[test]
fn only_what_lasts_ends_the_mails_of_a_recipient() {
    use OptOut::{Bounced, Complained, Unsubscribed};
    let none = json!({});
    let of_class = |kind, class: i32| event(kind, &json!({ "bounce_class": class.to_string() }));
    for (class, why) in [(10, Bounced), (30, Bounced), (90, Unsubscribed)] {
        for kind in ["bounce", "out_of_band"] {
            assert_eq!(opt_outs(&[of_class(kind, class)]), [Some(why)], "{class}");
        }
    }
    let passing = [
        1, 20, 21, 22, 23, 24, 25, 26, 40, 50, 51, 52, 53, 54, 60, 70, 80, 100,
    ];
    for class in passing {
        assert_eq!(opt_outs(&[of_class("bounce", class)]), [None], "{class}");
    }
    assert_eq!(opt_outs(&[of_class("delay", 10)]), [None]);
    assert_eq!(
        opt_outs(&[
            event("spam_complaint", &none),
            event("list_unsubscribe", &none),
            event("link_unsubscribe", &none),
            event("policy_rejection", &none),
        ]),
        [
            Some(Complained),
            Some(Unsubscribed),
            Some(Unsubscribed),
            None
        ]
    );
}

#[test]
fn a_mail_that_came_back_may_be_named_by_the_providers_id_or_its_recipient_alone() {
    let mut back = event(
        "out_of_band",
        &json!({ "bounce_class": "10", "message_id": "0004a1", "raw_rcpt_to": "Jane@Example.com" }),
    );
    back.as_object_mut().unwrap().remove("rcpt_meta");
    let [event] = read(&batch(&[back])).unwrap().events.try_into().unwrap();
    assert_eq!(event.message_id, None);
    assert_eq!(event.provider_message_id.as_deref(), Some("0004a1"));
    let recipients: Vec<&str> = event.recipients.iter().map(Address::as_str).collect();
    assert_eq!(recipients, ["Jane@example.com", "jane@example.com"]);
}

#[test]
fn the_mails_of_others_that_came_back_are_not_ours() {
    let theirs = json!({ "bounce_class": "10", "rcpt_meta": { "order": 7 } });
    assert_eq!(opt_outs(&[event("out_of_band", &theirs)]), []);
    assert_eq!(opt_outs(&[event("bounce", &theirs)]), []);
    assert_eq!(opt_outs(&[event("list_unsubscribe", &theirs)]), []);
}

#[test]
fn what_says_nothing_about_a_mail_of_ours_is_passed_over() {
    let none = json!({});
    let passed = [
        event("injection", &none),
        event("open", &none),
        event("never heard of", &none),
        event("delivery", &json!({ "rcpt_meta": {} })),
        event(
            "delivery",
            &json!({ "rcpt_meta": { "messageId": "theirs" } }),
        ),
        event("delivery", &json!({ "rcpt_meta": "text" })),
        json!("text"),
        json!({}),
    ];
    assert_eq!(verdicts(&passed), []);
    assert_eq!(read(br#"[{"msys":{}}]"#).unwrap().events, []);
    assert_eq!(read(b"[]").unwrap().events, []);
}

#[test]
fn what_is_no_batch_is_refused() {
    for body in ["", "{}", "text", "[{}]", "[1]", r#"[{"msys":[]}]"#] {
        let fault = read(body.as_bytes()).unwrap_err();
        assert_eq!(fault, NotABatch::Shape, "{body}");
    }
    let many = vec![json!({ "msys": {} }); EVENTS_MAX + 1];
    let many = serde_json::to_vec(&many).unwrap();
    assert_eq!(read(&many).unwrap_err(), NotABatch::TooMany);
}

fn relayed(message: &Value) -> Result<Relayed, NotABatch> {
    let body = json!([{ "msys": { "relay_message": message } }]).to_string();
    read(body.as_bytes()).map(|batch| batch.relayed.into_iter().next().unwrap())
}

fn relay_message(mail: &str, is_base64: &Value) -> Value {
    json!({
        "webhook_id": "4839", "protocol": "smtp", "friendly_from": "jane@example.com", "msg_from": "b+1@example.com",
        "rcpt_to": "help@Company.com",
        "content": { "subject": "Hi", "email_rfc822": mail, "email_rfc822_is_base64": is_base64 },
    })
}

#[test]
fn a_relayed_mail_is_read_plain_and_from_base64() {
    let mail = "From: Jane <jane@example.com>\r\nSubject: Hi\r\n\r\nIs it open?";
    let base64 = "RnJvbTogSmFuZSA8amFuZUBleGFtcGxlLmNvbT4NClN1YmplY3Q6IEhpDQoN\nCklzIGl0IG9wZW4/";
    for message in [
        relay_message(mail, &json!(false)),
        relay_message(mail, &Value::Null),
        relay_message(base64, &json!(true)),
        relay_message(base64, &json!("true")),
    ] {
        let relayed = relayed(&message).unwrap();
        assert_eq!(relayed.to.as_str(), "help@company.com");
        assert_eq!(relayed.channel_id.as_str(), "company.com");
        assert_eq!(relayed.from.as_str(), "jane@example.com");
        assert_eq!(relayed.mail.subject, "Hi");
        assert!(!relayed.mail.is_automatic);
    }
}

#[test]
fn a_relayed_mail_that_says_not_whom_it_is_from_has_the_envelope_s_sender() {
    let message = relay_message("Subject: Hi\n\nHello", &json!(false));
    assert_eq!(relayed(&message).unwrap().from.as_str(), "jane@example.com");
    let mut nobodys = message;
    nobodys["msg_from"] = json!("");
    assert!(relayed(&nobodys).unwrap().mail.is_automatic);
    nobodys["friendly_from"] = json!("nobody");
    assert_eq!(
        relayed(&nobodys).unwrap_err(),
        NotABatch::Mail(NotRelayed::Sender)
    );
}

#[test]
fn what_is_no_relayed_mail_is_refused() {
    let good = relay_message("Subject: Hi\n\nHello", &json!(false));
    for (member, value, fault) in [
        ("/rcpt_to", json!("company.com"), NotRelayed::Recipient),
        ("/rcpt_to", Value::Null, NotRelayed::Shape),
        ("/content", json!("text"), NotRelayed::Shape),
        (
            "/content/email_rfc822",
            json!(""),
            NotRelayed::Mail(NotAMail::Headless),
        ),
        (
            "/content/email_rfc822_is_base64",
            json!(true),
            NotRelayed::Base64,
        ),
    ] {
        let mut message = good.clone();
        *message.pointer_mut(member).unwrap() = value;
        assert_eq!(
            relayed(&message).unwrap_err(),
            NotABatch::Mail(fault),
            "{member}"
        );
    }
    assert_eq!(
        relayed(&json!(1)).unwrap_err(),
        NotABatch::Mail(NotRelayed::Shape)
    );
}

proptest! {
    #[test]
    fn no_bytes_make_it_stumble(body: Vec<u8>) {
        let _ = read(&body);
    }
}
