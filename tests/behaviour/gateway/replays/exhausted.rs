//! A provider was away for longer than the retries last: everything that died of it is sent again, once, and to nobody
//! who has opted out meanwhile.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use nexus_gateway::simulator::{Answer, Received, Rule};
use nexus_gateway::values::MessageId;
use serde_json::{Value, json};
use sqlx::PgConnection;

use super::{FAST, begin, figures, people};
use crate::harness::TestGateway;
use crate::harness::eventually::eventually;
use crate::harness::ledger::nothing_waits;
use crate::harness::tenant::{Tenant, text_to};

/// Each so many a message is taken all the same; it is none of the dead.
const TAKEN_ONE_IN: usize = 100;
/// Each so many a person opts out, at another place of the hundred.
const OPTED_OUT_ONE_IN: usize = 100;
/// How long anything here may take at all, however busy the machine.
const AT_LAST: Duration = Duration::from_mins(5);

#[tokio::test]
async fn what_was_exhausted_is_replayed_once_while_people_opt_out() {
    exhaust_and_replay(400).await;
}

#[tokio::test]
#[ignore = "long; .ci/deep runs it"]
async fn ten_thousand_exhausted_messages_are_replayed_once_while_people_opt_out() {
    exhaust_and_replay(10_000).await;
}

async fn exhaust_and_replay(count: usize) {
    let settings = [
        ("WEBHOOK__RETRY_SCHEDULE_SECONDS", "0.01,0.02"),
        // What is tested is the end of the retries, not that they are spared.
        ("DISPATCH__BREAKER_FAILURES", "1000000"),
    ];
    let gateway = TestGateway::start_with(&settings).await;
    let _second = gateway.replica(&settings).await;
    let tenant = gateway.tenant().await;
    let mut database = gateway.connect().await;
    let people = people(count);
    let (messages, exhausted) = exhaust(&gateway, &tenant, &people).await;
    assert_eq!(dead(&mut database).await, exhausted);

    gateway.third_party.reset();
    let leaving: Vec<&String> = people.iter().skip(1).step_by(OPTED_OUT_ONE_IN).collect();
    let (before, meanwhile) = leaving.split_at(leaving.len() / 2);
    let mut gone = opt_out(&tenant, before).await;
    let body = json!({ "filter": {}, "ratePerSecond": FAST });
    let (first, second) = (begin(&tenant, &body).await, begin(&tenant, &body).await);
    gone.extend(opt_out(&tenant, meanwhile).await);
    let (first, second) = (
        completed_at_last(&tenant, &first).await,
        completed_at_last(&tenant, &second).await,
    );
    nothing_waits(&mut database).await;

    let received = gateway.third_party.requests();
    nobody_is_sent_to_after_opting_out(&received, &gone);
    let sent: BTreeSet<String> = received
        .iter()
        .map(|one| one.message_id().unwrap())
        .collect();
    assert_eq!(sent.len(), received.len(), "each is sent once");
    let refused: BTreeSet<String> = exhausted.difference(&sent).cloned().collect();
    assert!(refused.iter().all(|id| gone.contains_key(&messages[id])));
    let redriven = redriven(&mut database).await;
    let queued = figures(&first).1 + figures(&second).1;
    assert_eq!(i64::try_from(redriven.len()).unwrap(), queued);
    assert!(
        redriven.values().all(|times| *times == 1),
        "each is redriven once"
    );
    assert!(redriven.keys().all(|id| exhausted.contains(id)));
    assert!(sent.iter().all(|id| redriven.contains_key(id)));

    // Whoever opted out in time is still among the dead, and stays there.
    let left = dead(&mut database).await;
    assert!(left.is_subset(&refused) && left.len() >= before.len());
    let third = begin(&tenant, &body).await;
    let skipped = i64::try_from(left.len()).unwrap();
    assert_eq!(
        figures(&completed_at_last(&tenant, &third).await),
        (skipped, 0, skipped)
    );
    assert_eq!(dead(&mut database).await, left);
    assert_eq!(gateway.third_party.requests().len(), received.len());
}

/// One message to each, of which few are taken; who gets which, and those that were tried in vain.
async fn exhaust(
    gateway: &TestGateway,
    tenant: &Tenant,
    people: &[String],
) -> (BTreeMap<String, String>, BTreeSet<String>) {
    let taken: BTreeSet<&String> = people.iter().step_by(TAKEN_ONE_IN).collect();
    let accepted = taken
        .iter()
        .map(|person| Rule::new(Answer::accept()).to((*person).clone()));
    let rules: Vec<Rule> = accepted.chain([Rule::new(Answer::status(503))]).collect();
    gateway.third_party.answer_with(rules);
    let messages = submit(tenant, people).await;
    nothing_waits(&mut gateway.connect().await).await;
    let in_vain = messages
        .iter()
        .filter(|(_, person)| !taken.contains(person));
    let in_vain = in_vain.map(|(id, _)| id.clone()).collect();
    (messages, in_vain)
}

/// One message to each; who gets which.
async fn submit(tenant: &Tenant, people: &[String]) -> BTreeMap<String, String> {
    let mut messages = BTreeMap::new();
    for people in people.chunks(200) {
        let items: Vec<Value> = people
            .iter()
            .map(|person| text_to(person, "Hello"))
            .collect();
        let body = json!({ "messages": items });
        let reply = tenant.post("/nexus/v3/messages", &body).await;
        assert_eq!(reply.status, 202, "{:?}", reply.json());
        let results = reply.json()["data"]["results"].clone();
        for (result, person) in results.as_array().unwrap().iter().zip(people) {
            messages.insert(result["id"].as_str().unwrap().to_owned(), person.clone());
        }
    }
    messages
}

/// Each of them says STOP; when each had the answer.
async fn opt_out(tenant: &Tenant, people: &[&String]) -> BTreeMap<String, Instant> {
    let mut answered = BTreeMap::new();
    for person in people {
        tenant.consumer_says(person, "STOP").await;
        answered.insert((*person).clone(), Instant::now());
    }
    answered
}

async fn completed_at_last(tenant: &Tenant, id: &str) -> Value {
    eventually("a replay is completed", AT_LAST, async || {
        let replay = super::replay(tenant, id).await;
        (replay["state"] == "completed").then_some(replay)
    })
    .await
}

// Everything is on one thread, so what began before the answer is at the third party before it.
fn nobody_is_sent_to_after_opting_out(received: &[Received], gone: &BTreeMap<String, Instant>) {
    for request in received {
        let left_at = gone.get(&request.recipient().unwrap());
        assert!(left_at.is_none_or(|left_at| request.at <= *left_at));
    }
}

/// Every dead letter there is.
async fn dead(database: &mut PgConnection) -> BTreeSet<String> {
    let ids: Vec<i64> = sqlx::query_scalar("select id from dead_letters")
        .fetch_all(database)
        .await
        .unwrap();
    ids.into_iter().map(shown).collect()
}

/// The messages that began a new life, and how often.
async fn redriven(database: &mut PgConnection) -> BTreeMap<String, i64> {
    let rows: Vec<(i64, i64)> = sqlx::query_as(
        "select subject, count(*) from history where kind = 10 and status = 0 group by subject",
    )
    .fetch_all(database)
    .await
    .unwrap();
    rows.into_iter()
        .map(|(id, times)| (shown(id), times))
        .collect()
}

fn shown(id: i64) -> String {
    MessageId::from_i64(id).to_string()
}
