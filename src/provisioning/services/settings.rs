//! What the documents of a service say, read into types. Nothing is stored that cannot be read here.

use reqwest::Url;
use serde_json::Value;

use crate::connectors::document::SettingsFault;
use crate::connectors::http_sms::settings::HttpSmsSettings;
use crate::connectors::mgage::settings::MGageSettings;
use crate::connectors::open_messaging::settings::OpenMessagingSettings;
use crate::connectors::portico::settings::{IdentitySettings, PorticoSettings};
use crate::connectors::sparkpost::settings::SparkPostSettings;
use crate::connectors::third_party::settings::AsyncSettings;
use crate::platform::outbound::AddressGuard;
use crate::provisioning::error::Fault;
use crate::provisioning::model::ServiceName;
use crate::provisioning::services::media::{MediaSettings, media};
use crate::values::ChannelType;

/// A service's settings.
#[derive(Debug)]
pub enum ServiceSettings {
    Async(AsyncSettings),
    Sms(MediaSettings),
    Email(MediaSettings),
    MGageSms(MGageSettings),
    SparkPostEmail(SparkPostSettings),
    PurecloudIdp(IdentitySettings),
    PorticoSms(PorticoSettings),
    PorticoEmail(PorticoSettings),
    OpenMessaging(OpenMessagingSettings),
    HttpSms(Box<HttpSmsSettings>),
}

/// The documents that define a service. Masks in `secret` have been replaced by what they stand for.
#[derive(Debug, Clone, Copy)]
pub struct Documents<'a> {
    pub url: Option<&'a str>,
    pub data: &'a Value,
    pub secret: &'a Value,
}

impl ServiceSettings {
    /// Reads the documents of a service, or says what is wrong with them by JSON pointers into `{url, data, secret}`.
    pub fn parse(name: ServiceName, documents: Documents<'_>) -> Result<Self, Vec<Fault>> {
        let Documents { url, data, secret } = documents;
        let parsed = match name {
            ServiceName::Sms => return media(data, secret, ChannelType::Sms).map(Self::Sms),
            ServiceName::Email => return media(data, secret, ChannelType::Email).map(Self::Email),
            ServiceName::Async => AsyncSettings::parse(data, secret).map(Self::Async),
            ServiceName::MGageSms => MGageSettings::parse(url, data, secret).map(Self::MGageSms),
            ServiceName::SparkPostEmail => {
                SparkPostSettings::parse(url, data, secret).map(Self::SparkPostEmail)
            }
            ServiceName::PurecloudIdp => {
                IdentitySettings::parse(url, data, secret).map(Self::PurecloudIdp)
            }
            ServiceName::PorticoSms => {
                PorticoSettings::parse(url, data, secret).map(Self::PorticoSms)
            }
            ServiceName::PorticoEmail => {
                PorticoSettings::parse(url, data, secret).map(Self::PorticoEmail)
            }
            ServiceName::OpenMessaging => {
                OpenMessagingSettings::parse(url, data, secret).map(Self::OpenMessaging)
            }
            ServiceName::HttpSms => HttpSmsSettings::parse(url, data, secret)
                .map(|settings| Self::HttpSms(Box::new(settings))),
        };
        parsed.map_err(faults_of)
    }

    /// Checks that the provider can be told where to call us, if it is to be told.
    pub fn check_callbacks(&self, has_public_url: bool) -> Result<(), Vec<Fault>> {
        let names_it = matches!(self, Self::HttpSms(settings) if settings.names_callback_url);
        if names_it && !has_public_url {
            let message = "names {{callbackUrl}}, which needs this gateway's server.public_url";
            return Err(vec![Fault::new("/data/send", message)]);
        }
        Ok(())
    }

    /// Checks where we are to connect, which depends on how this gateway is configured and so is asked only when
    /// settings are saved.
    pub fn check_destinations(
        &self,
        guard: &AddressGuard,
        https_only: bool,
    ) -> Result<(), Vec<Fault>> {
        let destinations: Vec<(&str, &Url)> = match self {
            Self::Async(settings) => {
                let checked = settings.check_destinations(guard, https_only);
                return checked.map_err(faults_of);
            }
            Self::Sms(_) | Self::Email(_) => Vec::new(),
            Self::MGageSms(settings) => vec![("/url", &settings.url)],
            Self::SparkPostEmail(settings) => vec![("/url", &settings.url)],
            Self::PurecloudIdp(settings) => vec![("/url", &settings.client.login_url)],
            Self::HttpSms(settings) => vec![("/url", &settings.url)],
            Self::PorticoSms(settings) | Self::PorticoEmail(settings) => {
                vec![("/url", &settings.url)]
            }
            Self::OpenMessaging(settings) => vec![
                ("/url", &settings.url),
                (settings.login_place, &settings.login_url),
            ],
        };
        let refused = destinations.into_iter().filter_map(|(path, url)| {
            let refused = guard.check_destination(url, https_only).err()?;
            Some(Fault::new(path, refused.to_string()))
        });
        let faults: Vec<Fault> = refused.collect();
        if faults.is_empty() {
            Ok(())
        } else {
            Err(faults)
        }
    }
}

fn faults_of(faults: Vec<SettingsFault>) -> Vec<Fault> {
    faults
        .into_iter()
        .map(|fault| Fault::new(fault.path, fault.message))
        .collect()
}
