//! That a consumer is typing, told to agents in passing: nothing of it is stored, and what cannot be told at once is not
//! told at all.

use std::collections::HashSet;

use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tracing::debug;

use super::agents::Agents;
use crate::connectors::open_messaging::send::{Consumer, typing_call};
use crate::connectors::outcome::Outcome;
use crate::messages::agents::TypingSeen;
use crate::platform::clock::Clock;
use crate::platform::lifecycle::Lifecycle;
use crate::provisioning::directory::Directory;
use crate::values::Ccid;

/// Tenants whose agents are told at the same time.
const TENANTS_AT_ONCE: usize = 64;

/// Tells agents who types.
#[derive(Debug, Clone)]
pub struct Typing {
    pub agents: Agents,
    pub directory: Directory,
    pub clock: Clock,
}

impl Typing {
    /// Starts to tell of whoever is `seen`. While one is told of, the others of the tenant are passed over: whoever goes
    /// on typing is seen again.
    pub fn start(self, mut seen: mpsc::Receiver<TypingSeen>, lifecycle: &Lifecycle) {
        let draining = lifecycle.draining();
        lifecycle.spawn_until_stop("typing", async move {
            let mut telling: JoinSet<Ccid> = JoinSet::new();
            let mut busy: HashSet<Ccid> = HashSet::new();
            loop {
                tokio::select! {
                    next = seen.recv() => {
                        let Some(next) = next else { return };
                        if busy.len() < TENANTS_AT_ONCE && busy.insert(next.ccid) {
                            let this = self.clone();
                            telling.spawn(async move {
                                this.tell(&next).await;
                                next.ccid
                            });
                        }
                    }
                    Some(told) = telling.join_next() => match told {
                        Ok(ccid) => {
                            busy.remove(&ccid);
                        }
                        // Whose it was is not known any more.
                        Err(_) => busy.clear(),
                    },
                    () = draining.cancelled() => return,
                }
            }
        });
    }

    async fn tell(&self, seen: &TypingSeen) {
        let snapshot = self.directory.snapshot();
        let handover = snapshot.handover(seen.ccid);
        let Some(handover) = handover.filter(|to| to.channels.contains(&seen.channel_id)) else {
            return;
        };
        let consumer = Consumer {
            address: &seen.consumer,
            name: None,
        };
        let call = typing_call(&consumer, self.clock.now_ms());
        let outcome = self.agents.hand_in(handover, &call).await;
        if !matches!(outcome, Outcome::Accepted { .. }) {
            debug!(ccid = %seen.ccid, outcome = outcome.class(), "That a consumer types was not told");
        }
    }
}
