//! What the database and the feed hold at the end, compared with the books: nothing is missing and nothing is there
//! twice.

use std::collections::BTreeMap;
use std::time::Duration;

use nexus_gateway::values::MessageId;
use serde_json::Value;
use sqlx::PgConnection;

use super::eventually::eventually;
use super::ledger::{Ledger, Taken};
use super::tenant::{PHONE, Tenant};

/// Compares everything that faults between the gateway and its store could lose or double. The load has stopped, and
/// the ledger balances.
pub async fn agree(ledger: &Ledger, tenants: &[Tenant], database: &mut PgConnection) {
    every_report_is_in_force(ledger, database).await;
    for tenant in tenants {
        the_feed_has_every_text_once_and_in_order(ledger, tenant).await;
        the_same_text_again_changes_nothing(ledger, tenant).await;
    }
    let (taken, promised) = (ledger.taken().len(), ledger.promised().len());
    let counted = messages(database).await;
    assert_eq!(counted, (as_count(taken), as_count(promised)));
    for (what, doubles) in DOUBLES {
        let found: i64 = sqlx::query_scalar(*doubles)
            .fetch_one(&mut *database)
            .await
            .unwrap();
        assert_eq!(found, 0, "{what}");
    }
    every_receipt_was_noted_as_often_as_it_may_be(ledger, database).await;
}

/// What may not be, each as a statement that counts it.
const DOUBLES: &[(&str, &str)] = &[
    (
        "a message was stored twice",
        "select count(*) from (select 1 from messages group by ccid, direction, external_id having count(*) > 1) m",
    ),
    (
        "an id has not exactly one de-duplication key",
        // Around the change of a week a key is in both.
        "select count(*) from (
             select m.id from messages m left join inbound_keys k on k.ccid = m.ccid and k.id = m.id
             group by m.id having count(distinct k.key) <> 1
         ) m",
    ),
    (
        "a de-duplication key stands for no message",
        "select count(*) from inbound_keys k
         where not exists (select 1 from messages m where m.ccid = k.ccid and m.id = k.id)",
    ),
    (
        "a consumer's message was not noted exactly once",
        "select count(*) from (
             select m.id from messages m left join history h on h.ccid = m.ccid and h.subject = m.id and h.kind = 1
             where m.direction = 0 group by m.id having count(h.id) <> 1
         ) m",
    ),
    (
        "a change of status was told more than once",
        "select count(*) from (
             select 1 from history where kind in (2, 3) and stream > 0 group by subject, kind, status having count(*) > 1
         ) h",
    ),
    (
        "a third party's id stands for nothing or for two messages",
        "select count(*) from (
             select m.id from messages m left join provider_ids p on p.ccid = m.ccid and p.id = m.id
             where m.direction = 1 group by m.id having count(p.key) <> 1
         ) m",
    ),
    (
        "a message was given up",
        "select count(*) from dead_letters",
    ),
];

/// How long the sweep may take that finds receipts whose message became known in the moment of a fault.
const SWEPT: Duration = Duration::from_mins(2);

async fn every_report_is_in_force(ledger: &Ledger, database: &mut PgConnection) {
    let reported = as_count(ledger.reported().len());
    eventually("every report is in force", SWEPT, async || {
        let delivered: i64 =
            sqlx::query_scalar("select count(*) from message_states where status = 40")
                .fetch_one(&mut *database)
                .await
                .unwrap();
        (delivered == reported).then_some(())
    })
    .await;
}

/// How many attempts were noted for messages that the third party got once: one each, since nothing was lost.
pub async fn every_attempt_was_noted_once(database: &mut PgConnection) {
    let otherwise: i64 = sqlx::query_scalar(
        "select count(*) from (
             select m.id from messages m left join history h on h.ccid = m.ccid and h.subject = m.id and h.kind = 2
             where m.direction = 1 group by m.id having count(h.id) <> 1
         ) m",
    )
    .fetch_one(database)
    .await
    .unwrap();
    assert_eq!(otherwise, 0, "messages with other than one attempt");
}

