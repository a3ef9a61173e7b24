//! Kaleyra.io's REST API, which needs no code of its own: it is described in the language of `http_sms`.

use reqwest::Url;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::connectors::carrier::CarrierRules;
use crate::connectors::document::{self, SettingsFault};
use crate::connectors::http_sms::settings::HttpSmsSettings;
use crate::values::Secret;

/// Longest id of an account.
const SID_CHARS_MAX: usize = 50;
/// What `data.type` may be.
const TYPES: [&str; 4] = ["DEFAULT", "MKT", "OTP", "TXN"];

/// An account of Kaleyra.io.
#[derive(Debug, Clone)]
pub struct KaleyraIo {
    /// With the address of our callbacks in each request.
    told: HttpSmsSettings,
    /// Without it, for a gateway that does not know how the outside reaches it.
    untold: HttpSmsSettings,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct SecretDocument {
    sid: String,
    api_key: String,
}

impl KaleyraIo {
    /// Whether a service is one of Kaleyra.io's by where it is.
    pub(super) fn is_at(url: &Url) -> bool {
        let host = url.host_str().unwrap_or_default();
        let suffixes = [".kaleyra.io", ".kaleyra.ai"];
        host.starts_with("api.") && suffixes.iter().any(|suffix| host.ends_with(suffix))
    }

    /// `rules` is `data` without what is mGage's own, `message_type` its `type`, and `words` what the tenant knows better of
    /// statuses.
    pub(super) fn read(
        url: &Url,
        (rules, message_type, words): (&Value, Option<&Value>, Option<&Value>),
        secret: &Value,
    ) -> Result<Self, Vec<SettingsFault>> {
        let SecretDocument { sid, api_key } =
            document::read(secret, "/secret").map_err(|fault| vec![fault])?;
        let is_word = (1..=SID_CHARS_MAX).contains(&sid.len())
            && sid.bytes().all(|byte| byte.is_ascii_alphanumeric());
        let mut faults = Vec::new();
        if !is_word {
            let message = format!("must have 1 to {SID_CHARS_MAX} letters and digits");
            faults.push(SettingsFault::new("/secret/sid", message));
        }
        let message_type = message_type.map_or(Some("DEFAULT"), Value::as_str);
        let message_type = message_type.filter(|given| TYPES.contains(given));
        if message_type.is_none() {
            let message = format!("must be one of {}", TYPES.join(", "));
            faults.push(SettingsFault::new("/data/type", message));
        }
        let key: Result<Secret, SettingsFault> = document::secret(api_key, "/secret/apiKey");
        if let Err(fault) = &key {
            faults.push(fault.clone());
        }
        if let Err(fault) = CarrierRules::read(rules) {
            faults.push(fault);
        }
        let (Ok(key), Some(message_type), true) = (key, message_type, faults.is_empty()) else {
            return Err(faults);
        };
        let describe = |is_told| {
            let mut data = rules.clone();
            data["send"] = send(&sid, message_type, is_told);
            data["answer"] = json!({
                "id": ["/data/0/message_id", "/id"], "code": ["/error/code", "/code"],
            });
            data["callbacks"] = callbacks(words);
            let secret = json!({ "apiKey": key.expose() });
            HttpSmsSettings::parse(Some(url.as_str()), &data, &secret)
        };
        Ok(Self {
            told: describe(true)?,
            untold: describe(false)?,
        })
    }

    /// The description that fits whether our address is known.
    pub(super) fn described(&self, callback_url: Option<&str>) -> &HttpSmsSettings {
        if callback_url.is_some() {
            &self.told
        } else {
            &self.untold
        }
    }
}

fn send(sid: &str, message_type: &str, is_told: bool) -> Value {
    let mut form = json!({
        "to": "{{to}}", "sender": "{{from}}", "type": message_type, "body": "{{text}}", "ref": "{{id}}",
    });
    if is_told {
        form["callback"] = json!(r#"{"url":"{{callbackUrl}}","method":"POST"}"#);
    }
    json!({
        "path": format!("v1/{sid}/messages"), "headers": { "api-key": "{{secret.apiKey}}" }, "form": form,
    })
}

/// Words of receipts, and of their traces, as public clients know them.
fn callbacks(words: Option<&Value>) -> Value {
    let mut statuses = json!({
        "sent": "Sent", "Sent": "Sent", "SUBMITTED": "Sent", "ENROUTE": "Sent", "SENT - NO DLR": "Sent",
        "delivered": "Delivered", "Delivered": "Delivered", "read": "Delivered", "DELIVRD": "Delivered",
        "failed": 500, "Failed": 500, "Undelivered": 500, "0": 500,
    });
    if let (Some(known), Some(words)) = (statuses.as_object_mut(), words.and_then(Value::as_object))
    {
        let words: Map<String, Value> = words.clone();
        known.extend(words);
    }
    json!({
        "receipt": {
            "id": "id", "status": "status", "statuses": statuses, "code": "status_trace",
            "codes": {
                "EXPIRED": 305, "NOTALLOWED": 350, "BLACKLIST": 350, "CON-DND": 350, "OPT-OUT": 350,
                "BLOCKED-COUNTRY": 350, "KYC-NOT-APPROVED": 350, "INVALID-SUB": 530, "TEMPLATE-NOT-FOUND": 520,
                "NOT-SENT": 500, "NO-CREDITS": 500, "MOB-OFF": 500,
            },
            "to": "recipient",
        },
        "message": { "id": "id", "from": "source", "to": "recipient", "text": "message" },
    })
}
