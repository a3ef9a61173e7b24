//! What was provisioned at one moment, ready to be asked.

use std::collections::HashMap;
use std::sync::Arc;

use super::channel::{CannotSend, Channel, ReceivingChannel};
use super::tenant::{Defaults, Tenant};
use crate::lanes::LaneId;
use crate::provisioning::model::Sender;
use crate::values::{Ccid, ChannelId};

/// Everything that is provisioned but keys, as of one version.
#[derive(Debug)]
pub struct Snapshot {
    version: i64,
    tenants: HashMap<Ccid, Arc<Tenant>>,
    /// Every lane that exists; those whose channel was removed have no channel.
    lanes: HashMap<LaneId, (Ccid, Option<Arc<Channel>>)>,
}

impl Snapshot {
    pub(super) fn empty(version: i64) -> Self {
        Self {
            version,
            tenants: HashMap::new(),
            lanes: HashMap::new(),
        }
    }

    /// The same with these tenants replaced.
    pub(super) fn with(&self, version: i64, changed: Vec<Tenant>) -> Self {
        let mut tenants = self.tenants.clone();
        let mut lanes = self.lanes.clone();
        for tenant in changed {
            // Lanes are never removed, so what is put here covers all that was there.
            lanes.extend(
                tenant
                    .lanes()
                    .map(|(lane, channel)| (lane, (tenant.ccid(), channel))),
            );
            tenants.insert(tenant.ccid(), Arc::new(tenant));
        }
        Self {
            version,
            tenants,
            lanes,
        }
    }

    pub fn version(&self) -> i64 {
        self.version
    }

    /// The channel that our connectors speak for, whoever sends its messages.
    pub fn channel(&self, ccid: Ccid, channel_id: &ChannelId) -> Option<&Arc<Channel>> {
        self.tenants.get(&ccid)?.channel(channel_id)
    }

    /// The channel as messages of consumers see it, whoever sends for it.
    pub fn receiving(&self, ccid: Ccid, channel_id: &ChannelId) -> Option<&ReceivingChannel> {
        self.tenants.get(&ccid)?.receiving(channel_id)
    }

    /// The channel through which a message of this sender leaves.
    ///
    /// `for_campaign`: for a campaign or in bulk, so that the channel's `cxc.` section decides.
    pub fn channel_to_send(
        &self,
        ccid: Ccid,
        channel_id: &ChannelId,
        for_campaign: bool,
    ) -> Result<&Arc<Channel>, CannotSend> {
        let tenant = self.tenants.get(&ccid).ok_or(CannotSend::UnknownChannel)?;
        tenant.channel_to_send(channel_id, for_campaign)
    }

    /// The channel of a lane; `None` if the lane is not known or its channel was removed.
    pub fn lane(&self, lane: LaneId) -> Option<&Arc<Channel>> {
        self.lanes.get(&lane)?.1.as_ref()
    }

    /// Every lane that exists and whose it is, also those whose channel was removed.
    pub fn lanes(&self) -> impl Iterator<Item = (LaneId, Ccid)> {
        self.lanes.iter().map(|(lane, (ccid, _))| (*lane, *ccid))
    }

    /// The sections of a tenant, by name.
    pub fn senders_of(&self, ccid: Ccid) -> &[Arc<Sender>] {
        self.tenants
            .get(&ccid)
            .map_or(&[], |tenant| tenant.senders())
    }

    /// From whom a tenant's messages come where nobody says.
    pub fn defaults(&self, ccid: Ccid) -> Defaults {
        self.tenants
            .get(&ccid)
            .map(|tenant| tenant.defaults().clone())
            .unwrap_or_default()
    }
}
