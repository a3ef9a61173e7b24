//! Clients that go on submitting whatever happens to the gateway: whoever gets no promise asks again, elsewhere.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use nexus_gateway::simulator::{ReceiptToSend, receipt_message};
use serde_json::json;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::consumer::Consumer;
use super::ledger::{Ledger, Promised};
use super::tenant::{PHONE, Tenant, text_to};
use super::visitor::{Visitor, Wish};

/// How long a client waits for an answer before it asks elsewhere.
const CLIENT_PATIENCE: Duration = Duration::from_secs(5);
/// The same where everybody has to be answered: longer than the gateway may take for any request.
const UNLIMITED_PATIENCE: Duration = Duration::from_secs(50);
/// Every how many messages a client repeats one.
const REPEATED: u64 = 4;

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
    pub(super) fn of_turn(&self, turn: usize) -> Option<String> {
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
        let mut load = Self::none();
        for (index, tenant) in tenants.iter().enumerate() {
            for person in 0..people {
                let visitor = load.visitor(tenant, doors, (person, CLIENT_PATIENCE));
                load.submits(visitor, recipient(index, person), (false, pause));
            }
        }
        load
    }

    /// The same with everything else that comes from outside: third parties report what they delivered, and consumers
    /// write. Nobody gives up before he is answered.
    pub fn from_all_sides(
        tenants: &[Tenant],
        doors: &Doors,
        people: usize,
        pause: Duration,
    ) -> Self {
        let mut load = Self::none();
        for (index, tenant) in tenants.iter().enumerate() {
            for person in 0..people {
                let visitor = load.visitor(tenant, doors, (person, UNLIMITED_PATIENCE));
                let consumer = Consumer {
                    visitor: visitor.clone(),
                    name: format!("1651{index:03}{person:04}"),
                };
                load.submits(visitor, recipient(index, person), (true, pause));
                load.people
                    .spawn(consumer.write_until(load.enough.clone(), pause));
            }
        }
        load
    }

    fn none() -> Self {
        Self {
            ledger: Ledger::default(),
            people: JoinSet::new(),
            enough: CancellationToken::new(),
        }
    }

    fn visitor(
        &self,
        tenant: &Tenant,
        doors: &Doors,
        (turn, patience): (usize, Duration),
    ) -> Visitor {
        Visitor {
            tenant: tenant.clone(),
            doors: doors.clone(),
            ledger: self.ledger.clone(),
            turn,
            patience,
        }
    }

    fn submits(&mut self, visitor: Visitor, to: String, (reports, pause): (bool, Duration)) {
        let client = Client {
            visitor,
            to,
            reports,
        };
        self.people
            .spawn(client.submit_until(self.enough.clone(), pause));
    }

    /// Waits until so many more messages were promised than have been by now.
    pub async fn goes_on(&self, messages: usize) {
        self.reaches(self.ledger.promised().len() + messages).await;
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

/// The address of one of a tenant's people, whom nobody else has.
fn recipient(tenant: usize, person: usize) -> String {
    format!("1650{tenant:03}{person:04}")
}

struct Client {
    visitor: Visitor,
    to: String,
    reports: bool,
}

impl Client {
    async fn submit_until(mut self, enough: CancellationToken, pause: Duration) {
        let mut number = 0;
        let mut unreported = None;
        while !enough.is_cancelled() {
            let id = self.submit(number).await;
            // The one before has been sent by now, mostly; a receipt that is early all the same is parked.
            if let Some(id) = unreported.replace(id).filter(|_| self.reports) {
                self.report(&id).await;
            }
            number += 1;
            tokio::time::sleep(pause).await;
        }
        if let Some(id) = unreported.filter(|_| self.reports) {
            self.report(&id).await;
        }
    }

    /// Asks until it is promised. The message has an id of ours, so that asking again is safe; now and then a client does
    /// so although it was answered.
    async fn submit(&mut self, number: u64) -> String {
        let text = format!("{} {number}", self.to);
        let mut item = text_to(&self.to, &text);
        item["channel"]["messageId"] = json!(format!("{}-{number}", self.to));
        let wish = Wish::Submission(item);
        let id = self.promised_id(&wish).await;
        if number.is_multiple_of(REPEATED) {
            assert_eq!(self.promised_id(&wish).await, id, "a repeat");
        }
        self.visitor.ledger.promise(Promised {
            id: id.clone(),
            to: self.to.clone(),
            text,
        });
        id
    }

    async fn promised_id(&mut self, wish: &Wish) -> String {
        let (reply, _asked) = self.visitor.insist(wish).await;
        let id = &reply.json()["data"]["results"][0]["id"];
        id.as_str().expect("a promise has an id").to_owned()
    }

    /// What the third party says of a message that it took under an id of its own.
    async fn report(&mut self, id: &str) {
        let message_id = format!("third-party-{id}");
        let receipt = receipt_message(&ReceiptToSend {
            from: PHONE,
            to: &self.to,
            message_id: &message_id,
            status: "Delivered",
            reasons: &[],
        });
        let (_done, asked) = self.visitor.insist(&Wish::HandOver(receipt)).await;
        self.visitor.ledger.report(id, asked);
    }
}
