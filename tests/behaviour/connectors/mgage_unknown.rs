//! A text of which nobody knows whether DirectTEXT took it is known again by a receipt about its recipient, if no other
//! text could have brought that.

use nexus_gateway::simulator::{Answer, MGageClient, Rule};
use serde_json::json;

use super::carrier::{MGAGE, Site};
use crate::harness::tenant::CONSUMER;

const OTHER: &str = "16505550177";

async fn receipt(site: &Site, id: &str, (code, recipient): (&str, &str)) {
    let client = MGageClient::new(site.callback_url().await).unwrap();
    let taken = client.receipt(id, code, recipient).await.unwrap();
    assert_eq!(taken.status, 200, "{taken:?}");
}

/// Sends a text whose answer is never read.
async fn unknown(site: &Site, text: &str) -> String {
    site.provider
        .answer_with([Rule::new(Answer::Reset).times(1)]);
    let id = site.send(text).await;
    site.tenant.wait_for_status(&id, "Unknown").await;
    id
}

async fn status(site: &Site, id: &str) -> String {
    site.tenant.message(id).await["status"]
        .as_str()
        .unwrap()
        .to_owned()
}

#[tokio::test]
async fn a_receipt_after_it_settles_an_unknown_text_and_so_do_those_that_follow_under_its_id() {
    let site = MGAGE.site().await;
    let id = unknown(&site, "did it?").await;
    receipt(&site, "theirs-1", ("124", CONSUMER)).await;
    assert_eq!(status(&site, &id).await, "Sent");
    let message = site.tenant.message(&id).await;
    assert_eq!(message["providerMessageIds"], json!(["theirs-1"]));
    receipt(&site, "theirs-1", ("40", CONSUMER)).await;
    assert_eq!(status(&site, &id).await, "Delivered");
    assert_eq!(site.provider.count(), 1);
}

#[tokio::test]
async fn a_receipt_before_it_settles_an_unknown_text_the_same() {
    let site = MGAGE.site().await;
    let stalled = Rule::new(Answer::Reset)
        .delayed(std::time::Duration::from_millis(700))
        .times(1);
    site.provider.answer_with([stalled]);
    let id = site.send("did it?").await;
    site.provider.wait_for(1).await;
    receipt(&site, "theirs-1", ("40", CONSUMER)).await;
    assert_eq!(status(&site, &id).await, "Queued");
    let message = site.tenant.wait_for_status(&id, "Delivered").await;
    assert_eq!(message["providerMessageIds"], json!(["theirs-1"]));
}

#[tokio::test]
async fn a_receipt_that_two_texts_could_have_brought_is_neither_s() {
    let site = MGAGE.site().await;
    let ids = [unknown(&site, "one").await, unknown(&site, "two").await];
    receipt(&site, "theirs-1", ("40", CONSUMER)).await;
    receipt(&site, "theirs-2", ("129", CONSUMER)).await;
    for id in &ids {
        assert_eq!(status(&site, id).await, "Unknown");
    }
}

#[tokio::test]
async fn a_receipt_about_somebody_else_or_of_a_known_text_settles_nothing() {
    let site = MGAGE.site().await;
    let known = site.send("known").await;
    site.tenant.wait_for_status(&known, "Sent").await;
    let id = unknown(&site, "did it?").await;
    receipt(&site, "theirs-1", ("40", OTHER)).await;
    receipt(&site, &format!("mgage-{known}"), ("40", CONSUMER)).await;
    assert_eq!(status(&site, &known).await, "Delivered");
    assert_eq!(status(&site, &id).await, "Unknown");
    receipt(&site, "theirs-2", ("40", CONSUMER)).await;
    assert_eq!(status(&site, &id).await, "Delivered");
}

#[tokio::test]
async fn a_text_that_was_waited_for_in_vain_is_settled_by_no_recipient_and_hides_no_other() {
    let site = MGAGE.site_with(&json!({ "holdSeconds": 1 }), &[]).await;
    let given_up = unknown(&site, "one").await;
    site.tenant.wait_for_status(&given_up, "Failed").await;
    receipt(&site, "theirs-1", ("40", CONSUMER)).await;
    assert_eq!(status(&site, &given_up).await, "Failed");
}
