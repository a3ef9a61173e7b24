use http_body_util::BodyExt;
use proptest::prelude::*;
use reqwest::header::{AUTHORIZATION, HeaderMap};
use serde_json::{Value, json};

use super::*;
use crate::connectors::outcome::{AttemptError, NotStarted, Outcome};
use crate::platform::outbound::{Answer, ExchangeFailed, FailureKind, TimeoutPhase};
use crate::values::{
    ChannelId, Content, Email, EmailPart, Media, MediaId, MediaUrl, MessageId, Party, ReasonCode,
};

const NOW_MS: i64 = 1_795_521_600_000;

fn settings(url: &str) -> PorticoSettings {
    PorticoSettings::parse(Some(url), &json!({}), &json!({})).unwrap()
}

fn party(address: &str, name: Option<&str>) -> Party {
    Party {
        address: address.parse().unwrap(),
        name: name.map(str::to_owned),
    }
}

fn request(url: &str, (from, to): (&str, &str), content: &Content) -> Option<Request> {
    let channel_id: ChannelId = "16504661149".parse().unwrap();
    let reply_to = party("case-7@company.com", None);
    let message = Outbound {
        unsubscribe_link: None,
        channel_id: &channel_id,
        from: &party(from, Some("Help")),
        to: &party(to, None),
        message_id: "1613474523265-0".parse::<MessageId>().unwrap(),
        reply_to: Some(&reply_to),
        is_bulk: false,
        content,
        link: &MediaId::reference,
    };
    build_request(&settings(url), &message, Box::pin(async { Ok(()) }))
}

async fn body(mut request: Request) -> Value {
    let body = request.body_mut().take().unwrap();
    serde_json::from_slice(&body.collect().await.unwrap().to_bytes()).unwrap()
}

fn text() -> Content {
    Content::Text("Your parcel is here 😀".to_owned())
}

fn mail(parts: Vec<EmailPart>) -> Content {
    Content::Email(Email {
        subject: "Your parcel".to_owned(),
        parts,
    })
}

#[tokio::test]
async fn a_text_goes_between_international_numbers_into_a_conversation_that_may_be_open() {
    let between = ("16504661149", "15555550100");
    let request = request("api.mypurecloud.com", between, &text()).unwrap();
    assert_eq!(request.method(), Method::POST);
    assert_eq!(
        request.url().as_str(),
        "https://api.mypurecloud.com/api/v2/conversations/messages/agentless"
    );
    assert_eq!(request.headers()[CONTENT_TYPE], "application/json");
    assert!(!request.headers().contains_key(AUTHORIZATION));
    assert_eq!(
        body(request).await,
        json!({
            "fromAddress": "+16504661149", "toAddress": "+15555550100",
            "toAddressMessengerType": "sms", "textBody": "Your parcel is here 😀",
            "useExistingActiveConversation": true,
        })
    );
}

#[tokio::test]
async fn a_short_code_has_no_plus() {
    let request = request(
        "https://host.example/below/",
        ("87767", "15555550100"),
        &text(),
    );
    let request = request.unwrap();
    assert_eq!(
        request.url().path(),
        "/below/api/v2/conversations/messages/agentless"
    );
    let body = body(request).await;
    assert_eq!(
        (&body["fromAddress"], &body["toAddress"]),
        (&json!("87767"), &json!("+15555550100"))
    );
}

#[tokio::test]
async fn a_mail_goes_to_one_person_with_text_and_html_beside_each_other() {
    let between = ("help@company.com", "jane@example.com");
    let content = mail(vec![
        EmailPart::Text("It is here.".to_owned()),
        EmailPart::Html("<p>It is <b>here</b>.</p>".to_owned()),
    ]);
    let request = request("https://host.example", between, &content).unwrap();
    assert_eq!(
        request.url().path(),
        "/api/v2/conversations/emails/agentless"
    );
    assert_eq!(
        body(request).await,
        json!({
            "senderType": "Outbound",
            "fromAddress": { "email": "help@company.com", "name": "Help" },
            "toAddresses": [{ "email": "jane@example.com" }],
            "replyToAddress": { "email": "case-7@company.com" },
            "subject": "Your parcel",
            "textBody": "It is here.",
            "htmlBody": "<p>It is <b>here</b>.</p>",
        })
    );
}

