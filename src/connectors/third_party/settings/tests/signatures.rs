//! Which signatures a channel may have, and the secrets that go with them.

use super::*;

const STANDARD: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// Settings of two channels, of which the second's webhooks are signed so with this secret. In the secret document it
/// comes first.
fn signing(signatures: &Value, secret: &Value) -> Result<ThirdPartyChannel, Vec<String>> {
    let data = json!({ "channels": [
        { "channelId": "54321", "webhook": { "url": "company.com" } },
        { "channelId": "12345", "webhook": { "url": "company.com", "signatures": signatures } },
    ] });
    let secret = json!({ "channels": [
        { "channelId": "12345", "webhook": { "secret": secret }, "api": { "secret": "in" } },
        { "channelId": "54321", "webhook": { "secret": "out" }, "api": { "secret": "in" } },
    ] });
    let settings = AsyncSettings::parse(&data, &secret).map_err(places)?;
    Ok(settings.channels[1].clone())
}

#[test]
fn a_standard_webhook_has_the_keys_of_its_secrets() {
    for secret in [json!(STANDARD), json!([{ "value": STANDARD }])] {
        for names in [
            json!(["standard-webhooks"]),
            json!(["sha1", "standard-webhooks", "sha256"]),
        ] {
            let channel = signing(&names, &secret).unwrap();
            assert_eq!(
                channel.webhook.signatures.len(),
                names.as_array().unwrap().len()
            );
            assert_eq!(channel.webhook_keys.unwrap().in_force(0).count(), 1);
        }
    }
    let vendor_s = signing(&json!(["sha1", "sha256"]), &json!(STANDARD)).unwrap();
    assert!(vendor_s.webhook_keys.is_none());
}

#[test]
fn each_secret_of_a_standard_webhook_that_has_another_form_is_named() {
    let names = json!(["sha1", "standard-webhooks"]);
    for secret in ["out", "whsec_", "whsec_no base64"] {
        let refused = signing(&names, &json!(secret)).unwrap_err();
        assert_eq!(refused, ["/secret/channels/0/webhook/secret"]);
    }
    let secrets = json!([
        { "value": "first" },
        { "value": STANDARD },
        { "value": "third", "notAfter": "2020-01-01T00:00:00Z" },
    ]);
    assert_eq!(
        signing(&names, &secrets).unwrap_err(),
        [
            "/secret/channels/0/webhook/secret/0/value",
            "/secret/channels/0/webhook/secret/2/value"
        ]
    );
    assert!(signing(&json!(["sha1"]), &secrets).is_ok());
}

/// What is said of a name that is not known.
fn said_of(name: &str) -> String {
    let data = json!({ "channels": [
        { "channelId": "12345", "webhook": { "url": "company.com", "signatures": [name] } },
    ] });
    let secret = json!({ "channels": [
        { "channelId": "12345", "webhook": { "secret": STANDARD }, "api": { "secret": "in" } },
    ] });
    let mut faults = AsyncSettings::parse(&data, &secret).unwrap_err();
    assert_eq!(faults.len(), 1);
    faults.remove(0).message
}

#[test]
fn who_writes_a_name_nearly_right_is_told_which_one_may_be_meant() {
    let all = "must be of sha1, sha256, standard-webhooks";
    for (written, meant) in [
        ("SHA1", "sha1"),
        ("sha-1", "sha1"),
        ("Sha-256", "sha256"),
        ("sh256", "sha256"),
        ("standardwebhook", "standard-webhooks"),
        ("Standard Webhooks", "standard-webhooks"),
    ] {
        assert_eq!(said_of(written), format!("{all}; is {meant} meant?"));
    }
    for written in ["", "md5", "sha512", "none"] {
        assert_eq!(said_of(written), all);
    }
}

/// What a channel asks of its third party if it says this.
fn policy(api: Option<Value>) -> Result<SignaturePolicy, Vec<String>> {
    let mut channel = json!({ "channelId": "12345", "webhook": { "url": "company.com" } });
    if let Some(api) = api {
        channel["api"] = api;
    }
    let secret = json!({ "channels": [
        { "channelId": "12345", "webhook": { "secret": "out" }, "api": { "secret": "in" } },
    ] });
    let settings = AsyncSettings::parse(&json!({ "channels": [channel] }), &secret);
    settings
        .map(|settings| settings.channels[0].api_policy)
        .map_err(places)
}

#[test]
fn a_channel_takes_either_signature_or_the_one_it_names() {
    let of = |names: Value| policy(Some(json!({ "signatures": names })));
    assert_eq!(policy(None), Ok(SignaturePolicy::Either));
    assert_eq!(policy(Some(json!({}))), Ok(SignaturePolicy::Either));
    assert_eq!(of(json!(["sha1"])), Ok(SignaturePolicy::Sha1));
    assert_eq!(of(json!(["sha256"])), Ok(SignaturePolicy::Sha256));
    for both in [json!(["sha1", "sha256"]), json!(["sha256", "sha1"])] {
        assert_eq!(of(both), Ok(SignaturePolicy::Either));
    }
    for wrong in [
        json!([]),
        json!(["md5"]),
        json!(["sha256", "sha256"]),
        json!(["sha256", "standard-webhooks"]),
        json!("sha256"),
    ] {
        assert_eq!(
            of(wrong),
            Err(vec!["/data/channels/0/api/signatures".to_owned()])
        );
    }
    let unknown = policy(Some(json!({ "signature": ["sha1"] })));
    assert_eq!(
        unknown,
        Err(vec!["/data/channels/0/api/signature".to_owned()])
    );
}
