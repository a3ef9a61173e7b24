//! The product in one minute: a demo tenant, a simulated third party, and the vendor's SMS and email data flows
//! played between them and a running gateway, every exchange shown and checked against the contract; then a tenant
//! for each provider that is built in, with that provider simulated.
//!
//! It knows the gateway by its HTTP interface only, so it plays the same against any deployment that may reach it.

mod carriers;
mod email_flow;
mod error;
mod gateway;
mod invitation;
mod provisioning;
mod sms_flow;
mod stage;
mod tenant;
mod transcript;
mod webhook;

use std::io::{self, Write};
use std::net::SocketAddr;

use serde_json::Value;

use crate::simulator::{Answer, Received, ThirdParty, ThirdPartyOptions};
use crate::values::Secret;

use carriers::Carrier;
pub use error::DemoError;
use gateway::Gateway;
use stage::Stage;
use tenant::{CHAT_CHANNEL, EMAIL_CHANNEL, Tenant};
use transcript::Transcript;

/// What a demo is run with.
#[derive(Debug)]
pub struct DemoOptions<Out> {
    /// The public listener, such as `http://127.0.0.1:8080`, without a slash at its end.
    pub base_url: String,
    /// The internal listener, such as `http://127.0.0.1:4004`.
    pub internal_url: String,
    /// A key of the whole cluster. The demo tenant's own key and secrets are derived from it, so that every run against
    /// the same gateway finds them again and nothing has to be kept.
    pub bootstrap_key: Secret,
    /// Where the simulated third party listens. If the port is taken, it takes a free one.
    pub third_party_listen: SocketAddr,
    /// Play the flows and no more: nothing about how to go on.
    pub once: bool,
    /// Colours, for a terminal.
    pub colour: bool,
    /// Where everything is shown.
    pub out: Out,
}

/// A demo whose flows have been played. The simulated third party and providers answer until this is dropped.
#[derive(Debug)]
pub struct Demo<Out> {
    third_party: ThirdParty,
    _carriers: Vec<Carrier>,
    transcript: Transcript<Out>,
}

/// Provisions the demo's tenants, plays each flow once, and sends one message through each provider.
///
/// # Errors
///
/// [`DemoError::Differs`] at the first thing that is not as the contract says; it has been shown by then.
pub async fn run<Out: Write>(options: DemoOptions<Out>) -> Result<Demo<Out>, DemoError> {
    let tenant = Tenant::derived_from(&options.bootstrap_key);
    let third_party = start_third_party(options.third_party_listen, &tenant).await?;
    let gateway = Gateway::new(options.base_url, &tenant)?;
    let mut transcript = Transcript::new(options.out, options.colour);

    gateway.wait_until_ready().await?;
    provisioning::provision(
        &gateway,
        &tenant,
        &options.bootstrap_key,
        &third_party.url(),
        &mut transcript,
    )
    .await?;
    play(&gateway, &tenant, &third_party, &mut transcript).await?;
    let carriers =
        carriers::play(gateway.base_url(), &options.bootstrap_key, &mut transcript).await?;
    transcript.sum()?;
    if !options.once {
        let places = invitation::Places {
            base_url: gateway.base_url(),
            internal_url: &options.internal_url,
            third_party: third_party.address(),
        };
        transcript.paragraph(&invitation::text(&places, &tenant))?;
        transcript.paragraph(&invitation::of_carriers(&carriers))?;
    }
    Ok(Demo {
        third_party,
        _carriers: carriers,
        transcript,
    })
}

async fn play<Out: Write>(
    gateway: &Gateway,
    tenant: &Tenant,
    third_party: &ThirdParty,
    transcript: &mut Transcript<Out>,
) -> Result<(), DemoError> {
    transcript.heading("The vendor's SMS data flow")?;
    let stage = Stage::new(CHAT_CHANNEL, gateway, tenant, third_party, transcript)?;
    sms_flow::play(stage).await?;
    transcript.heading("The vendor's email data flow")?;
    let mut stage = Stage::new(EMAIL_CHANNEL, gateway, tenant, third_party, transcript)?;
    email_flow::play(&mut stage).await
}

async fn start_third_party(listen: SocketAddr, tenant: &Tenant) -> Result<ThirdParty, DemoError> {
    let options = |listen| ThirdPartyOptions {
        listen,
        secrets: tenant.webhook_secrets(),
        ..ThirdPartyOptions::default()
    };
    let started = match ThirdParty::start(options(listen)).await {
        Err(cause) if cause.kind() == io::ErrorKind::AddrInUse => {
            ThirdParty::start(options(SocketAddr::new(listen.ip(), 0))).await
        }
        started => started,
    };
    let third_party = started.map_err(DemoError::ThirdParty)?;
    // Its own ids show that receipts are matched by what the webhook was answered with.
    third_party.answer_with([Answer::accept_as_own()]);
    Ok(third_party)
}

impl<Out: Write> Demo<Out> {
    /// Shows every webhook that the simulated third party takes from now on. Never ends by itself.
    ///
    /// # Errors
    ///
    /// Nothing can be shown any more.
    pub async fn watch(mut self) -> Result<(), DemoError> {
        let mut shown = self.third_party.count();
        loop {
            if let Some(request) = self.third_party.next_after(shown).await {
                shown = request.number;
                self.transcript.paragraph(&line_of(&request))?;
            } else if self.third_party.count() < shown {
                // It was reset over HTTP and counts anew.
                shown = 0;
            }
        }
    }
}

fn line_of(request: &Received) -> String {
    let message = request.json();
    format!(
        "webhook {}: {} to {}, signature {}",
        request.number,
        said(&message),
        request.recipient().unwrap_or_default(),
        request.signature.as_str()
    )
}

/// A message's words, or what a mail is about.
fn said(message: &Value) -> &Value {
    let text = &message["text"];
    if text.is_null() {
        &message["subject"]
    } else {
        text
    }
}
