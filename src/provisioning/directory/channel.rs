//! One channel of a tenant with all that sending and receiving need to know about it.

use std::sync::Arc;

use http::{HeaderName, HeaderValue};

use crate::connectors::third_party::settings::{Order, RetryRule, ThirdPartyChannel};
use crate::lanes::LaneId;
use crate::provisioning::model::{Provider, Sender, ServiceName};
use crate::values::{Ccid, ChannelId};

/// A channel that one of our connectors speaks for.
#[derive(Debug)]
pub struct Channel {
    pub ccid: Ccid,
    pub channel_id: ChannelId,
    /// Where its deliveries wait.
    pub lane: LaneId,
    pub connector: ConnectorSettings,
    /// Its `chat.` section: for inbound messages and agents.
    pub chat: Option<Arc<Sender>>,
    /// Its `cxc.` section: for campaigns.
    pub campaign: Option<Arc<Sender>>,
}

/// A channel as messages of consumers see it, whoever sends for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceivingChannel {
    pub ccid: Ccid,
    pub channel_id: ChannelId,
    /// Its messages bypass conversations and go to campaigns only.
    pub cxc_only: bool,
}

/// The connector of a channel, with what it needs to know.
#[derive(Debug, Clone)]
pub enum ConnectorSettings {
    ThirdParty(Arc<ThirdPartyChannel>),
}

/// Why no message can be sent from a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CannotSend {
    #[error("the tenant has no such channel")]
    UnknownChannel,
    #[error("the channel is not in the tenant's Async service, which is to send for it")]
    NotInAsync,
    #[error("this gateway cannot send through {0}")]
    NoConnector(Provider),
}

impl Channel {
    /// Whether inbound messages bypass conversations and go to campaigns only.
    pub fn cxc_only(&self) -> bool {
        cxc_only(self.chat.as_ref(), self.campaign.as_ref())
    }

    /// What messages of consumers need to know of it.
    pub fn receiving(&self) -> ReceivingChannel {
        ReceivingChannel {
            ccid: self.ccid,
            channel_id: self.channel_id.clone(),
            cxc_only: self.cxc_only(),
        }
    }

    /// The static headers of each webhook.
    pub fn custom_headers(&self, for_campaign: bool) -> &[(HeaderName, HeaderValue)] {
        self.section(for_campaign)
            .map_or(&[], |sender| &sender.options.headers)
    }

    /// The connector's word, as lanes and receipts know it.
    pub fn connector_name(&self) -> &'static str {
        match &self.connector {
            ConnectorSettings::ThirdParty(_) => ServiceName::Async.as_str(),
        }
    }

    /// The channel, where the provider's receipts name it; `None` where they are known by their id alone.
    pub fn named_in_receipts(&self) -> Option<&ChannelId> {
        match &self.connector {
            ConnectorSettings::ThirdParty(_) => Some(&self.channel_id),
        }
    }

    /// Whether the provider knows a repeat by our id.
    pub fn repeats_safe(&self) -> bool {
        match &self.connector {
            ConnectorSettings::ThirdParty(_) => true,
        }
    }

    /// Attempts started per second, at most; `None`: as many as there are.
    pub fn rate_per_second(&self) -> Option<f64> {
        match &self.connector {
            ConnectorSettings::ThirdParty(settings) => settings.webhook.rate_per_second,
        }
    }

    /// Attempts open at once, at most; `default` where the channel's settings do not say.
    pub fn max_in_flight(&self, default: usize) -> usize {
        let own = match &self.connector {
            ConnectorSettings::ThirdParty(settings) => settings.webhook.in_flight_max,
        };
        own.map_or(default, |own| usize::from(own.get()))
    }

    /// Whether messages to one recipient are sent one after the other.
    pub fn keeps_order(&self) -> bool {
        match &self.connector {
            ConnectorSettings::ThirdParty(settings) => settings.webhook.order == Order::Recipient,
        }
    }

    /// When attempts are repeated; `None`: by the gateway's own schedule.
    pub fn retry(&self) -> Option<&RetryRule> {
        match &self.connector {
            ConnectorSettings::ThirdParty(settings) => settings.webhook.retry.as_ref(),
        }
    }

    fn section(&self, for_campaign: bool) -> Option<&Arc<Sender>> {
        preferred(self.chat.as_ref(), self.campaign.as_ref(), for_campaign)
    }
}

/// Whether inbound messages bypass conversations and go to campaigns only.
pub(super) fn cxc_only(chat: Option<&Arc<Sender>>, campaign: Option<&Arc<Sender>>) -> bool {
    preferred(chat, campaign, false).is_some_and(|sender| sender.options.cxc_only)
}

/// The section that counts: the one of the purpose if there is one, else the other, because a channel with one section
/// has but that to say.
pub(super) fn preferred<'a>(
    chat: Option<&'a Arc<Sender>>,
    campaign: Option<&'a Arc<Sender>>,
    for_campaign: bool,
) -> Option<&'a Arc<Sender>> {
    if for_campaign {
        campaign.or(chat)
    } else {
        chat.or(campaign)
    }
}
