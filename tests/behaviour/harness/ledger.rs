//! What clients were promised and what the third party got, kept apart from the gateway and compared at the end.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use nexus_gateway::simulator::{Received, Reply, Signature, ThirdParty};
use nexus_gateway::values::MessageId;
use serde_json::json;
use sqlx::PgConnection;
use uuid::Uuid;

use super::eventually::dwindles;

/// Once faults have stopped, something of what is left arrives within this time, until nothing is left. The longest that
/// a lane may rest by rights is a first pause of its breaker.
const STANDSTILL: Duration = Duration::from_secs(40);
/// A client that is refused hears it by then, or finds its connection cut.
const REFUSED_WITHIN: Duration = Duration::from_secs(6);
/// How long after it was answered a result may be uncommitted; longer only on a machine that is too busy to tell.
const UNCOMMITTED_MAX: Duration = Duration::from_secs(3);

/// The books of one test; clones share them.
#[derive(Debug, Clone, Default)]
pub struct Ledger(Arc<Mutex<Books>>);

#[derive(Debug, Default)]
struct Books {
    promised: Vec<Promised>,
    taken: Vec<Taken>,
    /// By message: how often its receipt was sent until it was taken.
    reported: BTreeMap<String, usize>,
    refused: Vec<Refused>,
    faults: Vec<Fault>,
}

/// A message that the gateway has acknowledged.
#[derive(Debug, Clone)]
pub struct Promised {
    pub id: String,
    pub to: String,
    pub text: String,
}

/// A consumer's text that the gateway has taken.
#[derive(Debug, Clone)]
pub struct Taken {
    pub ccid: Uuid,
    pub id: String,
    pub from: String,
    pub text: String,
}

/// An answer that promised nothing, or none at all.
#[derive(Debug, Clone)]
pub struct Refused {
    /// `None`: there was no answer.
    pub status: Option<u16>,
    pub has_retry_after: bool,
    /// Whether the body says the same as the status, in the product's envelope.
    pub has_envelope: bool,
    pub took: Duration,
}

impl Refused {
    pub(super) fn of(reply: Option<&Reply>, took: Duration) -> Self {
        let says = reply.map(|reply| reply.json()["status"]["code"].clone());
        let status = reply.map(|reply| reply.status);
        Self {
            status,
            has_retry_after: reply.is_some_and(|reply| reply.header("retry-after").is_some()),
            has_envelope: status.is_some() && says == status.map(|status| json!(status)),
            took,
        }
    }
}

/// While this lasted, an answer of the third party may have been lost on its way into the database.
#[derive(Debug, Clone, Copy)]
struct Fault {
    from: Instant,
    until: Instant,
}

impl Ledger {
    pub(super) fn promise(&self, promised: Promised) {
        self.books().promised.push(promised);
    }

    pub(super) fn take(&self, taken: Taken) {
        self.books().taken.push(taken);
    }

    pub(super) fn report(&self, id: &str, asked: usize) {
        self.books().reported.insert(id.to_owned(), asked);
    }

    pub(super) fn refuse(&self, refused: Refused) {
        self.books().refused.push(refused);
    }

    /// A process was killed at this moment.
    pub fn killed(&self) {
        let now = Instant::now();
        self.lost_answers(now, now);
    }

    /// A process was frozen, or cut off, for this time.
    pub fn lost_answers(&self, from: Instant, until: Instant) {
        self.books().faults.push(Fault { from, until });
    }

    pub fn promised(&self) -> Vec<Promised> {
        self.books().promised.clone()
    }

    pub fn taken(&self) -> Vec<Taken> {
        self.books().taken.clone()
    }

    /// The messages whose receipts were taken, with how often each was sent until then.
    pub fn reported(&self) -> BTreeMap<String, usize> {
        self.books().reported.clone()
    }

    /// Nobody was left without an answer, and all answers but promises were 503, said so, and said when to come again.
    pub fn every_refusal_was_a_503(&self) {
        for refused in &self.books().refused {
            let honest = refused.status == Some(503);
            assert!(
                honest && refused.has_retry_after && refused.has_envelope,
                "{refused:?}"
            );
        }
    }

    /// Whoever was not promised anything through a fault of ours was told so in time, and when to try again.
    fn every_refusal_was_honest(&self) {
        for refused in &self.books().refused {
            let is_honest = |status| status < 500 || (status == 503 && refused.has_retry_after);
            let honest = refused.status.is_none_or(is_honest);
            assert!(honest && refused.took < REFUSED_WITHIN, "{refused:?}");
        }
    }

    /// The longest that anybody waited for a refusal.
    pub fn slowest_refusal(&self) -> Duration {
        let books = self.books();
        let took = books.refused.iter().map(|refused| refused.took);
        took.max().unwrap_or_default()
    }

    /// How often a client was promised nothing.
    pub fn refusals(&self) -> usize {
        self.books().refused.len()
    }

    /// Waits until everything that was promised has arrived and nothing is left to be sent, and checks that nothing
    /// arrived changed, unsigned, twice without a reason, or out of its person's order.
    pub async fn balances(&self, third_party: &ThirdParty, database: &mut PgConnection) {
        self.everything_arrives(third_party, database).await;
        everything_is_recorded(database).await;
        self.every_refusal_was_honest();
        let received = third_party.requests();
        let by_id = by_id(&received);
        self.every_promise_was_kept_to_the_letter(&by_id);
        self.every_repeat_has_its_reason(&by_id);
        everybody_got_theirs_in_order(&received);
        assert!(
            received
                .iter()
                .all(|request| request.signature == Signature::Good),
            "every request is signed"
        );
    }

