//! A consumer who writes one text after the other, each until it is taken.

use std::time::Duration;

use nexus_gateway::simulator::text_message;
use tokio_util::sync::CancellationToken;

use super::ledger::Taken;
use super::tenant::PHONE;
use super::visitor::{Visitor, Wish};

pub(super) struct Consumer {
    pub(super) visitor: Visitor,
    /// His number.
    pub(super) name: String,
}

impl Consumer {
    pub(super) async fn write_until(mut self, enough: CancellationToken, pause: Duration) {
        let mut number = 0;
        while !enough.is_cancelled() {
            self.write(number).await;
            number += 1;
            tokio::time::sleep(pause).await;
        }
    }

    async fn write(&mut self, number: u64) {
        let text = format!("{} {number}", self.name);
        let message_id = format!("{}-{number}", self.name);
        let message = text_message(&self.name, PHONE, &message_id, &text);
        let (reply, _asked) = self.visitor.insist(&Wish::HandOver(message)).await;
        let id = &reply.json()["data"]["ids"][0];
        self.visitor.ledger.take(Taken {
            ccid: self.visitor.tenant.ccid,
            id: id.as_str().expect("what is taken has an id").to_owned(),
            from: self.name.clone(),
            text,
        });
    }
}
