//! How a third party knows that a webhook is ours. The simulated one checks on its own, and refuses what it doubts.

use std::time::Duration;

use nexus_gateway::simulator::{Answer, Received, Rule, Signature};
use serde_json::{Value, json};

use super::{attempts, save_service};
use crate::harness::TestGateway;
use crate::harness::eventually::eventually;
use crate::harness::gateway::STANDARD_WEBHOOK_SECRET;
use crate::harness::tenant::{CONSUMER, SOON, Tenant};

/// Of the same form as the one that the third party knows.
const UNKNOWN_SECRET: &str = "whsec_dGhlIHRoaXJkIHBhcnR5IGRvZXMgbm90IGtub3cgaXQ=";

/// A tenant whose webhooks are signed so, with this secret.
async fn tenant_signing(gateway: &TestGateway, signatures: &[&str], secret: &Value) -> Tenant {
    let tenant = gateway.tenant().await;
    let webhook = json!({
        "url": gateway.third_party.url(),
        "signatures": signatures,
        "retry": { "scheduleSeconds": [600, 600] },
    });
    save_service(&tenant, &webhook, secret).await;
    tenant
}

fn unix_seconds(webhook: &Received) -> i64 {
    let timestamp = webhook.header("webhook-timestamp").unwrap();
    timestamp.parse().unwrap()
}

#[tokio::test]
async fn a_webhook_may_have_every_kind_of_signature_at_once() {
    let gateway = TestGateway::start().await;
    let kinds = ["sha1", "sha256", "standard-webhooks"];
    let tenant = tenant_signing(&gateway, &kinds, &json!(STANDARD_WEBHOOK_SECRET)).await;

    let id = tenant.send(CONSUMER, "Hello").await;

    tenant.wait_for_status(&id, "Sent").await;
    let webhook = gateway.third_party.wait_for(1).await.remove(0);
    assert_eq!(webhook.signature, Signature::Good);
    let begins = |name, prefix| webhook.header(name).unwrap().starts_with(prefix);
    assert!(begins("x-hub-signature", "sha1="));
    assert!(begins("x-hub-signature-256", "sha256="));
    assert!(begins("webhook-signature", "v1,"));
    assert_eq!(webhook.header("webhook-id"), Some(id.as_str()));
}

#[tokio::test]
async fn a_channel_that_wants_standard_webhooks_alone_gets_nothing_else() {
    let gateway = TestGateway::start().await;
    let secret = json!(STANDARD_WEBHOOK_SECRET);
    let tenant = tenant_signing(&gateway, &["standard-webhooks"], &secret).await;

    tenant.send(CONSUMER, "Hello").await;

    let webhook = gateway.third_party.wait_for(1).await.remove(0);
    assert_eq!(webhook.signature, Signature::Good);
    assert_eq!(webhook.header("x-hub-signature"), None);
    assert_eq!(webhook.header("x-hub-signature-256"), None);
}

#[tokio::test]
async fn a_redelivery_is_signed_anew_under_the_same_id() {
    let gateway = TestGateway::start().await;
    let secret = json!(STANDARD_WEBHOOK_SECRET);
    let tenant = tenant_signing(&gateway, &["standard-webhooks"], &secret).await;
    gateway
        .third_party
        .answer_with([Rule::new(Answer::status(503)).times(1)]);

    let id = tenant.send(CONSUMER, "Hello").await;
    eventually("the attempt is recorded", SOON, async || {
        (attempts(&tenant, &id).await.len() == 1).then_some(())
    })
    .await;
    gateway.clock.advance(Duration::from_mins(10));
    tenant.wait_for_status(&id, "Sent").await;

    let received = gateway.third_party.requests();
    let [first, second] = &received[..] else {
        panic!("two attempts: {}", received.len())
    };
    for webhook in [first, second] {
        assert_eq!(webhook.signature, Signature::Good);
        assert_eq!(webhook.header("webhook-id"), Some(id.as_str()));
        assert_eq!(webhook.body, first.body);
    }
    assert!(unix_seconds(second) - unix_seconds(first) >= 600);
}

#[tokio::test]
async fn while_two_secrets_are_in_force_the_third_party_may_know_either() {
    let gateway = TestGateway::start().await;
    let secrets = json!([{ "value": UNKNOWN_SECRET }, { "value": STANDARD_WEBHOOK_SECRET }]);
    let tenant = tenant_signing(&gateway, &["standard-webhooks"], &secrets).await;

    let id = tenant.send(CONSUMER, "Hello").await;

    tenant.wait_for_status(&id, "Sent").await;
    let webhook = gateway.third_party.wait_for(1).await.remove(0);
    let signatures = webhook.header("webhook-signature").unwrap();
    assert_eq!(signatures.split(' ').count(), 2);
    assert_eq!(webhook.signature, Signature::Good);
}

#[tokio::test]
async fn a_third_party_that_does_not_know_the_secret_refuses_every_kind() {
    let gateway = TestGateway::start().await;
    for kind in ["sha1", "sha256", "standard-webhooks"] {
        let tenant = tenant_signing(&gateway, &[kind], &json!(UNKNOWN_SECRET)).await;
        let id = tenant.send(CONSUMER, "Hello").await;
        tenant.wait_for_status(&id, "Failed").await;
        assert_eq!(attempts(&tenant, &id).await[0]["httpStatus"], 401);
    }
    let received = gateway.third_party.requests();
    let refused = |webhook: &Received| webhook.signature == Signature::Refused;
    assert_eq!((received.len(), received.iter().all(refused)), (3, true));
}
