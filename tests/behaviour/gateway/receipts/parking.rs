//! Receipts that nobody waits for yet: kept within a limit, and given up after a week.

use std::time::Duration;

use futures_util::future::join_all;
use nexus_gateway::simulator::{Answer, Reply, text_message};
use serde_json::{Value, json};

use super::receipt;
use crate::harness::TestGateway;
use crate::harness::eventually::eventually;
use crate::harness::tenant::{CONSUMER, PHONE, SOON, Tenant};

/// A week and a moment.
const PAST_A_WEEK: Duration = Duration::from_secs(7 * 24 * 3_600 + 1);

async fn send(tenant: &Tenant, body: &[Value]) -> Reply {
    tenant.third_party.send(body).await.unwrap()
}

/// The texts of all messages that consumers have written.
async fn received(tenant: &Tenant) -> Vec<String> {
    let reply = tenant.get("/nexus/v3/messages?limit=500").await.json();
    let items = reply["data"]["items"].as_array().unwrap().clone();
    items
        .iter()
        .filter(|item| item["direction"] == "inbound")
        .map(|item| item["text"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn a_full_parking_place_refuses_a_body_whole_with_its_content_and_its_known_receipts() {
    let gateway = TestGateway::start_with(&[("RECEIPTS__PARKED_MAX", "2")]).await;
    let (tenant, neighbour) = (gateway.tenant().await, gateway.tenant().await);
    let sent = tenant.send(CONSUMER, "Hello").await;
    tenant.wait_for_status(&sent, "Sent").await;
    for id in ["early-1", "early-2"] {
        assert_eq!(tenant.receipt(id, "Delivered", None).await.status, 200);
    }
    let content = text_message(CONSUMER, PHONE, "theirs-1", "Are you there?");
    let (known, unknown) = (
        receipt(&sent, "Delivered", None),
        receipt("early-3", "Delivered", None),
    );

    for body in [
        vec![unknown.clone()],
        vec![known.clone(), unknown.clone()],
        vec![content.clone(), unknown.clone()],
        vec![unknown.clone(), known.clone(), content.clone()],
    ] {
        let refused = send(&tenant, &body).await;
        assert_eq!(
            (refused.status, &refused.json()["status"]["code"]),
            (429, &json!(310)),
            "{body:?}"
        );
        assert!(refused.header("retry-after").is_some());
    }
    assert!(received(&tenant).await.is_empty());
    assert_eq!(tenant.message(&sent).await["status"], "Sent");

    let known_again = send(&tenant, &[content.clone(), known]).await;
    assert_eq!(known_again.status, 200, "what is known needs no room");
    assert_eq!(received(&tenant).await, ["Are you there?"]);
    tenant.wait_for_status(&sent, "Delivered").await;
    assert_eq!(
        neighbour.receipt("early-3", "Delivered", None).await.status,
        200
    );
    let alone = send(
        &tenant,
        &[text_message(CONSUMER, PHONE, "theirs-2", "Hello?")],
    )
    .await;
    assert_eq!(alone.status, 200);
}

#[tokio::test]
async fn a_body_is_whole_or_not_there_also_where_many_fill_the_parking_place_at_once() {
    let gateway = TestGateway::start_with(&[("RECEIPTS__PARKED_MAX", "10")]).await;
    let tenant = gateway.tenant().await;
    let bodies = (0..60).map(|number| {
        let content = text_message(
            CONSUMER,
            PHONE,
            &format!("theirs-{number}"),
            &number.to_string(),
        );
        let early = receipt(&format!("early-{number}"), "Delivered", None);
        let tenant = &tenant;
        async move {
            (
                number.to_string(),
                send(tenant, &[content, early]).await.status,
            )
        }
    });
    let answers = join_all(bodies).await;
    let refused = send(&tenant, &[receipt("early-last", "Delivered", None)]).await;
    assert_eq!(refused.status, 429);

    let mut taken: Vec<String> = answers
        .into_iter()
        .filter(|(_, status)| *status == 200)
        .map(|(text, _)| text)
        .collect();
    let mut stored = received(&tenant).await;
    taken.sort_unstable();
    stored.sort_unstable();
    assert_eq!(stored, taken);
}

#[tokio::test]
async fn a_receipt_whose_message_never_became_known_is_given_up_after_a_week_and_told() {
    let gateway = TestGateway::start().await;
    let (tenant, neighbour) = (gateway.tenant().await, gateway.tenant().await);
    for id in ["nobodys-1", "nobodys-2"] {
        assert_eq!(tenant.receipt(id, "Delivered", None).await.status, 200);
    }
    gateway.clock.advance(Duration::from_secs(61));
    parked_gauge(&gateway, 2.0).await;
    gateway.clock.advance(PAST_A_WEEK);

    let events = "/nexus/v3/events?types=receipt.unmatched&wait=5";
    let told = eventually("both are told of", SOON, async || {
        let page = tenant.get(events).await.json();
        let items = page["data"]["items"].as_array()?.clone();
        (items.len() == 2).then_some(items)
    })
    .await;
    assert_eq!(told[0]["type"], "receipt.unmatched");
    let data = &told[0]["data"];
    assert_eq!(
        (
            &data["channelId"],
            &data["messageId"],
            &data["status"],
            &data["reasons"][0]["code"]
        ),
        (
            &json!(PHONE),
            &json!("nobodys-1"),
            &json!("Delivered"),
            &json!(512)
        )
    );
    assert!(told[0]["time"].as_str().unwrap() > "2026");
    let theirs = neighbour
        .get("/nexus/v3/events?types=receipt.unmatched")
        .await;
    assert_eq!(theirs.json()["data"]["items"], json!([]));
    gateway.clock.advance(Duration::from_secs(61));
    parked_gauge(&gateway, 0.0).await;

    gateway
        .third_party
        .answer_with([Answer::accept_as("nobodys-1")]);
    let id = tenant.send(CONSUMER, "Hello").await;
    tenant.wait_for_status(&id, "Sent").await;
    tenant.receipt("nobodys-1", "Failed", None).await;
    let message = super::with_receipts(&tenant, &id, 1).await;
    assert_eq!(
        message["status"], "Failed",
        "what was given up does not come back"
    );
}

/// Waits until the gauge of parked receipts says so.
async fn parked_gauge(gateway: &TestGateway, parked: f64) {
    let url = format!("{}/metrics", gateway.internal_url());
    let client = nexus_gateway::simulator::WireClient::new().unwrap();
    eventually("the gauge says so", SOON, async || {
        let page = client
            .send(
                reqwest::Method::GET,
                &url,
                reqwest::header::HeaderMap::new(),
                Vec::new(),
            )
            .await
            .unwrap();
        let text = String::from_utf8(page.body.to_vec()).unwrap();
        let value: f64 = text
            .lines()
            .find_map(|line| line.strip_prefix("nexus_gateway_receipts_parked "))?
            .parse()
            .ok()?;
        (value.to_bits() == parked.to_bits()).then_some(())
    })
    .await;
}
