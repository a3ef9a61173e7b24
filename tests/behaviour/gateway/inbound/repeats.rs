//! The same message again: once stored, always the same answer.

use std::collections::HashSet;
use std::time::Duration;

use futures_util::future::join_all;
use nexus_gateway::simulator::text_message;
use serde_json::{Value, json};

use super::{events, ids, stored};
use crate::harness::TestGateway;
use crate::harness::eventually::eventually;
use crate::harness::tenant::{CONSUMER, PHONE, SOON, Tenant};

async fn send(tenant: &Tenant, messages: &[Value]) -> nexus_gateway::simulator::Reply {
    tenant.third_party.send(messages).await.unwrap()
}

#[tokio::test]
async fn the_same_message_again_has_the_same_id_and_changes_nothing() {
    let gateway = TestGateway::start().await;
    let tenant = gateway.tenant().await;
    let message = text_message(CONSUMER, PHONE, "m-1", "Hello");
    let first = ids(&send(&tenant, std::slice::from_ref(&message)).await);

    let again = ids(&send(&tenant, std::slice::from_ref(&message)).await);
    let spelled_otherwise = text_message("+1 650 555 0199", "+16504661149", "m-1", "Hello");
    let otherwise = ids(&send(&tenant, &[spelled_otherwise]).await);
    let replica = gateway.replica(&[]).await;
    let there = ids(&send(&tenant.through(&replica), &[message]).await);

    assert_eq!([&again, &otherwise, &there], [&first; 3]);
    assert_eq!(stored(&tenant).await.len(), 1);
    eventually("one event tells of it", SOON, async || {
        (events(&tenant, "message.received").await.len() == 1).then_some(())
    })
    .await;
}

#[tokio::test]
async fn fifty_repeats_at_once_on_two_replicas_are_one_message() {
    let gateway = TestGateway::start().await;
    let replica = gateway.replica(&[]).await;
    let tenant = gateway.tenant().await;
    let there = tenant.through(&replica);
    eventually("the other replica knows the tenant", SOON, async || {
        let probe = text_message(CONSUMER, PHONE, "probe", "Hello");
        (send(&there, &[probe]).await.status == 200).then_some(())
    })
    .await;

    let repeats = (0..50).map(|number| {
        let tenant = if number % 2 == 0 { &tenant } else { &there };
        async move {
            let message = text_message(CONSUMER, PHONE, "m-1", "Hello");
            ids(&send(tenant, &[message]).await).remove(0)
        }
    });
    let answered: HashSet<String> = join_all(repeats).await.into_iter().collect();

    assert_eq!(answered.len(), 1, "{answered:?}");
    assert_eq!(stored(&tenant).await.len(), 2, "the probe and this one");
}

#[tokio::test]
async fn the_same_id_with_other_content_is_a_conflict_that_names_its_place() {
    let gateway = TestGateway::start().await;
    let tenant = gateway.tenant().await;
    let first = ids(&send(&tenant, &[text_message(CONSUMER, PHONE, "m-1", "Hello")]).await);
    for other in [
        text_message(CONSUMER, PHONE, "m-1", "Hello!"),
        text_message("16505550188", PHONE, "m-1", "Hello"),
    ] {
        let fresh = text_message(CONSUMER, PHONE, "m-2", "New");
        let reply = send(&tenant, &[fresh, other]).await;
        let status = reply.json()["status"].clone();
        assert_eq!(
            (reply.status, &status["code"]),
            (409, &json!(409)),
            "{status}"
        );
        assert_eq!(
            status["details"][0]["path"],
            "/messages/1/channel/messageId"
        );
    }
    assert_eq!(stored(&tenant).await.len(), 1, "all or nothing");

    // What was refused holds no id: it can be sent with other content.
    let fresh = ids(&send(&tenant, &[text_message(CONSUMER, PHONE, "m-2", "Newer")]).await);
    assert_ne!(fresh, first);
    let again = ids(&send(&tenant, &[text_message(CONSUMER, PHONE, "m-1", "Hello")]).await);
    assert_eq!(again, first);
}

#[tokio::test]
async fn a_body_may_name_a_message_twice_but_not_with_two_contents() {
    let gateway = TestGateway::start().await;
    let tenant = gateway.tenant().await;
    let (one, two) = (
        text_message(CONSUMER, PHONE, "m-1", "Hello"),
        text_message(CONSUMER, PHONE, "m-2", "Good day"),
    );

    let reply = send(&tenant, &[one.clone(), two.clone(), one.clone()]).await;
    let answered = ids(&reply);
    assert_eq!(answered.len(), 3);
    assert_eq!(answered[0], answered[2]);
    assert_ne!(answered[0], answered[1]);
    assert_eq!(stored(&tenant).await.len(), 2);

    let three = text_message(CONSUMER, PHONE, "m-3", "Hello");
    let differing = text_message(CONSUMER, PHONE, "m-3", "Goodbye");
    let reply = send(&tenant, &[three, two, differing]).await;
    assert_eq!(reply.status, 409);
    let details = reply.json()["status"]["details"].clone();
    assert_eq!(details[0]["path"], "/messages/2/channel/messageId");
    assert_eq!(stored(&tenant).await.len(), 2);
}

#[tokio::test]
async fn the_same_id_of_another_channel_or_tenant_is_another_message() {
    let gateway = TestGateway::start().await;
    let (tenant, neighbour) = (gateway.tenant().await, gateway.tenant().await);
    let message = text_message(CONSUMER, PHONE, "m-1", "Hello");
    let mine = ids(&send(&tenant, std::slice::from_ref(&message)).await);
    let theirs = ids(&send(&neighbour, &[message]).await);
    assert_ne!(mine, theirs);

    let shown = neighbour
        .get(&format!("/nexus/v3/messages/{}", mine[0]))
        .await;
    assert_eq!(shown.status, 404, "another tenant's message is unknown");
}

#[tokio::test]
async fn a_message_is_known_again_for_seven_days() {
    let gateway = TestGateway::start().await;
    let tenant = gateway.tenant().await;
    let message = text_message(CONSUMER, PHONE, "m-1", "Hello");
    let first = ids(&send(&tenant, std::slice::from_ref(&message)).await);
    for _ in 0..3 {
        // Three times this is a little less than seven days.
        gateway.clock.advance(Duration::from_mins(56 * 60 - 1));
        let again = ids(&send(&tenant, std::slice::from_ref(&message)).await);
        assert_eq!(again, first);
    }
    let other = send(&tenant, &[text_message(CONSUMER, PHONE, "m-1", "Goodbye")]).await;
    assert_eq!(other.status, 409);
}
