//! Services of providers: checked when they are saved, and missed where a channel is to be sent for without them.

use serde_json::{Value, json};

use crate::harness::TestGateway;
use crate::harness::tenant::{PHONE, text_to};
use crate::provisioning::api::{Holder, new_ccid};

#[tokio::test]
async fn a_channel_whose_providers_service_is_missing_says_so_and_queues_nothing() {
    let gateway = TestGateway::start().await;
    let tenant = gateway.tenant().await;
    let operator = Holder::bootstrap(&gateway);
    let conversation = {
        tenant.consumer_says("16505550199", "Hello").await;
        let open = tenant.get("/nexus/v3/conversations").await.json();
        open["data"]["items"][0]["id"].as_str().unwrap().to_owned()
    };
    let section = format!("senders/{}/chat.Main", tenant.ccid);
    let cannot = "the tenant has no mGageSMS service, which is to send for it";
    let put = operator
        .put(
            &section,
            &json!({ "channelId": PHONE, "provider": "mGage" }),
        )
        .await;
    assert_eq!(put.accepted(201).data()["cannotSend"], cannot);
    assert_eq!(
        operator.get(&section).await.accepted(200).data()["cannotSend"],
        cannot
    );
    let listed = operator.get(&format!("senders/{}", tenant.ccid)).await;
    assert_eq!(
        listed.accepted(200).data()["items"][0]["cannotSend"],
        cannot
    );

    let submitted = tenant.submit("16505550100", "Hello").await;
    assert_eq!(submitted.status, 422, "{submitted:?}");
    let error = submitted.json()["data"]["results"][0]["error"].clone();
    assert_eq!(error, json!({ "code": 422, "message": cannot }));
    let replied = tenant
        .post(
            &format!("/nexus/v3/conversations/{conversation}/messages"),
            &json!({ "type": "Text", "text": "Hello" }),
        )
        .await;
    assert_eq!(replied.status, 422, "{replied:?}");
    let message = replied.json()["status"]["message"].to_string();
    assert!(message.contains(cannot), "{message}");
    let sent = tenant.get("/nexus/v3/messages").await.json();
    let outbound = sent["data"]["items"].as_array().unwrap().iter();
    assert_eq!(
        outbound
            .filter(|item| item["direction"] == "outbound")
            .count(),
        0
    );

    operator
        .put(
            &section,
            &json!({ "channelId": PHONE, "provider": "Async" }),
        )
        .await
        .accepted(200);
    let items = json!({ "messages": [text_to("16505550100", "Hello")] });
    assert_eq!(tenant.post("/nexus/v3/messages", &items).await.status, 202);
}

#[tokio::test]
async fn what_a_providers_service_cannot_mean_is_named_with_its_place() {
    let gateway = TestGateway::start().await;
    let operator = Holder::bootstrap(&gateway);
    let ccid = new_ccid();
    let key = json!({ "apikey": "k" });
    let client = json!({ "clientId": "i", "clientSecret": "s" });
    let cases: [(&str, Value, &[&str]); 7] = [
        (
            "SparkPostEmail",
            json!({ "url": "N/A", "data": {}, "secret": key }),
            &["/url"],
        ),
        (
            "SparkPostEmail",
            json!({ "url": "http://127.0.0.2", "data": {}, "secret": key }),
            &[],
        ),
        (
            "SparkPostEmail",
            json!({ "url": "http://10.0.0.1", "data": {}, "secret": key }),
            &["/url"],
        ),
        (
            "SparkPostEmail",
            json!({ "url": "ftp://a.com", "data": { "unknownPolicy": "x" }, "secret": { "apiKey": "k" } }),
            &["/data/unknownPolicy", "/secret/apiKey", "/url"],
        ),
        (
            "mGageSMS",
            json!({ "url": "a.com", "data": { "retry": {} }, "secret": { "username": "u" } }),
            &["/data/retry", "/secret"],
        ),
        (
            "PorticoSMS",
            json!({ "url": "a.com", "data": {}, "secret": client }),
            &["/secret/clientId"],
        ),
        (
            "OpenMessaging",
            json!({
                "url": "a.com", "data": { "loginUrl": "http://192.168.0.1", "integrationId": "i" },
                "secret": { "clientId": "i", "clientSecret": "s", "webhookSecret": "w" },
            }),
            &["/data/loginUrl"],
        ),
    ];
    for (name, body, places) in cases {
        let reply = operator
            .put(&format!("services/{ccid}/{name}"), &body)
            .await;
        if places.is_empty() {
            reply.accepted(201);
        } else {
            reply.refused_at(places);
        }
    }
    let listed = operator.get(&format!("services/{ccid}")).await;
    assert_eq!(listed.data()["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn every_service_keeps_its_secrets_behind_masks() {
    let gateway = TestGateway::start().await;
    let operator = Holder::bootstrap(&gateway);
    let ccid = new_ccid();
    let open_messaging = json!({
        "url": "https://api.mypurecloud.de",
        "data": { "host": "mypurecloud.de", "integrationName": "Nexus", "customAttributes": { "team": "blue" } },
        "secret": { "clientId": "the id", "clientSecret": "the secret", "webhookSecret": "the key" },
    });
    let place = format!("services/{ccid}/OpenMessaging");
    let made = operator.put(&place, &open_messaging).await;
    let secret = made.accepted(201).data()["secret"].clone();
    assert_eq!(
        secret,
        json!({ "clientId": "********", "clientSecret": "********", "webhookSecret": "********" })
    );
    let mut again = open_messaging.clone();
    again["secret"] = secret;
    again["data"]["sendProfile"] = json!(true);
    let kept = operator.put(&place, &again).await;
    assert_eq!(kept.accepted(200).data()["data"]["sendProfile"], true);
    again["secret"]["webhookSecrets"] = json!("********");
    operator
        .put(&place, &again)
        .await
        .refused_at(&["/secret/webhookSecrets"]);
}
