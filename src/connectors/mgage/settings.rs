//! The `mGageSMS` service's documents, read into types.

mod status_codes;

use reqwest::Url;
use serde::Deserialize;
use serde_json::Value;

pub use self::status_codes::StatusCodes;
use crate::connectors::carrier::CarrierRules;
use crate::connectors::document::{self, SettingsFault};
use crate::values::Secret;

/// Everything that the `mGageSMS` service of one tenant says.
#[derive(Debug, Clone)]
pub struct MGageSettings {
    /// Of the API, such as `http://directtext.mgage.com`.
    pub url: Url,
    /// For HTTP Basic.
    pub username: Secret,
    pub password: Secret,
    pub rules: CarrierRules,
    pub status_codes: StatusCodes,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SecretDocument {
    username: String,
    password: String,
}

impl MGageSettings {
    /// Reads the documents of the service. Masks must have been replaced by what they stand for.
    pub fn parse(
        url: Option<&str>,
        data: &Value,
        secret: &Value,
    ) -> Result<Self, Vec<SettingsFault>> {
        let (url, (rules, status_codes), (username, password)) =
            document::all(document::url(url), read(data), credentials(secret))?;
        Ok(Self {
            url,
            username,
            password,
            rules,
            status_codes,
        })
    }
}

/// The rules, and what is mGage's alone beside them.
fn read(data: &Value) -> Result<(CarrierRules, StatusCodes), SettingsFault> {
    let mut rules = data.clone();
    let codes = rules
        .as_object_mut()
        .and_then(|members| members.remove("statusCodes"));
    let codes = codes.map(|codes| StatusCodes::read(&codes)).transpose()?;
    Ok((CarrierRules::read(&rules)?, codes.unwrap_or_default()))
}

fn credentials(secret: &Value) -> Result<(Secret, Secret), SettingsFault> {
    let SecretDocument { username, password } = document::read(secret, "/secret")?;
    // HTTP Basic ends the name at the first colon (RFC 7617).
    if username.contains(':') {
        return Err(SettingsFault::new("/secret/username", "must have no colon"));
    }
    Ok((
        document::secret(username, "/secret/username")?,
        document::secret(password, "/secret/password")?,
    ))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_vendors_body_is_read() {
        let secret = json!({ "username": "nexus", "password": "open: sesame" });
        let settings =
            MGageSettings::parse(Some("http://directtext.mgage.com"), &json!({}), &secret).unwrap();
        assert_eq!(settings.url.as_str(), "http://directtext.mgage.com/");
        assert_eq!(settings.username.expose(), "nexus");
        assert_eq!(settings.password.expose(), "open: sesame");
    }

    #[test]
    fn every_document_is_looked_at() {
        let faults = MGageSettings::parse(
            Some("N/A"),
            &json!({ "provider": "mGage" }),
            &json!({ "username": "a:b", "password": "c" }),
        );
        let places: Vec<String> = faults.unwrap_err().into_iter().map(|f| f.path).collect();
        assert_eq!(places, ["/url", "/data/provider", "/secret/username"]);
    }
}
