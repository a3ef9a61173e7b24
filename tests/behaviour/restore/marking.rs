//! What was queued is marked batch by batch; whoever is killed on the way leaves the rest to others.

use serde_json::json;
use sqlx::PgConnection;

use super::{LIVE, RESTORED, Site, stops};
use crate::harness::eventually::eventually;
use crate::harness::server::Server;
use crate::harness::tenant::{CONSUMER, SOON, text_to};

/// Some batches.
const MESSAGES: i64 = 3_000;

#[tokio::test]
async fn a_replica_that_is_killed_while_it_marks_is_gone_on_for_by_one_that_knows_of_no_restore() {
    let site = Site::new().await;
    let live = site.serves(LIVE).await;
    let tenant = site.tenant_on_pause(&live).await;
    for _ in 0..MESSAGES / 1_000 {
        let messages: Vec<_> = (0..1_000)
            .map(|_| text_to(CONSUMER, "one of many"))
            .collect();
        let accepted = tenant
            .post("/nexus/v3/messages", &json!({ "messages": messages }))
            .await;
        assert_eq!(accepted.status, 202);
    }
    stops(live).await;
    site.restores(LIVE, RESTORED).await;

    let mut database = site.connect(RESTORED).await;
    let killed = Server::spawn_with(&site.cluster.url(RESTORED), &[], &["--after-restore"]);
    eventually("some are marked", SOON, async || {
        (marked(&mut database).await? > 0).then_some(())
    })
    .await;
    killed.kill_9();
    let _other = site.serves(RESTORED).await;
    eventually("all are marked", SOON, async || {
        (marked(&mut database).await? == MESSAGES).then_some(())
    })
    .await;
    let (unknown, told): (i64, i64) = sqlx::query_as(
        "select (select count(*) from message_states where status = 10),
                (select count(*) from history where kind = 10 and status = 10)",
    )
    .fetch_one(&mut database)
    .await
    .unwrap();
    assert_eq!((unknown, told), (MESSAGES, MESSAGES), "each of them once");
    assert_eq!(site.third_party.count(), 0);
}

/// How many messages are marked; `None` before there is a hold.
async fn marked(database: &mut PgConnection) -> Option<i64> {
    sqlx::query_scalar("select marked from restore_hold")
        .fetch_optional(database)
        .await
        .ok()?
}
