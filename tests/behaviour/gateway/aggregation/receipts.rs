//! What becomes of the service's receipts.

use nexus_gateway::receipts::model::receipt_key;
use nexus_gateway::simulator::{Answer, CallShape, Rule};
use nexus_gateway::values::MessageId;
use serde_json::{Value, json};

use super::{events, parked, service};
use crate::harness::TestGateway;
use crate::harness::eventually::eventually;
use crate::harness::tenant::{CONSUMER, SOON, Tenant};

/// A message that is sent, and whose answer gave it no other id.
async fn sent(tenant: &Tenant) -> String {
    let id = tenant.send(CONSUMER, "Your order is on its way").await;
    tenant.wait_for_status(&id, "Sent").await;
    id
}

/// The last entry of a message's history.
async fn last_entry(tenant: &Tenant, id: &str) -> Value {
    let message = tenant.message(id).await;
    message["history"]
        .as_array()
        .unwrap()
        .last()
        .unwrap()
        .clone()
}

#[tokio::test]
async fn every_state_and_every_result_has_its_meaning() {
    let gateway = TestGateway::start().await;
    let tenant = gateway.tenant().await;
    let table = [
        (1, 0, "Sent", 0),
        (2, 0, "Delivered", 0),
        (3, 0, "Failed", 305),
        (4, 0, "Failed", 350),
        (5, 0, "Failed", 530),
        (6, 0, "Sent", 0),
        (7, 0, "Sent", 0),
        (8, 0, "Failed", 350),
        (2, 1, "Failed", 530),
        (2, 2, "Failed", 500),
        (2, 3, "Failed", 350),
        (2, 4, "Failed", 350),
        (2, 5, "Failed", 350),
        (2, 6, "Failed", 310),
        (2, 7, "Sent", 0),
        (2, 8, "Failed", 520),
        (2, 98, "Failed", 500),
        (2, 99, "Failed", 500),
        (2, 42, "Delivered", 0),
    ];
    let shapes = [CallShape::Form, CallShape::Query, CallShape::Json];
    for ((state, result, status, code), shape) in table.into_iter().zip(shapes.iter().cycle()) {
        let id = sent(&tenant).await;
        let service = service(&tenant).with_shape(*shape);

        let reply = service.receipt(&id, state, result).await.unwrap();

        assert_eq!(
            (reply.status, reply.json()),
            (200, json!({ "status": { "code": 0 } }))
        );
        assert_eq!(
            tenant.message(&id).await["status"],
            status,
            "{state}/{result}"
        );
        let entry = last_entry(&tenant, &id).await;
        assert_eq!(
            (&entry["status"], &entry["source"]),
            (&json!(status), &json!("Portico")),
            "{state}/{result}"
        );
        let (state, result) = (state.to_string(), result.to_string());
        assert_eq!(
            entry["said"],
            json!({ "type": "receipt", "message_id": id, "message_state": state, "result_code": result }),
            "to the letter"
        );
        let reason = entry["reasons"][0]["code"].as_i64().unwrap_or(0);
        assert_eq!(reason, code, "{state}/{result}");
    }
    assert_eq!(parked(&gateway).await, 0);
}

#[tokio::test]
async fn a_receipt_that_comes_again_changes_nothing_and_tells_nobody() {
    let gateway = TestGateway::start().await;
    let tenant = gateway.tenant().await;
    let service = service(&tenant);
    let id = sent(&tenant).await;
    // Under way, delivered, delivered again, and one that was late.
    for state in [6, 2, 2, 3, 1] {
        let reply = service.receipt(&id, state, 0).await.unwrap();
        assert_eq!(reply.status, 200);
    }

    let message = tenant.message(&id).await;
    assert_eq!(message["status"], "Delivered");
    let statuses: Vec<&Value> = message["history"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| &entry["status"])
        .collect();
    assert_eq!(
        statuses,
        [
            "Queued",
            "Sent",
            "Sent",
            "Delivered",
            "Delivered",
            "Failed",
            "Sent"
        ],
        "each is kept as it came"
    );
    let delivered = eventually("one event tells of it", SOON, async || {
        let events = events(&tenant, "message.status").await;
        let told: Vec<Value> = events
            .iter()
            .map(|event| event["data"]["status"].clone())
            .collect();
        told.contains(&json!("Delivered")).then_some(told)
    })
    .await;
    assert_eq!(delivered, ["Sent", "Delivered"]);
}

