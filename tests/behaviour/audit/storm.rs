//! Whatever is killed: there is a record exactly where there is a change.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use nexus_gateway::audit::verify::verify;
use nexus_gateway::simulator::{ThirdParty, ThirdPartyOptions};
use nexus_gateway::values::Secret;
use rand::RngExt;
use serde_json::json;
use sqlx::{Connection, PgConnection};

use crate::harness::eventually::eventually;
use crate::harness::gateway::{WEBHOOK_SECRET, database};
use crate::harness::server::Server;
use crate::harness::tenant::{PHONE, SOON, Tenant};

#[tokio::test]
async fn a_few_kills_leave_as_many_records_as_changes() {
    storm(4).await;
}

#[tokio::test]
#[ignore = "long; .ci/deep runs it"]
async fn many_kills_leave_as_many_records_as_changes() {
    storm(60).await;
}

async fn storm(kills: u32) {
    let database = database().await;
    let url = database.handle.url();
    let secret = Secret::new(WEBHOOK_SECRET.to_owned());
    let third_party = ThirdParty::start(ThirdPartyOptions::with_secret(secret))
        .await
        .unwrap();
    let first = Server::start(&url, &[]).await;
    let tenant = Tenant::provision(&first.url, &third_party.url(), &json!({})).await;
    first.kill_9();
    let next = AtomicU32::new(0);
    for _ in 0..kills {
        let server = Server::start(&url, &[]).await;
        let tenant = tenant.at(&server.url);
        let changing = futures_util::future::join_all((0..4).map(|_| changes(&tenant, &next)));
        let life = Duration::from_millis(rand::rng().random_range(20..400));
        let killed = tokio::time::timeout(life, changing).await;
        assert!(killed.is_err(), "it was killed in the middle of it");
        server.kill_9();
    }
    let mut connection = PgConnection::connect_with(&database.handle.connect_options())
        .await
        .unwrap();
    let last = Server::start(&url, &[]).await;
    let report = eventually("every record is chained", SOON, async || {
        let report = verify(&mut connection, None).await.unwrap();
        (report.unchained == 0).then_some(report)
    });
    assert_eq!(report.await.faults, []);
    drop(last);
    for (action, of) in [
        ("suppression.saved", "suppressions"),
        ("sender.saved", "senders"),
    ] {
        let changes: i64 = count(&mut connection, &format!("select count(*) from {of}")).await;
        let records = format!("select count(*) from audit where action = '{action}'");
        assert_eq!(count(&mut connection, &records).await, changes, "{of}");
        assert!(changes > 0, "nothing was changed");
    }
}

/// Changes one thing after the other until nobody answers any more, each of them once.
async fn changes(tenant: &Tenant, next: &AtomicU32) {
    loop {
        let number = next.fetch_add(1, Ordering::Relaxed);
        let suppression = format!("/nexus/v3/suppressions/{PHONE}/1650556{number:05}");
        let sender = format!(
            "/nexus/v3/provisioning/senders/{}/chat.S{number}",
            tenant.ccid
        );
        let channel = json!({ "channelId": format!("1650557{number:05}"), "provider": "Async" });
        let put = reqwest::Method::PUT;
        tenant
            .try_call(put.clone(), &suppression, Some(&json!({})))
            .await;
        tenant.try_call(put, &sender, Some(&channel)).await;
    }
}

async fn count(connection: &mut PgConnection, statement: &str) -> i64 {
    sqlx::query_scalar(sqlx::AssertSqlSafe(statement.to_owned()))
        .fetch_one(connection)
        .await
        .unwrap()
}
