//! Where a repeat would not be safe an attempt is announced before its first byte leaves. One without a result may have
//! been sent: the message is `Unknown`, nobody sends it again, and a receipt or the end of its hold settles it.

use std::time::Duration;

use nexus_gateway::connectors::carrier::UnknownPolicy;
use nexus_gateway::dispatch::attempt::Report;
use nexus_gateway::dispatch::backoff::RetrySchedule;
use nexus_gateway::dispatch::decision::{Decision, DeliveryFacts, decide};
use nexus_gateway::dispatch::results::{Fate, ResultRow, StateChange};
use nexus_gateway::dispatch::store::finish;
use nexus_gateway::lanes::model::{Delivery, LaneId, Life, Place};
use nexus_gateway::lanes::ownership::OwnedLane;
use nexus_gateway::lanes::store;
use nexus_gateway::messages::status::Status;
use nexus_gateway::values::Ccid;
use sqlx::PgConnection;

use crate::harness::TestGateway;
use crate::harness::eventually::eventually;
use crate::harness::ledger::nothing_waits;
use crate::harness::tenant::{CONSUMER, SOON, Tenant, texts};

const HOUR_MS: i64 = 3_600_000;

/// A message whose sender died between the announcement of its attempt and the result.
struct Interrupted {
    answers: TestGateway,
    tenant: Tenant,
    id: String,
    delivery: Delivery,
    database: PgConnection,
}

impl Interrupted {
    async fn begin() -> Self {
        let first = TestGateway::start().await;
        let tenant = first.tenant().await;
        let answers = first.replica_that_only_answers().await;
        let tenant = tenant.through(&answers);
        tenant.pause().await;
        eventually("the channel is known", SOON, async || {
            tenant.is_known().await.then_some(())
        })
        .await;
        let id = tenant.send(CONSUMER, "perhaps sent").await;
        let mut database = first.connect().await;
        first.stop().await;

        let owner = new_life(&mut database).await;
        let delivery = waiting(&mut database, &tenant).await;
        let announced_at = answers.clock.now_ms() - HOUR_MS;
        let announced = store::announce(&mut database, owner, &[&delivery], announced_at).await;
        assert!(announced.unwrap());
        assert!(store::end_life(&mut database, owner).await.unwrap());
        let delivery = waiting(&mut database, &tenant).await;
        Self {
            answers,
            tenant,
            id,
            delivery,
            database,
        }
    }

    /// What the next owner writes where the connector does not take our id: it is held until then.
    async fn hold(&mut self, until: i64) {
        let schedule = RetrySchedule::default();
        let now_ms = self.answers.clock.now_ms();
        let facts = DeliveryFacts {
            attempt: 1,
            now_ms,
            valid_until_ms: self.delivery.expires_at,
            unknown: UnknownPolicy::Hold(None),
            unknown_hold: Duration::from_mins(30),
            schedule: &schedule,
            jitter: 0.5,
        };
        let report = Report::without_attempt(&self.delivery);
        let decision = decide(report.outcome, &facts).decision;
        let until_ms = now_ms + 1_800_000;
        assert_eq!(decision, Decision::HoldUnknown { until_ms });

        let owner = new_life(&mut self.database).await;
        let (lane, _inbox) = OwnedLane::new(self.delivery.lane, 1);
        let fate = Fate::Held { attempt: 1, until };
        let mut row = ResultRow::new(&lane, owner, self.delivery, fate, now_ms);
        row.state = Some(StateChange {
            status: Status::Unknown,
            reason: None,
            provider_message_id: None,
        });
        assert!(finish(&mut self.database, owner, &[row]).await.unwrap());
        assert!(store::end_life(&mut self.database, owner).await.unwrap());
        assert_eq!(self.tenant.message(&self.id).await["status"], "Unknown");
    }

    /// A replica takes the lane over, and nothing keeps it from sending.
    async fn go_on(&self) -> TestGateway {
        let next = self.answers.replica(&[]).await;
        self.tenant.resume().await;
        next
    }
}

