//! Makes the demo tenant over HTTP: its key, its services, its senders. Every call puts in place what is the same at
//! each run, so a second run changes nothing.

use std::io::Write;

use reqwest::Method;
use serde_json::{Value, json};

use super::DemoError;
use super::gateway::Gateway;
use super::tenant::{CAMPAIGN_CHANNEL, CHANNELS, CHAT_CHANNEL, EMAIL_CHANNEL, Tenant};
use super::transcript::Transcript;
use crate::simulator::Reply;
use crate::values::Secret;

/// A header of the senders' own, which every one of their webhooks carries.
pub(super) const CUSTOM_HEADER: (&str, &str) = ("x-demo-route", "blue");

/// What every secret is shown as.
const MASK: &str = "********";

pub(super) async fn provision<Out: Write>(
    gateway: &Gateway,
    tenant: &Tenant,
    bootstrap_key: &Secret,
    webhook_url: &str,
    transcript: &mut Transcript<Out>,
) -> Result<(), DemoError> {
    transcript.heading("The demo tenant")?;
    ensure_api_key(gateway, tenant, bootstrap_key, transcript).await?;

    let services = format!("/nexus/v3/provisioning/services/{}", tenant.ccid);
    let saved = put(
        gateway,
        &format!("{services}/Async"),
        &async_service(tenant, webhook_url),
        transcript,
    )
    .await?;
    let shown = &saved.json()["data"]["secret"]["channels"][0]["webhook"]["secret"];
    transcript.expect("the answer shows no secret", MASK, shown.clone())?;
    for name in ["SMS", "Email"] {
        let service = json!({ "url": "N/A", "data": { "provider": "Async" }, "secret": {} });
        put(gateway, &format!("{services}/{name}"), &service, transcript).await?;
    }

    let senders = format!("/nexus/v3/provisioning/senders/{}", tenant.ccid);
    put(
        gateway,
        &format!("{senders}/chat.demo"),
        &chat_sender(),
        transcript,
    )
    .await?;
    put(
        gateway,
        &format!("{senders}/cxc.demo"),
        &campaign_sender(),
        transcript,
    )
    .await?;
    put(
        gateway,
        &format!("{senders}/chat.mail"),
        &email_sender(),
        transcript,
    )
    .await?;
    Ok(())
}

/// The key is there if it opens the door.
pub(super) async fn ensure_api_key<Out: Write>(
    gateway: &Gateway,
    tenant: &Tenant,
    bootstrap_key: &Secret,
    transcript: &mut Transcript<Out>,
) -> Result<(), DemoError> {
    let path = format!("/nexus/v3/provisioning/services/{}", tenant.ccid);
    if gateway.call(Method::GET, &path, &Value::Null).await?.status == 200 {
        transcript.expect_that("the tenant's API key is there", true, "", "")?;
        return Ok(());
    }
    let key = json!({
        "tenant": tenant.ccid,
        "name": "demo",
        "key": tenant.api_key,
        "permissions": [
            "nexus:provisioning:*",
            "nexus:messages:*",
            "nexus:suppressions:*",
            "nexus:endpoints:*",
            "nexus:events:read",
        ],
    });
    let headers = [("x-api-key", bootstrap_key.expose())];
    let path = "/nexus/v3/provisioning/apikeys";
    let reply = gateway
        .call_with(Method::POST, path, &headers, &key)
        .await?;
    transcript.wire(
        &format!("POST {path} → {}", reply.status),
        &[],
        &Value::Null,
    )?;
    expect_answer(transcript, "the tenant's API key was made", 201, &reply)
}

pub(super) async fn put<Out: Write>(
    gateway: &Gateway,
    path: &str,
    body: &Value,
    transcript: &mut Transcript<Out>,
) -> Result<Reply, DemoError> {
    let reply = gateway.call(Method::PUT, path, body).await?;
    transcript.wire(&format!("PUT {path} → {}", reply.status), &[], &Value::Null)?;
    let is_saved = matches!(reply.status, 200 | 201);
    let got = format!("{}: {}", reply.status, reply.json());
    transcript.expect_that(
        "it is saved: 201 when new, 200 when replaced",
        is_saved,
        "200 or 201",
        got,
    )?;
    Ok(reply)
}

/// The status, with the whole answer beside it where it is another.
pub(super) fn expect_answer<Out: Write>(
    transcript: &mut Transcript<Out>,
    what: &str,
    status: u16,
    reply: &Reply,
) -> Result<(), DemoError> {
    let got = format!("{}: {}", reply.status, String::from_utf8_lossy(&reply.body));
    transcript.expect_that(what, reply.status == status, status, got)
}

fn async_service(tenant: &Tenant, webhook_url: &str) -> Value {
    let data = CHANNELS
        .map(|channel_id| json!({ "channelId": channel_id, "webhook": { "url": webhook_url } }));
    let secret = CHANNELS.map(|channel_id| {
        json!({
            "channelId": channel_id,
            "webhook": { "secret": tenant.webhook_secret(channel_id) },
            "api": { "secret": tenant.api_secret(channel_id) },
        })
    });
    json!({ "data": { "channels": data }, "secret": { "channels": secret } })
}

/// What consumers write here opens conversations, which agents answer.
fn chat_sender() -> Value {
    let mut sender = json!({
        "channelId": CHAT_CHANNEL,
        "channelType": "sms",
        "endpoint": "chat.demo",
        "interactionSubtype": "SMS",
        "interactionType": "Inbound",
        "media": "chat",
        "provider": "Async",
    });
    let (name, value) = CUSTOM_HEADER;
    sender[format!("header:{name}")] = json!(value);
    sender
}

/// What is sent from its addresses is mail.
fn email_sender() -> Value {
    let mut sender = json!({
        "channelId": EMAIL_CHANNEL,
        "channelType": "email",
        "provider": "Async",
    });
    let (name, value) = CUSTOM_HEADER;
    sender[format!("header:{name}")] = json!(value);
    sender
}

/// What consumers write here goes to the campaign stream alone.
fn campaign_sender() -> Value {
    json!({
        "channelId": CAMPAIGN_CHANNEL,
        "channelType": "sms",
        "provider": "Async",
        "cxcOnly": true,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_channel_of_the_async_service_has_both_its_halves() {
        let tenant = Tenant::derived_from(&Secret::new(
            "9b7682b7-cbce-422f-9bbb-ecda85e61695".to_owned(),
        ));

        let service = async_service(&tenant, "http://127.0.0.1:8090/webhook");

        let named = |half: &Value| -> Vec<Value> {
            half["channels"]
                .as_array()
                .unwrap()
                .iter()
                .map(|channel| channel["channelId"].clone())
                .collect()
        };
        assert_eq!(
            named(&service["data"]),
            [CHAT_CHANNEL, CAMPAIGN_CHANNEL, EMAIL_CHANNEL]
        );
        assert_eq!(named(&service["data"]), named(&service["secret"]));
    }
}