    async fn everything_arrives(&self, third_party: &ThirdParty, database: &mut PgConnection) {
        let all = dwindles(STANDSTILL, async || self.missing(third_party).len());
        if !all.await {
            let missing = self.missing(third_party);
            let whereabouts = whereabouts(&missing, database).await;
            panic!(
                "{} promises are not kept, and none for {} s: {whereabouts:#?}",
                missing.len(),
                STANDSTILL.as_secs()
            );
        }
    }

    /// What was promised and has not arrived.
    fn missing(&self, third_party: &ThirdParty) -> Vec<String> {
        let received = third_party.requests();
        let by_id = by_id(&received);
        let books = self.books();
        let promised = books.promised.iter().map(|promised| &promised.id);
        promised
            .filter(|id| !by_id.contains_key(*id))
            .cloned()
            .collect()
    }

    fn every_promise_was_kept_to_the_letter(&self, by_id: &BTreeMap<String, Vec<Received>>) {
        let mut ids = HashMap::<String, String>::new();
        for (id, copies) in by_id {
            let text = text_of(&copies[0]);
            let other = ids.insert(text.clone(), id.clone());
            assert_eq!(other, None, "{text:?} was sent as two messages");
            assert!(
                copies.iter().all(|copy| copy.body == copies[0].body),
                "a repeat of {id} has other bytes"
            );
        }
        for promised in &self.books().promised {
            let first = &by_id[&promised.id][0];
            assert_eq!(text_of(first), promised.text);
            assert_eq!(first.recipient().as_deref(), Some(promised.to.as_str()));
        }
    }

    /// An attempt is repeated only where its answer could not be written down.
    fn every_repeat_has_its_reason(&self, by_id: &BTreeMap<String, Vec<Received>>) {
        let books = self.books();
        for (id, copies) in by_id {
            for pair in copies.windows(2) {
                let (first, again) = (pair[0].at, pair[1].at);
                let explains = |fault: &&Fault| {
                    fault.from <= again
                        && fault.from <= first + UNCOMMITTED_MAX
                        // Its last bytes may arrive when whoever sent them is gone.
                        && first <= fault.until + Duration::from_secs(1)
                };
                assert!(
                    books.faults.iter().any(|fault| explains(&fault)),
                    "{id} was sent again after {:?} although nothing happened to its first answer",
                    again.duration_since(first)
                );
            }
        }
    }

    fn books(&self) -> MutexGuard<'_, Books> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How many requests were more than the first of their message.
pub fn repeats(third_party: &ThirdParty) -> usize {
    let received = third_party.requests();
    received.len() - by_id(&received).len()
}

/// Waits until no delivery is left.
pub async fn nothing_waits(database: &mut PgConnection) {
    let all = dwindles(STANDSTILL, async || {
        let waiting: i64 = sqlx::query_scalar("select count(*) from deliveries where lane > 0")
            .fetch_one(&mut *database)
            .await
            .unwrap();
        usize::try_from(waiting).unwrap()
    });
    assert!(all.await, "no delivery waits");
}

/// Waits until no delivery is left and every message has been sent, or delivered.
pub async fn everything_is_recorded(database: &mut PgConnection) {
    let all = dwindles(STANDSTILL, async || {
        let (waiting, unsent): (i64, i64) = sqlx::query_as(
            "select (select count(*) from deliveries where lane > 0), (select count(*) from message_states where status not in (20, 40))",
        )
        .fetch_one(&mut *database)
        .await
        .unwrap();
        usize::try_from(waiting + unsent).unwrap()
    });
    assert!(all.await, "everything sent is recorded");
}

/// Where the first of these messages stand in the store: their states, their deliveries with the lanes, their history.
async fn whereabouts(missing: &[String], database: &mut PgConnection) -> Vec<String> {
    let ids = missing.iter().take(5).map(|id| id.parse::<MessageId>());
    let ids: Vec<i64> = ids.map(|id| id.unwrap().as_i64()).collect();
    sqlx::query_scalar(
        "select jsonb_build_object(
             'id', m.id,
             'state', (select to_jsonb(s) from message_states s where s.ccid = m.ccid and s.id = m.id),
             'delivery', (select to_jsonb(d) from deliveries d where d.ccid = m.ccid and d.lane = m.lane and d.id = m.id),
             'lane', (select to_jsonb(l) from lanes l where l.lane = m.lane),
             'history', (select jsonb_agg(h) from history h where h.ccid = m.ccid and h.subject = m.id)
         )::text
         from messages m where m.id = any($1)",
    )
    .bind(ids)
    .fetch_all(database)
    .await
    .unwrap()
}

fn by_id(received: &[Received]) -> BTreeMap<String, Vec<Received>> {
    let mut by_id = BTreeMap::<String, Vec<Received>>::new();
    for request in received {
        let id = request.message_id().expect("every webhook has an id");
        by_id.entry(id).or_default().push(request.clone());
    }
    by_id
}

/// Each person's texts are numbered; what arrives again is left out.
fn everybody_got_theirs_in_order(received: &[Received]) {
    let mut last = HashMap::<String, u64>::new();
    let mut seen = std::collections::HashSet::new();
    for request in received {
        let text = text_of(request);
        if !seen.insert(text.clone()) {
            continue;
        }
        let (person, number) = text.rsplit_once(' ').expect("a text ends with its number");
        let number: u64 = number.parse().expect("a text ends with its number");
        let before = last.insert(person.to_owned(), number);
        assert!(
            before.is_none_or(|before| before < number),
            "{person} got {number} after {before:?}"
        );
    }
}

fn text_of(request: &Received) -> String {
    request.json()["text"]
        .as_str()
        .unwrap_or_default()
        .to_owned()
}
