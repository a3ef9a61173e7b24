//! The options of a sender section: how they are read, what they may say, and how they are shown and stored.

use http::{HeaderName, HeaderValue};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::connectors::third_party::headers::parse_header_option;
use crate::provisioning::error::Fault;
use crate::provisioning::members::Members;
use crate::provisioning::model::Provider;
use crate::values::{ChannelId, ChannelType, SectionName, SectionPrefix};

/// Before the name of a static header.
const HEADER: &str = "header:";

/// The one agent side that conversations can be handed over to.
const OPEN_MESSAGING: &str = "OpenMessaging";

/// Most static headers of one section.
const HEADERS_MAX: usize = 32;

/// What a section says about its channel; the vendor's `NexusServices` options.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SenderOptions {
    pub channel_id: ChannelId,
    /// Words for the contact centre's routing. We keep and show them.
    pub endpoint: Option<String>,
    pub interaction_subtype: Option<String>,
    pub interaction_type: Option<String>,
    pub media: Option<String>,
    /// Inbound messages bypass conversations and agents.
    pub cxc_only: bool,
    /// Who sends; `None`: what the tenant's `SMS` or `Email` service says.
    pub provider: Option<Provider>,
    /// Agents answer in Genesys Cloud CX, which the tenant's `OpenMessaging` service says how to reach.
    pub handover: bool,
    /// Static headers of each webhook, in the order of their names.
    pub headers: Vec<(HeaderName, HeaderValue)>,
}

/// The options as members of an object: what [`SenderOptions::parse`] reads and [`SenderOptions::to_members`] writes.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = SenderOptions, examples(json!({
    "channelId": "16504661149", "channelType": "sms", "provider": "Async", "header:X-Route": "blue",
})))]
pub struct OptionMembers {
    /// A phone number, or a domain for mail.
    pub channel_id: String,
    /// `sms` or `email`, as fits the channel.
    pub channel_type: Option<String>,
    #[schema(max_length = 255)]
    pub endpoint: Option<String>,
    #[schema(max_length = 255)]
    pub interaction_subtype: Option<String>,
    #[schema(max_length = 255)]
    pub interaction_type: Option<String>,
    #[schema(max_length = 255)]
    pub media: Option<String>,
    /// Inbound messages bypass conversations and agents. `true` and `false` may be texts too.
    #[schema(value_type = Option<Value>)]
    pub cxc_only: Option<Value>,
    /// `Async`, `Portico`, `mGage`, `SparkPost` or `HttpSms`; left out, what the tenant's `SMS` or `Email` service says.
    pub provider: Option<String>,
    /// `OpenMessaging`: messages of consumers are handed over to agents in Genesys Cloud CX.
    pub handover: Option<String>,
    /// `header:<name>`: a static header of each webhook; at most 32.
    #[serde(rename = "header:<name>")]
    pub header: Option<String>,
}

impl SenderOptions {
    /// Reads the options of a section, or says everything that is wrong with them.
    pub fn parse(section: &SectionName, members: Map<String, Value>) -> Result<Self, Vec<Fault>> {
        let mut members = Members::new("", members);
        let channel_id: Option<ChannelId> = required_channel(&mut members);
        let channel_type = channel_id.as_ref().map(ChannelId::channel_type);
        check_channel_type(&mut members, channel_type);
        let endpoint = members.text("endpoint");
        let interaction_subtype = members.text("interactionSubtype");
        let interaction_type = members.text("interactionType");
        let media = members.text("media");
        let cxc_only = cxc_only(&mut members, section);
        let provider = provider(&mut members, channel_type);
        let handover = handover(&mut members, section, cxc_only);
        let headers = headers(&mut members);
        members.finish()?;
        // Without a channel there was a fault, and `finish` has returned it.
        let channel_id = channel_id.ok_or_else(Vec::new)?;
        Ok(Self {
            channel_id,
            endpoint,
            interaction_subtype,
            interaction_type,
            media,
            cxc_only,
            provider,
            handover,
            headers,
        })
    }

