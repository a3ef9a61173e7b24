//! The vendor's curl bodies, one file each, with the braces and commas that the pages lost and their `$variables`.

use serde_json::{Value, json};

use crate::harness::TestGateway;
use crate::provisioning::api::{Holder, PHONE, new_ccid};

/// What the pages' tables give as examples for the variables.
const VARIABLES: &[(&str, &str)] = &[
    ("$kaleyraURL", "http://directtext.mgage.com"),
    ("$kaleyraUserName", "nexus"),
    ("$kaleyraPassword", "kaleyra-password"),
    ("$asyncPhoneNumber", PHONE),
    ("$asyncEmailDomain", "company.com"),
    ("$asyncWebhookURL", "https://genesys-webhook.company.com"),
    ("$asyncWebhookSignatureKey", "webhook-signature-key"),
    ("$asyncAPISignatureKey", "api-signature-key"),
    ("$gcLoginURL", "https://login.mypurecloud.com"),
    ("$gcAPIURL", "https://api.mypurecloud.com"),
    ("$clientId", "4da40a9d-b113-4024-8ba9-c9dd89c91f67"),
    (
        "$clientSecret",
        "aKSXEgLO57cm6FqxD4hrjkcW-iuWiXhd0uF0WOcZUm2",
    ),
    ("$sparkpostURL", "https://api.sparkpost.com/api/v1"),
    ("$sparkpostApikey", "0b6c5c9c-6a9b-4a3a-9f0e-2b4c7f6f9d11"),
];

fn filled_in(printed: &str) -> Value {
    let body = VARIABLES
        .iter()
        .fold(printed.to_owned(), |body, (variable, value)| {
            body.replace(&format!("\"{variable}\""), &format!("\"{value}\""))
        });
    assert!(!body.contains('$'), "{body}");
    serde_json::from_str(&body).unwrap()
}

/// Creates a tenant's services in the order of the page, each twice, and gives back what is shown of them in the end.
async fn provisioned(services: &[(&str, &str)]) -> (TestGateway, Holder, String, Vec<Value>) {
    let gateway = TestGateway::start().await;
    let operator = Holder::bootstrap(&gateway);
    let ccid = new_ccid();
    let mut shown = Vec::new();
    for (name, printed) in services {
        let body = filled_in(printed);
        let place = format!("services/{ccid}/{name}");
        let made = operator.post(&place, &body).await;
        assert_eq!(made.accepted(201).data()["data"], body["data"], "{name}");
        assert_eq!(made.data()["url"], body["url"], "{name}");
        operator.post(&place, &body).await.accepted(200);
        let seen = operator.get(&place).await.accepted(200).data().clone();
        for (variable, value) in VARIABLES.iter().filter(|(name, _)| is_secret(name)) {
            assert!(!seen.to_string().contains(value), "{name} shows {variable}");
        }
        shown.push(seen);
    }
    (gateway, operator, ccid, shown)
}

fn is_secret(variable: &str) -> bool {
    ["Password", "Key", "Secret", "Apikey", "Id"]
        .iter()
        .any(|end| variable.ends_with(end))
}

#[tokio::test]
async fn sms_through_kaleyra_is_provisioned_as_printed() {
    let (_gateway, _, _, shown) = provisioned(&[
        ("SMS", include_str!("seeds/kaleyra_sms.json")),
        ("mGageSMS", include_str!("seeds/kaleyra_mgage_sms.json")),
    ])
    .await;
    assert_eq!(
        shown[1]["secret"],
        json!({ "username": "********", "password": "********" })
    );
}

#[tokio::test]
async fn a_custom_gateway_is_provisioned_as_printed() {
    let (_gateway, operator, ccid, shown) = provisioned(&[
        ("Async", include_str!("seeds/custom_async.json")),
        ("SMS", include_str!("seeds/custom_sms.json")),
        ("Email", include_str!("seeds/custom_email.json")),
    ])
    .await;
    assert_eq!(
        shown[0]["secret"]["channels"][1],
        json!({ "channelId": "company.com", "webhook": { "secret": "********" }, "api": { "secret": "********" } })
    );
    // The options of both pages' sender sections.
    let sms = json!({
        "channelId": PHONE, "channelType": "sms", "endpoint": "chat.designer", "interactionSubtype": "SMS",
        "interactionType": "Inbound", "media": "chat", "cxcOnly": "false", "provider": "Async",
        "header:custom-header-for-async-1": "12345",
    });
    let email = json!({ "channelId": "company.com", "channelType": "email", "provider": "Async" });
    for (section, options) in [
        ("chat.SMS_Main_Corporate", sms),
        ("cxc.Corporate_Promotions", email),
    ] {
        let made = operator
            .put(&format!("senders/{ccid}/{section}"), &options)
            .await;
        assert!(
            made.accepted(201).data().get("cannotSend").is_none(),
            "{}",
            made.body
        );
    }
}

#[tokio::test]
async fn the_aggregation_service_is_provisioned_as_printed() {
    let (_gateway, operator, _, shown) = provisioned(&[
        (
            "PurecloudIDP",
            include_str!("seeds/aggregation_purecloud_idp.json"),
        ),
        ("SMS", include_str!("seeds/aggregation_sms.json")),
        (
            "PorticoSMS",
            include_str!("seeds/aggregation_portico_sms.json"),
        ),
        (
            "PorticoEmail",
            include_str!("seeds/aggregation_portico_email.json"),
        ),
    ])
    .await;
    assert_eq!(
        shown[0]["secret"],
        json!({ "clientId": "********", "clientSecret": "********" })
    );
    let key = filled_in(include_str!("seeds/aggregation_api_key.json"));
    let made = operator.post("apikeys", &key).await;
    let holder = operator.with_key(made.accepted(201).data()["key"].as_str().unwrap());
    holder.get("apikeys").await.accepted(200);
}

#[tokio::test]
async fn email_through_sparkpost_is_provisioned_as_printed() {
    let (_gateway, _, _, shown) = provisioned(&[
        ("Email", include_str!("seeds/sparkpost_email.json")),
        (
            "SparkPostEmail",
            include_str!("seeds/sparkpost_sparkpost_email.json"),
        ),
    ])
    .await;
    assert_eq!(shown[1]["secret"], json!({ "apikey": "********" }));
}
