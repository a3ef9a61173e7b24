//! The two documents as they are written in JSON. Unknown members are refused, so that a typo never passes silently.

use serde::Deserialize;
use serde_json::Value;

use crate::connectors::document::{Object, SettingsFault, read};
use crate::connectors::retry_rule;

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
    pub(super) api: Option<Object<DataApi>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct DataApi {
    pub(super) signatures: Option<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct DataWebhook {
    pub(super) url: String,
    pub(super) timeout_seconds: Option<f64>,
    pub(super) max_in_flight: Option<u64>,
    pub(super) rate_per_second: Option<f64>,
    pub(super) order: Option<String>,
    pub(super) retry: Option<Object<retry_rule::Wire>>,
    pub(super) signatures: Option<Vec<String>>,
    pub(super) body_shape: Option<String>,
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

pub(super) fn data(document: &Value) -> Result<Data, SettingsFault> {
    read(document, "/data")
}

pub(super) fn secret(document: &Value) -> Result<SecretDocument, SettingsFault> {
    read(document, "/secret")
}
