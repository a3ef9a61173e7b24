//! What was provisioned at one moment, ready to be asked.

use std::collections::HashMap;
use std::sync::Arc;

use super::channel::{CannotSend, Channel, ReceivingChannel};
use super::handover::Handover;
use super::tenant::{Defaults, Tenant};
use crate::connectors::http_sms::settings::HttpSmsSettings;
use crate::connectors::mgage::settings::MGageSettings;
use crate::connectors::portico::settings::PorticoCarrier;
use crate::lanes::LaneId;
use crate::provisioning::model::{Provider, Sender, ServiceName};
use crate::values::{Ccid, ChannelId, ChannelType};

/// Everything that is provisioned but keys, as of one version.
#[derive(Debug)]
pub struct Snapshot {
    version: i64,
    tenants: HashMap<Ccid, Arc<Tenant>>,
    /// Every lane that exists.
    lanes: HashMap<LaneId, Lane>,
}

/// A lane as long as the tenant's provisioning stays as it is.
#[derive(Debug, Clone)]
struct Lane {
    ccid: Ccid,
    /// `None`: of a connector that this release does not know.
    provider: Option<Provider>,
    /// `None`: it was removed.
    channel: Option<Arc<Channel>>,
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
            lanes.extend(tenant.lanes().map(|(lane, provider, channel)| {
                let ccid = tenant.ccid();
                (
                    lane,
                    Lane {
                        ccid,
                        provider,
                        channel,
                    },
                )
            }));
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

    /// The channel as the `Async` service lists it, whoever sends its messages.
    pub fn third_party(&self, ccid: Ccid, channel_id: &ChannelId) -> Option<&Arc<Channel>> {
        self.tenants.get(&ccid)?.third_party(channel_id)
    }

    /// What a tenant's mGage service says, to whoever calls as its provider with this token.
    pub fn called_by_mgage(
        &self,
        ccid: Ccid,
        token: &str,
        now_ms: i64,
    ) -> Option<&Arc<MGageSettings>> {
        let tenant = self.tenants.get(&ccid)?;
        let is_taken = tenant.takes_call(ServiceName::MGageSms, token, now_ms);
        let mgage = tenant.carriers().mgage.as_ref().filter(|_| is_taken)?;
        Some(&mgage.settings)
    }

    /// What a tenant's `HttpSms` service says, to whoever calls as its provider with this token.
    pub fn called_by_http_sms(
        &self,
        ccid: Ccid,
        token: &str,
        now_ms: i64,
    ) -> Option<&Arc<HttpSmsSettings>> {
        let tenant = self.tenants.get(&ccid)?;
        let is_taken = tenant.takes_call(ServiceName::HttpSms, token, now_ms);
        let http_sms = tenant.carriers().http_sms.as_ref().filter(|_| is_taken)?;
        Some(&http_sms.settings)
    }

    /// Whether a tenant's SparkPost may call with this token.
    pub fn takes_call_of_sparkpost(&self, ccid: Ccid, token: &str, now_ms: i64) -> bool {
        let tenant = self.tenants.get(&ccid);
        tenant.is_some_and(|tenant| tenant.takes_call(ServiceName::SparkPostEmail, token, now_ms))
    }

    /// How a tenant reaches the aggregation service, or which service is missing for that.
    pub fn portico_sms(&self, ccid: Ccid) -> Result<PorticoCarrier, ServiceName> {
        let tenant = self.tenants.get(&ccid).ok_or(ServiceName::PorticoSms)?;
        let (carrier, _) = tenant.carriers().portico(ChannelType::Sms)?;
        Ok(carrier)
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
        self.lanes.get(&lane)?.channel.as_ref()
    }

    /// The agents elsewhere to whom a tenant hands over.
    pub fn handover(&self, ccid: Ccid) -> Option<&Arc<Handover>> {
        self.tenants.get(&ccid)?.handover()
    }

    /// The agents of a lane; `None` if it is another's, or nothing is handed over any more.
    pub fn handover_through(&self, lane: LaneId) -> Option<&Arc<Handover>> {
        let ccid = self.lanes.get(&lane)?.ccid;
        self.handover(ccid).filter(|handover| handover.lane == lane)
    }

    /// Whom a lane's messages go to.
    pub fn provider(&self, lane: LaneId) -> Option<Provider> {
        self.lanes.get(&lane)?.provider
    }

    /// Every lane that exists and whose it is, also those whose channel was removed.
    pub fn lanes(&self) -> impl Iterator<Item = (LaneId, Ccid)> {
        self.lanes.iter().map(|(id, lane)| (*id, lane.ccid))
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
