//! Connections that nobody closes and nothing comes through.

use std::time::Instant;

use nexus_gateway::platform::database::Pool;
use nexus_gateway::platform::database::embedded::Durability;

use sqlx::{Connection, PgConnection};
use tokio::task::JoinSet;

use super::site::{Site, is_not_ready};
use crate::harness::cluster::private;
use crate::harness::eventually::eventually;
use crate::harness::fleet::{Fleet, owners};
use crate::harness::proxy::Proxy;
use crate::harness::tenant::{CONSUMER, SOON};

#[tokio::test]
async fn a_store_that_falls_silent_for_everybody_costs_refusals_and_nothing_else() {
    let (site, proxy) = Site::behind_a_proxy().await;
    proxy.falls_silent();
    site.is_not_ready().await;
    site.refuses_somebody().await;
    proxy.opens();
    site.recovers().await;
    site.balances().await;
}

#[tokio::test]
async fn a_replica_that_is_cut_off_in_silence_is_replaced_and_comes_back_by_itself() {
    let (site, proxy) = Site::with_one_behind_a_proxy().await;
    let mut database = site.fleet.connect().await;
    let cut_off = &site.fleet.servers[0];
    let began = Instant::now();
    proxy.falls_silent();
    is_not_ready(cut_off).await;
    eventually("the other has all lanes", SOON, async || {
        (owners(&mut database).await.len() == 1).then_some(())
    })
    .await;
    site.load.goes_on(40).await;
    proxy.opens();
    site.recovers().await;
    eventually("the lanes are shared again", SOON, async || {
        (owners(&mut database).await.len() == 2).then_some(())
    })
    .await;
    let ended = Instant::now();
    site.balances_around(Some((began, ended))).await;
}

#[tokio::test]
async fn a_look_that_is_under_way_when_the_store_falls_silent_is_told_so_and_a_long_poll_may_take_longer()
 {
    let cluster = private(Durability::None).await;
    let options = cluster.connect_options("nexus_gateway");
    let proxy = Proxy::start(&options).await;
    let settings = [
        ("SERVER__WORK_TIMEOUT_SECONDS", "2.5"),
        ("SERVER__ANSWER_TIMEOUT_SECONDS", "600"),
    ];
    let mut fleet = Fleet::on(options, &settings).await;
    let server = fleet.spawn_at(proxy.url());
    fleet.takes_up(server).await;
    let tenant = fleet.tenants(1).await.remove(0);
    let id = tenant.send(CONSUMER, "looked at").await;
    tenant.wait_for_status(&id, "Sent").await;
    // Longer than any work may take, and none.
    let page = tenant.get("/nexus/v3/events?limit=500").await.json();
    let after = page["data"]["next"].as_str().unwrap();
    let waited = format!("/nexus/v3/events?after={after}&wait=4");
    assert_eq!(tenant.get(&waited).await.status, 200);

    let mut operator = fleet.connect().await;
    let mut locked = operator.begin().await.unwrap();
    lock_messages(&mut locked).await;
    let mut under_way = JoinSet::new();
    let (looks, path) = (tenant.clone(), format!("/nexus/v3/messages/{id}"));
    under_way.spawn(async move { looks.get(&path).await });
    eventually("the look waits in the store", SOON, async || {
        waits_for_a_lock(&mut locked).await.then_some(())
    })
    .await;
    proxy.falls_silent();
    let told = under_way.join_next().await.unwrap().unwrap();
    assert_eq!(told.status, 503);
    assert_eq!(told.json()["status"]["code"], 503);
    assert!(told.header("retry-after").is_some());
    locked.rollback().await.unwrap();
}

async fn lock_messages(operator: &mut PgConnection) {
    let lock = sqlx::query("lock table messages in access exclusive mode");
    lock.execute(operator).await.unwrap();
}

async fn waits_for_a_lock(operator: &mut PgConnection) -> bool {
    sqlx::query_scalar("select exists (select 1 from pg_locks where not granted)")
        .fetch_one(operator)
        .await
        .unwrap()
}

#[tokio::test]
async fn a_connection_that_falls_silent_while_it_is_given_back_frees_its_place() {
    let cluster = private(Durability::None).await;
    let proxy = Proxy::start(&cluster.connect_options("nexus_gateway")).await;
    let pool = Pool::new(proxy.url().parse().unwrap(), 1);
    for is_in_a_transaction in [false, true] {
        proxy.opens();
        if is_in_a_transaction {
            let transaction = pool.begin().await.unwrap();
            proxy.falls_silent();
            drop(transaction);
        } else {
            let lent = pool.acquire().await.unwrap();
            proxy.falls_silent();
            drop(lent);
        }
        proxy.opens();
        eventually("there is a connection again", SOON, async || {
            pool.acquire().await.ok().map(drop)
        })
        .await;
    }
}

#[tokio::test]
async fn a_transaction_that_is_dropped_leaves_nothing_behind_and_a_connection_for_the_next() {
    let cluster = private(Durability::None).await;
    let pool = Pool::new(cluster.connect_options("nexus_gateway"), 1);
    let table = sqlx::query("create table made (number int)");
    table
        .execute(&mut *pool.acquire().await.unwrap())
        .await
        .unwrap();
    for commits in [false, true] {
        let mut transaction = pool.begin().await.unwrap();
        sqlx::query("insert into made values (1)")
            .execute(&mut *transaction)
            .await
            .unwrap();
        if commits {
            transaction.commit().await.unwrap();
        } else {
            drop(transaction);
        }
        let made: i64 = sqlx::query_scalar("select count(*) from made")
            .fetch_one(&mut *pool.acquire().await.unwrap())
            .await
            .unwrap();
        assert_eq!(made, i64::from(commits));
    }
}
