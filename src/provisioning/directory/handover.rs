//! Whose messages are handed over to agents elsewhere. Pure.

use std::collections::HashSet;
use std::sync::Arc;

use time::OffsetDateTime;

use super::tenant::TenantParts;
use crate::connectors::open_messaging::{CONNECTOR, settings::OpenMessagingSettings};
use crate::lanes::LaneId;
use crate::values::{Ccid, ChannelId};

/// A tenant's agents in Genesys Cloud CX, and the channels whose consumers they answer.
#[derive(Debug)]
pub struct Handover {
    pub ccid: Ccid,
    /// Through which messages go there.
    pub lane: LaneId,
    pub settings: Arc<OpenMessagingSettings>,
    /// When the settings were last changed.
    pub saved_at: OffsetDateTime,
    pub channels: HashSet<ChannelId>,
}

impl Handover {
    /// `None` where nobody hands over, or there is nobody to hand over to.
    pub(super) fn build(ccid: Ccid, parts: &TenantParts) -> Option<Arc<Self>> {
        let mut lanes = parts.lanes.iter();
        let lane = lanes.find(|lane| lane.connector == CONNECTOR)?.lane;
        let channels = channels(parts);
        let service = parts.open_messaging.as_ref()?;
        let handover = Self {
            ccid,
            lane,
            settings: Arc::clone(&service.settings),
            saved_at: service.saved_at,
            channels,
        };
        (!handover.channels.is_empty()).then(|| Arc::new(handover))
    }
}

/// Whether a lane to agents is wanted that is not there yet.
pub(super) fn wants_lane(parts: &TenantParts) -> bool {
    let mut lanes = parts.lanes.iter();
    parts.open_messaging.is_some()
        && !channels(parts).is_empty()
        && !lanes.any(|lane| lane.connector == CONNECTOR)
}

fn channels(parts: &TenantParts) -> HashSet<ChannelId> {
    let senders = parts.senders.iter().map(|sender| &sender.options);
    let handing_over = senders.filter(|options| options.handover);
    handing_over
        .map(|options| options.channel_id.clone())
        .collect()
}
