//! The vendor's "Email data flow", its four exchanges in its order, between the submission that starts it and the
//! explanation that ends it: the mail is refused by whoever was to get it.

use std::io::Write;

use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use super::DemoError;
use super::provisioning::expect_answer;
use super::stage::Stage;
use super::tenant::{EMAIL_CHANNEL, EMAIL_CONSUMER, EMAIL_SENDER};
use super::webhook::Expected;
use crate::simulator::{ReceiptReason, ReceiptToSend, receipt_message};

/// What the third party reports, in the words of the vendor's example.
const REFUSAL: ReceiptReason<'_> = ReceiptReason {
    code: 350,
    message: Some("Message not allowed. Your account has been suspended."),
};

pub(super) async fn play<Out: Write>(stage: &mut Stage<'_, Out>) -> Result<(), DemoError> {
    let trace_id = Uuid::new_v4().to_string();
    let id = an_application_submits(stage, &trace_id).await?;

    stage
        .transcript
        .heading("1. Email Webhook request: the gateway delivers the mail to the third party")?;
    let expected = Expected {
        like: "the vendor's email webhook",
        body: webhook(&id),
        trace_id: &trace_id,
    };
    stage.the_webhook_of(&id, &expected).await?;
    stage
        .transcript
        .heading("2. Email Webhook answer: the third party took it under an id of its own")?;
    let provider_id = stage.the_third_party_takes(&id).await?;

    the_third_party_reports(stage, &provider_id).await?;
    the_message_tells_its_fate(stage, &id).await
}

/// The mail of the vendor's example, with the demo's own addresses.
fn mail() -> Value {
    json!({
        "type": "Email",
        "subject": "Subject",
        "content": [
            { "type": "text", "text": "Plain text email body" },
            { "type": "html", "text": "Html email body" },
        ],
    })
}

fn sender() -> Value {
    json!({ "id": EMAIL_SENDER, "name": "Sender display name" })
}

fn reply_to() -> Value {
    json!({ "id": format!("reply-to@{EMAIL_CHANNEL}"), "name": "Responder display name" })
}

/// What the webhook must say.
fn webhook(id: &str) -> Value {
    let mut message = mail();
    message["channel"] = json!({
        "id": EMAIL_CHANNEL,
        "type": "email",
        "from": sender(),
        "to": { "id": EMAIL_CONSUMER },
        "messageId": id,
        "context": { "replyTo": reply_to() },
    });
    message
}

/// Returns the id that the gateway gave.
async fn an_application_submits<Out: Write>(
    stage: &mut Stage<'_, Out>,
    trace_id: &str,
) -> Result<String, DemoError> {
    let mut message = mail();
    message["channel"] = json!({ "from": sender(), "to": { "id": EMAIL_CONSUMER } });
    message["replyTo"] = reply_to();
    let body = json!({ "messages": [message] });
    let path = "/nexus/v3/messages";
    stage.transcript.heading("An application submits a mail")?;
    stage.transcript.wire(
        &format!("POST {path}"),
        &[("X-B3-TraceId", trace_id)],
        &body,
    )?;
    let reply = stage
        .gateway
        .call_traced(Method::POST, path, trace_id, &body)
        .await?;
    stage.show_answer(&reply)?;
    let what = "the mail is stored; it will be delivered";
    expect_answer(stage.transcript, what, 202, &reply)?;
    let id = &reply.json()["data"]["results"][0]["id"];
    Ok(id.as_str().unwrap_or_default().to_owned())
}

/// Exchanges 3 and 4.
async fn the_third_party_reports<Out: Write>(
    stage: &mut Stage<'_, Out>,
    provider_id: &str,
) -> Result<(), DemoError> {
    let receipt = receipt_message(&ReceiptToSend {
        from: EMAIL_SENDER,
        to: EMAIL_CONSUMER,
        message_id: provider_id,
        status: "Failed",
        reasons: &[REFUSAL],
    });
    stage
        .transcript
        .heading("3. Receipt API request: the mail could not be delivered")?;
    stage.show_signed_request(&receipt)?;
    let reply = stage.client.send(&[receipt]).await?;

    stage.transcript.heading("4. Receipt API answer")?;
    stage.show_answer(&reply)?;
    expect_answer(stage.transcript, "the receipt is stored", 200, &reply)?;
    stage.transcript.expect(
        "an answer to receipts has no data",
        json!({ "status": { "code": 0 } }),
        reply.json(),
    )
}

async fn the_message_tells_its_fate<Out: Write>(
    stage: &mut Stage<'_, Out>,
    id: &str,
) -> Result<(), DemoError> {
    let message = stage.message(id, "Failed").await?;
    stage.transcript.heading("The mail tells its fate")?;
    stage
        .transcript
        .wire(&format!("GET /nexus/v3/messages/{id}"), &[], &message)?;
    stage
        .transcript
        .expect("the message is Failed", "Failed", message["status"].clone())?;
    let history = message["history"].as_array().cloned().unwrap_or_default();
    let last = history.last().cloned().unwrap_or_default();
    stage.transcript.expect(
        "its history has the third party's reason",
        json!([{ "code": REFUSAL.code, "message": REFUSAL.message }]),
        last["reasons"].clone(),
    )?;
    stage.transcript.expect(
        "it is shown with its subject",
        mail()["subject"].clone(),
        message["subject"].clone(),
    )
}