#[tokio::test]
async fn a_receipt_that_comes_before_its_message_is_sent_is_kept_and_applied_then() {
    let settings = [
        ("WEBHOOK__RETRY_SCHEDULE_SECONDS", "1,1,1,1,1,1,1,1,1,1,1,1"),
        ("DISPATCH__BREAKER_FAILURES", "1000000"),
    ];
    let gateway = TestGateway::start_with(&settings).await;
    let tenant = gateway.tenant().await;
    gateway.third_party.answer_with([Answer::status(503)]);
    let id = tenant.send(CONSUMER, "Your order is on its way").await;

    let reply = service(&tenant).receipt(&id, 2, 0).await.unwrap();

    assert_eq!(reply.status, 200);
    assert_eq!(parked(&gateway).await, 1);
    assert_eq!(tenant.message(&id).await["status"], "Queued");
    gateway.third_party.answer_with([Answer::accept()]);
    tenant.wait_for_status(&id, "Delivered").await;
    assert_eq!(parked(&gateway).await, 0);
}

#[tokio::test]
async fn an_id_of_the_service_s_own_finds_its_message_without_a_channel() {
    let gateway = TestGateway::start().await;
    let (tenant, neighbour) = (gateway.tenant().await, gateway.tenant().await);
    let id = sent(&tenant).await;
    // As the result of an attempt through the service stores it.
    let key = receipt_key(None, "Portico", "b1946ac9-2492");
    let number: MessageId = id.parse().unwrap();
    sqlx::query("insert into provider_ids (ccid, key, id) values ($1, $2, $3)")
        .bind(tenant.ccid)
        .bind(key.as_slice())
        .bind(number.as_i64())
        .execute(&mut gateway.connect().await)
        .await
        .unwrap();

    let theirs = service(&neighbour);
    assert_eq!(
        theirs.receipt("b1946ac9-2492", 3, 0).await.unwrap().status,
        200
    );
    assert_eq!(tenant.message(&id).await["status"], "Sent", "not theirs");
    let mine = service(&tenant);
    assert_eq!(
        mine.receipt("b1946ac9-2492", 2, 0).await.unwrap().status,
        200
    );

    assert_eq!(tenant.message(&id).await["status"], "Delivered");
    // The third party's receipts name their channel, and its ids are no ids of the service.
    let other = sent(&tenant).await;
    tenant.receipt("b1946ac9-2492", "Removed", None).await;
    assert_eq!(tenant.message(&id).await["status"], "Delivered");
    assert_eq!(tenant.message(&other).await["status"], "Sent");
}

#[tokio::test]
async fn a_receipt_for_what_nobody_knows_is_parked() {
    let gateway = TestGateway::start().await;
    let (tenant, neighbour) = (gateway.tenant().await, gateway.tenant().await);
    let of_another = sent(&neighbour).await;
    gateway
        .third_party
        .answer_with([Rule::new(Answer::accept_as("theirs")).times(1)]);
    let called_otherwise = sent(&tenant).await;
    let received = tenant.consumer_says(CONSUMER, "Hello").await;

    for id in ["unknown", &of_another, &called_otherwise, &received] {
        let reply = service(&tenant).receipt(id, 2, 0).await.unwrap();
        assert_eq!(reply.status, 200, "{id}");
    }

    assert_eq!(parked(&gateway).await, 4);
    assert_eq!(neighbour.message(&of_another).await["status"], "Sent");
    assert_eq!(tenant.message(&called_otherwise).await["status"], "Sent");
    assert_eq!(tenant.message(&received).await["status"], "Received");
}

#[tokio::test]
async fn the_history_holds_what_was_said_to_the_letter() {
    let gateway = TestGateway::start().await;
    let tenant = gateway.tenant().await;
    let id = sent(&tenant).await;
    service(&tenant).receipt(&id, 5, 99).await.unwrap();

    // No API shows more than the meaning.
    let details: Vec<String> =
        sqlx::query_scalar("select detail from history where detail like '%said%'")
            .fetch_all(&mut gateway.connect().await)
            .await
            .unwrap();
    let detail: Value = serde_json::from_str(&details[0]).unwrap();
    assert_eq!(
        detail["said"],
        json!({ "type": "receipt", "message_id": id, "message_state": "5", "result_code": "99" })
    );
}
