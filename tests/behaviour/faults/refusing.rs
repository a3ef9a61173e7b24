//! A Postgres that answers, but not as it should: one that takes no writes, and one that takes no connections.

use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, PgConnection};

use super::site::Site;

#[tokio::test]
async fn a_store_that_takes_no_writes_costs_refusals_and_nothing_else() {
    let site = Site::start().await;
    let options = site.cluster.connect_options("postgres");
    let mut operator = options.connect().await.unwrap();
    takes_writes(&mut operator, false).await;
    site.is_not_ready().await;
    site.refuses_somebody().await;
    takes_writes(&mut operator, true).await;
    site.recovers().await;
    site.balances().await;
}

/// As an old primary after a failover, in every session at once.
async fn takes_writes(operator: &mut PgConnection, takes: bool) {
    let mode = if takes { "off" } else { "on" };
    for statement in [
        format!("alter system set default_transaction_read_only = {mode}"),
        "select pg_reload_conf()".to_owned(),
    ] {
        // A session that may only read cannot change anything, but the setting of the server is no table.
        sqlx::query(AssertSqlSafe(statement))
            .execute(&mut *operator)
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn a_store_without_a_free_connection_costs_refusals_and_nothing_else() {
    let (site, proxy) = Site::behind_a_proxy().await;
    let options = site.cluster.connect_options("postgres");
    proxy.closes();
    let taken = every_connection(&options).await;
    proxy.opens();
    site.is_not_ready().await;
    site.refuses_somebody().await;
    drop(taken);
    site.recovers().await;
    site.balances().await;
}

#[tokio::test]
async fn a_database_that_is_closed_for_maintenance_costs_refusals_and_nothing_else() {
    let site = Site::start().await;
    let options = site.cluster.connect_options("postgres");
    let mut operator = options.connect().await.unwrap();
    let admit = async |operator: &mut PgConnection, admits: bool| {
        let statement = format!("alter database nexus_gateway allow_connections {admits}");
        let altered = sqlx::query(AssertSqlSafe(statement))
            .execute(operator)
            .await;
        altered.unwrap();
    };
    admit(&mut operator, false).await;
    let cut =
        "select pg_terminate_backend(pid) from pg_stat_activity where datname = 'nexus_gateway'";
    sqlx::query(cut).execute(&mut operator).await.unwrap();
    site.is_not_ready().await;
    site.refuses_somebody().await;
    admit(&mut operator, true).await;
    site.recovers().await;
    site.balances().await;
}

/// Opens connections until the server refuses one.
async fn every_connection(options: &PgConnectOptions) -> Vec<PgConnection> {
    let mut taken = Vec::new();
    loop {
        match options.connect().await {
            Ok(connection) => taken.push(connection),
            Err(sqlx::Error::Database(refused)) if refused.code().as_deref() == Some("53300") => {
                return taken;
            }
            Err(other) => panic!("{other}"),
        }
    }
}
