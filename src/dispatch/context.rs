//! What every lane's loop works with.

use std::sync::Arc;
use std::time::Duration;

use super::announcer::Announcer;
use super::backoff::RetrySchedule;
use super::breaker::BreakerSettings;
use super::gate::Gate;
use super::handover::Agents;
use super::results::Results;
use super::slots::Slots;
use super::withdrawals::Withdrawals;
use crate::connectors::genesys_cloud::Tokens;
use crate::history::growth::FeedGrowth;
use crate::lanes::ids::Ids;
use crate::lanes::ownership::Ownership;
use crate::media::attached::Attachments;
use crate::media::references::References;
use crate::platform::clock::Clock;
use crate::platform::database::Database;
use crate::platform::lifecycle::Lifecycle;
use crate::platform::outbound::OutboundClients;
use crate::platform::telemetry::metric;
use crate::provisioning::directory::Directory;
use crate::suppressions::link::UnsubscribeLinks;
use crate::suppressions::proof::Proofs;

/// The limits of dispatch, from the configuration.
#[derive(Debug, Clone)]
pub struct DispatchSettings {
    pub lease: Duration,
    /// Attempts at once in this process, and in one lane unless its settings say otherwise.
    pub max_in_flight: usize,
    pub lane_max_in_flight: usize,
    /// Deliveries of one lane that are kept in memory.
    pub memory_deliveries_max: usize,
    pub head_hold: Duration,
    /// What is older is not handed over.
    pub message_age_max: Duration,
    /// How long a receipt is waited for where nobody knows whether a message was sent.
    pub unknown_hold: Duration,
    pub schedule: RetrySchedule,
    pub breaker: BreakerSettings,
    pub tenant_share: f64,
    /// How the outside reaches us, without a slash at its end.
    pub public_url: Option<String>,
}

/// Shared by all lanes of this replica.
#[derive(Debug)]
pub struct DispatchContext {
    pub clock: Clock,
    pub lifecycle: Lifecycle,
    pub database: Database,
    pub directory: Directory,
    /// Makes links of references to stored files.
    pub media: References,
    /// Reads those that a provider wants in the request itself.
    pub attachments: Attachments,
    /// Of Genesys Cloud, for all who call it.
    pub tokens: Tokens,
    /// Where conversations are handed over to.
    pub agents: Agents,
    /// Tells when a tenant's feed has grown.
    pub growth: FeedGrowth,
    pub clients: OutboundClients,
    /// For those whose repeats are not safe: its idle connections are soon closed.
    pub carrier_clients: OutboundClients,
    pub ids: Arc<Ids>,
    pub ownership: Arc<Ownership>,
    pub gate: Gate,
    pub proofs: Proofs,
    /// How recipients of mails to many end them.
    pub unsubscribe_links: UnsubscribeLinks,
    pub announcer: Announcer,
    pub results: Results,
    pub slots: Arc<Slots>,
    pub withdrawals: Arc<Withdrawals>,
    pub settings: Arc<DispatchSettings>,
}

impl DispatchContext {
    /// Tells the metrics what is open at this moment.
    #[expect(clippy::cast_precision_loss, reason = "counts far below 2^52")]
    pub fn count(&self) {
        let open = self.slots.taken();
        metrics::gauge!(metric::LANES_OWNED).set(self.ownership.count() as f64);
        metrics::gauge!(metric::ATTEMPTS_OPEN).set(open as f64);
    }
}
