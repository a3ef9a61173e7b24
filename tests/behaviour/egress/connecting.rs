//! What is refused when a connection is made: names are judged by what they lead to at that moment.

use std::net::{IpAddr, Ipv4Addr};

use futures_util::FutureExt;
use nexus_gateway::simulator::{Answer, Rule};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::addresses::forbidden;
use super::doors::{channel_id, webhooks};
use crate::harness::TestGateway;
use crate::harness::eventually::eventually;
use crate::harness::name_server::NameServer;
use crate::harness::tenant::{CONSUMER, PHONE, SOON, Tenant, text_to};

const ALLOWED: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
/// Also this machine, but not in the network that is allowed.
const FORBIDDEN: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2));

/// A gateway that asks this name server and may connect to 127.0.0.1, where its third party is, and nowhere else inside.
async fn gateway(names: &NameServer, allowed: &str) -> TestGateway {
    let names = names.address.to_string();
    TestGateway::start_with(&[
        ("OUTBOUND__NAME_SERVERS", &names),
        ("OUTBOUND__ALLOW_NETWORKS", allowed),
        ("WEBHOOK__RETRY_SCHEDULE_SECONDS", "0.05,600"),
    ])
    .await
}

async fn tenant_with_webhook(gateway: &TestGateway, host: &str) -> Tenant {
    let port = gateway.third_party.address().port();
    gateway
        .tenant_with(json!({ "url": format!("http://{host}:{port}/webhook") }))
        .await
}

/// Somebody who listens where the third party does, at the forbidden address.
async fn canary(gateway: &TestGateway) -> TcpListener {
    let port = gateway.third_party.address().port();
    TcpListener::bind((FORBIDDEN, port)).await.unwrap()
}

fn was_left_alone(canary: &TcpListener) -> bool {
    canary.accept().now_or_never().is_none()
}

/// The errors of a message's attempts, as soon as there are so many.
pub(super) async fn errors(tenant: &Tenant, id: &str, count: usize) -> Vec<Value> {
    let path = format!("/nexus/v3/messages/{id}/attempts");
    eventually("the attempts are on record", SOON, async || {
        let reply = tenant.get(&path).await.json();
        let items = reply["data"]["items"].as_array()?.clone();
        let errors = items.iter().map(|attempt| attempt["error"].clone());
        (items.len() >= count).then(|| errors.collect())
    })
    .await
}

async fn tested(tenant: &Tenant) -> Value {
    let endpoint = tenant.endpoint().await["id"].as_str().unwrap().to_owned();
    let path = format!("/nexus/v3/endpoints/{endpoint}/test");
    tenant.post(&path, &json!({})).await.json()["data"].clone()
}

#[tokio::test]
async fn a_name_that_leads_to_any_forbidden_address_is_refused_without_saying_why() {
    let names = NameServer::start().await;
    let gateway = gateway(&names, "").await;
    let addresses = forbidden();
    let urls: Vec<String> = (0..addresses.len())
        .map(|number| format!("http://host-{number}.example/hook"))
        .collect();
    for (number, address) in addresses.iter().enumerate() {
        names.says(&format!("host-{number}.example"), &[*address]);
    }
    let tenant = Tenant::provision(&gateway.url(), "https://example.com", &json!({})).await;
    let path = format!("/nexus/v3/provisioning/services/{}/Async", tenant.ccid);
    assert_eq!(tenant.put(&path, &webhooks(&urls)).await.status, 200);

    let message = |number| {
        let mut item = text_to(CONSUMER, "Hi");
        item["channel"]["from"]["id"] = json!(channel_id(number));
        item
    };
    let items: Vec<Value> = (0..addresses.len()).map(message).collect();
    let sent = tenant
        .post("/nexus/v3/messages", &json!({ "messages": items }))
        .await;
    assert_eq!(sent.status, 202, "{:?}", sent.json());
    let sent = sent.json();
    let results = sent["data"]["results"].as_array().unwrap();
    for (result, address) in results.iter().zip(&addresses) {
        let id = result["id"].as_str().unwrap();
        let errors = errors(&tenant, id, 1).await;
        assert_eq!(errors[0], "address_refused", "{address}");
    }
    let last = results[results.len() - 1]["id"].as_str().unwrap();
    let path = format!("/nexus/v3/messages/{last}/explain");
    let explained = tenant.get(&path).await.json()["data"].to_string();
    assert!(explained.contains("settings"), "{explained}");
    let address = addresses[addresses.len() - 1].to_string();
    assert!(!explained.contains(&address), "{explained}");
}

#[tokio::test]
async fn a_name_that_turns_inside_is_not_followed_by_messages_nor_by_tests() {
    let names = NameServer::start().await;
    let gateway = gateway(&names, "127.0.0.1/32").await;
    let canary = canary(&gateway).await;
    names.says("turning.example", &[ALLOWED]);
    let tenant = tenant_with_webhook(&gateway, "turning.example").await;
    let id = tenant.send(CONSUMER, "before").await;
    tenant.wait_for_status(&id, "Sent").await;

    names.says("turning.example", &[FORBIDDEN]);
    // The connection that is open ends, so that the next attempt has to ask again.
    gateway.third_party.answer_with([Rule::new(Answer::Reset)]);
    let id = tenant.send(CONSUMER, "after").await;
    assert_eq!(
        errors(&tenant, &id, 2).await,
        ["connection_lost", "address_refused"]
    );
    let tested = tested(&tenant).await;
    assert_eq!(tested["error"], "address_refused");
    assert!(
        !tested.to_string().contains(&FORBIDDEN.to_string()),
        "{tested}"
    );
    assert!(was_left_alone(&canary));
}

#[tokio::test]
async fn of_a_mixed_answer_only_what_is_allowed_is_tried() {
    let names = NameServer::start().await;
    let gateway = gateway(&names, "127.0.0.1/32").await;
    let canary = canary(&gateway).await;
    let inside = "169.254.169.254".parse().unwrap();
    names.says(
        "mixed.example",
        &[FORBIDDEN, inside, ALLOWED, "fd00:ec2::254".parse().unwrap()],
    );
    let tenant = tenant_with_webhook(&gateway, "mixed.example").await;
    let id = tenant.send(CONSUMER, "Hi").await;
    tenant.wait_for_status(&id, "Sent").await;
    assert_eq!(gateway.third_party.count(), 1);
    assert!(was_left_alone(&canary));
}

#[tokio::test]
async fn what_a_message_refers_to_is_handed_on_and_never_fetched() {
    let names = NameServer::start().await;
    let gateway = gateway(&names, "127.0.0.1/32").await;
    let canary = canary(&gateway).await;
    let tenant = gateway.tenant().await;
    let url = format!("http://{}/secret.png", canary.local_addr().unwrap());
    let mut item = text_to(CONSUMER, "Look");
    item["type"] = json!("RichMedia");
    item["content"] = json!([{ "type": "image", "url": url }]);
    let sent = tenant
        .post("/nexus/v3/messages", &json!({ "messages": [item] }))
        .await;
    let id = sent.json()["data"]["results"][0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    tenant.wait_for_status(&id, "Sent").await;
    let received = gateway.third_party.requests();
    assert_eq!(received[0].json()["content"][0]["url"], url.as_str());
    assert_eq!(received[0].json()["channel"]["from"]["id"], PHONE);
    assert!(was_left_alone(&canary));
}
