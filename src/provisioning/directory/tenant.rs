//! One tenant's channels, put together from its services, sections and lanes. Pure.

use std::collections::HashMap;
use std::sync::Arc;

use super::channel::{CannotSend, Channel, ReceivingChannel};
use super::known::{Known, Named};
use crate::connectors::third_party::settings::ThirdPartyChannel;
use crate::lanes::LaneId;
use crate::lanes::store::LaneTarget;
use crate::provisioning::model::{Sender, ServiceName};
use crate::provisioning::services::media::MediaSettings;
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
    /// Every lane, with the channel that it is for.
    lanes: Vec<(LaneId, Option<ChannelId>)>,
}

/// What was read of one tenant.
#[derive(Debug, Default)]
pub(super) struct TenantParts {
    pub third_party: Vec<Arc<ThirdPartyChannel>>,
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
                let default = match channel_id.channel_type() {
                    ChannelType::Sms => parts.sms.provider,
                    ChannelType::Email => parts.email.provider,
                };
                (
                    channel_id.clone(),
                    Known::build(ccid, channel_id, named, default),
                )
            });
        Self {
            ccid,
            channels: known.collect(),
            lanes: parts
                .lanes
                .iter()
                .map(|lane| (lane.lane, lane.target.parse().ok()))
                .collect(),
            defaults: Defaults {
                sms: parts.sms.default_sender,
                email: parts.email.default_sender,
            },
            senders: parts.senders,
        }
    }

    pub(super) fn ccid(&self) -> Ccid {
        self.ccid
    }

    pub(super) fn channel(&self, channel_id: &ChannelId) -> Option<&Arc<Channel>> {
        self.channels.get(channel_id)?.channel()
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

    /// Every lane with its channel, if that is still there.
    pub(super) fn lanes(&self) -> impl Iterator<Item = (LaneId, Option<Arc<Channel>>)> {
        self.lanes.iter().map(|(lane, channel_id)| {
            let channel = channel_id
                .as_ref()
                .and_then(|channel_id| self.channel(channel_id));
            // Of several connectors' lanes of one channel only its own is served by it.
            (
                *lane,
                channel.filter(|channel| channel.lane == *lane).cloned(),
            )
        })
    }

    pub(super) fn senders(&self) -> &[Arc<Sender>] {
        &self.senders
    }

    pub(super) fn defaults(&self) -> &Defaults {
        &self.defaults
    }
}

