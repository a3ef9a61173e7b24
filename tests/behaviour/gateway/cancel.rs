//! Calling messages back: what was never sent stays unsent, and what is under way goes first.

use std::time::Duration;

use nexus_gateway::platform::clock::rfc3339;
use nexus_gateway::simulator::{Answer, Reply, Rule};
use serde_json::json;
use tokio::task::JoinSet;

use super::webhook::{attempts, dead_letters, item, submit, webhooks_of};
use crate::harness::TestGateway;
use crate::harness::eventually::eventually;
use crate::harness::tenant::{CONSUMER, SOON, Tenant};

async fn cancel(tenant: &Tenant, id: &str) -> Reply {
    let path = format!("/nexus/v3/messages/{id}/cancel");
    tenant.post(&path, &json!({})).await
}

/// Waits until nothing is left in the tenant's endpoint.
async fn nothing_is_left(tenant: &Tenant) {
    eventually("the endpoint has no backlog", SOON, async || {
        (tenant.endpoint().await["backlog"] == 0).then_some(())
    })
    .await;
}

async fn is_cancelled(tenant: &Tenant, id: &str) {
    let reply = cancel(tenant, id).await;
    assert_eq!(reply.status, 200, "{:?}", reply.json());
    assert_eq!(
        reply.json()["data"],
        json!({ "id": id, "status": "Cancelled" })
    );
    let message = tenant.message(id).await;
    assert_eq!(
        (&message["status"], message.get("deadLetter")),
        (&json!("Cancelled"), None)
    );
}

/// The statuses that the feed tells of a message, once it tells any: it waits for every open transaction of the server.
async fn status_events(tenant: &Tenant, id: &str) -> Vec<String> {
    eventually("the feed tells of the message", SOON, async || {
        let reply = tenant
            .get("/nexus/v3/events?types=message.status&limit=500")
            .await;
        let events = reply.json()["data"]["items"].as_array().unwrap().clone();
        let told: Vec<String> = events
            .iter()
            .filter(|event| event["data"]["messageId"] == id)
            .map(|event| event["data"]["status"].as_str().unwrap().to_owned())
            .collect();
        (!told.is_empty()).then_some(told)
    })
    .await
}

#[tokio::test]
async fn a_message_that_waits_for_its_endpoint_is_cancelled_once_and_never_sent() {
    let gateway = TestGateway::start().await;
    let tenant = gateway.tenant().await;
    tenant.pause().await;
    let cancelled = tenant.send(CONSUMER, "not meant").await;
    let kept = tenant.send(CONSUMER, "meant").await;

    is_cancelled(&tenant, &cancelled).await;
    is_cancelled(&tenant, &cancelled).await;

    tenant.resume().await;
    tenant.wait_for_status(&kept, "Sent").await;
    nothing_is_left(&tenant).await;
    assert!(webhooks_of(&gateway, &cancelled).is_empty());
    let message = tenant.message(&cancelled).await;
    let history: Vec<&str> = message["history"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| entry["status"].as_str().unwrap())
        .collect();
    assert_eq!(history, ["Queued", "Cancelled"]);
    assert!(dead_letters(&tenant).await.is_empty());
    assert_eq!(status_events(&tenant, &cancelled).await, ["Cancelled"]);
    let retried = tenant
        .post(&format!("/nexus/v3/messages/{cancelled}/retry"), &json!({}))
        .await;
    assert_eq!(retried.status, 409);
}

#[tokio::test]
async fn a_message_that_waits_for_its_time_or_its_next_attempt_is_cancelled() {
    let gateway = TestGateway::start().await;
    let tenant = gateway
        .tenant_with(json!({ "retry": { "scheduleSeconds": [60, 60] } }))
        .await;
    gateway
        .third_party
        .answer_with([Rule::new(Answer::retry_after(503, "50")).to(CONSUMER)]);
    let not_before = rfc3339(gateway.clock.now_ms() + 3_600_000);
    let later = submit(
        &tenant,
        &item("16505550188", "later", &json!({ "notBefore": not_before })),
    )
    .await;
    let again = tenant.send(CONSUMER, "again").await;
    eventually("the first attempt has failed", SOON, async || {
        (attempts(&tenant, &again).await.len() == 1).then_some(())
    })
    .await;

    is_cancelled(&tenant, &later).await;
    is_cancelled(&tenant, &again).await;

    gateway.clock.advance(Duration::from_hours(2));
    nothing_is_left(&tenant).await;
    assert!(webhooks_of(&gateway, &later).is_empty());
    assert_eq!(webhooks_of(&gateway, &again).len(), 1);
    assert_eq!(tenant.message(&again).await["status"], "Cancelled");
}

