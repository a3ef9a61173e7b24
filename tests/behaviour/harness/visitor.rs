//! Somebody outside who wants one thing promised, and asks again, elsewhere, until it is.

use std::time::{Duration, Instant};

use nexus_gateway::simulator::Reply;
use reqwest::Method;
use serde_json::{Value, json};

use super::ledger::{Ledger, Refused};
use super::load::Doors;
use super::tenant::Tenant;

/// Between two tries of the same thing.
const TRY_AGAIN: Duration = Duration::from_millis(50);

/// What is asked for.
#[derive(Debug)]
pub(super) enum Wish {
    /// An application submits.
    Submission(Value),
    /// The third party hands over a message or a receipt.
    HandOver(Value),
}

#[derive(Debug, Clone)]
pub(super) struct Visitor {
    pub(super) tenant: Tenant,
    pub(super) doors: Doors,
    pub(super) ledger: Ledger,
    /// Counts the tries, so that each goes to the next door.
    pub(super) turn: usize,
    /// How long an answer is waited for.
    pub(super) patience: Duration,
}

impl Visitor {
    /// Asks until it is granted; gives back that answer and how often it was asked for. Every other answer is written
    /// into the books as a refusal.
    pub(super) async fn insist(&mut self, wish: &Wish) -> (Reply, usize) {
        let granted = match wish {
            Wish::Submission(_) => 202,
            Wish::HandOver(_) => 200,
        };
        let mut asked = 0;
        loop {
            self.turn += 1;
            if let Some(door) = self.doors.of_turn(self.turn) {
                asked += 1;
                let began = Instant::now();
                let answer = ask(self.tenant.at(&door), wish);
                let reply = tokio::time::timeout(self.patience, answer).await;
                match reply.unwrap_or(None) {
                    Some(reply) if reply.status == granted => return (reply, asked),
                    other => self
                        .ledger
                        .refuse(Refused::of(other.as_ref(), began.elapsed())),
                }
            }
            tokio::time::sleep(TRY_AGAIN).await;
        }
    }
}

/// `None` where there is no answer.
async fn ask(tenant: Tenant, wish: &Wish) -> Option<Reply> {
    match wish {
        Wish::Submission(item) => {
            let body = json!({ "messages": [item] });
            let path = "/nexus/v3/messages";
            tenant.try_call(Method::POST, path, Some(&body)).await
        }
        Wish::HandOver(message) => {
            let sent = tenant.third_party.send(std::slice::from_ref(message));
            sent.await.ok()
        }
    }
}
