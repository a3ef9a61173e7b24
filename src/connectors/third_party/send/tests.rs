mod signatures;
mod vectors;

use std::time::Duration;

use proptest::prelude::*;
use reqwest::header::{HeaderMap, HeaderValue, RETRY_AFTER};
use serde_json::{Value, json};

use super::*;
use crate::connectors::outbound::Outbound;
use crate::connectors::outcome::{AttemptError, NotStarted, Outcome};
use crate::connectors::third_party::settings::{AsyncSettings, BodyShape};
use crate::platform::outbound::{Answer, ExchangeFailed, FailureKind, TimeoutPhase, TlsFault};
use crate::values::{ChannelId, Content, Email, EmailPart, MediaId, MessageId, Party, ReasonCode};

/// 2026-11-24T12:00:00Z.
const NOW_MS: i64 = 1_795_521_600_000;

fn party(address: &str, name: Option<&str>) -> Party {
    Party {
        address: address.parse().unwrap(),
        name: name.map(str::to_owned),
    }
}

/// The vendor's example of a webhook, with the text given.
fn rendered(text: &str, shape: BodyShape) -> Bytes {
    let channel_id: ChannelId = "0123456789".parse().unwrap();
    let message = Outbound {
        channel_id: &channel_id,
        from: &party("0123456789", None),
        to: &party("16504661149", None),
        message_id: "1613474523265-0".parse::<MessageId>().unwrap(),
        reply_to: None,
        is_bulk: false,
        unsubscribe_link: None,
        content: &Content::Text(text.to_owned()),
        link: &MediaId::reference,
    };
    render_body(&message, shape)
}

fn channel(webhook: &Value, secret: &Value) -> ThirdPartyChannel {
    let data = json!({ "channels": [{ "channelId": "0123456789", "webhook": webhook }] });
    let secret = json!({ "channels": [{
        "channelId": "0123456789", "webhook": { "secret": secret }, "api": { "secret": "in" },
    }] });
    let settings = AsyncSettings::parse(&data, &secret).unwrap();
    settings.channels.into_iter().next().unwrap()
}

fn request(channel: &ThirdPartyChannel, call: WebhookCall<'_>) -> Request {
    build_request(channel, call, Box::pin(async { Ok(()) }))
}

