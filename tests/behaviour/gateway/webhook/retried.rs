//! Answers after which a message is sent again.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, SystemTime};

use nexus_gateway::simulator::{Answer, Rule, Signature, ThirdParty, ThirdPartyOptions};
use serde_json::json;
use tokio::net::TcpListener;

use super::{NEVER_PARKS, at, attempts, explanation, webhooks_of};
use crate::harness::TestGateway;
use crate::harness::eventually::eventually;
use crate::harness::tenant::{CONSUMER, SOON, Tenant};

/// Waits until an attempt has failed, and gives back what is known of it.
async fn first_attempt(tenant: &Tenant, id: &str) -> serde_json::Value {
    eventually("the first attempt is recorded", SOON, async || {
        attempts(tenant, id).await.into_iter().next()
    })
    .await
}

#[tokio::test]
async fn a_failing_endpoint_gets_the_same_bytes_with_the_same_id_again() {
    let gateway = TestGateway::start_with(&[NEVER_PARKS]).await;
    let tenant = gateway.tenant().await;
    let statuses = [500, 501, 502, 503, 504, 507, 599, 408, 425, 429];
    let rules = statuses.map(|status| {
        Rule::new(Answer::status(status))
            .to(format!("16505550{status}"))
            .times(2)
    });
    gateway.third_party.answer_with(rules);
    let mut sent = Vec::new();
    for status in statuses {
        sent.push((
            status,
            tenant.send(&format!("16505550{status}"), "Hello").await,
        ));
    }
    for (status, id) in sent {
        let message = tenant.wait_for_status(&id, "Sent").await;

        let received = webhooks_of(&gateway, &id);
        assert_eq!(received.len(), 3, "{status}");
        for webhook in &received {
            assert_eq!(webhook.body, received[0].body, "{status}");
            assert_eq!(webhook.signature, Signature::Good);
        }
        assert_eq!(
            message["history"].as_array().unwrap().len(),
            2,
            "queued and sent: {message}"
        );
        let attempts = attempts(&tenant, &id).await;
        assert_eq!(attempts.len(), 3);
        for (number, failed) in attempts[..2].iter().enumerate() {
            assert_eq!(failed["attempt"], number + 1);
            assert_eq!(failed["httpStatus"], status);
            assert_eq!(failed["error"], format!("http_{status}"));
            assert_eq!(failed["answer"], r#"{"error":"answered as it was told"}"#);
            assert!(
                // The entry is written a moment after the next attempt was decided, which may be at once.
                at(&failed["nextAttemptAt"]) + 1_000 >= at(&failed["time"]),
                "{failed}"
            );
        }
        assert_eq!(attempts[2]["httpStatus"], 200);
        assert_eq!(attempts[2].get("error"), None);
    }
}

#[tokio::test]
async fn no_answer_in_time_and_a_broken_connection_are_tried_again() {
    let gateway = TestGateway::start().await;
    let tenant = gateway.tenant_with(json!({ "timeoutSeconds": 1 })).await;
    for (answer, error) in [
        (Answer::Hang, "timeout"),
        (Answer::Reset, "connection_lost"),
    ] {
        gateway
            .third_party
            .answer_with([Rule::new(answer).times(1)]);
        let id = tenant.send(CONSUMER, "Hello").await;
        tenant.wait_for_status(&id, "Sent").await;

        let received = webhooks_of(&gateway, &id);
        assert_eq!(received.len(), 2);
        assert_eq!(received[0].body, received[1].body);
        let attempts = attempts(&tenant, &id).await;
        assert_eq!(attempts[0]["error"], error);
        assert_eq!(attempts[0].get("httpStatus"), None);
    }
}

#[tokio::test]
async fn an_endpoint_that_is_not_there_is_tried_until_it_is() {
    let gateway = TestGateway::start_with(&[NEVER_PARKS]).await;
    let free = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))
        .await
        .unwrap();
    let listen = free.local_addr().unwrap();
    drop(free);
    let webhook = json!({ "url": format!("http://{listen}/webhook"), "retry": { "scheduleSeconds": [600, 600] } });
    let tenant = gateway.tenant_with(webhook).await;

    let id = tenant.send(CONSUMER, "Hello").await;
    let failed = first_attempt(&tenant, &id).await;
    assert_eq!(
        (&failed["error"], failed.get("httpStatus")),
        (&json!("connect"), None)
    );
    assert_eq!(tenant.message(&id).await["status"], "Queued");

    let options = ThirdPartyOptions {
        listen,
        ..ThirdPartyOptions::default()
    };
    let third_party = ThirdParty::start(options).await.unwrap();
    gateway.clock.advance(Duration::from_mins(10));
    tenant.wait_for_status(&id, "Sent").await;
    assert_eq!(third_party.count(), 1);
}

