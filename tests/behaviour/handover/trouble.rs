//! The platform where agents work fails, refuses, or is not to be called; and the gateway goes away meanwhile.

use nexus_gateway::simulator::Fault;
use serde_json::json;

use super::{CLIENT_SECRET, Site, texts};
use crate::harness::eventually::eventually;
use crate::harness::tenant::{CONSUMER, SOON};

#[tokio::test]
async fn what_was_not_taken_is_handed_in_again_before_what_follows_it() {
    let site = Site::start_with(&[("WEBHOOK__RETRY_SCHEDULE_SECONDS", "0.05,0.05")]).await;
    site.platform.fail(Fault {
        status: 503,
        calls: 3,
    });
    for text in ["one", "two", "three"] {
        site.tenant.consumer_says(CONSUMER, text).await;
    }
    let handed_in = site.handed_in(3).await;
    assert_eq!(texts(&handed_in), ["one", "two", "three"]);
    assert_eq!(site.platform.repeats(), 0);
}

#[tokio::test]
async fn a_message_that_the_platform_refuses_holds_nobody_and_is_told_of() {
    let site = Site::start().await;
    site.platform.fail(Fault {
        status: 400,
        calls: 1,
    });
    let refused = site.tenant.consumer_says(CONSUMER, "one").await;
    site.tenant.consumer_says(CONSUMER, "two").await;
    let handed_in = site.handed_in(1).await;
    assert_eq!(texts(&handed_in), ["two"]);
    let warned = site.tenant.events("endpoint.warned", 1).await;
    assert_eq!(warned[0]["data"]["messageId"], refused);
    assert_eq!(warned[0]["data"]["lastError"], "http_400");
}

#[tokio::test]
async fn wrong_credentials_stop_the_lane_and_lose_nothing() {
    let site = Site::start().await;
    site.platform.change_secret("another");
    for text in ["one", "two"] {
        site.tenant.consumer_says(CONSUMER, text).await;
    }
    let paused = site.tenant.events("endpoint.paused", 1).await;
    assert_eq!(paused[0]["data"]["lastError"], "credentials");
    assert_eq!(site.endpoint().await["state"], "parked");
    let saved = site.save_service("another", &json!({})).await;
    assert_eq!(saved.status, 200, "{saved:?}");
    let handed_in = site.handed_in(2).await;
    assert_eq!(texts(&handed_in), ["one", "two"]);
    eventually("the endpoint is open", SOON, async || {
        (site.endpoint().await["state"] == "open").then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_token_that_is_refused_is_renewed_once_and_nobody_notices() {
    let site = Site::start().await;
    site.tenant.consumer_says(CONSUMER, "one").await;
    site.handed_in(1).await;
    site.platform.forget_tokens();
    site.tenant.consumer_says(CONSUMER, "two").await;
    let handed_in = site.handed_in(2).await;
    assert_eq!(texts(&handed_in), ["one", "two"]);
    assert_eq!(site.platform.tokens_given(), 2);
}

#[tokio::test]
async fn a_paused_lane_hands_nothing_in_until_it_is_resumed() {
    let site = Site::start().await;
    let id = site.endpoint().await["id"].as_str().unwrap().to_owned();
    let change = async |what: &str| {
        let path = format!("/nexus/v3/endpoints/{id}/{what}");
        let reply = site.tenant.post(&path, &json!({})).await;
        assert_eq!(reply.status, 200, "{reply:?}");
    };
    change("pause").await;
    site.tenant.consumer_says(CONSUMER, "one").await;
    site.tenant.events("message.received", 1).await;
    assert_eq!(site.platform.handed_in(), []);
    change("resume").await;
    assert_eq!(texts(&site.handed_in(1).await), ["one"]);
}

#[tokio::test]
async fn another_replica_goes_on_where_the_first_one_stopped() {
    let site = Site::start().await;
    site.tenant.consumer_says(CONSUMER, "one").await;
    site.handed_in(1).await;
    let second = site.gateway.replica(&[]).await;
    let tenant = site.tenant.known_through(&second).await;
    let Site {
        gateway, platform, ..
    } = site;
    gateway.stop().await;
    tenant.consumer_says(CONSUMER, "two").await;
    let waiting = platform.wait_for(2);
    let handed_in = tokio::time::timeout(SOON, waiting).await.unwrap();
    assert_eq!(texts(&handed_in), ["one", "two"]);
    assert_eq!(platform.repeats(), 0);
    second.stop().await;
}

#[tokio::test]
async fn an_integration_that_was_made_anew_under_its_name_is_found_again() {
    let site = Site::start().await;
    let saved = site
        .save_service(CLIENT_SECRET, &json!({ "integrationName": "Gone" }))
        .await;
    assert_eq!(saved.status, 200, "{saved:?}");
    site.tenant.consumer_says(CONSUMER, "one").await;
    let paused = site.tenant.events("endpoint.paused", 1).await;
    assert_eq!(paused[0]["data"]["lastError"], "http_404");
    site.save_service(CLIENT_SECRET, &json!({})).await;
    assert_eq!(texts(&site.handed_in(1).await), ["one"]);
}