/// Gathers what services, sections and lanes say about each channel.
fn named_channels(parts: &TenantParts) -> HashMap<&ChannelId, Named<'_>> {
    let lanes: HashMap<&str, LaneId> = parts
        .lanes
        .iter()
        .filter(|lane| lane.connector == ServiceName::Async.as_str())
        .map(|lane| (lane.target.as_str(), lane.lane))
        .collect();
    let mut channels: HashMap<&ChannelId, Named<'_>> = HashMap::new();
    for settings in &parts.third_party {
        let lane = lanes.get(settings.channel_id.as_str());
        channels
            .entry(&settings.channel_id)
            .or_default()
            .third_party = lane.map(|lane| (*lane, settings));
    }
    for sender in &parts.senders {
        let named = channels.entry(&sender.options.channel_id).or_default();
        match sender.section.prefix() {
            SectionPrefix::Chat => named.chat = Some(sender),
            SectionPrefix::Cxc => named.campaign = Some(sender),
        }
    }
    channels
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use time::OffsetDateTime;
    use uuid::Uuid;

    use super::*;
    use crate::provisioning::model::Provider;
    use crate::provisioning::senders::options::SenderOptions;
    use crate::provisioning::services::settings::{Documents, ServiceSettings};

    const PHONE: &str = "16504661149";

    fn ccid() -> Ccid {
        Ccid::from_uuid(Uuid::from_u128(7))
    }

    fn third_party(channel_id: &str) -> Vec<Arc<ThirdPartyChannel>> {
        let data = json!({ "channels": [{ "channelId": channel_id, "webhook": { "url": "https://company.com/hook" } }] });
        let secret = json!({ "channels": [{ "channelId": channel_id, "webhook": { "secret": "a" }, "api": { "secret": "b" } }] });
        let documents = Documents {
            url: None,
            data: &data,
            secret: &secret,
        };
        let settings = ServiceSettings::parse(ServiceName::Async, documents).unwrap();
        let ServiceSettings::Async(settings) = settings else {
            panic!("Async has channels")
        };
        settings.channels.into_iter().map(Arc::new).collect()
    }

    fn sender(section: &str, options: &serde_json::Value) -> Arc<Sender> {
        let section: crate::values::SectionName = section.parse().unwrap();
        let options = SenderOptions::parse(&section, options.as_object().unwrap().clone()).unwrap();
        Arc::new(Sender {
            section,
            options,
            updated_at: OffsetDateTime::UNIX_EPOCH,
        })
    }

    fn lane(number: i64, target: &str) -> LaneTarget {
        LaneTarget {
            lane: LaneId(number),
            ccid: ccid(),
            connector: "Async".to_owned(),
            target: target.to_owned(),
        }
    }

    fn by(provider: Provider) -> MediaSettings {
        MediaSettings {
            provider: Some(provider),
            default_sender: None,
        }
    }

    /// Who sends for the phone number: for agents, and for campaigns.
    fn senders_of_phone(parts: TenantParts) -> [Result<LaneId, CannotSend>; 2] {
        let tenant = Tenant::build(ccid(), parts);
        let phone = PHONE.parse().unwrap();
        [false, true].map(|for_campaign| {
            tenant
                .channel_to_send(&phone, for_campaign)
                .map(|channel| channel.lane)
        })
    }

    fn with_async() -> TenantParts {
        TenantParts {
            third_party: third_party(PHONE),
            lanes: vec![lane(1, PHONE)],
            ..TenantParts::default()
        }
    }

    #[test]
    fn a_channel_of_the_async_service_sends_without_a_section() {
        assert_eq!(
            senders_of_phone(with_async()),
            [Ok(LaneId(1)), Ok(LaneId(1))]
        );
        assert_eq!(
            senders_of_phone(TenantParts {
                sms: by(Provider::MGage),
                ..with_async()
            }),
            [Ok(LaneId(1)), Ok(LaneId(1))]
        );
        let silent = sender("chat.a", &json!({ "channelId": PHONE }));
        assert_eq!(
            senders_of_phone(TenantParts {
                senders: vec![silent],
                ..with_async()
            }),
            [Ok(LaneId(1)), Ok(LaneId(1))]
        );
    }

    #[test]
    fn the_section_decides_before_the_service() {
        let chat = sender(
            "chat.a",
            &json!({ "channelId": PHONE, "provider": "Async" }),
        );
        let cxc = sender("cxc.a", &json!({ "channelId": PHONE, "provider": "mGage" }));
        let parts = TenantParts {
            senders: vec![chat, cxc],
            sms: by(Provider::Portico),
            ..with_async()
        };
        assert_eq!(
            senders_of_phone(parts),
            [Ok(LaneId(1)), Err(CannotSend::NoConnector(Provider::MGage))]
        );
    }

    #[test]
    fn the_service_decides_where_the_section_is_silent() {
        let chat = sender("chat.a", &json!({ "channelId": PHONE }));
        let parts = TenantParts {
            senders: vec![chat],
            sms: by(Provider::MGage),
            email: by(Provider::Async),
            ..with_async()
        };
        assert_eq!(
            senders_of_phone(parts)[0],
            Err(CannotSend::NoConnector(Provider::MGage))
        );
    }

    #[test]
    fn a_channel_that_only_a_section_names_is_the_vendors() {
        let chat = sender("chat.a", &json!({ "channelId": PHONE }));
        let parts = TenantParts {
            senders: vec![chat],
            ..TenantParts::default()
        };
        assert_eq!(
            senders_of_phone(parts)[0],
            Err(CannotSend::NoConnector(Provider::Portico))
        );
        let chat = sender(
            "chat.a",
            &json!({ "channelId": PHONE, "provider": "Async" }),
        );
        let parts = TenantParts {
            senders: vec![chat],
            ..TenantParts::default()
        };
        assert_eq!(senders_of_phone(parts)[0], Err(CannotSend::NotInAsync));
        assert_eq!(
            senders_of_phone(TenantParts::default())[0],
            Err(CannotSend::UnknownChannel)
        );
    }

    #[test]
    fn inbound_and_agents_use_the_chat_section_and_campaigns_the_other() {
        let chat = sender(
            "chat.a",
            &json!({ "channelId": PHONE, "header:x-team": "chat" }),
        );
        let cxc = sender(
            "cxc.a",
            &json!({ "channelId": PHONE, "header:x-team": "cxc" }),
        );
        let build = |senders| {
            Tenant::build(
                ccid(),
                TenantParts {
                    senders,
                    ..with_async()
                },
            )
        };
        let team = |tenant: &Tenant, for_campaign| {
            tenant
                .channel(&PHONE.parse().unwrap())
                .unwrap()
                .custom_headers(for_campaign)
                .first()
                .map(|(_, value)| value.clone())
        };
        let cxc_only =
            |tenant: &Tenant| tenant.channel(&PHONE.parse().unwrap()).unwrap().cxc_only();

        let both = build(vec![Arc::clone(&chat), Arc::clone(&cxc)]);
        assert_eq!(
            (team(&both, false).unwrap(), team(&both, true).unwrap()),
            ("chat".parse().unwrap(), "cxc".parse().unwrap())
        );
        assert!(!cxc_only(&both));
        let campaign_only = build(vec![cxc]);
        assert_eq!(team(&campaign_only, false).unwrap(), "cxc");
        assert!(cxc_only(&campaign_only));
        let none = build(vec![]);
        assert_eq!(team(&none, true), None);
        assert!(!cxc_only(&none));
    }

    #[test]
    fn whatever_a_service_or_section_names_receives_whoever_sends_for_it() {
        let phone: ChannelId = PHONE.parse().unwrap();
        let receives = |parts| {
            let tenant = Tenant::build(ccid(), parts);
            tenant.receiving(&phone).map(|channel| channel.cxc_only)
        };
        assert_eq!(receives(TenantParts::default()), None);
        assert_eq!(receives(with_async()), Some(false));
        for (section, cxc_only) in [("chat.a", false), ("cxc.a", true)] {
            let senders = vec![sender(section, &json!({ "channelId": PHONE }))];
            let parts = TenantParts {
                senders,
                ..TenantParts::default()
            };
            assert_eq!(receives(parts), Some(cxc_only), "{section}");
        }
    }

    #[test]
    fn a_lane_outlives_its_channel() {
        let tenant = Tenant::build(
            ccid(),
            TenantParts {
                lanes: vec![lane(1, PHONE), lane(2, "company.com")],
                ..with_async()
            },
        );
        let lanes: Vec<(LaneId, bool)> = tenant
            .lanes()
            .map(|(lane, channel)| (lane, channel.is_some()))
            .collect();
        assert_eq!(lanes, [(LaneId(1), true), (LaneId(2), false)]);
    }
}
