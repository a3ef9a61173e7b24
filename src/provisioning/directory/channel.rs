//! One channel of a tenant with all that sending and receiving need to know about it.

use std::num::NonZeroU16;
use std::sync::Arc;

use http::{HeaderName, HeaderValue};
use time::OffsetDateTime;

use crate::connectors::carrier::{CarrierRules, UnknownPolicy};
use crate::connectors::http_sms::{self, settings::HttpSmsSettings};
use crate::connectors::mgage::settings::MGageSettings;
use crate::connectors::portico::send::Refusal;
use crate::connectors::portico::{self, settings::PorticoCarrier};
use crate::connectors::sparkpost::{self, settings::SparkPostSettings};
use crate::connectors::third_party::settings::{Order, RetryRule, ThirdPartyChannel};
use crate::lanes::LaneId;
use crate::provisioning::model::{Provider, Sender, ServiceName};
use crate::values::{Ccid, ChannelId, Content, EmailPart, MediaUrl, ReasonCode, RichMedia, Secret};

/// A channel that one of our connectors speaks for.
#[derive(Debug)]
pub struct Channel {
    pub ccid: Ccid,
    pub channel_id: ChannelId,
    /// Where its deliveries wait.
    pub lane: LaneId,
    pub connector: ConnectorSettings,
    /// When the connector's settings were last changed.
    pub saved_at: OffsetDateTime,
    /// The path of the address at which its provider calls us, where that has a token.
    pub callback_path: Option<Secret>,
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
    MGage(Arc<MGageSettings>),
    SparkPost(Arc<SparkPostSettings>),
    Portico(PorticoCarrier),
    HttpSms(Arc<HttpSmsSettings>),
}

