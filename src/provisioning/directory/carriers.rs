//! The services of a tenant through which our connectors send for its channels, but for `Async`, which lists channels
//! of its own. Pure.

use std::sync::Arc;

use time::OffsetDateTime;

use super::channel::ConnectorSettings;
use crate::connectors::mgage::settings::MGageSettings;
use crate::connectors::sparkpost::settings::SparkPostSettings;
use crate::provisioning::model::Provider;
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
            (
                Provider::Async | Provider::MGage | Provider::SparkPost | Provider::Portico,
                ChannelType::Sms | ChannelType::Email,
            ) => None,
        }
    }
}
