//! A channel that a service or a section names, and who sends for it. Pure.

use std::sync::Arc;

use super::channel::{
    CannotSend, Channel, ConnectorSettings, ReceivingChannel, cxc_only, preferred,
};
use crate::connectors::third_party::settings::ThirdPartyChannel;
use crate::lanes::LaneId;
use crate::provisioning::model::{Provider, Sender};
use crate::values::{Ccid, ChannelId};

/// What a tenant's services and sections say about one channel.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Named<'a> {
    /// From the `Async` service.
    pub third_party: Option<(LaneId, &'a Arc<ThirdPartyChannel>)>,
    pub chat: Option<&'a Arc<Sender>>,
    pub campaign: Option<&'a Arc<Sender>>,
}

/// A channel with who sends for it.
#[derive(Debug)]
pub(super) struct Known {
    /// Absent if none of our connectors speaks for it.
    channel: Option<Arc<Channel>>,
    receiving: ReceivingChannel,
    agents_use: Provider,
    campaigns_use: Provider,
}

impl Known {
    /// `default`: what the tenant's service for this type of channel says.
    pub(super) fn build(
        ccid: Ccid,
        channel_id: &ChannelId,
        named: Named<'_>,
        default: Option<Provider>,
    ) -> Self {
        let in_async = named.third_party.is_some();
        let provider = |for_campaign| {
            let section = preferred(named.chat, named.campaign, for_campaign);
            provider_of(section, default, in_async)
        };
        let (agents_use, campaigns_use) = (provider(false), provider(true));
        let channel = named.third_party.map(|(lane, settings)| {
            Arc::new(Channel {
                ccid,
                channel_id: channel_id.clone(),
                lane,
                connector: ConnectorSettings::ThirdParty(Arc::clone(settings)),
                chat: named.chat.cloned(),
                campaign: named.campaign.cloned(),
            })
        });
        let receiving = ReceivingChannel {
            ccid,
            channel_id: channel_id.clone(),
            cxc_only: cxc_only(named.chat, named.campaign),
        };
        Self {
            channel,
            receiving,
            agents_use,
            campaigns_use,
        }
    }

    pub(super) fn channel(&self) -> Option<&Arc<Channel>> {
        self.channel.as_ref()
    }

    pub(super) fn receiving(&self) -> &ReceivingChannel {
        &self.receiving
    }

    pub(super) fn to_send(&self, for_campaign: bool) -> Result<&Arc<Channel>, CannotSend> {
        match if for_campaign {
            self.campaigns_use
        } else {
            self.agents_use
        } {
            Provider::Async => self.channel.as_ref().ok_or(CannotSend::NotInAsync),
            provider @ (Provider::Portico | Provider::MGage | Provider::SparkPost) => {
                Err(CannotSend::NoConnector(provider))
            }
        }
    }
}

/// Which connector sends: what the section says, else what the tenant's service says, else the vendor's default.
///
/// To be a channel of the `Async` service says something too: it is enough where there is no section, and more than
/// the vendor's default.
fn provider_of(
    section: Option<&Arc<Sender>>,
    default: Option<Provider>,
    in_async: bool,
) -> Provider {
    let listed = in_async.then_some(Provider::Async);
    let chosen = match section {
        Some(section) => section.options.provider.or(default).or(listed),
        None => listed.or(default),
    };
    chosen.unwrap_or(Provider::Portico)
}
