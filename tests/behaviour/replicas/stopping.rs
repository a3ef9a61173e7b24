//! A replica that is told to stop: what is open ends, nothing begins, and the rest is for the others.

use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use super::fleet::Fleet;
use crate::harness::tenant::CONSUMER;

#[tokio::test]
async fn a_replica_that_is_told_to_stop_records_what_is_open_and_ends_with_success() {
    let mut fleet = Fleet::start(1, &[]).await;
    let tenant = fleet.tenants(1).await.remove(0);
    fleet.third_party_takes(Duration::from_secs(2));
    let open = tenant.send(CONSUMER, "begun before the stop").await;
    assert_eq!(fleet.third_party.wait_for(1).await.len(), 1);

    let began = Instant::now();
    let mut stopping = fleet.take(0);
    stopping.signal(Signal::SIGTERM);
    assert_eq!(stopping.exit_code().await, Some(0));
    assert!(began.elapsed() < Duration::from_secs(12));

    let mut database = fleet.connect().await;
    let id: nexus_gateway::values::MessageId = open.parse().unwrap();
    let status: i16 = sqlx::query_scalar("select status from message_states where id = $1")
        .bind(id.as_i64())
        .fetch_one(&mut database)
        .await
        .unwrap();
    assert_eq!(status, 20, "the attempt that was open is recorded as sent");
    assert_eq!(fleet.third_party.count(), 1);
}
