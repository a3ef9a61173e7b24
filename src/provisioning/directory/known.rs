//! A channel that a service or a section names, and who sends for it. Pure.

use std::collections::HashMap;
use std::sync::Arc;

use time::OffsetDateTime;

use super::channel::{
    CannotSend, Channel, ConnectorSettings, ReceivingChannel, cxc_only, preferred,
};
use crate::lanes::LaneId;
use crate::provisioning::model::{Provider, Sender, ServiceName};
use crate::provisioning::services::callbacks::{self, CallbackTokens};
use crate::values::{Ccid, ChannelId, Secret};

/// What a tenant's services and sections say about one channel.
#[derive(Debug, Clone, Default)]
pub(super) struct Named<'a> {
    /// Whether the `Async` service lists it.
    pub in_async: bool,
    /// Each connector that can send for it and has a lane for that.
    pub connectors: Vec<(Provider, LaneId, ConnectorSettings, OffsetDateTime)>,
    pub chat: Option<&'a Arc<Sender>>,
    pub campaign: Option<&'a Arc<Sender>>,
}

impl Named<'_> {
    /// Who sends for it: for agents, and for campaigns. `default`: what the tenant's service for this type of channel
    /// says.
    pub(super) fn providers(&self, default: Option<Provider>) -> [Provider; 2] {
        [false, true].map(|for_campaign| {
            let section = preferred(self.chat, self.campaign, for_campaign);
            provider_of(section, default, self.in_async)
        })
    }
}

/// A channel with who sends for it.
#[derive(Debug)]
pub(super) struct Known {
    /// Once for each connector that can send for it: what waits for one that was replaced is still its to send.
    channels: Vec<(Provider, Arc<Channel>)>,
    receiving: ReceivingChannel,
    agents_use: Provider,
    campaigns_use: Provider,
    /// What Portico needs to send for it, and the tenant does not have.
    portico_lacks: Option<ServiceName>,
}

impl Known {
    /// `default`: what the tenant's service for this type of channel says. `portico_lacks`: the service without which
    /// Portico cannot send for it. `callbacks`: with what the providers of the tenant's services call.
    pub(super) fn build(
        (ccid, channel_id): (Ccid, &ChannelId),
        named: Named<'_>,
        (default, portico_lacks): (Option<Provider>, Option<ServiceName>),
        callbacks: &HashMap<ServiceName, CallbackTokens>,
    ) -> Self {
        let [agents_use, campaigns_use] = named.providers(default);
        let connectors = named.connectors.into_iter();
        let channels = connectors.map(|(provider, lane, connector, saved_at)| {
            let channel = Channel {
                ccid,
                channel_id: channel_id.clone(),
                lane,
                connector,
                saved_at,
                callback_path: callback_path(ccid, provider, callbacks),
                chat: named.chat.cloned(),
                campaign: named.campaign.cloned(),
            };
            (provider, Arc::new(channel))
        });
        let receiving = ReceivingChannel {
            ccid,
            channel_id: channel_id.clone(),
            cxc_only: cxc_only(named.chat, named.campaign),
        };
        Self {
            channels: channels.collect(),
            receiving,
            agents_use,
            campaigns_use,
            portico_lacks,
        }
    }

    /// The channel as a connector sends for it.
    pub(super) fn through(&self, provider: Provider) -> Option<&Arc<Channel>> {
        let mut channels = self.channels.iter();
        channels
            .find(|(through, _)| *through == provider)
            .map(|(_, channel)| channel)
    }

    pub(super) fn channels(&self) -> impl Iterator<Item = &Arc<Channel>> {
        self.channels.iter().map(|(_, channel)| channel)
    }

    pub(super) fn receiving(&self) -> &ReceivingChannel {
        &self.receiving
    }

    pub(super) fn to_send(&self, for_campaign: bool) -> Result<&Arc<Channel>, CannotSend> {
        let provider = if for_campaign {
            self.campaigns_use
        } else {
            self.agents_use
        };
        self.through(provider).ok_or(match provider {
            Provider::Async => CannotSend::NotInAsync,
            Provider::MGage => CannotSend::NoService(ServiceName::MGageSms),
            Provider::SparkPost => CannotSend::NoService(ServiceName::SparkPostEmail),
            Provider::Portico => {
                CannotSend::NoService(self.portico_lacks.unwrap_or(ServiceName::PurecloudIdp))
            }
            Provider::HttpSms => CannotSend::NoService(ServiceName::HttpSms),
        })
    }
}

/// The path of the address that is told to a provider with each message.
fn callback_path(
    ccid: Ccid,
    provider: Provider,
    tokens: &HashMap<ServiceName, CallbackTokens>,
) -> Option<Secret> {
    let name = match provider {
        Provider::MGage => ServiceName::MGageSms,
        Provider::HttpSms => ServiceName::HttpSms,
        Provider::Async | Provider::SparkPost | Provider::Portico => return None,
    };
    callbacks::path((ccid, name), tokens.get(&name)).map(Secret::new)
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
