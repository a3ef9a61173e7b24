//! The `SparkPostEmail` service's documents, read into types.

use reqwest::Url;
use serde::Deserialize;
use serde_json::Value;

use crate::connectors::carrier::CarrierRules;
use crate::connectors::document::{self, SettingsFault};
use crate::values::Secret;

/// Everything that the `SparkPostEmail` service of one tenant says.
#[derive(Debug, Clone)]
pub struct SparkPostSettings {
    /// Of the API; it may already end in its path `/api/v1`.
    pub url: Url,
    /// What `Authorization` says.
    pub api_key: Secret,
    pub rules: CarrierRules,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SecretDocument {
    apikey: String,
}

impl SparkPostSettings {
    /// Reads the documents of the service. Masks must have been replaced by what they stand for.
    pub fn parse(
        url: Option<&str>,
        data: &Value,
        secret: &Value,
    ) -> Result<Self, Vec<SettingsFault>> {
        let api_key = document::read(secret, "/secret")
            .and_then(|SecretDocument { apikey }| document::secret(apikey, "/secret/apikey"));
        let (url, rules, api_key) =
            document::all(document::url(url), CarrierRules::read(data), api_key)?;
        Ok(Self {
            url,
            api_key,
            rules,
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_vendors_body_is_read() {
        let secret = json!({ "apikey": "6f1c5c4e" });
        let settings =
            SparkPostSettings::parse(Some("api.sparkpost.com/api/v1"), &json!({}), &secret)
                .unwrap();
        assert_eq!(settings.url.as_str(), "https://api.sparkpost.com/api/v1");
        assert_eq!(settings.api_key.expose(), "6f1c5c4e");
    }

    #[test]
    fn a_key_that_fits_into_no_header_is_refused() {
        for key in ["", "a\nb"] {
            let faults = SparkPostSettings::parse(
                Some("api.sparkpost.com"),
                &json!({}),
                &json!({ "apikey": key }),
            );
            assert_eq!(faults.unwrap_err()[0].path, "/secret/apikey");
        }
    }
}
