//! The `Async` service's documents, read into types: which channels there are, where their webhooks go, which secrets count.
//! Storing and sealing them is up to `provisioning`.

mod join;
mod rules;
mod secrets;
mod signatures;
#[cfg(test)]
mod tests;
mod wire;

use std::fmt;
use std::num::NonZeroU16;
use std::time::Duration;

use reqwest::Url;
use serde_json::Value;

pub use self::secrets::{DatedSecret, DatedSecrets};
pub use self::signatures::SignatureScheme;
use crate::auth::signature::SignaturePolicy;
use crate::auth::signature::standard_webhooks::WebhookKey;
pub use crate::connectors::document::SettingsFault;
pub use crate::connectors::retry_rule::RetryRule;
use crate::platform::outbound::AddressGuard;
use crate::values::ChannelId;

/// Everything that the `Async` service of one tenant says.
#[derive(Debug, Clone)]
pub struct AsyncSettings {
    /// In the order of the `data` document, with each `channelId` once.
    pub channels: Vec<ThirdPartyChannel>,
}

/// One channel that a third party carries.
#[derive(Debug, Clone)]
pub struct ThirdPartyChannel {
    pub channel_id: ChannelId,
    pub webhook: Webhook,
    /// For what we send: the first in force signs.
    pub webhook_secrets: DatedSecrets,
    /// What `webhook_secrets` stand for in Standard Webhooks: there where the webhook is signed so.
    pub webhook_keys: Option<DatedSecrets<WebhookKey>>,
    /// For what we receive: all in force verify.
    pub api_secrets: DatedSecrets,
    /// Which signature suffices for what we receive.
    pub api_policy: SignaturePolicy,
}

/// Where and how a channel's messages are sent.
#[derive(Clone)]
pub struct Webhook {
    pub url: Url,
    /// For one attempt as a whole, 1 to 10 s.
    pub timeout: Duration,
    pub in_flight_max: Option<NonZeroU16>,
    /// Attempts started per second.
    pub rate_per_second: Option<f64>,
    pub order: Order,
    /// `None`: the gateway's own schedule.
    pub retry: Option<RetryRule>,
    /// At least one, each once.
    pub signatures: Vec<SignatureScheme>,
    pub body_shape: BodyShape,
}

impl fmt::Debug for Webhook {
    /// Leaves out the URL's path and query, which may hold a token.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host = self.url.host_str().unwrap_or_default();
        write!(formatter, "Webhook({}://{host}/…)", self.url.scheme())
    }
}

/// What keeps its order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Messages to one recipient.
    Recipient,
    None,
}

/// What surrounds a message in a webhook's body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyShape {
    /// Nothing: the vendor's form for one message.
    Single,
    /// `{"messages":[...]}`.
    Messages,
}

impl AsyncSettings {
    /// Reads both documents of the service. Masks must have been replaced by what they stand for.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with the values; of wrong kinds and unknown members the first in each document.
    pub fn parse(data: &Value, secret: &Value) -> Result<Self, Vec<SettingsFault>> {
        let channels = match (wire::data(data), wire::secret(secret)) {
            (Ok(data), Ok(secret)) => join::channels(data, &secret)?,
            (data, secret) => return Err(data.err().into_iter().chain(secret.err()).collect()),
        };
        Ok(Self { channels })
    }

    /// Checks where webhooks go, which depends on how this gateway is configured and so is asked only when settings are saved.
    pub fn check_destinations(
        &self,
        guard: &AddressGuard,
        https_only: bool,
    ) -> Result<(), Vec<SettingsFault>> {
        let check = |(index, channel): (usize, &ThirdPartyChannel)| {
            let checked = guard.check_destination(&channel.webhook.url, https_only);
            let path = format!("/data/channels/{index}/webhook/url");
            checked
                .err()
                .map(|refused| SettingsFault::new(path, refused.to_string()))
        };
        let faults: Vec<SettingsFault> =
            self.channels.iter().enumerate().filter_map(check).collect();
        if faults.is_empty() {
            Ok(())
        } else {
            Err(faults)
        }
    }
}