    /// The options as members of an object, with what was left out filled in where it has a value of its own.
    pub fn to_members(&self) -> Map<String, Value> {
        let mut members = Map::new();
        members.insert("channelId".to_owned(), self.channel_id.as_str().into());
        members.insert(
            "channelType".to_owned(),
            self.channel_id.channel_type().as_str().into(),
        );
        members.insert("cxcOnly".to_owned(), self.cxc_only.into());
        let texts = [
            ("endpoint", self.endpoint.as_deref()),
            ("interactionSubtype", self.interaction_subtype.as_deref()),
            ("interactionType", self.interaction_type.as_deref()),
            ("media", self.media.as_deref()),
            ("provider", self.provider.map(Provider::as_str)),
            ("handover", self.handover.then_some(OPEN_MESSAGING)),
        ];
        for (name, text) in texts {
            if let Some(text) = text {
                members.insert(name.to_owned(), text.into());
            }
        }
        for (name, value) in &self.headers {
            // Only text without control characters was let in.
            let text = String::from_utf8_lossy(value.as_bytes()).into_owned();
            members.insert(format!("{HEADER}{name}"), text.into());
        }
        members
    }
}

fn required_channel(members: &mut Members) -> Option<ChannelId> {
    if !members.has("channelId") {
        members.fault("channelId", "is missing");
    }
    members.parsed("channelId")
}

fn check_channel_type(members: &mut Members, channel_type: Option<ChannelType>) {
    let Some(word) = members.text("channelType") else {
        return;
    };
    if word != "sms" && word != "email" {
        members.fault("channelType", "is neither sms nor email");
    } else if channel_type.is_some_and(|channel_type| channel_type.as_str() != word) {
        members.fault("channelType", "does not fit the channelId");
    }
}

/// Left out, the prefix of the section decides: `cxc.` is for campaigns.
fn cxc_only(members: &mut Members, section: &SectionName) -> bool {
    match members.take("cxcOnly") {
        None => section.prefix() == SectionPrefix::Cxc,
        Some(Value::Bool(value)) => value,
        Some(Value::String(word)) if word == "true" => true,
        Some(Value::String(word)) if word == "false" => false,
        Some(
            Value::Null | Value::String(_) | Value::Number(_) | Value::Array(_) | Value::Object(_),
        ) => {
            members.fault("cxcOnly", "must be true or false");
            false
        }
    }
}

fn provider(members: &mut Members, channel_type: Option<ChannelType>) -> Option<Provider> {
    let provider: Provider = members.parsed("provider")?;
    if channel_type.is_some_and(|channel_type| !provider.carries(channel_type)) {
        members.fault("provider", "does not carry channels of this type");
    }
    Some(provider)
}

/// What campaigns and `cxcOnly` senders get never reaches an agent.
fn handover(members: &mut Members, section: &SectionName, cxc_only: bool) -> bool {
    let Some(word) = members.text("handover") else {
        return false;
    };
    if word != OPEN_MESSAGING {
        members.fault("handover", "is not OpenMessaging");
    } else if section.prefix() == SectionPrefix::Cxc || cxc_only {
        let sentence = "cannot be set here: only what goes to agents is handed over";
        members.fault("handover", sentence);
    }
    true
}

