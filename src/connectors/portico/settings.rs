//! The documents of `PurecloudIDP`, `PorticoSMS` and `PorticoEmail`, read into types.

use std::sync::Arc;

use reqwest::Url;
use serde::Deserialize;
use serde_json::Value;

use crate::connectors::carrier::CarrierRules;
use crate::connectors::document::{self, Nothing, SettingsFault};
use crate::connectors::genesys_cloud::ClientCredentials;
use crate::values::Secret;

/// Where tokens come from: the `PurecloudIDP` service of one tenant.
#[derive(Debug, Clone)]
pub struct IdentitySettings {
    pub client: ClientCredentials,
}

/// Who carries: the `PorticoSMS` or `PorticoEmail` service of one tenant.
#[derive(Debug, Clone)]
pub struct PorticoSettings {
    /// Of the API host, such as `https://api.mypurecloud.com`.
    pub url: Url,
    pub rules: CarrierRules,
}

/// Both together: what sending for a channel needs.
#[derive(Debug, Clone)]
pub struct PorticoCarrier {
    pub identity: Arc<IdentitySettings>,
    pub api: Arc<PorticoSettings>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ClientDocument {
    client_id: String,
    client_secret: String,
}

impl IdentitySettings {
    /// Reads the documents of the service. Masks must have been replaced by what they stand for.
    pub fn parse(
        url: Option<&str>,
        data: &Value,
        secret: &Value,
    ) -> Result<Self, Vec<SettingsFault>> {
        let data = document::read::<Nothing>(data, "/data");
        let (login_url, _, (client_id, client_secret)) =
            document::all(document::url(url), data, client(secret))?;
        Ok(Self {
            client: ClientCredentials {
                login_url,
                client_id,
                client_secret,
            },
        })
    }
}

impl PorticoSettings {
    /// Reads the documents of either service. The token is `PurecloudIDP`'s, so there is no secret.
    pub fn parse(
        url: Option<&str>,
        data: &Value,
        secret: &Value,
    ) -> Result<Self, Vec<SettingsFault>> {
        let secret = document::read::<Nothing>(secret, "/secret");
        let (url, rules, _) = document::all(document::url(url), CarrierRules::read(data), secret)?;
        Ok(Self { url, rules })
    }
}

fn client(secret: &Value) -> Result<(Secret, Secret), SettingsFault> {
    let client: ClientDocument = document::read(secret, "/secret")?;
    Ok((
        document::secret(client.client_id, "/secret/clientId")?,
        document::secret(client.client_secret, "/secret/clientSecret")?,
    ))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn places<T: std::fmt::Debug>(read: Result<T, Vec<SettingsFault>>) -> Vec<String> {
        read.unwrap_err()
            .into_iter()
            .map(|fault| fault.path)
            .collect()
    }

    #[test]
    fn the_vendors_bodies_are_read() {
        let client = json!({ "clientId": "4da40a9d", "clientSecret": "aKSXEgLO" });
        let identity =
            IdentitySettings::parse(Some("https://login.mypurecloud.com"), &json!({}), &client)
                .unwrap();
        assert_eq!(identity.client.client_id.expose(), "4da40a9d");
        assert_eq!(identity.client.client_secret.expose(), "aKSXEgLO");
        let api = PorticoSettings::parse(Some("api.mypurecloud.com"), &json!({}), &json!({}));
        assert_eq!(api.unwrap().url.as_str(), "https://api.mypurecloud.com/");
    }

    #[test]
    fn what_belongs_to_the_other_service_is_refused() {
        let client = json!({ "clientId": "a", "clientSecret": "b" });
        assert_eq!(
            places(PorticoSettings::parse(
                Some("api.mypurecloud.com"),
                &json!({}),
                &client
            )),
            ["/secret/clientId"]
        );
        assert_eq!(
            places(IdentitySettings::parse(
                None,
                &json!({ "holdSeconds": 5 }),
                &json!({ "clientId": "a" })
            )),
            ["/url", "/data/holdSeconds", "/secret"]
        );
    }
}
