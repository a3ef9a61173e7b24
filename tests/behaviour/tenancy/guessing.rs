//! Who guesses is told to wait, and nobody is locked out by it.

use std::time::Duration;

use nexus_gateway::simulator::{Reply, WireClient};
use reqwest::Method;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use uuid::Uuid;

use crate::harness::TestGateway;
use crate::harness::tenant::{CONSUMER, PHONE, Tenant};

const LIMITED: (&str, &str) = ("SECURITY__SOURCE_FAILURES_PER_MINUTE", "5");
const BEHIND_ONE: (&str, &str) = ("SECURITY__TRUSTED_HOPS", "1");

/// A call with these headers.
async fn ask(gateway: &TestGateway, method: Method, path: &str, headers: &[(&str, &str)]) -> Reply {
    let header = |(name, value): &(&str, &str)| {
        let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
        (name, HeaderValue::from_str(value).unwrap())
    };
    let headers: HeaderMap = headers.iter().map(header).collect();
    let url = format!("{}{path}", gateway.url());
    WireClient::new()
        .unwrap()
        .send(method, &url, headers, Vec::new())
        .await
        .unwrap()
}

/// A guess at an API key that comes through a balancer.
async fn guess(gateway: &TestGateway, forwarded_for: &str, ccid: Uuid) -> Reply {
    let (key, ccid) = (Uuid::new_v4().to_string(), ccid.to_string());
    let headers = [
        ("x-api-key", key.as_str()),
        ("x-ccid", &ccid),
        ("x-forwarded-for", forwarded_for),
    ];
    ask(gateway, Method::GET, "/nexus/v3/messages", &headers).await
}

#[tokio::test]
async fn who_fails_too_often_is_told_when_to_try_again_and_right_credentials_pass_all_the_same() {
    let gateway = TestGateway::start_with(&[LIMITED]).await;
    let tenant = gateway.tenant().await;
    let mut answers = Vec::new();
    for _ in 0..7 {
        answers.push(guess(&gateway, "", tenant.ccid).await);
    }
    let statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
    assert_eq!(statuses, [401, 401, 401, 401, 401, 429, 429]);
    let slowed = answers.pop().unwrap();
    assert_eq!(slowed.json()["status"]["code"], 310);
    let wait: u64 = slowed.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=13).contains(&wait), "{wait}");

    passes(&tenant).await;

    gateway.clock.advance(Duration::from_secs(wait));
    assert_eq!(guess(&gateway, "", tenant.ccid).await.status, 401);
    assert_eq!(guess(&gateway, "", tenant.ccid).await.status, 429);
}

/// By key, by HTTP Basic and by signature.
async fn passes(tenant: &Tenant) {
    assert_eq!(tenant.get("/nexus/v3/messages").await.status, 200);
    tenant.consumer_says(CONSUMER, "Hello").await;
}

#[tokio::test]
async fn keys_basic_and_signatures_are_guessed_from_one_budget() {
    let gateway = TestGateway::start_with(&[LIMITED]).await;
    let tenant = gateway.tenant().await;
    let ccid = tenant.ccid.to_string();
    let signed = format!("/channels/{PHONE}/messages");
    let wrong = format!("sha1={}", "0".repeat(40));
    for turn in 0..8 {
        let answer = match turn % 4 {
            0 => ask(&gateway, Method::GET, "/nexus/v3/provisioning/apikeys", &[]).await,
            1 => {
                ask(
                    &gateway,
                    Method::POST,
                    "/nexus/v3/sms/receipt",
                    &[("authorization", "Basic eDp5")],
                )
                .await
            }
            2 => {
                let headers = [("x-ccid", ccid.as_str()), ("x-hub-signature", &wrong)];
                ask(&gateway, Method::POST, &signed, &headers).await
            }
            _ => guess(&gateway, "", tenant.ccid).await,
        };
        let expected = if turn < 5 { 401 } else { 429 };
        assert_eq!(answer.status, expected, "call {turn}: {:?}", answer.json());
    }
}

#[tokio::test]
async fn nobody_gets_a_further_budget_by_inventing_addresses() {
    for settings in [&[LIMITED][..], &[LIMITED, BEHIND_ONE]] {
        let gateway = TestGateway::start_with(settings).await;
        let mut last = 0;
        for call in 0..6 {
            // The balancer adds what it saw behind what the client invented; without one all of it is invented.
            let forwarded_for = format!("192.0.2.{call}, 198.51.100.1");
            last = guess(&gateway, &forwarded_for, Uuid::new_v4()).await.status;
        }
        assert_eq!(last, 429, "{settings:?}");
    }
}

#[tokio::test]
async fn behind_a_balancer_each_client_has_a_budget_of_its_own() {
    let gateway = TestGateway::start_with(&[LIMITED, BEHIND_ONE]).await;
    for call in 0..6 {
        let address = format!("2001:db8:0:1::{call}");
        let expected = if call < 5 { 401 } else { 429 };
        assert_eq!(
            guess(&gateway, &address, Uuid::new_v4()).await.status,
            expected
        );
    }
    assert_eq!(
        guess(&gateway, "2001:db8:0:2::1", Uuid::new_v4())
            .await
            .status,
        401
    );
    assert_eq!(
        guess(&gateway, "198.51.100.1", Uuid::new_v4()).await.status,
        401
    );
}

#[tokio::test]
async fn a_tenant_that_many_addresses_guess_at_works_on() {
    let limited = ("SECURITY__TENANT_FAILURES_PER_MINUTE", "5");
    let gateway = TestGateway::start_with(&[limited, BEHIND_ONE]).await;
    let (guessed, other) = (gateway.tenant().await, gateway.tenant().await);
    for call in 0..7 {
        let expected = if call < 5 { 401 } else { 429 };
        let answer = guess(&gateway, &format!("198.51.100.{call}"), guessed.ccid).await;
        assert_eq!(answer.status, expected, "call {call}");
    }
    passes(&guessed).await;
    assert_eq!(
        guess(&gateway, "198.51.100.1", other.ccid).await.status,
        401
    );
}