#[tokio::test]
async fn a_cancelled_message_does_not_expire_as_well() {
    let gateway = TestGateway::start().await;
    let tenant = gateway.tenant().await;
    tenant.pause().await;
    let valid_until = rfc3339(gateway.clock.now_ms() + 10_000);
    let id = submit(
        &tenant,
        &item(
            CONSUMER,
            "short-lived",
            &json!({ "validUntil": valid_until }),
        ),
    )
    .await;
    is_cancelled(&tenant, &id).await;

    gateway.clock.advance(Duration::from_mins(1));
    tenant.resume().await;
    nothing_is_left(&tenant).await;

    assert_eq!(tenant.message(&id).await["status"], "Cancelled");
    assert!(dead_letters(&tenant).await.is_empty());
    assert_eq!(status_events(&tenant, &id).await, ["Cancelled"]);
}

#[tokio::test]
async fn what_is_not_queued_cannot_be_cancelled() {
    let gateway = TestGateway::start().await;
    let (tenant, neighbour) = (gateway.tenant().await, gateway.tenant().await);
    gateway
        .third_party
        .answer_with([Rule::new(Answer::status(400)).to("16505550188")]);
    let sent = tenant.send(CONSUMER, "sent").await;
    let failed = tenant.send("16505550188", "failed").await;
    let received = tenant.consumer_says(CONSUMER, "received").await;
    tenant.wait_for_status(&sent, "Sent").await;
    tenant.wait_for_status(&failed, "Failed").await;
    for id in [&sent, &failed, &received] {
        let reply = cancel(&tenant, id).await;
        assert_eq!(
            (reply.status, &reply.json()["status"]["code"]),
            (409, &json!(409))
        );
    }
    assert_eq!(tenant.receipt(&sent, "Delivered", None).await.status, 200);
    tenant.wait_for_status(&sent, "Delivered").await;
    assert_eq!(cancel(&tenant, &sent).await.status, 409);
    for id in ["1613473893265-0", "no-id", "1"] {
        assert_eq!(cancel(&tenant, id).await.status, 404, "{id}");
    }
    assert_eq!(cancel(&neighbour, &sent).await.status, 404);
    let reader = tenant.limited_to(&["nexus:messages:read"]).await;
    assert_eq!(cancel(&reader, &sent).await.status, 403);
}

#[tokio::test]
async fn an_attempt_that_is_under_way_goes_first() {
    let gateway = TestGateway::start().await;
    let tenant = gateway
        .tenant_with(json!({ "retry": { "scheduleSeconds": [600, 600] } }))
        .await;
    let slow = Duration::from_millis(400);
    gateway.third_party.answer_with([
        Rule::new(Answer::accept()).to(CONSUMER).delayed(slow),
        Rule::new(Answer::retry_after(503, "500"))
            .to("16505550188")
            .delayed(slow),
    ]);
    let taken = tenant.send(CONSUMER, "taken").await;
    let not_taken = tenant.send("16505550188", "not taken").await;
    gateway.third_party.wait_for(2).await;

    let (refused, granted) = tokio::join!(cancel(&tenant, &taken), cancel(&tenant, &not_taken));

    assert_eq!(refused.status, 409, "{:?}", refused.json());
    assert_eq!(tenant.message(&taken).await["status"], "Sent");
    assert_eq!(granted.status, 200, "{:?}", granted.json());
    assert_eq!(tenant.message(&not_taken).await["status"], "Cancelled");
    assert_eq!(attempts(&tenant, &not_taken).await.len(), 1);
}

