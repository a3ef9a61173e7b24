//! The services of a tenant through which our connectors send for its channels, but for `Async`, which lists channels
//! of its own. Pure.

use std::sync::Arc;

use time::OffsetDateTime;

use super::channel::ConnectorSettings;
use crate::connectors::http_sms::settings::HttpSmsSettings;
use crate::connectors::mgage::settings::MGageSettings;
use crate::connectors::portico::settings::{IdentitySettings, PorticoCarrier, PorticoSettings};
use crate::connectors::sparkpost::settings::SparkPostSettings;
use crate::provisioning::model::{Provider, ServiceName};
use crate::values::ChannelType;

/// What one service says, and since when.
#[derive(Debug)]
pub(super) struct Dated<T> {
    pub settings: Arc<T>,
    pub saved_at: OffsetDateTime,
}

/// The providers that a tenant has a service of.
#[derive(Debug, Default)]
pub(super) struct Carriers {
    pub mgage: Option<Dated<MGageSettings>>,
    pub sparkpost: Option<Dated<SparkPostSettings>>,
    pub identity: Option<Dated<IdentitySettings>>,
    pub portico_sms: Option<Dated<PorticoSettings>>,
    pub portico_email: Option<Dated<PorticoSettings>>,
    pub http_sms: Option<Dated<HttpSmsSettings>>,
}

impl Carriers {
    /// By what a channel of this type is sent for through a provider, and since when; `None` without its service.
    pub(super) fn settings(
        &self,
        provider: Provider,
        channel_type: ChannelType,
    ) -> Option<(ConnectorSettings, OffsetDateTime)> {
        match (provider, channel_type) {
            (Provider::MGage, ChannelType::Sms) => self.mgage.as_ref().map(|dated| {
                (
                    ConnectorSettings::MGage(Arc::clone(&dated.settings)),
                    dated.saved_at,
                )
            }),
            (Provider::SparkPost, ChannelType::Email) => self.sparkpost.as_ref().map(|dated| {
                (
                    ConnectorSettings::SparkPost(Arc::clone(&dated.settings)),
                    dated.saved_at,
                )
            }),
            (Provider::HttpSms, ChannelType::Sms) => self.http_sms.as_ref().map(|dated| {
                (
                    ConnectorSettings::HttpSms(Arc::clone(&dated.settings)),
                    dated.saved_at,
                )
            }),
            (Provider::Portico, channel_type) => {
                let (carrier, saved_at) = self.portico(channel_type).ok()?;
                Some((ConnectorSettings::Portico(carrier), saved_at))
            }
            (
                Provider::Async | Provider::MGage | Provider::SparkPost | Provider::HttpSms,
                ChannelType::Sms | ChannelType::Email,
            ) => None,
        }
    }

    /// By what a channel of this type is sent for through Portico, or which service is missing for that.
    pub(super) fn portico(
        &self,
        channel_type: ChannelType,
    ) -> Result<(PorticoCarrier, OffsetDateTime), ServiceName> {
        let (api, name) = match channel_type {
            ChannelType::Sms => (self.portico_sms.as_ref(), ServiceName::PorticoSms),
            ChannelType::Email => (self.portico_email.as_ref(), ServiceName::PorticoEmail),
        };
        let api = api.ok_or(name)?;
        let identity = self.identity.as_ref().ok_or(ServiceName::PurecloudIdp)?;
        let carrier = PorticoCarrier {
            identity: Arc::clone(&identity.settings),
            api: Arc::clone(&api.settings),
        };
        // Either may have been what was wrong.
        Ok((carrier, api.saved_at.max(identity.saved_at)))
    }
}
