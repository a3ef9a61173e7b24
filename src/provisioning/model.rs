//! What operators provision, as values.

use std::fmt;
use std::str::FromStr;

use time::OffsetDateTime;

use super::senders::options::SenderOptions;
use crate::values::{ChannelType, SectionName};

/// The services that can be provisioned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ServiceName {
    /// The tenant's own gateways, one per channel, spoken to by the Third-Party Messaging API and its webhook.
    Async,
    /// Which provider carries SMS where a sender does not say.
    Sms,
    /// Which provider carries email where a sender does not say.
    Email,
    /// Kaleyra's SMS service, once mGage.
    MGageSms,
    SparkPostEmail,
    /// Any provider that takes texts over HTTP, as the service itself describes it.
    HttpSms,
    /// Where the vendor's aggregation service takes its tokens from.
    PurecloudIdp,
    /// The vendor's aggregation service for SMS.
    PorticoSms,
    /// The vendor's aggregation service for email.
    PorticoEmail,
    /// The agent side in Genesys Cloud CX.
    OpenMessaging,
}

/// No service has this name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("there is no such service; there are {}", ServiceName::ALL.map(ServiceName::as_str).join(", "))]
pub struct UnknownService;

/// Who carries messages, by the vendor's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Provider {
    Portico,
    Async,
    MGage,
    SparkPost,
    HttpSms,
}

/// No provider has this name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is none of Portico, Async, mGage, SparkPost and HttpSms")]
pub struct UnknownProvider;

/// A sender section: one channel with its options.
#[derive(Debug, Clone)]
pub struct Sender {
    pub section: SectionName,
    pub options: SenderOptions,
    pub updated_at: OffsetDateTime,
}

impl ServiceName {
    /// In the order in which the vendor's pages have them, with ours at the end.
    pub const ALL: [Self; 10] = [
        Self::Sms,
        Self::Email,
        Self::Async,
        Self::MGageSms,
        Self::SparkPostEmail,
        Self::PurecloudIdp,
        Self::PorticoSms,
        Self::PorticoEmail,
        Self::OpenMessaging,
        Self::HttpSms,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Async => "Async",
            Self::Sms => "SMS",
            Self::Email => "Email",
            Self::MGageSms => "mGageSMS",
            Self::SparkPostEmail => "SparkPostEmail",
            Self::PurecloudIdp => "PurecloudIDP",
            Self::PorticoSms => "PorticoSMS",
            Self::PorticoEmail => "PorticoEmail",
            Self::OpenMessaging => "OpenMessaging",
            Self::HttpSms => "HttpSms",
        }
    }
}

impl FromStr for ServiceName {
    type Err = UnknownService;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|name| name.as_str() == text)
            .ok_or(UnknownService)
    }
}

impl fmt::Display for ServiceName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl Provider {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Portico => "Portico",
            Self::Async => "Async",
            Self::MGage => "mGage",
            Self::SparkPost => "SparkPost",
            Self::HttpSms => "HttpSms",
        }
    }

    /// Whether the provider carries this type of channel at all.
    pub fn carries(self, channel_type: ChannelType) -> bool {
        match self {
            Self::Portico | Self::Async => true,
            Self::MGage | Self::HttpSms => channel_type == ChannelType::Sms,
            Self::SparkPost => channel_type == ChannelType::Email,
        }
    }
}

impl FromStr for Provider {
    type Err = UnknownProvider;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let all = [
            Self::Portico,
            Self::Async,
            Self::MGage,
            Self::SparkPost,
            Self::HttpSms,
        ];
        all.into_iter()
            .find(|provider| provider.as_str() == text)
            .ok_or(UnknownProvider)
    }
}

impl fmt::Display for Provider {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}
