//! Mails of consumers that SparkPost's relay webhooks hand in.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use nexus_gateway::simulator::{Reply, WireClient};
use reqwest::Method;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use serde_json::{Value, json};

use super::carrier::{SPARKPOST, Site};

const PICTURE: &[u8] = b"\x89PNG\r\n\x1a\n and the rest";

async fn post_to(url: &str, authorization: Option<&str>, body: &Value) -> Reply {
    let mut headers = HeaderMap::new();
    headers.insert("content-type", HeaderValue::from_static("application/json"));
    if let Some(value) = authorization {
        headers.insert(AUTHORIZATION, value.parse().unwrap());
    }
    let client = WireClient::new().unwrap();
    let sent = client.send(Method::POST, url, headers, body.to_string());
    sent.await.unwrap()
}

fn relayed(to: &str, mail: &str) -> Value {
    json!([{ "msys": { "relay_message": {
        "webhook_id": "4839", "protocol": "smtp", "rcpt_to": to,
        "friendly_from": "jane@example.com", "msg_from": "bounces@example.com",
        "content": { "subject": "not this one", "email_rfc822": mail, "email_rfc822_is_base64": false },
    } } }])
}

async fn relay(site: &Site, to: &str, mail: &str) -> Reply {
    post_to(&site.callback_url().await, None, &relayed(to, mail)).await
}

fn plain(id: &str, header: &str, text: &str) -> String {
    format!(
        "From: Jane <jane@example.com>\r\nTo: help@company.com\r\nMessage-ID: <{id}@example.com>\r\n\
         Subject: Opening hours\r\n{header}\r\n{text}"
    )
}

async fn received(site: &Site, count: usize) -> Vec<Value> {
    let events = site.tenant.events("message.received", count).await;
    events
        .into_iter()
        .map(|event| event["data"].clone())
        .collect()
}

#[tokio::test]
async fn a_mail_is_received_once_and_answered_through_sparkpost() {
    let site = SPARKPOST.site().await;
    let mail = plain("1", "", "Is it open today?");
    for _ in 0..3 {
        let taken = relay(&site, "help@company.com", &mail).await;
        assert_eq!(taken.status, 200, "{taken:?}");
    }
    let [message] = received(&site, 1).await.try_into().unwrap();
    assert_eq!(message["type"], "Email");
    assert_eq!(message["subject"], "Opening hours");
    assert_eq!(
        message["content"],
        json!([{ "type": "text", "text": "Is it open today?" }])
    );
    let channel = &message["channel"];
    assert_eq!(
        channel["from"],
        json!({ "id": "jane@example.com", "name": "Jane" })
    );
    assert_eq!(channel["to"]["id"], "help@company.com");

    let conversation = message["conversationId"].as_str().unwrap();
    let path = format!("/nexus/v3/conversations/{conversation}/messages");
    let reply = json!({ "type": "Email", "subject": "Re: Opening hours", "content": [{ "type": "text", "text": "Until six" }] });
    let replied = site.tenant.post(&path, &reply).await;
    assert_eq!(replied.status, 202, "{replied:?}");
    let [sent] = site.provider.wait_for(1).await.try_into().unwrap();
    let sent = sent.json();
    assert_eq!(
        sent["recipients"][0]["address"]["email"],
        "jane@example.com"
    );
    assert_eq!(sent["content"]["text"], "Until six");

    // To another address of the domain it is another message.
    assert_eq!(relay(&site, "sales@company.com", &mail).await.status, 200);
    assert_eq!(received(&site, 2).await.len(), 2);
}

