//! After the answer to a STOP no send to that person begins, whatever is under way.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use nexus_gateway::simulator::{Answer, Rule};
use serde_json::json;

use super::{ends_opted_out, opted_out};
use crate::harness::TestGateway;
use crate::harness::eventually::eventually;
use crate::harness::tenant::{SOON, Tenant, text_to};

const ROUNDS: usize = 100;
/// People who opt out in each round: few, so that what begins late is not merely what waits for the processor.
const PEOPLE: usize = 2;
/// Messages to each of them through each replica, one by one and in one body.
const SUBMISSIONS: usize = 3;

/// What became of one person's messages.
struct Ended {
    person: String,
    /// When the answer to the STOP was complete.
    stopped: Instant,
    sent: usize,
    opted_out: usize,
}

// Everything is on one thread: a send that has begun is at the third party before anything later can be answered, so
// the times need no allowance.
#[tokio::test]
async fn after_the_answer_to_a_stop_no_send_to_that_person_begins() {
    let settings = [
        ("WEBHOOK__RETRY_SCHEDULE_SECONDS", "0.02,0.05,0.1,0.1"),
        ("DISPATCH__BREAKER_FAILURES", "1000000"),
    ];
    let gateway = TestGateway::start_with(&settings).await;
    let second = gateway.replica(&settings).await;
    let tenant = gateway.tenant().await;
    let elsewhere = tenant.known_through(&second).await;
    let (mut sent, mut opted_out) = (0, 0);
    let mut stopped = HashMap::new();
    for round in 0..ROUNDS {
        let people: Vec<String> = (0..PEOPLE)
            .map(|person| format!("1650555{:04}", round * PEOPLE + person))
            .collect();
        let dead = dead_letters(&gateway, &tenant, &people).await;
        let rounds = people
            .into_iter()
            .zip(dead)
            .enumerate()
            .map(|(number, (person, dead))| {
                let replicas = if (round / 2 + number) % 2 == 0 {
                    [&tenant, &elsewhere]
                } else {
                    [&elsewhere, &tenant]
                };
                opts_out_while_sent_to(&gateway, replicas, person, dead, (round + number) % 4)
            });
        for ended in join_all(rounds).await {
            sent += ended.sent;
            opted_out += ended.opted_out;
            stopped.insert(ended.person, ended.stopped);
        }
        let late = begun_after_a_stop(&gateway, &stopped);
        assert!(late.is_empty(), "{late:?}");
        gateway.third_party.reset();
    }
    assert!(
        sent > 0 && opted_out > 0,
        "there was something to race: {sent} sent, {opted_out} stopped"
    );
    second.stop().await;
}

/// Who was sent to after the answer to their STOP, and how long after it.
fn begun_after_a_stop(
    gateway: &TestGateway,
    stopped: &HashMap<String, Instant>,
) -> Vec<(String, Duration)> {
    let received = gateway.third_party.requests();
    assert_eq!(
        received.len() as u64,
        gateway.third_party.count(),
        "all can be looked at"
    );
    let late = received.iter().filter_map(|webhook| {
        let person = webhook.recipient()?;
        let after = webhook.at.checked_duration_since(*stopped.get(&person)?)?;
        (!after.is_zero()).then_some((person, after))
    });
    late.collect()
}

/// One message to each that has failed and can be sent again by hand. Of what follows every third try is to be repeated.
async fn dead_letters(gateway: &TestGateway, tenant: &Tenant, people: &[String]) -> Vec<String> {
    gateway.third_party.answer_with([Answer::status(400)]);
    let dead = people.iter().map(|person| async move {
        let id = tenant.send(person, "before").await;
        tenant.wait_for_status(&id, "Failed").await;
        id
    });
    let dead = join_all(dead).await;
    // A slow answer holds the next message of the same person back, so that it begins some time after it was checked.
    gateway.third_party.answer_with([
        Rule::new(Answer::status(503)).share(0.34),
        Rule::new(Answer::accept()).delayed(Duration::from_millis(10)),
    ]);
    dead
}

