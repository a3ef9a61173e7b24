//! A replica that is told to stop: what is open ends and is recorded, nothing begins, and the rest is for the others.

#![expect(
    clippy::print_stdout,
    reason = "the figures are for whoever runs these tests"
)]

use std::time::{Duration, Instant};

use nexus_gateway::simulator::{Answer, Reply, WireClient};
use nix::sys::signal::Signal;
use reqwest::Method;
use reqwest::header::HeaderMap;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::harness::eventually::eventually;
use crate::harness::fleet::{Fleet, lanes_are_shared, owners};
use crate::harness::ledger::everything_is_recorded;
use crate::harness::load::Load;
use crate::harness::server::Server;
use crate::harness::tenant::{CONSUMER, SOON, Tenant, texts};

/// What a replica says when it gives up waiting.
const CUT: &str = "What is still open is cut";

#[tokio::test]
async fn a_replica_that_is_told_to_stop_finishes_what_is_open_and_begins_nothing() {
    let mut fleet = Fleet::start(1, &[("SERVER__DRAIN_DELAY_SECONDS", "1")]).await;
    let tenant = fleet.tenants(1).await.remove(0);
    fleet.third_party_takes(Duration::from_millis(2_500));
    let idle = idle_connections(&fleet.servers[0].url, 20).await;
    let mut polling = JoinSet::new();
    polling.spawn(long_poll(tenant.clone()));
    let open = tenant.send(CONSUMER, "open 1").await;
    tenant.send(CONSUMER, "waits 2").await;
    assert_eq!(fleet.third_party.wait_for(1).await.len(), 1);

    let began = Instant::now();
    let mut stopping = fleet.take(0);
    stopping.signal(Signal::SIGTERM);
    let unready = eventually("it is not ready", SOON, async || {
        let reply = ask(&stopping, "/health/ready").await;
        (reply.status == 503).then_some(reply)
    })
    .await;
    let unready_after = began.elapsed();
    assert_eq!(unready.header("connection"), Some("close"));
    assert_eq!(ask(&stopping, "/health/live").await.status, 200);

    // Whoever waits is answered with what there is, and whoever still comes is served, but not again.
    let page = polling.join_next().await.unwrap().unwrap();
    assert_eq!(page["data"]["items"].as_array().unwrap().len(), 0);
    let accepted = tenant.submit(CONSUMER, "late 3").await;
    assert_eq!(accepted.status, 202, "{:?}", accepted.json());
    assert_eq!(accepted.header("connection"), Some("close"));

    assert_eq!(stopping.exit_code().await, Some(0));
    let took = began.elapsed();
    assert!(
        !stopping.has_said(CUT),
        "neither the waiting nor the idle hold it up"
    );
    drop(idle);
    assert_eq!(fleet.third_party.count(), 1, "nothing began");
    assert_eq!(
        status_of(&fleet, &open).await,
        20,
        "what was open is recorded"
    );

    fleet.third_party_takes(Duration::ZERO);
    let next = fleet.spawn();
    fleet.takes_up(next).await;
    let received = fleet.third_party.wait_for(3).await;
    assert_eq!(texts(&received), ["open 1", "waits 2", "late 3"]);
    println!("not ready after {unready_after:?}, ended after {took:?}");
}

#[tokio::test]
async fn under_load_a_stop_fails_no_client_and_the_other_replica_sends_the_rest() {
    let settings = [("SERVER__DRAIN_DELAY_SECONDS", "1")];
    let mut fleet = Fleet::start(2, &settings).await;
    let tenants = fleet.tenants(2).await;
    let mut database = fleet.connect().await;
    lanes_are_shared(&mut database, 2).await;
    fleet.third_party_takes(Duration::from_millis(100));
    let load = Load::start(&tenants, &fleet.doors, 4, Duration::from_millis(20));
    load.reaches(60).await;

    let began = Instant::now();
    let mut stopping = fleet.take(0);
    stopping.signal(Signal::SIGTERM);
    // What a load balancer does.
    eventually("it is not ready", SOON, async || {
        (ask(&stopping, "/health/ready").await.status == 503).then_some(())
    })
    .await;
    fleet.doors.close(&stopping.url);
    eventually("the other has all lanes", SOON, async || {
        (owners(&mut database).await.len() == 1).then_some(())
    })
    .await;
    let handed_over = began.elapsed();
    assert_eq!(stopping.exit_code().await, Some(0));

    load.reaches(load.ledger.promised().len() + 60).await;
    let ledger = load.stop().await;
    assert_eq!(ledger.refusals(), 0);
    // No fault is in the books, so a single repeat would fail this.
    ledger.balances(&fleet.third_party, &mut database).await;
    println!("lanes handed over after {handed_over:?}");
}