fn call(body: &'static str) -> WebhookCall<'static> {
    static NO_TRACE: TraceContext = TraceContext {
        trace_id: None,
        traceparent: None,
        b3: None,
    };
    WebhookCall {
        body: Bytes::from_static(body.as_bytes()),
        message_id: "1613474523265-0".parse().unwrap(),
        trace: &NO_TRACE,
        custom_headers: &[],
        now_ms: NOW_MS,
    }
}

#[test]
fn the_body_of_a_text_is_the_vendor_s_example() {
    let body = rendered("Agent message text", BodyShape::Single);
    insta::assert_snapshot!(std::str::from_utf8(&body).unwrap(), @r#"{"channel":{"id":"0123456789","type":"sms","from":{"id":"0123456789"},"to":{"id":"16504661149"},"messageId":"1613474523265-0"},"type":"Text","text":"Agent message text"}"#);
}

#[test]
fn the_body_of_a_text_means_what_the_vendor_prints() {
    let printed = json!({
        "channel": {
            "id": "0123456789",
            "type": "sms",
            "from": { "id": "0123456789" },
            "to": { "id": "16504661149" },
            "messageId": "1613474523265-0",
        },
        "type": "Text",
        "text": "Agent message text",
    });
    let body = rendered("Agent message text", BodyShape::Single);
    assert_eq!(serde_json::from_slice::<Value>(&body).unwrap(), printed);
}

#[test]
fn a_channel_may_want_its_messages_wrapped() {
    let body = rendered("Agent message text", BodyShape::Messages);
    insta::assert_snapshot!(std::str::from_utf8(&body).unwrap(), @r#"{"messages":[{"channel":{"id":"0123456789","type":"sms","from":{"id":"0123456789"},"to":{"id":"16504661149"},"messageId":"1613474523265-0"},"type":"Text","text":"Agent message text"}]}"#);
}

#[test]
fn a_mail_has_everything_where_the_vendor_s_example_has_it() {
    let content = Content::Email(Email {
        subject: "Subject".to_owned(),
        parts: vec![
            EmailPart::Text("Zeile 1\nZeile \"2\" – größer 🙂".to_owned()),
            EmailPart::Html("<p>Html email body</p>".to_owned()),
        ],
    });
    let channel_id: ChannelId = "company.com".parse().unwrap();
    let message = Outbound {
        channel_id: &channel_id,
        from: &party("no-reply@company.com", Some("Sender display name")),
        to: &party("recipient-1@mail.com", Some("Recipient")),
        message_id: "1613474523265-4194303".parse::<MessageId>().unwrap(),
        reply_to: Some(&party(
            "reply-to@company.com",
            Some("Responder display name"),
        )),
        is_bulk: false,
        unsubscribe_link: None,
        content: &content,
        link: &MediaId::reference,
    };
    let body = render_body(&message, BodyShape::Single);
    insta::assert_snapshot!(std::str::from_utf8(&body).unwrap(), @r#"{"channel":{"id":"company.com","type":"email","from":{"id":"no-reply@company.com","name":"Sender display name"},"to":{"id":"recipient-1@mail.com","name":"Recipient"},"messageId":"1613474523265-4194303","context":{"replyTo":{"id":"reply-to@company.com","name":"Responder display name"}}},"type":"Email","subject":"Subject","content":[{"type":"text","text":"Zeile 1\nZeile \"2\" – größer 🙂"},{"type":"html","text":"<p>Html email body</p>"}]}"#);
}

#[test]
fn a_request_carries_signature_trace_and_custom_headers() {
    let channel = channel(
        &json!({ "url": "hooks.company.com/sms?key=1" }),
        &json!("test-webhook-secret"),
    );
    let trace = TraceContext {
        trace_id: Some("05bb858a-3468-4c82-a8ce-3b1a9c4e4b67".to_owned()),
        traceparent: Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".to_owned()),
        b3: Some("80f198ee56343ba864fe8b2a57d3eff7-e457b5a2e4d86bd1-1".to_owned()),
    };
    let custom = [
        ("custom-header-for-async-1", "12345"),
        ("x-hub-signature", "sha1=0"),
        ("content-type", "text/plain"),
    ]
    .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
    let call = WebhookCall {
        trace: &trace,
        custom_headers: &custom,
        ..call(r#"{"messageId":"1613474523265-0"}"#)
    };
    let request = request(&channel, call);
    assert_eq!(request.method(), "POST");
    assert_eq!(
        request.url().as_str(),
        "https://hooks.company.com/sms?key=1"
    );
    let mut headers: Vec<String> = request
        .headers()
        .iter()
        .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()))
        .collect();
    headers.sort();
    insta::assert_snapshot!(headers.join("\n"), @r"
    b3: 80f198ee56343ba864fe8b2a57d3eff7-e457b5a2e4d86bd1-1
    content-type: application/json
    custom-header-for-async-1: 12345
    traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01
    x-b3-traceid: 05bb858a-3468-4c82-a8ce-3b1a9c4e4b67
    x-hub-signature: sha1=3239c5a26432c5959116d07c972583f10703a3de
    ");
}

fn asking(retry_after: Option<&str>) -> HeaderMap {
    let value = retry_after.and_then(|value| HeaderValue::from_str(value).ok());
    HeaderMap::from_iter(value.map(|value| (RETRY_AFTER, value)))
}

fn answered(status: u16, retry_after: Option<&str>, body: &str) -> Outcome {
    let answer = Answer {
        status,
        headers: asking(retry_after),
        body: Bytes::copy_from_slice(body.as_bytes()),
        truncated: false,
    };
    interpret(Ok(answer), NOW_MS, None)
}

#[test]
fn the_third_party_s_id_is_kept_where_it_gives_one() {
    let long = format!(r#"{{"messageId":"{}"}}"#, "x".repeat(256));
    let cases = [
        (
            r#"{"messageId":"1613474523265-0"}"#,
            Some("1613474523265-0"),
        ),
        (r#"{"other":1,"messageId":"f7acbac6"}"#, Some("f7acbac6")),
        (r#"{"messageId":17}"#, None),
        (r#"{"messageId":null}"#, None),
        (r#"{"messageId":""}"#, None),
        (r#"{"messageId":"a\nb"}"#, None),
        (r#"{"messageId":["a"]}"#, None),
        (r#"{"message_id":"a"}"#, None),
        (r#"["messageId"]"#, None),
        (r#"{"messageId":"cut"#, None),
        ("OK", None),
        ("", None),
        (&long, None),
    ];
    for status in [200, 201, 202, 204, 299] {
        for (body, id) in cases {
            let expected = Outcome::Accepted {
                provider_message_id: id.map(str::to_owned),
            };
            assert_eq!(answered(status, None, body), expected, "{body}");
        }
    }
}

#[test]
fn a_status_means_what_the_contract_says() {
    for status in [408, 425, 429, 500, 502, 503, 504, 599] {
        let outcome = answered(status, None, "{}");
        let retry = Outcome::Retry {
            reason: AttemptError::HttpStatus(status),
            after: None,
            endpoint_fault: true,
        };
        assert_eq!(outcome, retry);
    }
    let refusals = [
        (&[410][..], true, true),
        (
            &[301, 302, 304, 307, 308, 401, 403, 404, 405, 407],
            true,
            false,
        ),
        (
            &[400, 402, 406, 409, 411, 413, 415, 422, 451, 499],
            false,
            false,
        ),
    ];
    for (statuses, endpoint_fault, pause_endpoint) in refusals {
        for &status in statuses {
            let outcome = answered(status, Some("9"), "{}");
            let refused = Outcome::Refused {
                reason: ReasonCode::General,
                detail: AttemptError::HttpStatus(status),
                endpoint_fault,
                pause_endpoint,
            };
            assert_eq!(outcome, refused);
        }
    }
}

#[test]
fn a_third_party_may_say_when_to_come_again() {
    let waits = [
        (Some("7"), Some(7)),
        (Some("Tue, 24 Nov 2026 12:01:30 GMT"), Some(90)),
        (Some("86400"), Some(3_600)),
        (Some("soon"), None),
        (None, None),
    ];
    for (header, seconds) in waits {
        let outcome = answered(503, header, "");
        let retry = Outcome::Retry {
            reason: AttemptError::HttpStatus(503),
            after: seconds.map(Duration::from_secs),
            endpoint_fault: true,
        };
        assert_eq!(outcome, retry, "{header:?}");
    }
}

#[test]
fn a_failure_on_the_way_is_worth_another_attempt() {
    let failures = [
        (FailureKind::AddressRefused, AttemptError::AddressRefused),
        (FailureKind::Dns, AttemptError::Dns),
        (FailureKind::Connect, AttemptError::Connect),
        (
            FailureKind::Tls(TlsFault::Expired),
            AttemptError::Tls(TlsFault::Expired),
        ),
        (
            FailureKind::Timeout(TimeoutPhase::Connecting),
            AttemptError::Timeout,
        ),
        (
            FailureKind::Timeout(TimeoutPhase::Answer),
            AttemptError::Timeout,
        ),
        (
            FailureKind::Timeout(TimeoutPhase::AnswerBody),
            AttemptError::Timeout,
        ),
        (FailureKind::ConnectionLost, AttemptError::ConnectionLost),
        (FailureKind::BadAnswer, AttemptError::BadAnswer),
    ];
    for (kind, reason) in failures {
        for body_started in [false, true] {
            let failed = Err(ExchangeFailed { kind, body_started });
            let retry = Outcome::Retry {
                reason,
                after: None,
                endpoint_fault: true,
            };
            assert_eq!(interpret(failed, NOW_MS, None), retry);
        }
    }
}

#[test]
fn what_the_gate_stopped_was_not_started() {
    let failed = |kind| {
        Err(ExchangeFailed {
            kind,
            body_started: false,
        })
    };
    let why = NotStarted::Suppressed;
    let stopped = interpret(failed(FailureKind::GateRefused), NOW_MS, Some(why));
    assert_eq!(stopped, Outcome::NotStarted { why });
    let why = NotStarted::CheckFailed;
    let late = interpret(
        failed(FailureKind::Timeout(TimeoutPhase::Gate)),
        NOW_MS,
        None,
    );
    assert_eq!(late, Outcome::NotStarted { why });
    let silent = interpret(failed(FailureKind::GateRefused), NOW_MS, None);
    assert_eq!(silent, Outcome::NotStarted { why });
}

#[test]
fn a_request_that_cannot_be_written_is_refused() {
    let failed = Err(ExchangeFailed {
        kind: FailureKind::Unsendable,
        body_started: false,
    });
    let refused = Outcome::Refused {
        reason: ReasonCode::General,
        detail: AttemptError::BadRequest,
        endpoint_fault: true,
        pause_endpoint: false,
    };
    assert_eq!(interpret(failed, NOW_MS, None), refused);
}

proptest! {
    #[test]
    fn a_rendered_text_is_always_the_same_and_reads_back(text in any::<String>()) {
        for shape in [BodyShape::Single, BodyShape::Messages] {
            let body = rendered(&text, shape);
            prop_assert_eq!(&body, &rendered(&text, shape));
            let read: Value = serde_json::from_slice(&body).unwrap();
            let message = if shape == BodyShape::Single { &read } else { &read["messages"][0] };
            prop_assert_eq!(message["text"].as_str(), Some(&*text));
            prop_assert_eq!(message["channel"]["messageId"].as_str(), Some("1613474523265-0"));
        }
    }

    #[test]
    fn no_answer_is_a_panic(status in 0u16..1_000, header in ".{0,40}", body in any::<Vec<u8>>()) {
        let answer = Answer { status, headers: asking(Some(&header)), body: body.into(), truncated: true };
        let accepted = matches!(interpret(Ok(answer), NOW_MS, None), Outcome::Accepted { .. });
        prop_assert_eq!(accepted, (200..300).contains(&status));
    }
}
