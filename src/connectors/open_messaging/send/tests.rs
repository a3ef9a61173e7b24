use reqwest::header::HeaderMap;
use serde_json::{Value, json};

use super::*;
use crate::connectors::outcome::AttemptError;
use crate::values::{
    Address, Content, Email, EmailPart, Media, MediaId, MediaKind, MediaPart, MediaUrl, MessageId,
    ReasonCode, RichMedia,
};

const NOW_MS: i64 = 1_795_521_600_000;

fn settings(data: &Value) -> OpenMessagingSettings {
    let mut whole = json!({ "host": "mypurecloud.de", "integrationId": "a8e1c6f2" });
    for (name, value) in data.as_object().unwrap() {
        whole[name] = value.clone();
    }
    let secret = json!({ "clientId": "a", "clientSecret": "b", "webhookSecret": "c" });
    OpenMessagingSettings::parse(Some("api.mypurecloud.de"), &whole, &secret).unwrap()
}

fn bodies(data: &Value, content: &Content, name: Option<&str>) -> Vec<Value> {
    let address: Address = "15555550100".parse().unwrap();
    let message = Message {
        id: "1613474523265-0".parse::<MessageId>().unwrap(),
        consumer: Consumer {
            address: &address,
            name,
        },
        content,
    };
    let calls = message_calls(&settings(data), &message, &MediaId::reference);
    calls.iter().map(json_of).collect()
}

fn json_of(call: &Call) -> Value {
    serde_json::from_slice(&call.body).unwrap()
}

fn picture(url: &str) -> MediaPart {
    MediaPart {
        kind: MediaKind::Image,
        media: Media {
            url: url.parse::<MediaUrl>().unwrap(),
            mime: Some("image/png".to_owned()),
            filename: None,
        },
    }
}

#[test]
fn a_text_is_handed_in_under_our_id_and_the_time_it_came() {
    let said = bodies(
        &json!({}),
        &Content::Text("Hello".to_owned()),
        Some("Ann Lee"),
    );
    insta::assert_json_snapshot!(said, @r#"
    [
      {
        "channel": {
          "from": {
            "id": "15555550100",
            "idType": "Phone"
          },
          "messageId": "1613474523265-0",
          "time": "2021-02-16T11:22:03.265Z"
        },
        "text": "Hello"
      }
    ]
    "#);
}

#[test]
fn a_profile_and_attributes_go_along_where_the_service_says_so() {
    let data = json!({ "sendProfile": true, "customAttributes": { "queue": "sales" } });
    let said = bodies(
        &data,
        &Content::Text("Hello".to_owned()),
        Some("Ann Mary Lee"),
    );
    let channel = &said[0]["channel"];
    let name = json!({
        "id": "15555550100", "idType": "Phone", "nickname": "Ann Mary Lee", "firstName": "Ann Mary", "lastName": "Lee",
    });
    assert_eq!(channel["from"], name);
    let attributes = json!({ "customAttributes": { "queue": "sales" } });
    assert_eq!(channel["metadata"], attributes);
}

#[test]
fn each_further_file_is_a_message_of_its_own() {
    let content = Content::RichMedia(RichMedia {
        text: Some("Look".to_owned()),
        parts: vec![
            picture("https://a.com/1.png"),
            picture("https://a.com/2.png"),
        ],
    });
    let said = bodies(&json!({}), &content, None);
    let shown: Vec<_> = said
        .iter()
        .map(|body| {
            (
                body["channel"]["messageId"].as_str().unwrap(),
                body["text"].as_str(),
                body["content"][0]["attachment"]["url"].as_str().unwrap(),
            )
        })
        .collect();
    let expected = [
        ("1613474523265-0", Some("Look"), "https://a.com/1.png"),
        ("1613474523265-0.1", None, "https://a.com/2.png"),
    ];
    assert_eq!(shown, expected);
}

#[test]
fn a_mail_is_its_subject_and_its_plain_text() {
    let content = Content::Email(Email {
        subject: "My order".to_owned(),
        parts: vec![
            EmailPart::Html("<p>Where?</p>".to_owned()),
            EmailPart::Text("Where?".to_owned()),
        ],
    });
    let said = bodies(&json!({}), &content, None);
    assert_eq!(said[0]["text"], "My order\n\nWhere?");
}

#[test]
fn a_message_of_nothing_is_not_handed_in() {
    assert_eq!(
        bodies(&json!({}), &Content::Text(" ".to_owned()), None),
        [json!(null); 0]
    );
}

#[test]
fn receipts_say_what_became_of_an_agents_message_in_the_platforms_words() {
    let address: Address = "15555550100".parse().unwrap();
    let consumer = Consumer {
        address: &address,
        name: None,
    };
    let receipt = |fate| json_of(&receipt_call("0a1b", &consumer, fate, NOW_MS));
    let failed = receipt(Fate::Failed(Some(ReasonCode::NotAllowed)));
    assert_eq!(failed["id"], "0a1b");
    assert_eq!(failed["channel"]["to"]["id"], "15555550100");
    assert_eq!(failed["status"], "Failed");
    assert_eq!(failed["reasons"][0]["code"], "MessageNotAllowed");
    assert_eq!(failed["isFinalReceipt"], true);
    assert_eq!(receipt(Fate::Sent)["isFinalReceipt"], false);
    assert_eq!(receipt(Fate::Delivered)["status"], "Delivered");
    assert_eq!(receipt(Fate::Delivered).get("reasons"), None);
}

#[test]
fn a_call_goes_to_the_integrations_own_place() {
    let address: Address = "ann@company.com".parse().unwrap();
    let consumer = Consumer {
        address: &address,
        name: None,
    };
    let call = typing_call(&consumer, NOW_MS);
    assert_eq!(json_of(&call)["events"], json!([{ "eventType": "Typing" }]));
    assert_eq!(json_of(&call)["channel"]["from"]["idType"], "Email");
    let request = request(&settings(&json!({})), "a/b", &call).unwrap();
    assert_eq!(
        request.url().as_str(),
        "https://api.mypurecloud.de/api/v2/conversations/messages/a%2Fb/inbound/open/event"
    );
}

#[test]
fn what_is_there_already_was_taken() {
    let answer = |status| Answer {
        status,
        headers: HeaderMap::default(),
        body: Bytes::new(),
        truncated: false,
    };
    let class = |status| interpret(Ok(answer(status)), NOW_MS).class();
    assert_eq!(
        [200, 202, 409, 400, 429, 503].map(class),
        [
            "accepted", "accepted", "accepted", "refused", "retry", "retry"
        ]
    );
    let gone = interpret(Ok(answer(404)), NOW_MS);
    assert_eq!(gone.error(), Some(AttemptError::HttpStatus(404)));
}
