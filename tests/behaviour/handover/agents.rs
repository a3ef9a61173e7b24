//! What agents answer, on its way to consumers.

use nexus_gateway::simulator::agent_message;
use serde_json::{Value, json};

use super::Site;
use crate::harness::tenant::{CONSUMER, PHONE, SOON, texts};
use tokio::time::timeout;

#[tokio::test]
async fn an_answer_reaches_the_consumer_once_and_what_became_of_it_the_agent() {
    let site = Site::start().await;
    site.tenant
        .consumer_says(CONSUMER, "Where is my parcel?")
        .await;
    site.handed_in(1).await;
    let agents = site.agents().await;
    let first = agents.says("0a1b", CONSUMER, "On its way.").await.unwrap();
    assert_eq!(first.status, 200, "{first:?}");
    let again = agents.says("0a1b", CONSUMER, "On its way.").await.unwrap();
    assert_eq!(
        first.json(),
        again.json(),
        "the same id is the same message"
    );
    let id = first.json()["data"]["id"].as_str().unwrap().to_owned();
    site.tenant.wait_for_status(&id, "Sent").await;
    site.tenant.receipt(&id, "Delivered", None).await;
    let told = site.handed_in(3).await;
    let receipts: Vec<(&Value, &Value, &Value)> = told[1..]
        .iter()
        .map(|one| {
            (
                &one.body["id"],
                &one.body["status"],
                &one.body["isFinalReceipt"],
            )
        })
        .collect();
    let expected = [
        (&json!("0a1b"), &json!("Sent"), &json!(false)),
        (&json!("0a1b"), &json!("Delivered"), &json!(true)),
    ];
    assert_eq!(receipts, expected);
    assert_eq!(
        texts(&site.gateway.third_party.wait_for(1).await),
        ["On its way."]
    );
    let message = site.tenant.message(&id).await;
    assert_eq!(message["channel"]["messageId"], "open-messaging:0a1b");
    assert!(message["conversationId"].is_string(), "{message}");
}

#[tokio::test]
async fn an_agent_may_speak_first_where_one_number_is_handed_over() {
    let site = Site::start().await;
    let agents = site.agents().await;
    let taken = agents
        .says("0a1b", CONSUMER, "Hello from us")
        .await
        .unwrap();
    assert_eq!(taken.status, 200, "{taken:?}");
    let waiting = site.gateway.third_party.wait_for(1);
    let received = timeout(SOON, waiting).await.unwrap();
    assert_eq!(texts(&received), ["Hello from us"]);
}

#[tokio::test]
async fn an_answer_to_somebody_who_has_opted_out_is_refused_for_good() {
    let site = Site::start().await;
    site.tenant.consumer_says(CONSUMER, "STOP").await;
    let agents = site.agents().await;
    let refused = agents.says("0a1b", CONSUMER, "But wait").await.unwrap();
    assert!((400..500).contains(&refused.status), "{refused:?}");
    assert_eq!(refused.json()["status"]["code"], 350);
}

#[tokio::test]
async fn what_says_nothing_is_answered_and_changes_nothing() {
    let site = Site::start().await;
    let agents = site.agents().await;
    let mut typing = agent_message("0a1b", CONSUMER, "");
    typing["type"] = json!("Event");
    typing["events"] =
        json!([{ "eventType": "Typing", "typing": { "type": "On", "duration": 5000 } }]);
    let mut receipt = agent_message("0a1c", CONSUMER, "");
    receipt["type"] = json!("Receipt");
    for body in [typing, receipt] {
        let taken = agents.call(&body).await.unwrap();
        assert_eq!(
            (taken.status, taken.json()),
            (200, json!({ "status": { "code": 0 } }))
        );
    }
    let found = site
        .tenant
        .get(&format!("/nexus/v3/messages?channelId={PHONE}"))
        .await;
    assert_eq!(found.json()["data"]["items"], json!([]));
}

#[tokio::test]
async fn a_message_that_cannot_be_sent_on_is_refused_with_its_place() {
    let site = Site::start().await;
    let agents = site.agents().await;
    for (change, status, place) in [
        (json!({ "type": "Poll" }), 400, "/type"),
        (
            json!({ "channel": { "to": { "id": "an agent" } } }),
            400,
            "/channel/to/id",
        ),
        (json!({ "id": "" }), 400, "/id"),
    ] {
        let mut body = agent_message("0a1b", CONSUMER, "Hi");
        for (name, value) in change.as_object().unwrap() {
            body[name] = value.clone();
        }
        let refused = agents.call(&body).await.unwrap();
        assert_eq!(refused.status, status, "{change}");
        assert_eq!(refused.json()["status"]["details"][0]["path"], place);
    }
    let other = agents.says("0a1b", CONSUMER, "One").await.unwrap();
    assert_eq!(other.status, 200);
    let conflict = agents.says("0a1b", CONSUMER, "Another").await.unwrap();
    assert_eq!(conflict.status, 409, "{conflict:?}");
}

#[tokio::test]
async fn only_the_integration_of_the_tenant_itself_is_listened_to() {
    let site = Site::start().await;
    let agents = site.agents().await;
    let body = agent_message("0a1b", CONSUMER, "Hi").to_string();
    let right = agents.signature(body.as_bytes());
    let digest = right.strip_prefix("sha256=").unwrap();
    for wrong in [
        String::new(),
        "sha256=".to_owned(),
        digest.to_owned(),
        format!("sha1={digest}"),
        format!("sha256={}", "0".repeat(64)),
    ] {
        let refused = agents.call_signed(body.clone(), &wrong).await.unwrap();
        assert_eq!(refused.status, 401, "{wrong}");
    }
    let mut elsewhere = agents.clone();
    let neighbour = site.gateway.tenant().await.ccid.to_string();
    elsewhere.url = agents
        .url
        .replace(&site.tenant.ccid.to_string(), &neighbour);
    let foreign = elsewhere.call_signed(body.clone(), &right).await.unwrap();
    elsewhere.url = agents.url.replace(&site.tenant.ccid.to_string(), "nobody");
    let absent = elsewhere.call_signed(body.clone(), &right).await.unwrap();
    assert_eq!((foreign.status, absent.status), (401, 401));
    assert_eq!(foreign.json(), absent.json(), "who is there is not told");
    let taken = agents.call_signed(body, &right).await.unwrap();
    assert_eq!(taken.status, 200, "{taken:?}");
}
