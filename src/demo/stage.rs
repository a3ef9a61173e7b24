//! Where the flows are played: one channel of the demo tenant, with the gateway on one side of it and the simulated
//! third party on the other.

use std::io::Write;
use std::time::Duration;

use serde_json::{Value, json};

use super::DemoError;
use super::gateway::Gateway;
use super::tenant::Tenant;
use super::transcript::Transcript;
use super::webhook::{self, Expected};
use crate::simulator::{Reply, SignedClient, ThirdParty};

/// How long a status may take to become what it must be.
const STATUS_WITHIN: Duration = Duration::from_secs(10);

pub(super) struct Stage<'a, Out> {
    pub(super) gateway: &'a Gateway,
    /// Signs what the third party sends on the channel.
    pub(super) client: SignedClient,
    pub(super) transcript: &'a mut Transcript<Out>,
    third_party: &'a ThirdParty,
}

impl<'a, Out: Write> Stage<'a, Out> {
    pub(super) fn new(
        channel_id: &str,
        gateway: &'a Gateway,
        tenant: &Tenant,
        third_party: &'a ThirdParty,
        transcript: &'a mut Transcript<Out>,
    ) -> Result<Self, DemoError> {
        let client = SignedClient::new(
            gateway.base_url(),
            tenant.ccid.to_string(),
            channel_id,
            tenant.api_secret(channel_id),
        )?;
        Ok(Self {
            gateway,
            client,
            transcript,
            third_party,
        })
    }

    /// Waits for the webhook of a message, shows it, and holds it against what it must be.
    pub(super) async fn the_webhook_of(
        &mut self,
        message_id: &str,
        expected: &Expected<'_>,
    ) -> Result<(), DemoError> {
        let found = self
            .third_party
            .find(|request| request.message_id().as_deref() == Some(message_id))
            .await;
        let Some(request) = found else {
            let state = self.message(message_id, "Sent").await?;
            let wanted = format!("a webhook with messageId {message_id}");
            return self
                .transcript
                .expect_that("it arrives", false, wanted, state);
        };
        webhook::show(&request, self.transcript)?;
        webhook::check(&request, expected, self.transcript)
    }

    /// Shows the third party's answer to a webhook, and that the gateway keeps its id, which is returned.
    pub(super) async fn the_third_party_takes(
        &mut self,
        message_id: &str,
    ) -> Result<String, DemoError> {
        let provider_id = format!("third-party-{message_id}");
        self.transcript
            .wire("200 OK", &[], &json!({ "messageId": provider_id }))?;
        let message = self.message(message_id, "Sent").await?;
        self.transcript
            .expect("the message is Sent", "Sent", message["status"].clone())?;
        self.transcript.expect(
            "the third party's id is kept for the receipt",
            json!([provider_id]),
            message["providerMessageIds"].clone(),
        )?;
        Ok(provider_id)
    }

    /// The message, once its status is the wanted one, or as it is when that takes too long.
    pub(super) async fn message(&self, id: &str, status: &str) -> Result<Value, DemoError> {
        let path = format!("/nexus/v3/messages/{id}");
        let reply = self
            .gateway
            .read_until(&path, status, STATUS_WITHIN)
            .await?;
        Ok(reply.json()["data"].clone())
    }

    pub(super) fn show_signed_request(&mut self, message: &Value) -> Result<(), DemoError> {
        let body = json!({ "messages": [message] });
        let headers = self.client.signed_headers(body.to_string().as_bytes());
        let header = |name: &str| {
            headers
                .get(name)
                .and_then(|value| value.to_str().ok())
                .unwrap_or_default()
        };
        let shown = [
            ("x-ccid", header("x-ccid")),
            ("X-Hub-Signature", header("x-hub-signature")),
        ];
        let channel_id = &self.client.channel_id;
        let first_line = format!("POST /nexus/v3/channels/{channel_id}/messages");
        Ok(self.transcript.wire(&first_line, &shown, &body)?)
    }

    pub(super) fn show_answer(&mut self, reply: &Reply) -> Result<(), DemoError> {
        let request_id = reply.header("x-request-id").unwrap_or("(missing)");
        Ok(self.transcript.wire(
            &reply.status.to_string(),
            &[("X-Request-Id", request_id)],
            &reply.json(),
        )?)
    }
}
