//! One tenant's channels, put together from its services, sections and lanes. Pure.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use time::OffsetDateTime;

use super::carriers::{Carriers, Dated};
use super::channel::{CannotSend, Channel, ConnectorSettings, ReceivingChannel};
use super::handover::{self, Handover};
use super::known::{Known, Named};
use crate::connectors::open_messaging::settings::OpenMessagingSettings;
use crate::connectors::third_party::settings::ThirdPartyChannel;
use crate::lanes::LaneId;
use crate::lanes::store::LaneTarget;
use crate::provisioning::model::{Provider, Sender, ServiceName};
use crate::provisioning::services::callbacks::CallbackTokens;
use crate::provisioning::services::media::MediaSettings;
use crate::provisioning::services::settings::ServiceSettings;
use crate::values::{Address, Ccid, ChannelId, ChannelType, SectionPrefix};

/// From whom messages come where nobody says: the `defaultSender` of the services.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Defaults {
    pub sms: Option<Address>,
    pub email: Option<Address>,
}

/// Everything of one tenant.
#[derive(Debug)]
pub(super) struct Tenant {
    ccid: Ccid,
    channels: HashMap<ChannelId, Known>,
    senders: Vec<Arc<Sender>>,
    defaults: Defaults,
    lanes: Vec<(LaneId, Option<Provider>)>,
    carriers: Carriers,
    callbacks: HashMap<ServiceName, CallbackTokens>,
    handover: Option<Arc<Handover>>,
}

/// What was read of one tenant.
#[derive(Debug, Default)]
pub(super) struct TenantParts {
    pub third_party: Vec<Arc<ThirdPartyChannel>>,
    /// When the `Async` service was last changed.
    pub third_party_saved_at: Option<OffsetDateTime>,
    pub carriers: Carriers,
    pub callbacks: HashMap<ServiceName, CallbackTokens>,
    pub open_messaging: Option<Dated<OpenMessagingSettings>>,
    pub sms: MediaSettings,
    pub email: MediaSettings,
    pub senders: Vec<Arc<Sender>>,
    pub lanes: Vec<LaneTarget>,
}

impl Tenant {
    pub(super) fn build(ccid: Ccid, parts: TenantParts) -> Self {
        let known = named_channels(&parts)
            .into_iter()
            .map(|(channel_id, named)| {
                let default = parts.default_provider(channel_id);
                let portico_lacks = parts.carriers.portico(channel_id.channel_type()).err();
                (
                    channel_id.clone(),
                    Known::build(
                        (ccid, channel_id),
                        named,
                        (default, portico_lacks),
                        &parts.callbacks,
                    ),
                )
            });
        Self {
            ccid,
            handover: Handover::build(ccid, &parts),
            channels: known.collect(),
            lanes: parts
                .lanes
                .iter()
                .map(|lane| (lane.lane, lane.connector.parse().ok()))
                .collect(),
            defaults: Defaults {
                sms: parts.sms.default_sender,
                email: parts.email.default_sender,
            },
            senders: parts.senders,
            carriers: parts.carriers,
            callbacks: parts.callbacks,
        }
    }

    pub(super) fn ccid(&self) -> Ccid {
        self.ccid
    }

    pub(super) fn third_party(&self, channel_id: &ChannelId) -> Option<&Arc<Channel>> {
        self.channels.get(channel_id)?.through(Provider::Async)
    }

    pub(super) fn receiving(&self, channel_id: &ChannelId) -> Option<&ReceivingChannel> {
        self.channels.get(channel_id).map(Known::receiving)
    }

    pub(super) fn channel_to_send(
        &self,
        channel_id: &ChannelId,
        for_campaign: bool,
    ) -> Result<&Arc<Channel>, CannotSend> {
        let known = self.channels.get(channel_id);
        known
            .ok_or(CannotSend::UnknownChannel)?
            .to_send(for_campaign)
    }

    /// Every lane with whom its messages go to, and its channel, if that is still there.
    pub(super) fn lanes(
        &self,
    ) -> impl Iterator<Item = (LaneId, Option<Provider>, Option<Arc<Channel>>)> {
        let channels = self.channels.values().flat_map(Known::channels);
        let by_lane: HashMap<LaneId, &Arc<Channel>> =
            channels.map(|channel| (channel.lane, channel)).collect();
        self.lanes.iter().map(move |(lane, provider)| {
            let channel = by_lane.get(lane).map(|channel| Arc::clone(channel));
            (*lane, *provider, channel)
        })
    }

    pub(super) fn handover(&self) -> Option<&Arc<Handover>> {
        self.handover.as_ref()
    }

    pub(super) fn carriers(&self) -> &Carriers {
        &self.carriers
    }

    /// Whether the provider of a service may call with this token.
    pub(super) fn takes_call(&self, service: ServiceName, token: &str, now_ms: i64) -> bool {
        let tokens = self.callbacks.get(&service);
        tokens.is_some_and(|tokens| tokens.take(token, now_ms))
    }

    pub(super) fn senders(&self) -> &[Arc<Sender>] {
        &self.senders
    }

    pub(super) fn defaults(&self) -> &Defaults {
        &self.defaults
    }
}

