//! Clients that go on submitting whatever happens to the gateway: whoever gets no promise asks again, elsewhere.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::json;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::ledger::{Ledger, Promised, Refused};
use super::tenant::{Tenant, text_to};

/// How long a client waits for an answer before it asks elsewhere.
const CLIENT_PATIENCE: Duration = Duration::from_secs(5);
/// Between two tries of the same message.
const TRY_AGAIN: Duration = Duration::from_millis(50);

/// The addresses at which the gateway can be reached, as a load balancer knows them; clones share them.
#[derive(Debug, Clone, Default)]
pub struct Doors(Arc<RwLock<Vec<String>>>);

impl Doors {
    pub fn open(&self, url: &str) {
        self.write().push(url.to_owned());
    }

    pub fn close(&self, url: &str) {
        self.write().retain(|door| door != url);
    }

    /// The door of a turn; `None` while all are closed.
    fn of_turn(&self, turn: usize) -> Option<String> {
        let doors = self.0.read().unwrap_or_else(PoisonError::into_inner);
        (!doors.is_empty()).then(|| doors[turn % doors.len()].clone())
    }

    fn write(&self) -> std::sync::RwLockWriteGuard<'_, Vec<String>> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// People of several tenants, each of whom is sent one message after the other.
#[derive(Debug)]
pub struct Load {
    pub ledger: Ledger,
    people: JoinSet<()>,
    enough: CancellationToken,
}

impl Load {
    /// Starts to submit for `people` of each tenant, with `pause` between two messages to one of them.
    pub fn start(tenants: &[Tenant], doors: &Doors, people: usize, pause: Duration) -> Self {
        let mut load = Self {
            ledger: Ledger::default(),
            people: JoinSet::new(),
            enough: CancellationToken::new(),
        };
        for (index, tenant) in tenants.iter().enumerate() {
            for person in 0..people {
                let client = Client {
                    tenant: tenant.clone(),
                    doors: doors.clone(),
                    ledger: load.ledger.clone(),
                    to: format!("1650{index:03}{person:04}"),
                    turn: person,
                };
                load.people
                    .spawn(client.submit_until(load.enough.clone(), pause));
            }
        }
        load
    }

    /// Waits until so many messages were promised in all.
    pub async fn reaches(&self, promised: usize) {
        let what = format!("{promised} messages are promised");
        super::eventually::eventually(&what, Duration::from_mins(2), async || {
            (self.ledger.promised().len() >= promised).then_some(())
        })
        .await;
    }

    /// Begins no further message, and waits until those that were begun are promised.
    pub async fn stop(self) -> Ledger {
        self.enough.cancel();
        self.people.join_all().await;
        self.ledger
    }
}

struct Client {
    tenant: Tenant,
    doors: Doors,
    ledger: Ledger,
    to: String,
    turn: usize,
}

impl Client {
    async fn submit_until(mut self, enough: CancellationToken, pause: Duration) {
        let mut number = 0;
        while !enough.is_cancelled() {
            self.submit(number).await;
            number += 1;
            tokio::time::sleep(pause).await;
        }
    }

    /// Asks until it is promised. The message has an id of ours, so that asking again is safe.
    async fn submit(&mut self, number: u64) {
        let text = format!("{} {number}", self.to);
        let mut item = text_to(&self.to, &text);
        item["channel"]["messageId"] = json!(format!("{}-{number}", self.to));
        let body = json!({ "messages": [item] });
        loop {
            self.turn += 1;
            if let Some(id) = self.ask(&body).await {
                let to = self.to.clone();
                return self.ledger.promise(Promised { id, to, text });
            }
            tokio::time::sleep(TRY_AGAIN).await;
        }
    }

    async fn ask(&self, body: &serde_json::Value) -> Option<String> {
        let door = self.doors.of_turn(self.turn)?;
        let began = Instant::now();
        let tenant = self.tenant.at(&door);
        let answer = tenant.try_call(Method::POST, "/nexus/v3/messages", Some(body));
        let reply = tokio::time::timeout(CLIENT_PATIENCE, answer).await;
        let reply = reply.unwrap_or(None);
        if let Some(reply) = reply.as_ref().filter(|reply| reply.status == 202) {
            let id = &reply.json()["data"]["results"][0]["id"];
            return Some(id.as_str().expect("a promise has an id").to_owned());
        }
        self.ledger.refuse(Refused {
            status: reply.as_ref().map(|reply| reply.status),
            has_retry_after: reply.is_some_and(|reply| reply.header("retry-after").is_some()),
            took: began.elapsed(),
        });
        None
    }
}