/// Reads the `header:<name>` options. Their names do not tell case, so none may be there twice.
fn headers(members: &mut Members) -> Vec<(HeaderName, HeaderValue)> {
    let options = members.take_prefixed(HEADER);
    if options.len() > HEADERS_MAX {
        members.fault(
            HEADER,
            format!(
                "is there {} times; at most {HEADERS_MAX} headers can be set",
                options.len()
            ),
        );
    }
    let mut headers: Vec<(HeaderName, HeaderValue)> = Vec::new();
    for (option, value) in options {
        let name = option.strip_prefix(HEADER).unwrap_or_default();
        match value.as_str().map(|value| parse_header_option(name, value)) {
            None => members.fault(&option, "must be a string"),
            Some(Err(refused)) => members.fault(&option, refused.to_string()),
            Some(Ok((name, _))) if headers.iter().any(|(other, _)| *other == name) => {
                members.fault(&option, "is there twice");
            }
            Some(Ok(header)) => headers.push(header),
        }
    }
    headers
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parse(section: &str, options: Value) -> Result<SenderOptions, Vec<String>> {
        let Value::Object(members) = options else {
            panic!("options are an object")
        };
        let parsed = SenderOptions::parse(&section.parse().unwrap(), members);
        parsed.map_err(|faults| faults.into_iter().map(|fault| fault.path).collect())
    }

    #[test]
    fn the_vendors_options_are_read() {
        let options = parse(
            "chat.Support",
            json!({
                "channelId": "16504661149", "channelType": "sms", "endpoint": "chat.designer", "interactionSubtype": "SMS",
                "interactionType": "Inbound", "media": "chat", "provider": "Async", "header:custom-header-for-async-1": "12345",
            }),
        )
        .unwrap();
        assert_eq!(options.provider, Some(Provider::Async));
        assert_eq!(
            options.headers,
            [(
                HeaderName::from_static("custom-header-for-async-1"),
                HeaderValue::from_static("12345")
            )]
        );
        assert!(!options.cxc_only);
    }

    #[test]
    fn what_was_stored_is_read_as_the_same() {
        let options = parse(
            "cxc.Sale",
            json!({ "channelId": "company.com", "header:X-Team": "blü", "media": "email" }),
        )
        .unwrap();
        assert_eq!(
            parse("cxc.Sale", Value::Object(options.to_members())).unwrap(),
            options
        );
    }

    #[test]
    fn the_prefix_decides_where_cxc_only_is_left_out() {
        let cxc_only = |section, word: Value| {
            parse(section, json!({ "channelId": "5550100", "cxcOnly": word }))
                .map(|options| options.cxc_only)
        };
        assert_eq!(cxc_only("chat.a", Value::Null), Ok(false));
        assert_eq!(cxc_only("cxc.a", Value::Null), Ok(true));
        assert_eq!(cxc_only("chat.a", json!("true")), Ok(true));
        assert_eq!(cxc_only("cxc.a", json!(false)), Ok(false));
        assert_eq!(
            cxc_only("cxc.a", json!("no")),
            Err(vec!["/cxcOnly".to_owned()])
        );
    }

    #[test]
    fn a_provider_must_carry_the_type_of_the_channel() {
        let provider = |channel: &str, word: &str| {
            parse("chat.a", json!({ "channelId": channel, "provider": word })).is_ok()
        };
        assert!(provider("5550100", "mGage") && !provider("company.com", "mGage"));
        assert!(provider("company.com", "SparkPost") && !provider("5550100", "SparkPost"));
        assert!(provider("company.com", "Portico") && provider("5550100", "Portico"));
        assert!(!provider("5550100", "mgage"));
    }

    #[test]
    fn the_type_must_fit_the_channel() {
        assert!(
            parse(
                "chat.a",
                json!({ "channelId": "company.com", "channelType": "email" })
            )
            .is_ok()
        );
        assert_eq!(
            parse(
                "chat.a",
                json!({ "channelId": "company.com", "channelType": "sms" })
            ),
            Err(vec!["/channelType".to_owned()])
        );
        assert_eq!(
            parse(
                "chat.a",
                json!({ "channelId": "company.com", "channelType": "fax" })
            ),
            Err(vec!["/channelType".to_owned()])
        );
    }

    #[test]
    fn every_fault_is_named_at_once() {
        let faults = parse(
            "chat.a",
            json!({ "handover": "Cognigy", "endpoint": "", "media": 5, "chanelId": "5550100" }),
        );
        assert_eq!(
            faults.unwrap_err(),
            [
                "/channelId",
                "/endpoint",
                "/media",
                "/handover",
                "/chanelId"
            ]
        );
    }
}