#[test]
fn what_is_longer_than_the_service_takes_is_told_apart_from_what_it_never_takes() {
    let text = |count| Content::Text("é".repeat(count));
    assert_eq!(refuses(&text(765)), None);
    assert!(matches!(refuses(&text(766)), Some(Refusal::TooLong(_))));
    let subject = |count| {
        Content::Email(Email {
            subject: "é".repeat(count),
            parts: vec![EmailPart::Text("Text".to_owned())],
        })
    };
    assert_eq!(refuses(&subject(400)), None);
    assert!(matches!(refuses(&subject(401)), Some(Refusal::TooLong(_))));
    let attachment = EmailPart::Attachment(Media {
        url: "https://company.com/terms.pdf".parse::<MediaUrl>().unwrap(),
        mime: None,
        filename: None,
    });
    let attached = mail(vec![attachment]);
    assert!(matches!(refuses(&attached), Some(Refusal::Unsupported(_))));
    let between = ("help@company.com", "jane@example.com");
    assert!(request("host.example", between, &attached).is_none());
}

fn answer(status: u16, body: &str) -> Answer {
    Answer {
        status,
        headers: HeaderMap::new(),
        body: Bytes::copy_from_slice(body.as_bytes()),
        truncated: false,
    }
}

fn said(status: u16, body: &str) -> Outcome {
    interpret(Ok(answer(status, body)), NOW_MS, None)
}

#[test]
fn every_success_with_an_id_is_one() {
    for status in [200, 201, 202] {
        let body = r#"{"id":"f1d2","conversationId":"c-1","message":{"status":"queued"}}"#;
        let accepted = Outcome::Accepted {
            provider_message_id: Some("f1d2".to_owned()),
        };
        assert_eq!(said(status, body), accepted);
    }
}

#[test]
fn a_success_that_cannot_be_read_may_have_sent_it() {
    let unknown = Outcome::Unknown {
        reason: AttemptError::BadAnswer,
    };
    for body in ["", "OK", "{}", r#"{"id":7}"#, r#"{"id":""}"#, r#"["f1d2"]"#] {
        assert_eq!(said(200, body), unknown, "{body}");
    }
    let cut = Answer {
        truncated: true,
        ..answer(200, r#"{"id":"f1d2"}"#)
    };
    assert_eq!(interpret(Ok(cut), NOW_MS, None), unknown);
}

#[test]
fn a_gateway_that_lost_the_answer_knows_no_more_than_we_do() {
    for status in [502, 504] {
        let unknown = Outcome::Unknown {
            reason: AttemptError::HttpStatus(status),
        };
        assert_eq!(said(status, ""), unknown);
    }
    assert!(matches!(said(503, ""), Outcome::Retry { .. }));
}

#[test]
fn wrong_credentials_and_roles_stop_the_lane_and_not_the_message() {
    for status in [401, 403] {
        let barred = Outcome::Barred {
            reason: AttemptError::Credentials,
            until: None,
        };
        assert_eq!(said(status, r#"{"code":"bad.credentials"}"#), barred);
    }
}

#[test]
fn a_message_that_is_refused_is_refused_alone() {
    let refused = Outcome::Refused {
        reason: ReasonCode::General,
        detail: AttemptError::HttpStatus(400),
        endpoint_fault: false,
        pause_endpoint: false,
    };
    assert_eq!(said(400, r#"{"code":"bad.request"}"#), refused);
}

#[test]
fn a_failure_before_the_first_byte_is_tried_again_and_one_after_it_is_not() {
    let failed = |body_started| {
        let kind = FailureKind::Timeout(TimeoutPhase::Answer);
        interpret(Err(ExchangeFailed { kind, body_started }), NOW_MS, None)
    };
    let reason = AttemptError::Timeout;
    assert_eq!(failed(true), Outcome::Unknown { reason });
    assert!(matches!(failed(false), Outcome::Retry { .. }));
    let gate = ExchangeFailed {
        kind: FailureKind::GateRefused,
        body_started: false,
    };
    let why = NotStarted::Suppressed;
    assert_eq!(
        interpret(Err(gate), NOW_MS, Some(why)),
        Outcome::NotStarted { why }
    );
}

proptest! {
    #[test]
    fn nothing_that_comes_back_makes_it_stumble(status: u16, body: Vec<u8>) {
        let answer = Answer { body: Bytes::from(body), ..answer(status, "") };
        let accepted = matches!(interpret(Ok(answer), NOW_MS, None), Outcome::Accepted { .. });
        prop_assert!((200..300).contains(&status) || !accepted);
    }
}
