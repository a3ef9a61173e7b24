//! Numbers of the vendor's aggregation service, seen and ordered with the tenant's own client.
//!
//! It owns how an order is made once: who calls us about the numbers, with which key, and what becomes of an order whose
//! caller or replica is gone. Which numbers there are is the service's to say; nothing of that is stored here.

mod bodies;
mod error;
mod order;
pub mod routes;
mod running;

use std::sync::Arc;
use std::time::Duration;

use reqwest::Request;
use serde_json::Value;

pub use error::NumbersError;

use super::directory::Directory;
use crate::connectors::genesys_cloud::{Tokens, call};
use crate::connectors::portico::numbers as wire;
use crate::connectors::portico::settings::PorticoCarrier;
use crate::platform::clock::Clock;
use crate::platform::outbound::OutboundClients;
use crate::values::Ccid;

/// For one call, its token included.
const BUDGET: Duration = Duration::from_secs(20);

/// Calls the service for tenants; cheap to clone.
#[derive(Debug, Clone)]
pub struct Numbers {
    pub directory: Directory,
    pub tokens: Tokens,
    /// Whose idle connections are soon closed: an order is not to be made twice.
    pub clients: OutboundClients,
    pub clock: Clock,
}

impl Numbers {
    /// What a tenant's services say.
    fn carrier(&self, ccid: Ccid) -> Result<PorticoCarrier, NumbersError> {
        let directory = self.directory.snapshot();
        directory.portico_sms(ccid).map_err(NumbersError::NoService)
    }

    /// Makes one call, and reads what it answered.
    async fn ask(
        &self,
        carrier: &PorticoCarrier,
        write: impl Fn() -> Option<Request>,
    ) -> Result<Value, NumbersError> {
        let client = &carrier.identity.client;
        let made = call(&self.tokens, client, &self.clients, BUDGET, write).await;
        let answer = made.map_err(NumbersError::of_call)?;
        let answer = answer.map_err(NumbersError::of_exchange)?;
        if !(200..=299).contains(&answer.status) {
            return Err(NumbersError::of_answer(&answer, self.clock.now_ms()));
        }
        let read = wire::read(&answer.body).filter(|_| !answer.truncated);
        read.ok_or(NumbersError::Unanswered)
    }

    /// The numbers that there are.
    pub async fn list(&self, ccid: Ccid) -> Result<Value, NumbersError> {
        let carrier = self.carrier(ccid)?;
        let api = Arc::clone(&carrier.api);
        self.ask(&carrier, || Some(wire::list(&api))).await
    }

    /// Numbers that can be had.
    pub async fn available(
        &self,
        ccid: Ccid,
        wanted: &wire::Wanted,
    ) -> Result<Value, NumbersError> {
        let carrier = self.carrier(ccid)?;
        let api = Arc::clone(&carrier.api);
        self.ask(&carrier, || Some(wire::available(&api, wanted)))
            .await
    }
}
