//! What little else a message carries, as one JSON column: trace headers, reply-to, the caller's metadata.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::messages::model::Draft;
use crate::values::{Address, Party, TraceContext};

/// The column's members; each is left out where there is nothing to say.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Context {
    #[serde(skip_serializing_if = "Option::is_none")]
    trace_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    traceparent: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    b3: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reply_to: Option<(String, Option<String>)>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Box<RawValue>>,
}

impl Context {
    /// Reads the column; what cannot be read is as if it were not there.
    pub fn parse(stored: Option<&str>) -> Self {
        stored
            .and_then(|stored| serde_json::from_str(stored).ok())
            .unwrap_or_default()
    }

    pub fn trace(&self) -> TraceContext {
        TraceContext {
            trace_id: self.trace_id.clone(),
            traceparent: self.traceparent.clone(),
            b3: self.b3.clone(),
        }
    }

    pub fn reply_to(&self) -> Option<Party> {
        let (address, name) = self.reply_to.as_ref()?;
        Some(Party {
            address: address.parse::<Address>().ok()?,
            name: name.clone(),
        })
    }
}

/// The column of a draft; `None` where it has nothing to say.
pub(super) fn stored(draft: &Draft) -> Option<String> {
    if draft.trace.is_empty() && draft.reply_to.is_none() && draft.metadata.is_none() {
        return None;
    }
    let party = |party: &Party| (party.address.as_str().to_owned(), party.name.clone());
    let context = Context {
        trace_id: draft.trace.trace_id.clone(),
        traceparent: draft.trace.traceparent.clone(),
        b3: draft.trace.b3.clone(),
        reply_to: draft.reply_to.as_ref().map(party),
        metadata: draft
            .metadata
            .clone()
            .and_then(|json| RawValue::from_string(json).ok()),
    };
    serde_json::to_string(&context).ok()
}
