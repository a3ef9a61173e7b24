use bytes::Bytes;
use http_body_util::BodyExt;
use proptest::prelude::*;
use reqwest::header::HeaderMap;
use serde_json::{Value, json};

use super::*;
use crate::connectors::outcome::{AttemptError, Outcome};
use crate::platform::outbound::Answer;
use crate::values::{
    ChannelId, Content, Email, EmailPart, Media, MediaId, MediaUrl, MessageId, Party, ReasonCode,
};

const NOW_MS: i64 = 1_795_521_600_000;
const FILE: &str = "bb4a9f86-dbbb-4464-a669-650da94fbad6";

fn settings(url: &str) -> SparkPostSettings {
    SparkPostSettings::parse(Some(url), &json!({}), &json!({ "apikey": "6f1c5c4e" })).unwrap()
}

fn party(address: &str, name: Option<&str>) -> Party {
    Party {
        address: address.parse().unwrap(),
        name: name.map(str::to_owned),
    }
}

fn file() -> StoredFile {
    StoredFile {
        id: FILE.parse().unwrap(),
        name: "terms.pdf".to_owned(),
        mimetype: "application/pdf".to_owned(),
        bytes: Bytes::from_static(b"%PDF-1.7"),
    }
}

fn attachment(url: &str) -> EmailPart {
    EmailPart::Attachment(Media {
        url: url.parse::<MediaUrl>().unwrap(),
        mime: None,
        filename: None,
    })
}

fn request(url: &str, content: &Content, is_bulk: bool) -> Option<Request> {
    let channel_id: ChannelId = "company.com".parse().unwrap();
    let reply_to = party("case-7@company.com", None);
    let message = Outbound {
        channel_id: &channel_id,
        from: &party("help@company.com", Some("Help")),
        to: &party("jane@example.com", Some("Jane Doe")),
        message_id: "1613474523265-0".parse::<MessageId>().unwrap(),
        reply_to: Some(&reply_to),
        is_bulk,
        unsubscribe_link: is_bulk.then_some("https://gateway.example.com/u/1"),
        content,
        link: &MediaId::reference,
    };
    let gate = Box::pin(async { Ok(()) });
    build_request(&settings(url), &message, &[file()], gate)
}

fn mail(parts: Vec<EmailPart>) -> Content {
    Content::Email(Email {
        subject: "Your {{parcel}}".to_owned(),
        parts,
    })
}

async fn body(mut request: Request) -> Value {
    let body = request.body_mut().take().unwrap();
    serde_json::from_slice(&body.collect().await.unwrap().to_bytes()).unwrap()
}

#[tokio::test]
async fn a_mail_is_a_transmission_to_one_person_under_our_id() {
    let content = mail(vec![
        EmailPart::Text("It is here.".to_owned()),
        EmailPart::Html("<p>It is <b>here</b>.</p>".to_owned()),
        attachment(&format!("genesys://nexus/{FILE}")),
    ]);
    let request = request("https://api.sparkpost.com/api/v1", &content, false).unwrap();
    assert_eq!(
        request.url().as_str(),
        "https://api.sparkpost.com/api/v1/transmissions"
    );
    assert_eq!(request.headers()[AUTHORIZATION], "6f1c5c4e");
    assert!(request.headers()[AUTHORIZATION].is_sensitive());
    assert_eq!(
        body(request).await,
        json!({
            "options": { "transactional": true, "perform_substitutions": false },
            "recipients": [{
                "address": { "email": "jane@example.com", "name": "Jane Doe" },
                "metadata": { "messageId": "1613474523265-0" },
            }],
            "content": {
                "from": { "email": "help@company.com", "name": "Help" },
                "subject": "Your {{parcel}}",
                "reply_to": "case-7@company.com",
                "text": "It is here.",
                "html": "<p>It is <b>here</b>.</p>",
                "attachments": [{ "name": "terms.pdf", "type": "application/pdf", "data": "JVBERi0xLjc=" }],
            },
        })
    );
}