#[tokio::test]
async fn a_name_that_leads_nowhere_or_where_it_must_not_is_an_error_of_its_own() {
    let gateway = TestGateway::start_with(&[NEVER_PARKS]).await;
    for (url, error) in [
        ("http://does-not-exist.invalid/webhook", "dns"),
        ("http://127.0.0.1:1/webhook", "connect"),
    ] {
        let retry = json!({ "scheduleSeconds": [600] });
        let tenant = gateway
            .tenant_with(json!({ "url": url, "retry": retry }))
            .await;
        let id = tenant.send(CONSUMER, "Hello").await;
        assert_eq!(first_attempt(&tenant, &id).await["error"], error, "{url}");
        assert_eq!(tenant.message(&id).await["status"], "Queued");
    }
    assert_eq!(gateway.third_party.count(), 0);
}

/// As HTTP writes it, by the gateway's clock.
fn date_in_ten_minutes(gateway: &TestGateway) -> String {
    let now = Duration::from_millis(u64::try_from(gateway.clock.now_ms()).unwrap());
    httpdate::fmt_http_date(SystemTime::UNIX_EPOCH + now + Duration::from_mins(10))
}

#[tokio::test]
async fn retry_after_is_honoured_in_seconds_and_as_a_date() {
    let gateway = TestGateway::start().await;
    // The schedule alone would try again at once.
    let retry = json!({ "scheduleSeconds": [0.001, 7200] });
    let tenant = gateway.tenant_with(json!({ "retry": retry })).await;
    let cases = [
        (503, Some("100"), 100),
        (429, None, 590),
        (408, Some("999999"), 3_600),
    ];
    for (number, (status, value, at_least)) in cases.into_iter().enumerate() {
        gateway.third_party.reset();
        let value = value.map_or_else(|| date_in_ten_minutes(&gateway), str::to_owned);
        gateway
            .third_party
            .answer_with([Rule::new(Answer::retry_after(status, &value)).times(1)]);
        let id = tenant.send(&format!("1650555010{number}"), "Hello").await;

        let failed = first_attempt(&tenant, &id).await;

        let waits = at(&failed["nextAttemptAt"]) - at(&failed["time"]);
        assert!(waits >= at_least * 1_000 - 1_000, "{value}: {waits} ms");
        assert!(waits <= 3_601_000, "an hour at most: {waits} ms");
        let told = explanation(&tenant, &id).await;
        assert_eq!(told["outcome"], "Queued");
        assert_eq!(told["nextAttemptAt"], failed["nextAttemptAt"]);
        assert_eq!(gateway.third_party.count(), 1);

        gateway
            .clock
            .advance(Duration::from_millis(u64::try_from(waits).unwrap()));
        tenant.wait_for_status(&id, "Sent").await;
        assert_eq!(gateway.third_party.count(), 2);
    }
}

#[tokio::test]
async fn a_retry_after_reaches_no_further_than_the_schedule_and_nonsense_asks_for_nothing() {
    let gateway = TestGateway::start().await;
    let tenant = gateway
        .tenant_with(json!({ "retry": { "scheduleSeconds": [1, 2] } }))
        .await;
    for (number, value) in ["3000", "soon", "-5", "1.5", ""].into_iter().enumerate() {
        let to = format!("1650555010{number}");
        // To this one alone: those before are sent again meanwhile.
        let refusal = Rule::new(Answer::retry_after(503, value)).to(&to).times(1);
        gateway.third_party.answer_with([refusal]);
        let id = tenant.send(&to, "Hello").await;
        let failed = first_attempt(&tenant, &id).await;
        let waits = at(&failed["nextAttemptAt"]) - at(&failed["time"]);
        assert!(waits <= 3_001, "{value}: {waits} ms");
    }
}