/// Sends to somebody in every way there is, until and after that person says STOP, which is when `begun` of the sends
/// have arrived.
async fn opts_out_while_sent_to(
    gateway: &TestGateway,
    [tenant, elsewhere]: [&Tenant; 2],
    person: String,
    dead: String,
    begun: usize,
) -> Ended {
    let is_over = AtomicBool::new(false);
    let stop = async {
        have_arrived(gateway, &person, begun).await;
        // Checked and about to begin one after the other when the STOP comes.
        let (mut ids, more) = tokio::join!(
            submit_together(tenant, &person),
            submit_together(elsewhere, &person)
        );
        elsewhere.consumer_says(&person, "STOP").await;
        let stopped = Instant::now();
        is_over.store(true, Ordering::Release);
        ids.extend(more);
        (stopped, ids)
    };
    // Every other dead letter is sent again before the STOP, the rest after it.
    let redriven_before = begun.is_multiple_of(2);
    let redrive = async {
        if redriven_before {
            retry(tenant, &dead).await;
        }
    };
    let (mut ids, more, (stopped, last), ()) = tokio::join!(
        submit_until(&is_over, tenant, &person),
        submit_until(&is_over, elsewhere, &person),
        stop,
        redrive
    );
    ids.extend(more.into_iter().chain(last));
    for through in [tenant, elsewhere] {
        opted_out(&through.submit(&person, "after").await);
    }
    if !redriven_before {
        retry(tenant, &dead).await;
        eventually("it has come to its second end", SOON, async || {
            let history = tenant.message(&dead).await["history"].as_array()?.len();
            (history >= 4).then_some(())
        })
        .await;
        ends_opted_out(tenant, &dead).await;
    }
    let (mut sent, mut opted_out) = (0, 0);
    for id in ids {
        if is_sent(tenant, &id).await {
            sent += 1;
        } else {
            opted_out += 1;
        }
    }
    Ended {
        person,
        stopped,
        sent,
        opted_out,
    }
}

/// Submits one message after the other until it is over or the recipient has opted out; gives back those accepted.
async fn submit_until(is_over: &AtomicBool, through: &Tenant, person: &str) -> Vec<String> {
    let mut ids = Vec::new();
    while ids.len() < SUBMISSIONS && !is_over.load(Ordering::Acquire) {
        let reply = through.submit(person, "race").await.json();
        let Some(id) = reply["data"]["results"][0]["id"].as_str() else {
            break;
        };
        ids.push(id.to_owned());
    }
    ids
}

/// Submits some messages in one body; gives back those accepted.
async fn submit_together(through: &Tenant, person: &str) -> Vec<String> {
    let messages = vec![text_to(person, "race"); SUBMISSIONS];
    let body = json!({ "messages": messages });
    let reply = through.post("/nexus/v3/messages", &body).await.json();
    let results = reply["data"]["results"].as_array().cloned();
    results
        .unwrap_or_default()
        .iter()
        .filter_map(|result| Some(result["id"].as_str()?.to_owned()))
        .collect()
}

/// Waits until so many sends to somebody have arrived, beside the one that made the dead letter.
async fn have_arrived(gateway: &TestGateway, person: &str, begun: usize) {
    let begun = begun.min(2);
    eventually("so many have arrived", SOON, async || {
        let received = gateway.third_party.requests();
        let theirs = received
            .iter()
            .filter(|webhook| webhook.recipient().as_deref() == Some(person));
        (theirs.count() > begun).then_some(())
    })
    .await;
}

async fn retry(tenant: &Tenant, id: &str) {
    let path = format!("/nexus/v3/messages/{id}/retry");
    let retried = tenant.post(&path, &json!({})).await;
    assert_eq!(retried.status, 202, "{:?}", retried.json());
}

/// Waits for the end of a message: sent, or stopped by the suppression.
async fn is_sent(tenant: &Tenant, id: &str) -> bool {
    let status = eventually("the message has come to an end", SOON, async || {
        let status = tenant.message(id).await["status"].as_str()?.to_owned();
        (status != "Queued").then_some(status)
    })
    .await;
    status == "Sent"
}