#[tokio::test]
async fn a_mail_to_many_is_not_transactional_and_says_how_it_is_ended() {
    let content = mail(vec![EmailPart::Text("News".to_owned())]);
    let request = request("api.sparkpost.com", &content, true).unwrap();
    let body = body(request).await;
    assert_eq!(body["options"]["transactional"], json!(false));
    assert_eq!(
        body["content"]["headers"],
        json!({
            "List-Unsubscribe": "<https://gateway.example.com/u/1>",
            "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        })
    );
}

#[test]
fn the_path_of_the_api_is_added_once() {
    let content = mail(vec![EmailPart::Text("Hello".to_owned())]);
    for url in [
        "https://host.example",
        "https://host.example/",
        "https://host.example/api/v1",
        "https://host.example/api/v1/",
    ] {
        let request = request(url, &content, false).unwrap();
        assert_eq!(request.url().path(), "/api/v1/transmissions", "{url}");
    }
}

#[test]
fn there_is_no_transmission_of_what_is_no_mail_or_not_here() {
    let url = "https://host.example";
    assert!(request(url, &Content::Text("Hello".to_owned()), false).is_none());
    let elsewhere = mail(vec![attachment("https://company.com/terms.pdf")]);
    assert!(request(url, &elsewhere, false).is_none());
    let other = "genesys://nexus/0ff723ff-6c6f-44e0-9ce3-ce579337eadd";
    assert!(request(url, &mail(vec![attachment(other)]), false).is_none());
}

fn said(status: u16, body: &str) -> Outcome {
    let answer = Answer {
        status,
        headers: HeaderMap::new(),
        body: Bytes::copy_from_slice(body.as_bytes()),
        truncated: false,
    };
    interpret(Ok(answer), NOW_MS, None)
}

fn errors(code: &Value) -> String {
    json!({ "errors": [{ "message": "as documented", "code": code }] }).to_string()
}

fn refused(detail: AttemptError, reason: ReasonCode) -> Outcome {
    Outcome::Refused {
        reason,
        detail,
        endpoint_fault: false,
        pause_endpoint: false,
    }
}

#[test]
fn a_mail_is_accepted_where_its_recipient_was() {
    let accepted = r#"{"results":{"total_rejected_recipients":0,"total_accepted_recipients":1,"id":"11668787484950529"}}"#;
    assert_eq!(
        said(200, accepted),
        Outcome::Accepted {
            provider_message_id: Some("11668787484950529".to_owned())
        }
    );
    let rejected = r#"{"errors":[{"message":"created with errors","code":"2000"}],"results":{"total_accepted_recipients":0,"id":"1"}}"#;
    assert_eq!(
        said(200, rejected),
        refused(
            AttemptError::ProviderCode(2000),
            ReasonCode::InvalidDestination
        )
    );
    for unreadable in ["", "OK", "{}", "[]", r#"{"results":{"id":"1"}}"#] {
        let reason = AttemptError::BadAnswer;
        assert_eq!(
            said(200, unreadable),
            Outcome::Unknown { reason },
            "{unreadable}"
        );
    }
}

#[test]
fn every_class_of_errors_has_its_outcome() {
    let barred = |reason, until| Outcome::Barred { reason, until };
    let retry = |reason| Outcome::Retry {
        reason,
        after: None,
        endpoint_fault: true,
    };
    let general = |code| refused(AttemptError::ProviderCode(code), ReasonCode::General);
    for (status, code, expected) in [
        (401, Value::Null, barred(AttemptError::Credentials, None)),
        (403, json!("1100"), barred(AttemptError::Credentials, None)),
        (420, json!("2101"), barred(AttemptError::Quota, None)),
        (
            420,
            json!("2102"),
            barred(AttemptError::Quota, Some(NOW_MS + 3_600_000)),
        ),
        (
            420,
            json!(2105),
            barred(AttemptError::Quota, Some(NOW_MS + 3_600_000)),
        ),
        (400, json!("1502"), retry(AttemptError::ProviderCode(1502))),
        (503, json!("1900"), retry(AttemptError::ProviderCode(1900))),
        (429, Value::Null, retry(AttemptError::HttpStatus(429))),
        (500, json!("1500"), retry(AttemptError::HttpStatus(500))),
        (400, json!("7001"), general(7001)),
        (422, json!(1300), general(1300)),
        (
            422,
            Value::Null,
            refused(AttemptError::HttpStatus(422), ReasonCode::General),
        ),
    ] {
        assert_eq!(said(status, &errors(&code)), expected, "{status} {code}");
    }
}

proptest! {
    #[test]
    fn nothing_that_comes_back_makes_it_stumble(status: u16, body: Vec<u8>) {
        let answer = Answer { status, headers: HeaderMap::new(), body: Bytes::from(body), truncated: false };
        let outcome = interpret(Ok(answer), NOW_MS, None);
        let accepted = matches!(outcome, Outcome::Accepted { .. });
        prop_assert!((200..300).contains(&status) || !accepted);
    }
}
