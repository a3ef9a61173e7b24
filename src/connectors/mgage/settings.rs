//! The `mGageSMS` service's documents, read into types.

mod status_codes;

use reqwest::Url;
use serde::Deserialize;
use serde_json::Value;

pub use self::status_codes::StatusCodes;
use super::kaleyra::KaleyraIo;
use crate::connectors::carrier::CarrierRules;
use crate::connectors::document::{self, SettingsFault};
use crate::values::Secret;

/// Everything that the `mGageSMS` service of one tenant says.
#[derive(Debug, Clone)]
pub struct MGageSettings {
    /// Of the API, such as `http://directtext.mgage.com`.
    pub url: Url,
    pub rules: CarrierRules,
    pub api: Api,
}

/// Which of both APIs is spoken.
#[derive(Debug, Clone)]
pub enum Api {
    DirectText(DirectText),
    KaleyraIo(Box<KaleyraIo>),
}

/// An account of DirectTEXT.
#[derive(Debug, Clone)]
pub struct DirectText {
    /// For HTTP Basic.
    pub username: Secret,
    pub password: Secret,
    pub status_codes: StatusCodes,
}

/// What `data` says beside the rules.
struct Own {
    api: Option<Value>,
    message_type: Option<Value>,
    status_codes: Option<Value>,
    rules: Value,
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
        let own = own(data);
        match own.api.as_ref().map(Value::as_str) {
            Some(Some("Kaleyra.io")) => Self::kaleyra_io(url, &own, secret),
            None if url_of(url).is_some_and(|url| KaleyraIo::is_at(&url)) => {
                Self::kaleyra_io(url, &own, secret)
            }
            None | Some(Some("DirectTEXT")) => Self::direct_text(url, &own, secret),
            Some(_) => {
                let message = "must be DirectTEXT or Kaleyra.io";
                Err(vec![SettingsFault::new("/data/api", message)])
            }
        }
    }

    fn direct_text(
        url: Option<&str>,
        own: &Own,
        secret: &Value,
    ) -> Result<Self, Vec<SettingsFault>> {
        let (url, (rules, status_codes), (username, password)) =
            document::all(document::url(url), read(own), credentials(secret))?;
        let api = Api::DirectText(DirectText {
            username,
            password,
            status_codes,
        });
        Ok(Self { url, rules, api })
    }

    fn kaleyra_io(
        url: Option<&str>,
        own: &Own,
        secret: &Value,
    ) -> Result<Self, Vec<SettingsFault>> {
        let url = document::url(url).map_err(|fault| vec![fault])?;
        let codes = own.status_codes.as_ref().map(StatusCodes::read).transpose();
        codes.map_err(|fault| vec![fault])?;
        let said = (
            &own.rules,
            own.message_type.as_ref(),
            own.status_codes.as_ref(),
        );
        let account = KaleyraIo::read(&url, said, secret)?;
        let rules = account.described(None).rules.clone();
        let api = Api::KaleyraIo(Box::new(account));
        Ok(Self { url, rules, api })
    }
}

fn url_of(url: Option<&str>) -> Option<Url> {
    document::url(url).ok()
}

fn own(data: &Value) -> Own {
    let mut rules = data.clone();
    let mut take = |name| rules.as_object_mut()?.remove(name);
    Own {
        api: take("api"),
        message_type: take("type"),
        status_codes: take("statusCodes"),
        rules,
    }
}

/// The rules, and what is DirectTEXT's alone beside them.
fn read(own: &Own) -> Result<(CarrierRules, StatusCodes), SettingsFault> {
    if own.message_type.is_some() {
        let message = "is for Kaleyra.io alone";
        return Err(SettingsFault::new("/data/type", message));
    }
    let codes = own
        .status_codes
        .as_ref()
        .map(StatusCodes::read)
        .transpose()?;
    Ok((CarrierRules::read(&own.rules)?, codes.unwrap_or_default()))
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
        let Api::DirectText(account) = settings.api else {
            panic!("{settings:?}");
        };
        assert_eq!(account.username.expose(), "nexus");
        assert_eq!(account.password.expose(), "open: sesame");
    }

    #[test]
    fn it_is_kaleyra_io_by_its_host_or_where_it_is_said() {
        let secret = json!({ "sid": "HXIN1", "apiKey": "A1" });
        let is_kaleyra = |url: &str, data: &Value| {
            let read = MGageSettings::parse(Some(url), data, &secret);
            matches!(read.map(|read| read.api), Ok(Api::KaleyraIo(_)))
        };
        let said = json!({ "api": "Kaleyra.io" });
        for url in [
            "https://api.kaleyra.io",
            "api.in.kaleyra.io",
            "https://api.na.kaleyra.ai/",
        ] {
            assert!(is_kaleyra(url, &json!({})), "{url}");
            assert!(!is_kaleyra(url, &json!({ "api": "DirectTEXT" })), "{url}");
        }
        assert!(is_kaleyra("https://proxy.example.com", &said));
        for url in [
            "https://dtxt.na.kaleyra.ai",
            "https://api.kaleyra.io.example.com",
        ] {
            assert!(!is_kaleyra(url, &json!({})), "{url}");
        }
    }

    #[test]
    fn what_kaleyra_io_cannot_mean_is_named() {
        for (data, secret, place) in [
            (json!({ "api": "SOAP" }), json!({}), "/data/api"),
            (
                json!({}),
                json!({ "sid": "../x", "apiKey": "A1" }),
                "/secret/sid",
            ),
            (
                json!({}),
                json!({ "sid": "x", "apiKey": "" }),
                "/secret/apiKey",
            ),
            (json!({}), json!({ "username": "x" }), "/secret/username"),
            (
                json!({ "type": "ALL" }),
                json!({ "sid": "x", "apiKey": "A1" }),
                "/data/type",
            ),
            (
                json!({ "holdSeconds": 0 }),
                json!({ "sid": "x", "apiKey": "A1" }),
                "/data/holdSeconds",
            ),
            (
                json!({ "statusCodes": { "x": 1 } }),
                json!({ "sid": "x", "apiKey": "A1" }),
                "/data/statusCodes/x",
            ),
        ] {
            let read = MGageSettings::parse(Some("https://api.kaleyra.io"), &data, &secret);
            assert_eq!(read.unwrap_err()[0].path, place);
        }
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