async fn messages(database: &mut PgConnection) -> (i64, i64) {
    sqlx::query_as(
        "select count(*) filter (where direction = 0), count(*) filter (where direction = 1) from messages",
    )
    .fetch_one(database)
    .await
    .unwrap()
}

/// A receipt that is sent again, because its sender was refused, is noted again and changes nothing. Until the sweep it
/// may also lie where receipts wait for their message, put there by the try that was refused.
async fn every_receipt_was_noted_as_often_as_it_may_be(
    ledger: &Ledger,
    database: &mut PgConnection,
) {
    let noted: Vec<(i64, i64)> = sqlx::query_as(
        "select s.id, (select count(*) from history h where h.ccid = s.ccid and h.subject = s.id and h.kind = 3)
         from message_states s",
    )
    .fetch_all(&mut *database)
    .await
    .unwrap();
    let shown = |id| MessageId::from_i64(id).to_string();
    let noted: BTreeMap<String, i64> = noted
        .into_iter()
        .map(|(id, entries)| (shown(id), entries))
        .collect();
    let mut repeated = 0;
    for (id, asked) in ledger.reported() {
        let may_be = 1..=as_count(asked);
        assert!(
            may_be.contains(&noted[&id]),
            "{id}: {} entries for {asked} receipts",
            noted[&id]
        );
        repeated += as_count(asked) - noted[&id];
    }
    let parked: i64 = sqlx::query_scalar("select count(*) from parked_receipts")
        .fetch_one(database)
        .await
        .unwrap();
    assert!(parked <= repeated, "{parked} parked, {repeated} repeated");
}

async fn the_feed_has_every_text_once_and_in_order(ledger: &Ledger, tenant: &Tenant) {
    let mut told = BTreeMap::<String, Vec<String>>::new();
    for event in received_events(tenant).await {
        let (id, from) = (
            &event["data"]["id"],
            &event["data"]["channel"]["from"]["id"],
        );
        let (Some(id), Some(from)) = (id.as_str(), from.as_str()) else {
            panic!("no message in {event}");
        };
        told.entry(from.to_owned()).or_default().push(id.to_owned());
    }
    let mut taken = BTreeMap::<String, Vec<String>>::new();
    for text in texts_of(ledger, tenant) {
        taken.entry(text.from).or_default().push(text.id);
    }
    assert_eq!(told, taken, "what the feed tells of what was taken");
}

async fn received_events(tenant: &Tenant) -> Vec<Value> {
    let mut events = Vec::new();
    let mut after = String::new();
    loop {
        let path = format!("/nexus/v3/events?stream=all&types=message.received&limit=500{after}");
        let page = tenant.get(&path).await;
        assert_eq!(page.status, 200, "{:?}", page.json());
        let data = &page.json()["data"];
        let next = format!("&after={}", data["next"].as_str().unwrap());
        if next == after {
            return events;
        }
        events.extend_from_slice(data["items"].as_array().unwrap());
        after = next;
    }
}

async fn the_same_text_again_changes_nothing(ledger: &Ledger, tenant: &Tenant) {
    let Some(last) = texts_of(ledger, tenant).pop() else {
        return;
    };
    let (name, number) = last.text.split_once(' ').unwrap();
    let message_id = format!("{name}-{number}");
    let third_party = &tenant.third_party;
    let sent = third_party.send_text(&last.from, PHONE, &message_id, &last.text);
    let reply = sent.await.unwrap();
    assert_eq!(reply.status, 200);
    assert_eq!(reply.json()["data"]["ids"][0], last.id.as_str());
}

fn texts_of(ledger: &Ledger, tenant: &Tenant) -> Vec<Taken> {
    let mut texts = ledger.taken();
    texts.retain(|taken| taken.ccid == tenant.ccid);
    texts
}

fn as_count(number: usize) -> i64 {
    i64::try_from(number).unwrap()
}