impl TenantParts {
    /// Takes what a service says.
    pub(super) fn take(&mut self, settings: ServiceSettings, saved_at: OffsetDateTime) {
        match settings {
            ServiceSettings::Async(settings) => {
                self.third_party = settings.channels.into_iter().map(Arc::new).collect();
                self.third_party_saved_at = Some(saved_at);
            }
            ServiceSettings::Sms(settings) => self.sms = settings,
            ServiceSettings::Email(settings) => self.email = settings,
            ServiceSettings::MGageSms(settings) => {
                let settings = Arc::new(settings);
                self.carriers.mgage = Some(Dated { settings, saved_at });
            }
            ServiceSettings::SparkPostEmail(settings) => {
                let settings = Arc::new(settings);
                self.carriers.sparkpost = Some(Dated { settings, saved_at });
            }
            ServiceSettings::HttpSms(settings) => {
                let settings = Arc::from(settings);
                self.carriers.http_sms = Some(Dated { settings, saved_at });
            }
            ServiceSettings::PurecloudIdp(settings) => {
                let settings = Arc::new(settings);
                self.carriers.identity = Some(Dated { settings, saved_at });
            }
            ServiceSettings::PorticoSms(settings) => {
                let settings = Arc::new(settings);
                self.carriers.portico_sms = Some(Dated { settings, saved_at });
            }
            ServiceSettings::PorticoEmail(settings) => {
                let settings = Arc::new(settings);
                self.carriers.portico_email = Some(Dated { settings, saved_at });
            }
            ServiceSettings::OpenMessaging(settings) => {
                let settings = Arc::new(settings);
                self.open_messaging = Some(Dated { settings, saved_at });
            }
        }
    }

    /// Channels that can be sent for through a provider, and that have no lane for it yet: those that the `Async` service
    /// lists, and those that are to be sent for through a provider whose service is there.
    pub(super) fn lanes_wanting(&self) -> Vec<(Provider, ChannelId)> {
        let there: HashSet<(&str, &str)> = self
            .lanes
            .iter()
            .map(|lane| (lane.connector.as_str(), lane.target.as_str()))
            .collect();
        let wanting = named_channels(self)
            .into_iter()
            .flat_map(|(channel_id, named)| {
                let [agents_use, campaigns_use] =
                    named.providers(self.default_provider(channel_id));
                let carried = [agents_use, campaigns_use].into_iter().filter(|provider| {
                    let settings = self.carriers.settings(*provider, channel_id.channel_type());
                    settings.is_some()
                });
                let mut providers: Vec<Provider> = carried.collect();
                providers.dedup();
                providers.extend(named.in_async.then_some(Provider::Async));
                providers
                    .retain(|provider| !there.contains(&(provider.as_str(), channel_id.as_str())));
                let channels = providers.into_iter();
                channels.map(|provider| (provider, channel_id.clone()))
            });
        wanting.collect()
    }

    /// Whether its agents are to have a lane that is not there yet.
    pub(super) fn wants_lane_to_agents(&self) -> bool {
        handover::wants_lane(self)
    }

    /// Who sends for a channel where its sections do not say.
    fn default_provider(&self, channel_id: &ChannelId) -> Option<Provider> {
        match channel_id.channel_type() {
            ChannelType::Sms => self.sms.provider,
            ChannelType::Email => self.email.provider,
        }
    }
}

/// Gathers what services, sections and lanes say about each channel.
fn named_channels(parts: &TenantParts) -> HashMap<&ChannelId, Named<'_>> {
    let mut channels: HashMap<&ChannelId, Named<'_>> = HashMap::new();
    let listed = parts.third_party.iter();
    let listed: HashMap<&str, _> = listed
        .map(|settings| (settings.channel_id.as_str(), settings))
        .collect();
    for settings in &parts.third_party {
        channels.entry(&settings.channel_id).or_default().in_async = true;
    }
    for sender in &parts.senders {
        let named = channels.entry(&sender.options.channel_id).or_default();
        match sender.section.prefix() {
            SectionPrefix::Chat => named.chat = Some(sender),
            SectionPrefix::Cxc => named.campaign = Some(sender),
        }
    }
    for lane in &parts.lanes {
        let target: Option<ChannelId> = lane.target.parse().ok();
        let provider: Option<Provider> = lane.connector.parse().ok();
        let Some((provider, target)) = provider.zip(target) else {
            continue;
        };
        let settings = match provider {
            Provider::Async => listed.get(lane.target.as_str()).map(|settings| {
                let saved_at = parts.third_party_saved_at;
                (
                    ConnectorSettings::ThirdParty(Arc::clone(settings)),
                    saved_at.unwrap_or(OffsetDateTime::UNIX_EPOCH),
                )
            }),
            Provider::MGage | Provider::SparkPost | Provider::HttpSms | Provider::Portico => {
                parts.carriers.settings(provider, target.channel_type())
            }
        };
        if let Some(((connector, saved_at), named)) = settings.zip(channels.get_mut(&target)) {
            let connector = (provider, lane.lane, connector, saved_at);
            named.connectors.push(connector);
        }
    }
    channels
}

#[cfg(test)]
mod tests;
