use proptest::prelude::*;
use serde_json::json;

use super::*;

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
    let read = read(&batch(events)).unwrap();
    read.into_iter().map(|event| event.verdict).collect()
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
    let [event] = read(&batch(&[bounce])).unwrap().try_into().unwrap();
    assert_eq!(event.message_id.to_string(), ID);
    assert_eq!(
        event.said,
        json!({
            "type": "bounce", "event_id": "92356927693813856", "timestamp": 1_795_521_600, "bounce_class": "10",
            "error_code": "550", "reason": "5.1.1 no such user",
        })
    );
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
    assert_eq!(read(br#"[{"msys":{}}]"#).unwrap(), []);
    assert_eq!(read(b"[]").unwrap(), []);
}

#[test]
fn what_is_no_batch_is_refused() {
    for body in ["", "{}", "text", "[{}]", "[1]", r#"[{"msys":[]}]"#] {
        assert_eq!(read(body.as_bytes()), Err(NotABatch::Shape), "{body}");
    }
    let many = vec![json!({ "msys": {} }); EVENTS_MAX + 1];
    let many = serde_json::to_vec(&many).unwrap();
    assert_eq!(read(&many), Err(NotABatch::TooMany));
}

proptest! {
    #[test]
    fn no_bytes_make_it_stumble(body: Vec<u8>) {
        let _ = read(&body);
    }
}
