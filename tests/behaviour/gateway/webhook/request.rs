//! What a webhook looks like.

use nexus_gateway::auth::signature::{sign_sha1, sign_sha256};
use nexus_gateway::simulator::{Answer, Received, Rule, ThirdParty, ThirdPartyOptions};
use reqwest::Method;
use reqwest::header::{HeaderMap, HeaderValue};
use serde_json::json;

use super::{attempts, item, save_service, submit};
use crate::harness::TestGateway;
use crate::harness::eventually::eventually;
use crate::harness::gateway::WEBHOOK_SECRET;
use crate::harness::tenant::{CONSUMER, PHONE, SOON, Tenant, text_to};

async fn sender(tenant: &Tenant, section: &str, options: &serde_json::Value) {
    let path = format!("/nexus/v3/provisioning/senders/{}/{section}", tenant.ccid);
    let saved = tenant.put(&path, options).await;
    assert_eq!(saved.status, 201, "{:?}", saved.json());
}

#[tokio::test]
async fn a_webhook_has_the_vendor_s_shape_and_a_signature_over_its_exact_bytes() {
    let gateway = TestGateway::start().await;
    let tenant = gateway.tenant().await;

    let id = tenant.send("+1 650-555-0199", "Größe „M“ 👍").await;

    let received = gateway.third_party.wait_for(1).await.remove(0);
    let body = format!(
        r#"{{"channel":{{"id":"{PHONE}","type":"sms","from":{{"id":"{PHONE}"}},"to":{{"id":"{CONSUMER}"}},"messageId":"{id}"}},"type":"Text","text":"Größe „M“ 👍"}}"#
    );
    assert_eq!(std::str::from_utf8(&received.body), Ok(body.as_str()));
    assert_eq!(
        (&received.method, received.uri.path()),
        (&Method::POST, "/webhook")
    );
    assert_eq!(received.header("content-type"), Some("application/json"));
    assert_eq!(
        received.header("content-length"),
        Some(body.len().to_string().as_str())
    );
    let agent = concat!("nexus-gateway/", env!("CARGO_PKG_VERSION"));
    assert_eq!(received.header("user-agent"), Some(agent));
    let signature = sign_sha1(WEBHOOK_SECRET.as_bytes(), &received.body);
    assert_eq!(received.header("x-hub-signature"), Some(signature.as_str()));
    assert_eq!(received.header("x-hub-signature-256"), None);
}

#[tokio::test]
async fn names_and_reply_to_are_passed_on() {
    let gateway = TestGateway::start().await;
    let tenant = gateway.tenant().await;
    let mut message = item(
        CONSUMER,
        "Hello",
        &json!({ "replyTo": { "id": "+1 650 466 1150", "name": "Sales" }, "metadata": { "a": 1 } }),
    );
    message["channel"]["from"]["name"] = json!("Company");
    message["channel"]["to"]["name"] = json!("Jane Roe");

    let id = submit(&tenant, &message).await;

    let received = gateway.third_party.wait_for(1).await.remove(0).json();
    assert_eq!(
        received["channel"],
        json!({
            "id": PHONE, "type": "sms", "messageId": id,
            "from": { "id": PHONE, "name": "Company" },
            "to": { "id": CONSUMER, "name": "Jane Roe" },
            "context": { "replyTo": { "id": "16504661150", "name": "Sales" } },
        })
    );
    assert_eq!(tenant.message(&id).await["metadata"], json!({ "a": 1 }));
}

#[tokio::test]
async fn a_channel_may_ask_for_the_wrapped_shape_and_for_both_signatures() {
    let gateway = TestGateway::start().await;
    let webhook = json!({ "bodyShape": "messages", "signatures": ["sha256", "sha1"] });
    let tenant = gateway.tenant_with(webhook).await;

    let id = tenant.send(CONSUMER, "Hello").await;

    let received = gateway.third_party.wait_for(1).await.remove(0);
    let body = received.json();
    assert_eq!(body.as_object().unwrap().len(), 1);
    assert_eq!(body["messages"].as_array().unwrap().len(), 1);
    assert_eq!(body["messages"][0]["channel"]["messageId"], id);
    assert_eq!(body["messages"][0]["text"], "Hello");
    let key = WEBHOOK_SECRET.as_bytes();
    let (sha1, sha256) = (
        sign_sha1(key, &received.body),
        sign_sha256(key, &received.body),
    );
    assert_eq!(received.header("x-hub-signature"), Some(sha1.as_str()));
    assert_eq!(
        received.header("x-hub-signature-256"),
        Some(sha256.as_str())
    );
}

