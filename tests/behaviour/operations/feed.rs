//! What holds the feed back is named, and a feed that came back from elsewhere begins anew.

use std::time::Duration;

use nexus_gateway::platform::database::embedded::Durability;
use sqlx::{Connection, PgConnection};

use super::get;
use crate::harness::TestGateway;
use crate::harness::cluster::private;
use crate::harness::eventually::eventually;
use crate::harness::server::Server;
use crate::harness::tenant::{CONSUMER, SOON};

#[tokio::test]
async fn a_write_transaction_that_somebody_left_open_is_seen_in_the_feeds_lag() {
    let cluster = private(Durability::None).await;
    let server = Server::start(&cluster.url("nexus_gateway"), &[]).await;
    // In another database of the same server.
    let mut elsewhere = PgConnection::connect_with(&cluster.connect_options("postgres"))
        .await
        .unwrap();
    let mut open = elsewhere.begin().await.unwrap();
    sqlx::query("select pg_current_xact_id()")
        .execute(&mut *open)
        .await
        .unwrap();
    let lag = async || {
        let page = get(&format!("{}/metrics", server.internal_url)).await;
        let text = String::from_utf8(page.body.to_vec()).unwrap();
        let line = text
            .lines()
            .find_map(|line| line.strip_prefix("nexus_gateway_feed_lag_seconds "))?;
        line.parse::<f64>().ok()
    };
    eventually("the lag shows", SOON, async || {
        lag().await.filter(|lag| *lag > 1.0)
    })
    .await;

    open.rollback().await.unwrap();
    eventually("the lag is over", SOON, async || {
        lag().await.filter(|lag| *lag < 1.0)
    })
    .await;
}

#[tokio::test]
async fn data_from_another_cluster_begins_a_new_feed_with_everything_that_is_kept() {
    let gateway = TestGateway::start().await;
    let tenant = gateway.tenant().await;
    tenant.consumer_says(CONSUMER, "before").await;
    let events = "/nexus/v3/events?stream=all&wait=5";
    let cursor = tenant.get(events).await.json()["data"]["next"]
        .as_str()
        .unwrap()
        .to_owned();

    // As after a dump and restore: the numbers of its transactions mean nothing here.
    let mut database = gateway.connect().await;
    for statement in [
        "update feed set system_identifier = 1",
        "update history set transaction = '9000000000'",
    ] {
        sqlx::query(statement).execute(&mut database).await.unwrap();
    }
    let restored = gateway.replica(&[]).await;
    let tenant = tenant.through(&restored);
    tenant.consumer_says(CONSUMER, "after").await;

    let received = eventually("everything is in the feed", SOON, async || {
        let page = tenant.get(&format!("{events}&after={cursor}")).await.json();
        let items = page["data"]["items"].as_array()?.clone();
        let received: Vec<_> = items
            .into_iter()
            .filter(|item| item["type"] == "message.received")
            .collect();
        (received.len() >= 2).then_some(received)
    })
    .await;
    assert_eq!(received.len(), 2, "{received:?}");
    assert!(received[0]["id"].as_str() < received[1]["id"].as_str());
    tokio::time::timeout(Duration::from_secs(10), restored.stop())
        .await
        .unwrap();
}
