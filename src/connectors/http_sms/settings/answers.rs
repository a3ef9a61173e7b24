//! `data.answer`: what the answer to a text means.

use std::collections::{BTreeMap, HashMap};

use serde::Deserialize;
use serde_json::Value;

use super::callbacks::place;
use crate::connectors::document::{self, SettingsFault, member};
use crate::connectors::http_sms::place::{Place, word};
use crate::connectors::verdict::reason;
use crate::values::ReasonCode;

const PLACE: &str = "/data/answer";
/// Codes that are given a meaning.
const CODES_MAX: usize = 500;
const CONDITIONS_MAX: usize = 10;
/// Places that are looked at for one thing.
const PLACES_MAX: usize = 5;

/// What the answer to a text means.
#[derive(Debug, Clone, Default)]
pub struct AnswerRules {
    /// Statuses of success by which a text is taken; none: every one of them.
    pub statuses: Vec<u16>,
    /// What has to be said for that, in places of the body.
    pub conditions: Vec<(Place, Vec<String>)>,
    /// Where the provider's id of the text is; the first place that has one counts.
    pub id: Vec<Place>,
    /// Where the provider's own code is, in answers of any status.
    pub code: Vec<Place>,
    pub codes: HashMap<String, Meaning>,
}

/// What a code of the provider's means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meaning {
    /// It was not taken, and will be later.
    Retry,
    /// It is never taken.
    Refused(ReasonCode),
    /// The account is not accepted: nothing is sent until that is mended.
    Credentials,
    /// What the account may send is used up: nothing is sent until there is more.
    Quota,
}

impl AnswerRules {
    /// Whether anything of a body is looked at.
    pub fn reads_body(&self) -> bool {
        !(self.conditions.is_empty() && self.id.is_empty() && self.code.is_empty())
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Wire {
    #[serde(default)]
    statuses: Vec<u64>,
    #[serde(default)]
    accepted_where: BTreeMap<String, Value>,
    id: Option<Value>,
    code: Option<Value>,
    #[serde(default)]
    codes: BTreeMap<String, Value>,
}

pub(super) fn read(section: &Value) -> Result<AnswerRules, Vec<SettingsFault>> {
    let wire: Wire = document::read(section, PLACE).map_err(|fault| vec![fault])?;
    let mut faults = Vec::new();
    let rules = AnswerRules {
        statuses: statuses(&wire.statuses, &mut faults),
        conditions: conditions(wire.accepted_where, &mut faults),
        id: places(wire.id.as_ref(), "id", &mut faults),
        code: places(wire.code.as_ref(), "code", &mut faults),
        codes: codes(wire.codes, &mut faults),
    };
    if !rules.codes.is_empty() && rules.code.is_empty() && faults.is_empty() {
        let message = "have no meaning without code, which says where they are";
        faults.push(SettingsFault::new(format!("{PLACE}/codes"), message));
    }
    if faults.is_empty() {
        Ok(rules)
    } else {
        Err(faults)
    }
}

fn statuses(given: &[u64], faults: &mut Vec<SettingsFault>) -> Vec<u16> {
    let read = given.iter().enumerate().filter_map(|(index, status)| {
        let status = u16::try_from(*status).ok();
        let status = status.filter(|status| (200..=299).contains(status));
        if status.is_none() {
            let place = format!("{PLACE}/statuses/{index}");
            faults.push(SettingsFault::new(place, "must be 200 to 299"));
        }
        status
    });
    read.collect()
}

/// `{"/messages/0/status": "0"}`, or a list of what may be there.
fn conditions(
    given: BTreeMap<String, Value>,
    faults: &mut Vec<SettingsFault>,
) -> Vec<(Place, Vec<String>)> {
    let section = format!("{PLACE}/acceptedWhere");
    if given.len() > CONDITIONS_MAX {
        let message = format!("must have at most {CONDITIONS_MAX} members");
        faults.push(SettingsFault::new(&section, message));
    }
    let read = given.into_iter().filter_map(|(text, values)| {
        let at = member(&section, &text);
        let place = place(&text, &at, faults);
        let listed: Option<Vec<String>> = match &values {
            Value::Array(values) => values.iter().map(word).collect(),
            Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::String(_)
            | Value::Object(_) => word(&values).map(|value| vec![value]),
        };
        let listed = listed.filter(|listed| !listed.is_empty());
        if listed.is_none() {
            let message = "must be what stands there, or a list of that";
            faults.push(SettingsFault::new(at, message));
        }
        Some((place?, listed?))
    });
    read.collect()
}

/// A place, or a list of places.
fn places(given: Option<&Value>, name: &str, faults: &mut Vec<SettingsFault>) -> Vec<Place> {
    let at = format!("{PLACE}/{name}");
    let listed: Option<Vec<(String, &str)>> = match given {
        None => return Vec::new(),
        Some(Value::String(text)) => Some(vec![(at.clone(), text)]),
        Some(Value::Array(items)) if (1..=PLACES_MAX).contains(&items.len()) => items
            .iter()
            .enumerate()
            .map(|(index, item)| Some((format!("{at}/{index}"), item.as_str()?)))
            .collect(),
        Some(_) => None,
    };
    let Some(listed) = listed else {
        let message = format!("must be a place, or a list of 1 to {PLACES_MAX} places");
        faults.push(SettingsFault::new(at, message));
        return Vec::new();
    };
    listed
        .into_iter()
        .filter_map(|(at, text)| place(text, &at, faults))
        .collect()
}

fn codes(
    given: BTreeMap<String, Value>,
    faults: &mut Vec<SettingsFault>,
) -> HashMap<String, Meaning> {
    let section = format!("{PLACE}/codes");
    if given.len() > CODES_MAX {
        let message = format!("must have at most {CODES_MAX} members");
        faults.push(SettingsFault::new(&section, message));
    }
    let read = given.into_iter().filter_map(|(code, meaning)| {
        let read = match &meaning {
            Value::String(word) if word == "retry" => Some(Meaning::Retry),
            Value::String(word) if word == "credentials" => Some(Meaning::Credentials),
            Value::String(word) if word == "quota" => Some(Meaning::Quota),
            Value::Number(_) => reason(&meaning).map(Meaning::Refused),
            Value::Null
            | Value::Bool(_)
            | Value::String(_)
            | Value::Array(_)
            | Value::Object(_) => None,
        };
        if read.is_none() {
            let message = "must be retry, credentials, quota, or the number of a reason";
            faults.push(SettingsFault::new(member(&section, &code), message));
        }
        Some((code, read?))
    });
    read.collect()
}