#[tokio::test]
async fn custom_headers_are_those_of_the_section_that_sends() {
    let gateway = TestGateway::start().await;
    let tenant = gateway.tenant().await;
    let options =
        |team: &str| json!({ "channelId": PHONE, "header:X-Team": team, "header:x-route": "eu" });
    sender(&tenant, "chat.Main", &options("agents")).await;
    sender(&tenant, "cxc.Main", &options("campaigns")).await;

    tenant.send(CONSUMER, "Hello").await;
    for members in [
        json!({ "priority": "bulk" }),
        json!({ "campaignId": "spring" }),
    ] {
        submit(&tenant, &item("16505550188", "Offer", &members)).await;
    }

    let received = gateway.third_party.wait_for(3).await;
    for webhook in &received {
        let is_chat = webhook.json()["text"] == "Hello";
        let team = if is_chat { "agents" } else { "campaigns" };
        assert_eq!(webhook.header("x-team"), Some(team));
        assert_eq!(webhook.header("x-route"), Some("eu"));
    }
}

#[tokio::test]
async fn the_trace_of_a_submission_or_reply_goes_on_with_every_attempt() {
    let gateway = TestGateway::start().await;
    let tenant = gateway.tenant().await;
    gateway
        .third_party
        .answer_with([Rule::new(Answer::status(503)).times(1)]);
    let trace = [
        ("x-b3-traceid", "05bb858a-3468-4c82-a8ce-3b1a9c4e4b67"),
        (
            "traceparent",
            "00-05bb858a34684c82a8ce3b1a9c4e4b67-e457b5a2e4d86bd1-01",
        ),
        ("b3", "05bb858a34684c82a8ce3b1a9c4e4b67-e457b5a2e4d86bd1-1"),
    ];
    let mut headers = HeaderMap::new();
    headers.insert("x-api-key", tenant.key.parse().unwrap());
    headers.insert("x-ccid", tenant.ccid.to_string().parse().unwrap());
    headers.insert("content-type", HeaderValue::from_static("application/json"));
    for (name, value) in trace {
        headers.insert(name, HeaderValue::from_static(value));
    }
    let carries = |webhook: &Received| {
        for (name, value) in trace {
            assert_eq!(webhook.header(name), Some(value));
        }
    };

    let body = json!({ "messages": [text_to(CONSUMER, "Hello")] }).to_string();
    let submitted = call(&tenant, "/nexus/v3/messages", headers.clone(), body).await;
    assert_eq!(submitted, 202);
    gateway
        .third_party
        .wait_for(2)
        .await
        .iter()
        .for_each(carries);

    let said = tenant.consumer_says("16505550188", "Hello").await;
    let conversation = tenant.message(&said).await["conversationId"]
        .as_str()
        .unwrap()
        .to_owned();
    let path = format!("/nexus/v3/conversations/{conversation}/messages");
    let body = json!({ "type": "Text", "text": "Good day" }).to_string();
    assert_eq!(call(&tenant, &path, headers, body).await, 202);
    carries(&gateway.third_party.wait_for(3).await[2]);
}

async fn call(tenant: &Tenant, path: &str, headers: HeaderMap, body: String) -> u16 {
    let client = nexus_gateway::simulator::WireClient::new().unwrap();
    let url = format!("{}{path}", tenant.base_url);
    client
        .send(Method::POST, &url, headers, body)
        .await
        .unwrap()
        .status
}

#[tokio::test]
async fn each_attempt_is_signed_with_the_secret_then_in_force_over_the_same_bytes() {
    let gateway = TestGateway::start().await;
    // It checks no signature, so that it is not the one to decide here.
    let third_party = ThirdParty::start(ThirdPartyOptions::default())
        .await
        .unwrap();
    third_party.answer_with([Rule::new(Answer::status(503)).times(2)]);
    let webhook = json!({ "url": third_party.url(), "retry": { "scheduleSeconds": [600, 600] } });
    let tenant = gateway.tenant_with(webhook.clone()).await;
    let id = tenant.send(CONSUMER, "Hello").await;
    let attempted = async |times: usize| {
        eventually("the attempt is recorded", SOON, async || {
            (attempts(&tenant, &id).await.len() == times).then_some(())
        })
        .await;
    };

    attempted(1).await;
    save_service(&tenant, &webhook, &json!("second")).await;
    gateway.clock.advance(std::time::Duration::from_mins(10));
    attempted(2).await;
    let soon_past = nexus_gateway::platform::clock::rfc3339(gateway.clock.now_ms() + 1_000);
    let rotating = json!([{ "value": "third", "notAfter": soon_past }, { "value": "fourth" }]);
    save_service(&tenant, &webhook, &rotating).await;
    gateway.clock.advance(std::time::Duration::from_mins(10));
    tenant.wait_for_status(&id, "Sent").await;

    let received = third_party.requests();
    assert_eq!(received.len(), 3);
    for (webhook, secret) in received.iter().zip([WEBHOOK_SECRET, "second", "fourth"]) {
        assert_eq!(webhook.body, received[0].body);
        let signature = sign_sha1(secret.as_bytes(), &webhook.body);
        assert_eq!(webhook.header("x-hub-signature"), Some(signature.as_str()));
    }
}