/// Why no message can be sent from a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CannotSend {
    #[error("the tenant has no such channel")]
    UnknownChannel,
    #[error("the channel is not in the tenant's Async service, which is to send for it")]
    NotInAsync,
    #[error("the tenant has no {0} service, which is to send for it")]
    NoService(ServiceName),
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
            ConnectorSettings::ThirdParty(_) => Provider::Async.as_str(),
            ConnectorSettings::MGage(_) => Provider::MGage.as_str(),
            ConnectorSettings::SparkPost(_) => Provider::SparkPost.as_str(),
            ConnectorSettings::Portico(_) => Provider::Portico.as_str(),
            ConnectorSettings::HttpSms(_) => Provider::HttpSms.as_str(),
        }
    }

    /// The channel, where the provider's receipts name it, and their ids are its own; `None` where they are known by their id alone.
    pub fn named_in_receipts(&self) -> Option<&ChannelId> {
        match &self.connector {
            ConnectorSettings::ThirdParty(_) => Some(&self.channel_id),
            ConnectorSettings::MGage(_)
            | ConnectorSettings::SparkPost(_)
            | ConnectorSettings::Portico(_)
            | ConnectorSettings::HttpSms(_) => None,
        }
    }

    /// Whether the provider's receipts name a message by our id, whatever id it answered with.
    pub fn receipts_name_our_id(&self) -> bool {
        match &self.connector {
            ConnectorSettings::SparkPost(_) => true,
            ConnectorSettings::HttpSms(settings) => {
                http_sms::receive::names_our_id(&settings.callbacks)
            }
            ConnectorSettings::ThirdParty(_)
            | ConnectorSettings::MGage(_)
            | ConnectorSettings::Portico(_) => false,
        }
    }

    /// Whether the provider knows a repeat by our id.
    pub fn repeats_safe(&self) -> bool {
        match &self.connector {
            ConnectorSettings::ThirdParty(_) => true,
            ConnectorSettings::MGage(_)
            | ConnectorSettings::SparkPost(_)
            | ConnectorSettings::Portico(_) => false,
            ConnectorSettings::HttpSms(settings) => settings.request.repeats_safe,
        }
    }

    /// Why its connector takes no message of this content, and by which reason; `None` where it does.
    pub fn refuses(&self, content: &Content) -> Option<(ReasonCode, &'static str)> {
        let unsupported = |sentence| Some((ReasonCode::Unsupported, sentence));
        match (&self.connector, content) {
            (ConnectorSettings::MGage(_), Content::RichMedia(_)) => {
                unsupported("mGage, which sends for this channel, takes messages of type Text only")
            }
            (ConnectorSettings::SparkPost(_), Content::Email(mail))
                if mail.parts.iter().any(is_elsewhere) =>
            {
                unsupported(
                    "SparkPost, which sends for this channel, attaches files that were uploaded here, and no links",
                )
            }
            (ConnectorSettings::Portico(_), content) => {
                Some(match portico::send::refuses(content)? {
                    Refusal::Unsupported(sentence) => (ReasonCode::Unsupported, sentence),
                    Refusal::TooLong(sentence) => (ReasonCode::InvalidStructure, sentence),
                })
            }
            (ConnectorSettings::HttpSms(_), Content::RichMedia(_)) => unsupported(
                "HttpSms, which sends for this channel, takes messages of type Text only",
            ),
            (
                ConnectorSettings::ThirdParty(_)
                | ConnectorSettings::MGage(_)
                | ConnectorSettings::SparkPost(_)
                | ConnectorSettings::HttpSms(_),
                _,
            ) => None,
        }
    }

    /// Whether it takes no message of media.
    pub fn refuses_media(&self) -> bool {
        let media = Content::RichMedia(RichMedia {
            text: None,
            parts: Vec::new(),
        });
        self.refuses(&media).is_some()
    }

    /// What becomes of a message that may have been sent.
    pub fn unknown_policy(&self) -> UnknownPolicy {
        self.carrier_rules()
            .map_or(UnknownPolicy::Retry, |rules| rules.unknown)
    }

    /// How its provider's service wants messages carried; `None` for a customer's own gateway.
    fn carrier_rules(&self) -> Option<&CarrierRules> {
        match &self.connector {
            ConnectorSettings::ThirdParty(_) => None,
            ConnectorSettings::MGage(settings) => Some(&settings.rules),
            ConnectorSettings::SparkPost(settings) => Some(&settings.rules),
            ConnectorSettings::Portico(settings) => Some(&settings.api.rules),
            ConnectorSettings::HttpSms(settings) => Some(&settings.rules),
        }
    }

    /// Attempts started per second, at most; `None`: as many as there are.
    pub fn rate_per_second(&self) -> Option<f64> {
        match &self.connector {
            ConnectorSettings::ThirdParty(settings) => settings.webhook.rate_per_second,
            ConnectorSettings::MGage(settings) => settings.rules.rate_per_second,
            ConnectorSettings::SparkPost(settings) => settings.rules.rate_per_second,
            ConnectorSettings::Portico(settings) => settings.api.rules.rate_per_second,
            ConnectorSettings::HttpSms(settings) => settings.rules.rate_per_second,
        }
    }

    /// Attempts open at once, at most; `default` where the channel's settings do not say.
    pub fn max_in_flight(&self, default: usize) -> usize {
        let own = match &self.connector {
            ConnectorSettings::ThirdParty(settings) => settings.webhook.in_flight_max,
            ConnectorSettings::MGage(settings) => settings.rules.in_flight_max,
            ConnectorSettings::HttpSms(settings) => settings.rules.in_flight_max,
            ConnectorSettings::SparkPost(settings) => {
                let advised = NonZeroU16::new(sparkpost::send::IN_FLIGHT_MAX);
                settings.rules.in_flight_max.or(advised)
            }
            ConnectorSettings::Portico(settings) => {
                let advised = NonZeroU16::new(portico::send::IN_FLIGHT_MAX);
                settings.api.rules.in_flight_max.or(advised)
            }
        };
        own.map_or(default, |own| usize::from(own.get()))
    }

    /// Whether messages to one recipient are sent one after the other.
    pub fn keeps_order(&self) -> bool {
        match &self.connector {
            ConnectorSettings::ThirdParty(settings) => settings.webhook.order == Order::Recipient,
            ConnectorSettings::MGage(_)
            | ConnectorSettings::SparkPost(_)
            | ConnectorSettings::Portico(_)
            | ConnectorSettings::HttpSms(_) => true,
        }
    }

    /// When attempts are repeated; `None`: by the gateway's own schedule.
    pub fn retry(&self) -> Option<&RetryRule> {
        match &self.connector {
            ConnectorSettings::ThirdParty(settings) => settings.webhook.retry.as_ref(),
            ConnectorSettings::MGage(settings) => settings.rules.retry.as_ref(),
            ConnectorSettings::SparkPost(settings) => settings.rules.retry.as_ref(),
            ConnectorSettings::Portico(settings) => settings.api.rules.retry.as_ref(),
            ConnectorSettings::HttpSms(settings) => settings.rules.retry.as_ref(),
        }
    }

    fn section(&self, for_campaign: bool) -> Option<&Arc<Sender>> {
        preferred(self.chat.as_ref(), self.campaign.as_ref(), for_campaign)
    }
}

/// Whether a part of a mail is attached from a place that is not ours.
fn is_elsewhere(part: &EmailPart) -> bool {
    match part {
        EmailPart::Attachment(media) => matches!(media.url, MediaUrl::Link(_)),
        EmailPart::Text(_) | EmailPart::Html(_) => false,
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
