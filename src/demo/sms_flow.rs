//! The vendor's "SMS data flow", its six exchanges in its order, with what lies between them: the agent's reply and
//! the message's fate.

use std::io::Write;

use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use super::DemoError;
use super::provisioning::expect_answer;
use super::stage::Stage;
use super::tenant::{CHAT_CHANNEL, CONSUMER};
use super::webhook::Expected;
use crate::simulator::{ReceiptToSend, receipt_message, text_message};
use crate::values::MessageId;

const QUESTION: &str = "Is my order on its way?";
const REPLY: &str = "It is, and it arrives today.";

pub(super) async fn play<Out: Write>(stage: Stage<'_, Out>) -> Result<(), DemoError> {
    let mut flow = Flow { stage };
    let question = flow.a_consumer_writes().await?;
    let conversation = flow.find_conversation(&question).await?;
    let reply = flow.the_agent_replies(&conversation).await?;
    let provider_id = flow.the_webhook_arrives(&reply).await?;
    flow.the_third_party_confirms(&reply.id, &provider_id)
        .await?;
    flow.the_message_tells_its_fate(&reply.id).await
}

struct Flow<'a, Out> {
    stage: Stage<'a, Out>,
}

/// An agent's reply that was accepted, and the trace it was sent with.
struct AcceptedReply {
    id: String,
    trace_id: String,
}

