//! Reading the documents that define a service: JSON of a fixed shape, every fault with its place and without the value.

use std::fmt;
use std::marker::PhantomData;
use std::ops::RangeInclusive;

use reqwest::Url;
use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{DeserializeOwned, Deserializer, MapAccess, Visitor};
use serde_json::Value;
use serde_path_to_error::Segment;

use crate::platform::outbound::parse_destination;
use crate::values::Secret;

/// Longest secret of a service.
const SECRET_BYTES_MAX: usize = 1_024;
/// What the vendor's examples write for the URL of a service that is not reached under one.
const NO_URL: &str = "N/A";

/// One thing that is wrong with a document. The message repeats nothing of the `secret` document but names of members.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingsFault {
    /// A JSON pointer into `{"url":...,"data":...,"secret":...}`.
    pub path: String,
    pub message: String,
}

impl SettingsFault {
    pub fn new(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            message: message.into(),
        }
    }
}

/// A JSON object. A derived reader alone would take an array too, by the order of its members.
#[derive(Debug)]
pub struct Object<T>(pub T);

/// An object without members.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Nothing {}

/// Reads a document or a part of one, which is found at `place`.
pub fn read<T: DeserializeOwned>(document: &Value, place: &str) -> Result<T, SettingsFault> {
    let read = serde_path_to_error::deserialize(document);
    read.map(|Object(read)| read).map_err(|error| {
        let pointer: String = error.path().iter().map(step).collect();
        let message = sentence(&error.inner().to_string());
        SettingsFault::new(format!("{place}{pointer}"), message)
    })
}

/// Reads the `url` under which a provider is reached.
pub fn url(text: Option<&str>) -> Result<Url, SettingsFault> {
    let text = text.filter(|text| *text != NO_URL).ok_or_else(|| {
        SettingsFault::new("/url", "is missing: it says where the provider is reached")
    })?;
    parse_destination(text).map_err(|refused| SettingsFault::new("/url", refused.to_string()))
}

/// Takes a text as a secret: it has to fit into a header.
pub fn secret(text: String, place: &str) -> Result<Secret, SettingsFault> {
    if (1..=SECRET_BYTES_MAX).contains(&text.len()) && !text.contains(char::is_control) {
        Ok(Secret::new(text))
    } else {
        let message = format!("must have 1 to {SECRET_BYTES_MAX} bytes and no control characters");
        Err(SettingsFault::new(place, message))
    }
}

/// A number within its bounds.
pub fn within<T: PartialOrd + fmt::Display>(
    value: T,
    range: &RangeInclusive<T>,
) -> Result<T, String> {
    if range.contains(&value) {
        Ok(value)
    } else {
        Err(format!("must be {} to {}", range.start(), range.end()))
    }
}

/// Everything that was read, or everything that is wrong.
pub fn all<A, B, C>(
    first: Result<A, SettingsFault>,
    second: Result<B, SettingsFault>,
    third: Result<C, SettingsFault>,
) -> Result<(A, B, C), Vec<SettingsFault>> {
    match (first, second, third) {
        (Ok(first), Ok(second), Ok(third)) => Ok((first, second, third)),
        (first, second, third) => Err([first.err(), second.err(), third.err()]
            .into_iter()
            .flatten()
            .collect()),
    }
}

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

/// The place of a member within an object's, as a JSON pointer (RFC 6901).
pub fn member(place: &str, name: &str) -> String {
    format!("{place}/{}", name.replace('~', "~0").replace('/', "~1"))
}

/// One step of a JSON pointer.
fn step(segment: &Segment) -> String {
    match segment {
        Segment::Seq { index } => format!("/{index}"),
        Segment::Map { key } => member("", key),
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
