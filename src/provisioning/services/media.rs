//! The `SMS` and `Email` services: who carries a medium where a sender does not say.

use serde_json::{Map, Value};

use crate::provisioning::error::Fault;
use crate::provisioning::members::Members;
use crate::provisioning::model::Provider;
use crate::values::{Address, ChannelType};

/// The `SMS` or `Email` service: who carries the medium, and from whom it comes, where nobody says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MediaSettings {
    pub provider: Option<Provider>,
    pub default_sender: Option<Address>,
}

/// Reads both documents of the service of a medium.
pub fn media(
    data: &Value,
    secret: &Value,
    channel_type: ChannelType,
) -> Result<MediaSettings, Vec<Fault>> {
    Members::new("/secret", object("/secret", secret)?).finish()?;
    let mut members = Members::new("/data", object("/data", data)?);
    let provider: Option<Provider> = members.parsed("provider");
    if provider.is_some_and(|provider| !provider.carries(channel_type)) {
        members.fault("provider", "does not carry this medium");
    }
    let token_provider = members.text("tokenProvider");
    let by_token = token_provider.is_some().then_some(Provider::Portico);
    if token_provider.is_some_and(|word| word != "Purecloud") {
        members.fault("tokenProvider", "must be Purecloud");
    }
    if by_token.is_some() && provider.is_some_and(|provider| provider != Provider::Portico) {
        members.fault("tokenProvider", "means Portico, but provider names another");
    }
    let default_sender: Option<Address> = members.parsed("defaultSender");
    if default_sender
        .as_ref()
        .is_some_and(|address| address.channel_type() != channel_type)
    {
        members.fault("defaultSender", "is no address of this medium");
    }
    members.finish()?;
    Ok(MediaSettings {
        provider: provider.or(by_token),
        default_sender,
    })
}

/// A document that must be an object.
fn object(pointer: &str, value: &Value) -> Result<Map<String, Value>, Vec<Fault>> {
    value
        .as_object()
        .cloned()
        .ok_or_else(|| vec![Fault::new(pointer, "must be an object")])
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn sms(data: &Value) -> Result<MediaSettings, Vec<String>> {
        media(data, &json!({}), ChannelType::Sms)
            .map_err(|faults| faults.into_iter().map(|fault| fault.path).collect())
    }

    #[test]
    fn the_documented_bodies_say_who_carries() {
        assert_eq!(
            sms(&json!({ "provider": "mGage" })).unwrap().provider,
            Some(Provider::MGage)
        );
        assert_eq!(
            sms(&json!({ "provider": "Async" })).unwrap().provider,
            Some(Provider::Async)
        );
        assert_eq!(
            sms(&json!({ "tokenProvider": "Purecloud" }))
                .unwrap()
                .provider,
            Some(Provider::Portico)
        );
        assert_eq!(sms(&json!({})).unwrap().provider, None);
        let email = media(
            &json!({ "provider": "SparkPost" }),
            &json!({}),
            ChannelType::Email,
        )
        .unwrap();
        assert_eq!(email.provider, Some(Provider::SparkPost));
    }

    #[test]
    fn every_fault_is_named_with_its_place() {
        let faults = sms(&json!({
            "provider": "SparkPost", "tokenProvider": "Other", "defaultSender": "news@company.com",
            "provder": "Async", "a/b": 1,
        }));
        assert_eq!(
            faults.unwrap_err(),
            [
                "/data/provider",
                "/data/tokenProvider",
                "/data/tokenProvider",
                "/data/defaultSender",
                "/data/a~1b",
                "/data/provder"
            ]
        );
        assert_eq!(
            sms(&json!({ "provider": 5 })).unwrap_err(),
            ["/data/provider"]
        );
        assert_eq!(sms(&json!([])).unwrap_err(), ["/data"]);
        assert_eq!(
            sms(&json!({ "provider": "mGage", "tokenProvider": "Purecloud" })).unwrap_err(),
            ["/data/tokenProvider"]
        );
    }

    #[test]
    fn a_medium_has_no_secrets() {
        let faults = media(&json!({}), &json!({ "apikey": "x" }), ChannelType::Email).unwrap_err();
        assert_eq!(faults[0].path, "/secret/apikey");
    }

    #[test]
    fn the_default_sender_is_an_address_of_the_medium() {
        let sender = sms(&json!({ "defaultSender": "+1 650 466 1149" }))
            .unwrap()
            .default_sender
            .unwrap();
        assert_eq!(sender.as_str(), "16504661149");
    }
}