impl<Out: Write> Flow<'_, Out> {
    /// Exchanges 1 and 2. Returns the id that the gateway gave.
    async fn a_consumer_writes(&mut self) -> Result<String, DemoError> {
        let own_id = format!("demo-{}", Uuid::new_v4());
        let message = text_message(CONSUMER, CHAT_CHANNEL, &own_id, QUESTION);
        self.stage.transcript.heading(
            "1. Message API request: a consumer wrote, and the third party hands it over",
        )?;
        self.stage.show_signed_request(&message)?;
        let reply = self
            .stage
            .client
            .send(std::slice::from_ref(&message))
            .await?;

        self.stage.transcript.heading("2. Message API answer")?;
        self.stage.show_answer(&reply)?;
        expect_answer(
            self.stage.transcript,
            "the signature was accepted",
            200,
            &reply,
        )?;
        let id = reply.json()["data"]["ids"][0]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        self.stage.transcript.expect_that(
            "the id has the form <unix-ms>-<n>",
            id.parse::<MessageId>().is_ok(),
            "an id such as 1613473893265-0",
            reply.json(),
        )?;
        let whole = json!({ "status": { "code": 0 }, "data": { "ids": [id] } });
        self.stage.transcript.expect(
            "there is nothing else in the answer",
            whole.clone(),
            reply.json(),
        )?;

        let again = self
            .stage
            .client
            .send(std::slice::from_ref(&message))
            .await?;
        self.stage.transcript.expect(
            "the same message again changes nothing and has the same id",
            whole,
            again.json(),
        )?;
        let forged = self.stage.client.signed_headers(b"another body");
        let body = json!({ "messages": [message] }).to_string();
        let refused = self.stage.client.post(forged, body.into()).await?;
        self.stage.transcript.expect(
            "a body that was signed otherwise is refused",
            401,
            refused.status,
        )?;
        Ok(id)
    }

    /// The conversation that the message belongs to, as an agent's application finds it.
    async fn find_conversation(&mut self, message_id: &str) -> Result<String, DemoError> {
        let path = format!("/nexus/v3/messages/{message_id}");
        let message = self
            .stage
            .gateway
            .call(Method::GET, &path, &Value::Null)
            .await?
            .json();
        let id = message["data"]["conversationId"]
            .as_str()
            .unwrap_or_default()
            .to_owned();

        self.stage
            .transcript
            .heading("The agent finds the conversation")?;
        let path = "/nexus/v3/conversations";
        let reply = self
            .stage
            .gateway
            .call(Method::GET, path, &Value::Null)
            .await?;
        let conversations = reply.json()["data"]["items"].clone();
        let found = items(&conversations)
            .find(|item| item["id"] == id.as_str())
            .cloned()
            .unwrap_or_default();
        self.stage
            .transcript
            .wire(&format!("GET {path} → {}", reply.status), &[], &found)?;
        let expected = format!("the conversation {id:?} of message {message_id}");
        self.stage.transcript.expect_that(
            "the message opened or joined it",
            !found.is_null(),
            expected,
            conversations,
        )?;

        let path = format!("/nexus/v3/conversations/{id}/messages");
        let messages = self
            .stage
            .gateway
            .call(Method::GET, &path, &Value::Null)
            .await?
            .json()["data"]["items"]
            .clone();
        let is_there = items(&messages).any(|item| item["id"] == message_id);
        self.stage.transcript.expect_that(
            "the message is in it",
            is_there,
            message_id,
            messages,
        )?;
        Ok(id)
    }

    async fn the_agent_replies(&mut self, conversation: &str) -> Result<AcceptedReply, DemoError> {
        let trace_id = Uuid::new_v4().to_string();
        let path = format!("/nexus/v3/conversations/{conversation}/messages");
        let body = json!({ "type": "Text", "text": REPLY });
        self.stage.transcript.heading("The agent replies")?;
        self.stage.transcript.wire(
            &format!("POST {path}"),
            &[("X-B3-TraceId", &trace_id)],
            &body,
        )?;
        let reply = self
            .stage
            .gateway
            .call_traced(Method::POST, &path, &trace_id, &body)
            .await?;
        self.stage.show_answer(&reply)?;
        expect_answer(
            self.stage.transcript,
            "the reply is stored; it will be delivered",
            202,
            &reply,
        )?;
        let id = reply.json()["data"]["id"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        Ok(AcceptedReply { id, trace_id })
    }

    /// Exchanges 3 and 4. Returns the id that the third party answered with.
    async fn the_webhook_arrives(&mut self, reply: &AcceptedReply) -> Result<String, DemoError> {
        self.stage.transcript.heading(
            "3. Message Webhook request: the gateway delivers the reply to the third party",
        )?;
        let expected = Expected {
            like: "the vendor's SMS webhook",
            body: json!({
                "channel": {
                    "id": CHAT_CHANNEL,
                    "type": "sms",
                    "from": { "id": CHAT_CHANNEL },
                    "to": { "id": CONSUMER },
                    "messageId": reply.id,
                },
                "type": "Text",
                "text": REPLY,
            }),
            trace_id: &reply.trace_id,
        };
        self.stage.the_webhook_of(&reply.id, &expected).await?;
        self.stage
            .transcript
            .heading("4. Message Webhook answer: the third party took it under an id of its own")?;
        self.stage.the_third_party_takes(&reply.id).await
    }

    /// Exchanges 5 and 6.
    async fn the_third_party_confirms(
        &mut self,
        id: &str,
        provider_id: &str,
    ) -> Result<(), DemoError> {
        let receipt = receipt_message(&ReceiptToSend {
            from: CHAT_CHANNEL,
            to: CONSUMER,
            message_id: provider_id,
            status: "Delivered",
            reasons: &[],
        });
        self.stage
            .transcript
            .heading("5. Receipt API request: the consumer's phone has it")?;
        self.stage.show_signed_request(&receipt)?;
        let reply = self.stage.client.send(&[receipt]).await?;

        self.stage.transcript.heading("6. Receipt API answer")?;
        self.stage.show_answer(&reply)?;
        expect_answer(self.stage.transcript, "the receipt is stored", 200, &reply)?;
        self.stage.transcript.expect(
            "an answer to receipts has no data",
            json!({ "status": { "code": 0 } }),
            reply.json(),
        )?;
        let message = self.stage.message(id, "Delivered").await?;
        self.stage.transcript.expect(
            "the message is Delivered",
            "Delivered",
            message["status"].clone(),
        )
    }

    async fn the_message_tells_its_fate(&mut self, id: &str) -> Result<(), DemoError> {
        let path = format!("/nexus/v3/messages/{id}");
        self.stage
            .transcript
            .heading("The message tells its fate")?;
        let reply = self
            .stage
            .gateway
            .call(Method::GET, &path, &Value::Null)
            .await?;
        self.stage.transcript.wire(
            &format!("GET {path} → {}", reply.status),
            &[],
            &reply.json()["data"],
        )?;
        let history = reply.json()["data"]["history"].clone();
        let statuses: Vec<&str> = items(&history)
            .filter_map(|entry| entry["status"].as_str())
            .collect();
        let expected = ["Queued", "Sent", "Delivered"];
        let what = "its history has every step in order";
        self.stage.transcript.expect_that(
            what,
            contains_in_order(&statuses, &expected),
            expected.join(", "),
            statuses.join(", "),
        )
    }
}

fn items(list: &Value) -> impl Iterator<Item = &Value> {
    list.as_array().into_iter().flatten()
}

/// Whether `wanted` is in `steps` in this order, with anything between.
fn contains_in_order(steps: &[&str], wanted: &[&str]) -> bool {
    let mut left = steps.iter();
    wanted.iter().all(|wanted| left.any(|step| step == wanted))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_history_out_of_order_or_with_a_step_missing_is_noticed() {
        let wanted = ["Queued", "Sent", "Delivered"];

        assert!(contains_in_order(
            &["Queued", "Sent", "Delivered", "Delivered"],
            &wanted
        ));
        assert!(!contains_in_order(
            &["Queued", "Delivered", "Sent"],
            &wanted
        ));
        assert!(!contains_in_order(&["Queued", "Delivered"], &wanted));
    }
}
