//! A tenant for each provider that our connectors speak to, and that provider played beside it: what has to be
//! provisioned, and one message on its way.

use std::io::Write;
use std::time::Duration;

use reqwest::Method;
use serde_json::{Map, Value, json};

use super::DemoError;
use super::gateway::Gateway;
use super::provisioning::{ensure_api_key, expect_answer, put};
use super::tenant::{CONSUMER, EMAIL_CONSUMER, EMAIL_SENDER, Tenant};
use super::transcript::Transcript;
use crate::simulator::{Dialect, GenesysCloud, Received, ThirdParty, ThirdPartyOptions};
use crate::values::Secret;

const SENT_WITHIN: Duration = Duration::from_secs(10);
/// The name of our account at every provider.
const ACCOUNT: &str = "nexus";

/// A provider with its tenant. It answers until this is dropped.
#[derive(Debug)]
pub(super) struct Carrier {
    pub(super) provider: &'static str,
    pub(super) tenant: Tenant,
    pub(super) played: ThirdParty,
}

/// What differs between them.
struct Script {
    /// The provider's word.
    provider: &'static str,
    dialect: Dialect,
    /// Names and documents of its services, without their URL.
    services: Vec<(&'static str, Value)>,
    sender: Value,
    message: Value,
}

/// Provisions a tenant for each provider, and sends one message through it.
pub(super) async fn play<Out: Write>(
    base_url: &str,
    bootstrap_key: &Secret,
    transcript: &mut Transcript<Out>,
) -> Result<Vec<Carrier>, DemoError> {
    let mut carriers = Vec::new();
    for (number, script_of) in (2..).zip([mgage, sparkpost, portico]) {
        let tenant = Tenant::numbered(bootstrap_key, number);
        let script = script_of(tenant.account_secret());
        carriers.push(carry(base_url, bootstrap_key, (tenant, script), transcript).await?);
    }
    Ok(carriers)
}

async fn carry<Out: Write>(
    base_url: &str,
    bootstrap_key: &Secret,
    (tenant, script): (Tenant, Script),
    transcript: &mut Transcript<Out>,
) -> Result<Carrier, DemoError> {
    let provider = script.provider;
    transcript.heading(&format!("A tenant whose messages {provider} carries"))?;
    let options = ThirdPartyOptions {
        dialect: script.dialect,
        ..ThirdPartyOptions::default()
    };
    let played = ThirdParty::start(options).await;
    let played = played.map_err(DemoError::ThirdParty)?;
    let gateway = Gateway::new(base_url.to_owned(), &tenant)?;
    ensure_api_key(&gateway, &tenant, bootstrap_key, transcript).await?;
    for (name, mut service) in script.services {
        service["url"] = json!(played.base_url());
        let path = format!("/nexus/v3/provisioning/services/{}/{name}", tenant.ccid);
        put(&gateway, &path, &service, transcript).await?;
    }
    let path = format!("/nexus/v3/provisioning/senders/{}/chat.demo", tenant.ccid);
    put(&gateway, &path, &script.sender, transcript).await?;
    send(&gateway, provider, &script.message, transcript).await?;
    let Some(request) = played.find(|_| true).await else {
        let wanted = format!("a request at {}", played.base_url());
        transcript.expect_that("it arrives", false, wanted, "none")?;
        return Ok(Carrier {
            provider,
            tenant,
            played,
        });
    };
    let first_line = format!("{} {} at {provider}", request.method, request.uri.path());
    transcript.wire(&first_line, &[], &body_of(&request))?;
    transcript.expect("it shows who sends", "good", request.signature.as_str())?;
    Ok(Carrier {
        provider,
        tenant,
        played,
    })
}

/// Submits a message, and waits until the provider has taken it.
async fn send<Out: Write>(
    gateway: &Gateway,
    provider: &str,
    message: &Value,
    transcript: &mut Transcript<Out>,
) -> Result<(), DemoError> {
    let body = json!({ "messages": [message] });
    let path = "/nexus/v3/messages";
    transcript.wire(&format!("POST {path}"), &[], &body)?;
    let reply = gateway.call(Method::POST, path, &body).await?;
    expect_answer(transcript, "the message is stored", 202, &reply)?;
    let id = reply.json()["data"]["results"][0]["id"].clone();
    let path = format!("{path}/{}", id.as_str().unwrap_or_default());
    let message = gateway.read_until(&path, "Sent", SENT_WITHIN).await?.json();
    transcript.expect(
        "the message is Sent",
        "Sent",
        message["data"]["status"].clone(),
    )?;
    transcript.expect(
        "its provider took it",
        provider,
        message["data"]["provider"].clone(),
    )
}

/// JSON as it is, and the members of a form.
fn body_of(request: &Received) -> Value {
    let body = request.json();
    if body.is_null() {
        let members = request.form().into_iter();
        let members: Map<String, Value> = members
            .map(|(name, value)| (name, Value::from(value)))
            .collect();
        members.into()
    } else {
        body
    }
}

fn mgage(password: Secret) -> Script {
    let secret = json!({ "username": ACCOUNT, "password": password.expose() });
    Script {
        provider: "mGage",
        dialect: Dialect::MGage {
            username: ACCOUNT.to_owned(),
            password,
        },
        services: vec![("mGageSMS", json!({ "data": {}, "secret": secret }))],
        sender: json!({ "channelId": "87767", "channelType": "sms", "provider": "mGage" }),
        message: text("87767"),
    }
}

fn sparkpost(api_key: Secret) -> Script {
    let secret = json!({ "apikey": api_key.expose() });
    Script {
        provider: "SparkPost",
        dialect: Dialect::SparkPost { api_key },
        services: vec![("SparkPostEmail", json!({ "data": {}, "secret": secret }))],
        sender: json!({ "channelId": "demo.example", "channelType": "email", "provider": "SparkPost" }),
        message: json!({
            "channel": { "from": { "id": EMAIL_SENDER }, "to": { "id": EMAIL_CONSUMER } },
            "type": "Email", "subject": "Your parcel", "content": [{ "type": "text", "text": "Your parcel is here." }],
        }),
    }
}

fn portico(client_secret: Secret) -> Script {
    let secret = json!({ "clientId": ACCOUNT, "clientSecret": client_secret.expose() });
    Script {
        provider: "Portico",
        dialect: Dialect::Portico(GenesysCloud::new(ACCOUNT, client_secret)),
        services: vec![
            ("PurecloudIDP", json!({ "data": {}, "secret": secret })),
            ("PorticoSMS", json!({ "data": {}, "secret": {} })),
        ],
        sender: json!({ "channelId": "18445550100", "channelType": "sms", "provider": "Portico" }),
        message: text("18445550100"),
    }
}

fn text(from: &str) -> Value {
    json!({
        "channel": { "from": { "id": from }, "to": { "id": CONSUMER } },
        "type": "Text", "text": "Your parcel is here.",
    })
}
