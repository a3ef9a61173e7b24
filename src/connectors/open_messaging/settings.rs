//! The `OpenMessaging` service's documents, read into types.

use std::collections::BTreeMap;

use reqwest::Url;
use serde::Deserialize;
use serde_json::Value;

use crate::connectors::document::{self, SettingsFault};
use crate::platform::outbound::parse_destination;
use crate::values::Secret;

/// Longest name of an integration, and of a custom attribute and its value, in characters.
const TEXT_CHARS_MAX: usize = 255;
/// Most custom attributes of one tenant.
const ATTRIBUTES_MAX: usize = 50;

/// Everything that the `OpenMessaging` service of one tenant says.
#[derive(Debug, Clone)]
pub struct OpenMessagingSettings {
    /// Of the API host, such as `https://api.mypurecloud.de`.
    pub url: Url,
    /// Where tokens come from.
    pub login_url: Url,
    /// The member that said so, as a JSON pointer.
    pub login_place: &'static str,
    pub integration: Integration,
    /// Send the consumer's name along.
    pub send_profile: bool,
    /// Sent along with each message.
    pub custom_attributes: BTreeMap<String, String>,
    pub client_id: Secret,
    pub client_secret: Secret,
    /// What agents' messages are signed with.
    pub webhook_secret: Secret,
}

/// Which integration messages are handed to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Integration {
    Id(String),
    /// Looked up by its name.
    Name(String),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct DataDocument {
    host: Option<String>,
    login_url: Option<String>,
    integration_id: Option<String>,
    integration_name: Option<String>,
    send_profile: Option<bool>,
    custom_attributes: Option<BTreeMap<String, String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct SecretDocument {
    client_id: String,
    client_secret: String,
    webhook_secret: String,
}

impl OpenMessagingSettings {
    /// Reads the documents of the service. Masks must have been replaced by what they stand for.
    pub fn parse(
        url: Option<&str>,
        data: &Value,
        secret: &Value,
    ) -> Result<Self, Vec<SettingsFault>> {
        let (url, data, secret) =
            document::all(document::url(url), read_data(data), read_secret(secret))?;
        let ((login_url, login_place), integration, send_profile, custom_attributes) = data;
        let (client_id, client_secret, webhook_secret) = secret;
        Ok(Self {
            url,
            login_url,
            login_place,
            integration,
            send_profile,
            custom_attributes,
            client_id,
            client_secret,
            webhook_secret,
        })
    }
}

type Data = (
    (Url, &'static str),
    Integration,
    bool,
    BTreeMap<String, String>,
);

fn read_data(data: &Value) -> Result<Data, SettingsFault> {
    let data: DataDocument = document::read(data, "/data")?;
    let login_url = login_url(data.host, data.login_url)?;
    let integration = integration(data.integration_id, data.integration_name)?;
    let attributes = data.custom_attributes.unwrap_or_default();
    let fits = |text: &str| text.chars().count() <= TEXT_CHARS_MAX;
    let all_fit = attributes
        .iter()
        .all(|(name, value)| !name.is_empty() && fits(name) && fits(value));
    if attributes.len() > ATTRIBUTES_MAX || !all_fit {
        let message = format!(
            "must be at most {ATTRIBUTES_MAX} texts of at most {TEXT_CHARS_MAX} characters, each with a name"
        );
        return Err(SettingsFault::new("/data/customAttributes", message));
    }
    let send_profile = data.send_profile.unwrap_or(false);
    Ok((login_url, integration, send_profile, attributes))
}

/// The login host is named, or follows from the region's host: `mypurecloud.de` has `login.mypurecloud.de`.
fn login_url(
    host: Option<String>,
    login_url: Option<String>,
) -> Result<(Url, &'static str), SettingsFault> {
    let (place, text) = match (host, login_url) {
        (Some(host), None) if host.contains(['/', ':', '@', '?', '#']) => {
            return Err(SettingsFault::new("/data/host", "must be a host alone"));
        }
        (Some(host), None) => ("/data/host", format!("login.{host}")),
        (None, Some(url)) => ("/data/loginUrl", url),
        (None, None) | (Some(_), Some(_)) => {
            let message = "must have either host or loginUrl";
            return Err(SettingsFault::new("/data", message));
        }
    };
    let url = parse_destination(&text);
    url.map(|url| (url, place))
        .map_err(|refused| SettingsFault::new(place, refused.to_string()))
}

fn integration(id: Option<String>, name: Option<String>) -> Result<Integration, SettingsFault> {
    let (member, text, integration): (_, _, fn(String) -> Integration) = match (id, name) {
        (Some(id), None) => ("integrationId", id, Integration::Id),
        (None, Some(name)) => ("integrationName", name, Integration::Name),
        (None, None) | (Some(_), Some(_)) => {
            let message = "must have either integrationId or integrationName";
            return Err(SettingsFault::new("/data", message));
        }
    };
    let count = text.chars().count();
    if (1..=TEXT_CHARS_MAX).contains(&count) && !text.contains(char::is_control) {
        Ok(integration(text))
    } else {
        let message =
            format!("must be 1 to {TEXT_CHARS_MAX} characters without control characters");
        Err(SettingsFault::new(format!("/data/{member}"), message))
    }
}

fn read_secret(secret: &Value) -> Result<(Secret, Secret, Secret), SettingsFault> {
    let secret: SecretDocument = document::read(secret, "/secret")?;
    Ok((
        document::secret(secret.client_id, "/secret/clientId")?,
        document::secret(secret.client_secret, "/secret/clientSecret")?,
        document::secret(secret.webhook_secret, "/secret/webhookSecret")?,
    ))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parse(data: &Value) -> Result<OpenMessagingSettings, Vec<String>> {
        let secret = json!({ "clientId": "a", "clientSecret": "b", "webhookSecret": "c" });
        OpenMessagingSettings::parse(Some("api.mypurecloud.de"), data, &secret)
            .map_err(|faults| faults.into_iter().map(|fault| fault.path).collect())
    }

    #[test]
    fn the_login_host_is_named_or_follows_from_the_region() {
        let login = |data: Value| parse(&data).unwrap().login_url.to_string();
        assert_eq!(
            login(json!({ "host": "mypurecloud.de", "integrationId": "i" })),
            "https://login.mypurecloud.de/"
        );
        assert_eq!(
            login(json!({ "loginUrl": "https://sso.company.com", "integrationName": "Nexus" })),
            "https://sso.company.com/"
        );
    }

    #[test]
    fn of_two_ways_to_name_a_thing_one_is_taken() {
        for data in [
            json!({ "integrationId": "i" }),
            json!({ "host": "a.com", "loginUrl": "b.com", "integrationId": "i" }),
            json!({ "host": "a.com" }),
            json!({ "host": "a.com", "integrationId": "i", "integrationName": "n" }),
        ] {
            assert_eq!(parse(&data).unwrap_err(), ["/data"], "{data}");
        }
    }

    #[test]
    fn what_the_values_cannot_be_is_named() {
        let with = |member: &str, value: Value| {
            let mut data = json!({ "host": "a.com", "integrationId": "i" });
            data[member] = value;
            parse(&data).unwrap_err()
        };
        assert_eq!(with("host", json!("https://a.com")), ["/data/host"]);
        assert_eq!(with("integrationId", json!("")), ["/data/integrationId"]);
        assert_eq!(with("sendProfile", json!("yes")), ["/data/sendProfile"]);
        assert_eq!(
            with("customAttributes", json!({ "": "x" })),
            ["/data/customAttributes"]
        );
        assert_eq!(with("profile", json!(true)), ["/data/profile"]);
    }
}