#[tokio::test]
async fn what_is_in_a_mail_is_stored_and_what_is_not_taken_is_named() {
    let site = SPARKPOST.site().await;
    let picture = BASE64_STANDARD.encode(PICTURE);
    let mail = format!(
        "From: jane@example.com\r\nMessage-ID: <2@example.com>\r\nSubject: =?UTF-8?B?R3LDvMOfZQ==?=\r\n\
         Content-Type: multipart/mixed; boundary=b\r\n\r\n\
         --b\r\nContent-Type: multipart/alternative; boundary=c\r\n\r\n\
         --c\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nGr=C3=BC=C3=9Fe\r\n\
         --c\r\nContent-Type: text/html\r\n\r\n<p>Hi</p>\r\n--c--\r\n\
         --b\r\nContent-Type: image/png; name=a.png\r\nContent-Transfer-Encoding: base64\r\n\r\n{picture}\r\n\
         --b\r\nContent-Type: application/x-msdownload\r\nContent-Disposition: attachment; filename=run.exe\r\n\r\nMZ\r\n--b--\r\n"
    );
    let base64 = json!([{ "msys": { "relay_message": {
        "rcpt_to": "help@company.com", "friendly_from": "jane@example.com", "msg_from": "jane@example.com",
        "content": { "email_rfc822": BASE64_STANDARD.encode(&mail), "email_rfc822_is_base64": true },
    } } }]);
    let taken = post_to(&site.callback_url().await, None, &base64).await;
    assert_eq!(taken.status, 200, "{taken:?}");
    assert_eq!(relay(&site, "help@company.com", &mail).await.status, 200);

    let [message] = received(&site, 1).await.try_into().unwrap();
    assert_eq!(message["subject"], "Gr\u{fc}\u{df}e");
    let content = message["content"].as_array().unwrap();
    assert_eq!(
        content[0],
        json!({ "type": "text", "text": "Gr\u{fc}\u{df}e" })
    );
    assert_eq!((&content[1]["type"], content.len()), (&json!("html"), 4));
    assert_eq!(
        content[2],
        json!({ "type": "text", "text": "[Not taken: run.exe]" })
    );
    assert_eq!(content[3]["filename"], "a.png");
    let url = content[3]["url"].as_str().unwrap();
    let id = url.strip_prefix("genesys://nexus/").unwrap();
    let file = site.tenant.get(&format!("/nexus/v3/media/{id}")).await;
    assert_eq!((file.status, &file.body[..]), (200, PICTURE));
}

#[tokio::test]
async fn who_writes_stop_in_a_mail_gets_nothing_more() {
    let site = SPARKPOST.site().await;
    assert_eq!(
        relay(&site, "help@company.com", &plain("3", "", "Stop."))
            .await
            .status,
        200
    );
    let refused = site.submit("are you still there?").await.json();
    assert_eq!(refused["data"]["results"][0]["error"]["code"], 350);
}

#[tokio::test]
async fn what_a_program_wrote_is_answered_and_passed_over() {
    let site = SPARKPOST.site().await;
    let away = plain("4", "Auto-Submitted: auto-replied\r\n", "I am away");
    assert_eq!(relay(&site, "help@company.com", &away).await.status, 200);
    assert_eq!(
        relay(&site, "help@company.com", &plain("5", "", "I am here"))
            .await
            .status,
        200
    );
    let messages = received(&site, 1).await;
    assert_eq!(messages.len(), 1);
    assert_eq!(messages[0]["content"][0]["text"], "I am here");
}

#[tokio::test]
async fn sparkpost_may_show_a_key_instead_of_a_token() {
    let site = SPARKPOST.site().await;
    let ccid = site.tenant.ccid.to_string();
    let url = |ccid: &str| format!("{}/nexus/v3/callbacks/sparkpost/{ccid}", site.gateway.url());
    let basic = |user: &str, key: &str| {
        format!("Basic {}", BASE64_STANDARD.encode(format!("{user}:{key}")))
    };
    let good = basic(&ccid, &site.tenant.key);
    let mail = relayed("help@company.com", &plain("6", "", "Hello"));
    let taken = post_to(&url(&ccid), Some(&good), &mail).await;
    assert_eq!(taken.status, 200, "{taken:?}");
    assert_eq!(received(&site, 1).await.len(), 1);
    let trial = post_to(&url(&ccid), Some(&good), &json!([{ "msys": {} }])).await;
    assert_eq!(trial.status, 200);

    let reader = site.tenant.limited_to(&["nexus:messages:read"]).await;
    let other = site.gateway.tenant().await;
    for (place, authorization, status) in [
        (ccid.as_str(), None, 401),
        (
            &ccid,
            Some(basic(&ccid, "5f0c8e1a-9d3b-4c57-8a55-3f2b7a9d1c99")),
            401,
        ),
        (&ccid, Some(basic(&ccid, &reader.key)), 403),
        (&ccid, Some(basic(&other.ccid.to_string(), &other.key)), 403),
        (&other.ccid.to_string(), Some(good.clone()), 403),
        ("nobody", Some(good.clone()), 404),
    ] {
        let refused = post_to(&url(place), authorization.as_deref(), &mail).await;
        assert_eq!(refused.status, status, "{place}: {refused:?}");
    }
}

#[tokio::test]
async fn what_cannot_be_taken_is_named() {
    let site = SPARKPOST.site().await;
    let mail = plain("7", "", "Hello");
    let elsewhere = relay(&site, "help@elsewhere.com", &mail).await;
    assert_eq!(
        (elsewhere.status, &elsewhere.json()["status"]["code"]),
        (400, &json!(530))
    );
    let headless = relay(&site, "help@company.com", "").await;
    assert_eq!(
        (headless.status, &headless.json()["status"]["code"]),
        (400, &json!(520))
    );
}
