//! The `HttpSms` service's documents, read into types: `send` says how a request is written, `answer` what its answer means,
//! `callbacks` where the provider's receipts and texts have what is asked for. Every fault is named with its place.

mod answers;
mod callbacks;
mod request;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use reqwest::Url;
use serde_json::Value;

pub use self::answers::{AnswerRules, Meaning};
pub use self::callbacks::{
    CallbackRules, MessagePlaces, ReceiptId, ReceiptPlaces, Reply, ReplyType,
};
pub use self::request::{Authentication, BodyTemplate, Encodings, JsonTemplate, RequestRules};
use super::template::{Names, Value as Placeholder};
use crate::connectors::carrier::{CarrierRules, UnknownPolicy};
use crate::connectors::document::{self, SettingsFault, member};
use crate::values::Secret;

/// Secrets of one service.
const SECRETS_MAX: usize = 10;
/// Longest name of a secret.
const SECRET_NAME_CHARS_MAX: usize = 50;
/// Longest `data`, in bytes as we write it.
const DATA_BYTES_MAX: usize = 64 * 1024;

/// Everything that the `HttpSms` service of one tenant says.
#[derive(Debug, Clone)]
pub struct HttpSmsSettings {
    /// Where the provider is; nothing in its host is a placeholder.
    pub url: Url,
    pub request: RequestRules,
    pub answer: AnswerRules,
    pub callbacks: CallbackRules,
    pub rules: CarrierRules,
    /// Whether requests tell the provider where to call us.
    pub names_callback_url: bool,
}

impl HttpSmsSettings {
    /// Reads the documents of the service. Masks must have been replaced by what they stand for.
    pub fn parse(
        url: Option<&str>,
        data: &Value,
        secret: &Value,
    ) -> Result<Self, Vec<SettingsFault>> {
        let mut faults = Vec::new();
        let mut take = |read: Vec<SettingsFault>| faults.extend(read);
        let url = one(base(url)).map_err(&mut take).ok();
        let secrets = secrets(secret).map_err(&mut take).unwrap_or_default();
        let sections = sections(data).map_err(|fault| vec![fault])?;
        let mut names = Names {
            secrets,
            ..Names::default()
        };
        let request = request::read(&sections.send, &mut names)
            .map_err(&mut take)
            .ok();
        let answer = answers::read(&sections.answer).map_err(&mut take).ok();
        let callbacks = callbacks::read(sections.callbacks.as_ref())
            .map_err(&mut take)
            .ok();
        let rules = one(CarrierRules::read(&sections.rest))
            .map_err(&mut take)
            .ok();
        // A template that could not be read may have used them.
        if request.is_some() {
            take(unused(&names));
        }
        match (url, request, answer, callbacks, rules) {
            (Some(url), Some(request), Some(answer), Some(callbacks), Some(rules))
                if faults.is_empty() =>
            {
                let rules = with_repeats(rules, &request, &sections.rest);
                Ok(Self {
                    url,
                    names_callback_url: names.used_values.contains(&Placeholder::CallbackUrl),
                    request,
                    answer,
                    callbacks,
                    rules,
                })
            }
            _ => Err(faults),
        }
    }
}

/// What there is in `data`: three sections, and the rules that all carriers have.
struct Sections {
    send: Value,
    answer: Value,
    callbacks: Option<Value>,
    rest: Value,
}

fn sections(data: &Value) -> Result<Sections, SettingsFault> {
    if data.to_string().len() > DATA_BYTES_MAX {
        let message = format!("must have at most {DATA_BYTES_MAX} bytes");
        return Err(SettingsFault::new("/data", message));
    }
    let mut members = data
        .as_object()
        .cloned()
        .ok_or_else(|| SettingsFault::new("/data", "must be an object"))?;
    let send = members.remove("send").ok_or_else(|| {
        SettingsFault::new("/data/send", "is missing: it says how a text is sent")
    })?;
    let nothing = || Value::Object(serde_json::Map::new());
    Ok(Sections {
        send,
        answer: members.remove("answer").unwrap_or_else(nothing),
        callbacks: members.remove("callbacks"),
        rest: Value::Object(members),
    })
}

/// The URL, which has no placeholders: so a message never decides whom it is given to.
fn base(url: Option<&str>) -> Result<Url, SettingsFault> {
    if url.is_some_and(|url| url.contains(['{', '}'])) {
        let message = "may have no placeholders; those of the path are in /data/send/path";
        return Err(SettingsFault::new("/url", message));
    }
    let url = document::url(url)?;
    if url.fragment().is_some() {
        return Err(SettingsFault::new("/url", "may have no fragment"));
    }
    Ok(url)
}

fn secrets(document: &Value) -> Result<BTreeMap<String, Secret>, Vec<SettingsFault>> {
    let members = document
        .as_object()
        .filter(|members| members.len() <= SECRETS_MAX)
        .ok_or_else(|| {
            let message = format!("must be an object of at most {SECRETS_MAX} secrets");
            vec![SettingsFault::new("/secret", message)]
        })?;
    let mut faults = Vec::new();
    let mut secrets = BTreeMap::new();
    for (name, value) in members {
        match secret(name, value) {
            Ok(secret) => drop(secrets.insert(name.clone(), secret)),
            Err(fault) => faults.push(fault),
        }
    }
    if faults.is_empty() {
        Ok(secrets)
    } else {
        Err(faults)
    }
}

fn secret(name: &str, value: &Value) -> Result<Secret, SettingsFault> {
    let place = member("/secret", name);
    let is_word = (1..=SECRET_NAME_CHARS_MAX).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if !is_word {
        let message =
            format!("must have a name of 1 to {SECRET_NAME_CHARS_MAX} letters and digits");
        return Err(SettingsFault::new(place, message));
    }
    let text = value
        .as_str()
        .ok_or_else(|| SettingsFault::new(&place, "must be a text"))?;
    document::secret(text.to_owned(), &place)
}

/// A secret that nothing names is a typo on one side or the other.
fn unused(names: &Names) -> Vec<SettingsFault> {
    let unused = names
        .secrets
        .keys()
        .filter(|name| !names.used_secrets.contains(*name));
    let fault = |name: &String| {
        SettingsFault::new(
            member("/secret", name),
            format!("is named by no {{{{secret.{name}}}}} in /data/send"),
        )
    };
    unused.map(fault).collect()
}

/// Where the provider knows our id, what may have reached it is sent again unless somebody said otherwise.
fn with_repeats(rules: CarrierRules, request: &RequestRules, said: &Value) -> CarrierRules {
    let unknown = if request.repeats_safe && said.get("unknownPolicy").is_none() {
        UnknownPolicy::Retry
    } else {
        rules.unknown
    };
    CarrierRules { unknown, ..rules }
}

fn one<T>(read: Result<T, SettingsFault>) -> Result<T, Vec<SettingsFault>> {
    read.map_err(|fault| vec![fault])
}