#[tokio::test]
async fn any_replica_cancels_and_a_later_owner_sends_nothing_of_it() {
    let first = TestGateway::start().await;
    let answers = first.replica_that_only_answers().await;
    let tenant = first.tenant().await;
    let elsewhere = tenant.through(&answers);
    eventually("the key is good there", SOON, async || {
        (elsewhere.get("/nexus/v3/endpoints").await.status == 200).then_some(())
    })
    .await;
    tenant.pause().await;
    let mut cancelled = Vec::new();
    for number in 0..5 {
        cancelled.push(tenant.send(CONSUMER, &format!("not meant {number}")).await);
    }
    for id in &cancelled {
        is_cancelled(&elsewhere, id).await;
    }
    let kept = tenant.send(CONSUMER, "meant").await;

    first.stop().await;
    let second = answers.replica(&[]).await;
    elsewhere.resume().await;

    elsewhere.wait_for_status(&kept, "Sent").await;
    nothing_is_left(&elsewhere).await;
    assert_eq!(second.third_party.count(), 1);
    for id in &cancelled {
        assert_eq!(elsewhere.message(id).await["status"], "Cancelled");
    }
}

/// Sends a message through one replica and cancels it through the other a moment later.
async fn race(sends: Tenant, cancels: Tenant, number: u64) -> (String, u16) {
    let id = sends
        .send(&format!("165055{number:05}"), "on its way?")
        .await;
    // Not to synchronise: it is the race itself, at a different moment each time.
    tokio::time::sleep(Duration::from_micros(number * 97 % 9_000)).await;
    let status = cancel(&cancels, &id).await.status;
    (id, status)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn either_it_is_sent_or_it_is_cancelled_whoever_is_quicker() {
    let first = TestGateway::start().await;
    let second = first.replica(&[]).await;
    // Slow enough for some to wait in line, quick enough for some to be gone.
    let tenant = first.tenant_with(json!({ "maxInFlight": 4 })).await;
    first.third_party.answer_with([
        Rule::new(Answer::status(503)).share(0.2),
        Rule::new(Answer::accept()).delayed(Duration::from_millis(5)),
    ]);
    let elsewhere = tenant.through(&second);
    eventually("the other replica knows the channel", SOON, async || {
        elsewhere.is_known().await.then_some(())
    })
    .await;
    let mut racing = JoinSet::new();
    for number in 0..300 {
        let (sends, cancels) = if number % 2 == 0 {
            (tenant.clone(), elsewhere.clone())
        } else {
            (elsewhere.clone(), tenant.clone())
        };
        racing.spawn(race(sends, cancels, number));
        if number % 20 == 19 {
            // A few at a time, so that both sides have a chance.
            while racing.len() > 10 {
                judged(racing.join_next().await.unwrap().unwrap(), &tenant).await;
            }
        }
    }
    for raced in racing.join_all().await {
        judged(raced, &tenant).await;
    }
    nothing_is_left(&tenant).await;
    let cancelled = tenant
        .get("/nexus/v3/messages?status=Cancelled&limit=500")
        .await
        .json();
    let cancelled = cancelled["data"]["items"].as_array().unwrap().clone();
    let sent = tenant
        .get("/nexus/v3/messages?status=Sent&limit=500")
        .await
        .json();
    let sent = sent["data"]["items"].as_array().unwrap().len();
    assert_eq!(cancelled.len() + sent, 300, "nothing is lost in between");
    assert!(
        !cancelled.is_empty() && sent > 0,
        "both came up: {} cancelled, {sent} sent",
        cancelled.len()
    );
    let taken = first.third_party.requests();
    for message in &cancelled {
        let id = message["id"].as_str().unwrap();
        let accepted = taken
            .iter()
            .filter(|request| request.message_id().as_deref() == Some(id));
        let tries = accepted.count();
        assert_eq!(
            attempts(&tenant, id).await.len(),
            tries,
            "every try of {id} failed and is known"
        );
    }
}

/// What the caller was told is so.
async fn judged((id, told): (String, u16), tenant: &Tenant) {
    let status = tenant.message(&id).await["status"].clone();
    match told {
        200 => assert_eq!(status, "Cancelled", "{id}"),
        409 => assert_ne!(status, "Cancelled", "{id}"),
        other => panic!("{id}: {other}"),
    }
}