#[tokio::test]
async fn a_second_signal_cuts_what_is_open_and_records_that_it_was() {
    let mut fleet = Fleet::start(1, &[("DISPATCH__LEASE_SECONDS", "1")]).await;
    let tenant = fleet.tenants(1).await.remove(0);
    fleet.third_party.answer_with([Answer::Hang]);
    let id = tenant.send(CONSUMER, "hangs 1").await;
    assert_eq!(fleet.third_party.wait_for(1).await.len(), 1);

    let mut stopping = fleet.take(0);
    stopping.signal(Signal::SIGTERM);
    eventually("it is not ready", SOON, async || {
        (ask(&stopping, "/health/ready").await.status == 503).then_some(())
    })
    .await;
    let hurried = Instant::now();
    stopping.signal(Signal::SIGTERM);
    assert_eq!(stopping.exit_code().await, Some(0));
    println!("ended {:?} after the second signal", hurried.elapsed());
    assert!(stopping.has_said(&format!("A second signal: {}", CUT.to_lowercase())));
    assert_eq!(attempts_of(&fleet, &id).await, ["interrupted"]);

    // Where repeats are safe it is sent again, the same.
    fleet.third_party.answer_with([Answer::accept()]);
    let next = fleet.spawn();
    fleet.takes_up(next).await;
    let received = fleet.third_party.wait_for(2).await;
    assert_eq!(received[0].body, received[1].body);
    everything_is_recorded(&mut fleet.connect().await).await;
}

#[tokio::test]
async fn a_post_without_an_answer_does_not_keep_the_process_and_is_recorded() {
    let mut fleet = Fleet::start(1, &[]).await;
    let tenant = fleet.tenants(1).await.remove(0);
    fleet.third_party.answer_with([Answer::Hang]);
    let id = tenant.send(CONSUMER, "hangs 1").await;
    assert_eq!(fleet.third_party.wait_for(1).await.len(), 1);

    let began = Instant::now();
    let mut stopping = fleet.take(0);
    stopping.signal(Signal::SIGTERM);
    assert_eq!(stopping.exit_code().await, Some(0));
    println!("ended after {:?}, of 12 s", began.elapsed());
    assert_eq!(attempts_of(&fleet, &id).await, ["timeout"]);
}

async fn ask(server: &Server, path: &str) -> Reply {
    let client = WireClient::new().unwrap();
    let url = format!("{}{path}", server.url);
    let asked = client.send(Method::GET, &url, HeaderMap::new(), Vec::new());
    asked.await.unwrap()
}

/// Clients that have asked once and keep their connections.
async fn idle_connections(url: &str, count: usize) -> Vec<TcpStream> {
    let address = url.strip_prefix("http://").unwrap();
    let request = format!("GET /health/live HTTP/1.1\r\nHost: {address}\r\n\r\n");
    let mut connections = Vec::new();
    for _ in 0..count {
        let mut connection = TcpStream::connect(address).await.unwrap();
        connection.write_all(request.as_bytes()).await.unwrap();
        let mut answer = [0; 1_024];
        assert!(connection.read(&mut answer).await.unwrap() > 0);
        connections.push(connection);
    }
    connections
}

/// Waits for an event longer than any stop takes, and tells what was answered.
async fn long_poll(tenant: Tenant) -> Value {
    let now = tenant.get("/nexus/v3/events").await.json();
    let next = now["data"]["next"].as_str().unwrap().to_owned();
    let page = tenant
        .get(&format!("/nexus/v3/events?after={next}&wait=30"))
        .await;
    assert_eq!(page.status, 200);
    page.json()
}

async fn status_of(fleet: &Fleet, id: &str) -> i16 {
    sqlx::query_scalar("select status from message_states where id = $1")
        .bind(stored(id))
        .fetch_one(&mut fleet.connect().await)
        .await
        .unwrap()
}

/// What the attempts of a message came to, as far as they failed.
async fn attempts_of(fleet: &Fleet, id: &str) -> Vec<String> {
    sqlx::query_scalar(
        "select coalesce(detail::json ->> 'error', '') from history where subject = $1 and kind = 2 order by id",
    )
    .bind(stored(id))
    .fetch_all(&mut fleet.connect().await)
    .await
    .unwrap()
}

fn stored(id: &str) -> i64 {
    let id: nexus_gateway::values::MessageId = id.parse().unwrap();
    id.as_i64()
}
