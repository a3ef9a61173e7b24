//! Starting: before the database is there, with half of the schema, and with a schema that is not ours.

use std::borrow::Cow;

use nexus_gateway::platform::database::MIGRATIONS;
use nexus_gateway::platform::database::embedded::Durability;
use sqlx::migrate::Migrator;
use sqlx::{ConnectOptions, PgConnection};

use super::get;
use crate::harness::cluster::{PrivateCluster, private};
use crate::harness::eventually::eventually;
use crate::harness::server::{self, Server};
use crate::harness::tenant::SOON;

const DATABASE: &str = "nexus_gateway";

#[tokio::test]
async fn a_gateway_that_starts_before_its_database_lives_and_is_ready_once_it_is_there() {
    let mut cluster = private(Durability::None).await;
    cluster.stop_fast().await;
    let server = Server::spawn(&cluster.url(DATABASE), &[]);
    let client = nexus_gateway::simulator::WireClient::new().unwrap();
    eventually("it lives", SOON, async || {
        let url = format!("{}/health/live", server.url);
        let asked = client.send(
            reqwest::Method::GET,
            &url,
            reqwest::header::HeaderMap::new(),
            Vec::new(),
        );
        (asked.await.ok()?.status == 200).then_some(())
    })
    .await;
    for path in ["/health/ready", "/nexus/v3/messages", "/"] {
        let refused = get(&format!("{}{path}", server.url)).await;
        assert_eq!(refused.status, 503, "{path}");
        assert_eq!(refused.json()["status"]["code"], 503, "{path}");
        assert!(refused.header("retry-after").is_some(), "{path}");
        assert!(refused.header("x-request-id").is_some(), "{path}");
    }
    cluster.start().await;
    server.wait_until_ready().await;
    assert_eq!(get(&format!("{}/", server.url)).await.status, 404);
}

#[tokio::test]
async fn a_schema_that_is_only_half_there_is_made_whole() {
    let cluster = private(Durability::None).await;
    let half = MIGRATIONS.iter().take(3).cloned().collect::<Vec<_>>();
    let half = Migrator {
        migrations: Cow::Owned(half),
        ..Migrator::DEFAULT
    };
    let mut database = connect(&cluster).await;
    half.run_direct(None, &mut database, false).await.unwrap();
    let _server = Server::start(&cluster.url(DATABASE), &[]).await;
    let applied: i64 = sqlx::query_scalar("select count(*) from _sqlx_migrations where success")
        .fetch_one(&mut database)
        .await
        .unwrap();
    assert_eq!(usize::try_from(applied).unwrap(), MIGRATIONS.iter().count());
}

#[tokio::test]
async fn a_schema_of_a_later_release_and_one_that_was_broken_off_are_refused_in_one_line() {
    let cluster = private(Durability::None).await;
    let url = cluster.url(DATABASE);
    assert!(server::run(&url, &["migrate"]).status.success());
    let mut database = connect(&cluster).await;
    for change in [
        "insert into _sqlx_migrations (version, description, success, checksum, execution_time)
         values (9999, 'of a later release', true, '', 0)",
        "update _sqlx_migrations set success = false where version in (2, 9999)",
    ] {
        sqlx::query(change).execute(&mut database).await.unwrap();
        let output = server::run(&url, &["serve"]);
        assert_eq!(output.status.code(), Some(1), "{change}");
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(
            said.contains("the schema cannot be brought up to date"),
            "{said}"
        );
        assert_eq!(said.trim_end().lines().count(), 1, "{said}");
    }
}

async fn connect(cluster: &PrivateCluster) -> PgConnection {
    cluster.connect_options(DATABASE).connect().await.unwrap()
}
