//! The two documents as they are written in JSON. Unknown members are refused, so that a typo never passes silently.

use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{DeserializeOwned, Deserializer, MapAccess, Visitor};
use serde_json::Value;
use serde_path_to_error::Segment;

use super::SettingsFault;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Data {
    pub(super) channels: Vec<Object<DataChannel>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct DataChannel {
    pub(super) channel_id: String,
    pub(super) webhook: Object<DataWebhook>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct DataWebhook {
    pub(super) url: String,
    pub(super) timeout_seconds: Option<f64>,
    pub(super) max_in_flight: Option<u64>,
    pub(super) rate_per_second: Option<f64>,
    pub(super) order: Option<String>,
    pub(super) retry: Option<Object<Retry>>,
    pub(super) signatures: Option<Vec<String>>,
    pub(super) body_shape: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Retry {
    pub(super) attempts: Option<u64>,
    pub(super) timeout_seconds: Option<f64>,
    pub(super) schedule_seconds: Option<Vec<f64>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct SecretDocument {
    pub(super) channels: Vec<Object<SecretChannel>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct SecretChannel {
    pub(super) channel_id: String,
    pub(super) webhook: Object<SecretHolder>,
    pub(super) api: Object<SecretHolder>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct SecretHolder {
    /// A string, or an array of [`SecretEntry`]: told apart later, so that a fault names its place.
    pub(super) secret: Value,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct SecretEntry {
    pub(super) value: String,
    pub(super) not_after: Option<String>,
}

/// A JSON object. A derived reader alone would take an array too, by the order of its members.
pub(super) struct Object<T>(pub(super) T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ObjectVisitor(PhantomData))
    }
}

struct ObjectVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for ObjectVisitor<T> {
    type Value = Object<T>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<Object<T>, A::Error> {
        T::deserialize(MapAccessDeserializer::new(members)).map(Object)
    }
}

pub(super) fn data(document: &Value) -> Result<Data, SettingsFault> {
    read(document, "/data")
}

pub(super) fn secret(document: &Value) -> Result<SecretDocument, SettingsFault> {
    read(document, "/secret")
}

/// Reads a document or a part of one, which is found at `place`.
pub(super) fn read<T: DeserializeOwned>(document: &Value, place: &str) -> Result<T, SettingsFault> {
    let read = serde_path_to_error::deserialize(document);
    read.map(|Object(read)| read).map_err(|error| {
        let pointer: String = error.path().iter().map(step).collect();
        let message = sentence(&error.inner().to_string());
        SettingsFault::new(format!("{place}{pointer}"), message)
    })
}

/// One step of a JSON pointer (RFC 6901).
fn step(segment: &Segment) -> String {
    match segment {
        Segment::Seq { index } => format!("/{index}"),
        Segment::Map { key } => format!("/{}", key.replace('~', "~0").replace('/', "~1")),
        Segment::Enum { .. } | Segment::Unknown => String::new(),
    }
}

/// The parser's sentence about members, which shows only names; its sentence about a wrong kind would show the value.
fn sentence(parsers: &str) -> String {
    let about_members =
        parsers.starts_with("unknown field") || parsers.starts_with("missing field");
    if about_members {
        parsers.replace("field", "member")
    } else {
        "has the wrong kind of value".to_owned()
    }
}