#[tokio::test]
async fn a_message_that_may_have_been_sent_is_not_sent_again_and_holds_nobody_back() {
    let mut interrupted = Interrupted::begin().await;
    let until = interrupted.answers.clock.now_ms() + HOUR_MS;
    interrupted.hold(until).await;
    let next = interrupted.go_on().await;
    interrupted.tenant.send(CONSUMER, "surely sent").await;
    let received = next.third_party.wait_for(1).await;
    assert_eq!(texts(&received), ["surely sent"]);
    let tenant = &interrupted.tenant;
    assert_eq!(tenant.message(&interrupted.id).await["status"], "Unknown");

    tenant.receipt(&interrupted.id, "Delivered", None).await;
    tenant.wait_for_status(&interrupted.id, "Delivered").await;
    assert_eq!(next.third_party.count(), 1);
}

#[tokio::test]
async fn a_receipt_within_the_hold_settles_a_message_that_may_have_been_sent() {
    let mut interrupted = Interrupted::begin().await;
    let until = interrupted.answers.clock.now_ms();
    interrupted.hold(until).await;
    let receipt = interrupted
        .tenant
        .receipt(&interrupted.id, "Delivered", None);
    assert_eq!(receipt.await.status, 200);
    let next = interrupted.go_on().await;
    nothing_waits(&mut interrupted.database).await;
    let message = interrupted.tenant.message(&interrupted.id).await;
    assert_eq!(message["status"], "Delivered");
    assert_eq!(dead_letters(&interrupted.tenant).await, 0);
    assert_eq!(next.third_party.count(), 0);
}

#[tokio::test]
async fn without_a_receipt_a_message_that_may_have_been_sent_has_failed_when_its_hold_ends() {
    let mut interrupted = Interrupted::begin().await;
    let until = interrupted.answers.clock.now_ms();
    interrupted.hold(until).await;
    let next = interrupted.go_on().await;
    let failed = interrupted
        .tenant
        .wait_for_status(&interrupted.id, "Failed")
        .await;
    let last = failed["history"].as_array().unwrap().last().unwrap();
    assert_eq!(last["reasons"][0]["code"], 500, "{failed}");
    nothing_waits(&mut interrupted.database).await;
    assert_eq!(dead_letters(&interrupted.tenant).await, 1);
    assert_eq!(next.third_party.count(), 0);
}

#[tokio::test]
async fn an_owner_that_was_declared_dead_announces_nothing_so_no_byte_of_its_attempt_leaves() {
    let mut interrupted = Interrupted::begin().await;
    let database = &mut interrupted.database;
    let owner = new_life(database).await;
    assert!(store::end_life(database, owner).await.unwrap());
    let before = interrupted.delivery.announced_at;
    let announced = store::announce(database, owner, &[&interrupted.delivery], i64::MAX).await;
    assert!(!announced.unwrap());
    let after = waiting(database, &interrupted.tenant).await.announced_at;
    assert_eq!(after, before);
}

async fn new_life(database: &mut PgConnection) -> Life {
    loop {
        if let Some(registered) = store::register(database, 5_000).await.unwrap() {
            return registered.life;
        }
    }
}

/// The one delivery of the tenant.
async fn waiting(database: &mut PgConnection, tenant: &Tenant) -> Delivery {
    let lane: i64 = sqlx::query_scalar("select lane from deliveries where lane > 0")
        .fetch_one(&mut *database)
        .await
        .unwrap();
    let lane = (Ccid::from_uuid(tenant.ccid), LaneId(lane));
    let found = store::read_forward(database, lane, Place::START, 2).await;
    let found = found.unwrap();
    assert_eq!(found.len(), 1);
    found[0]
}

async fn dead_letters(tenant: &Tenant) -> usize {
    let found = tenant.get("/nexus/v3/messages?deadLetter=true").await;
    found.json()["data"]["items"].as_array().unwrap().len()
}
