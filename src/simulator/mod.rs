//! Stand-ins for the world outside: a third party's own SMS gateway on a real socket, with faults to order, the client
//! with which it calls us, and the aggregation service as a caller. The demo, the tests, `nexus-gateway simulate` and benchmarks play with it.
//!
//! It speaks the wire formats and nothing else: it never reaches into the gateway, and the gateway never into it.

mod agents;
mod aggregation;
mod answer;
mod callback;
mod caller;
mod client;
mod control;
mod dialect;
mod form;
mod genesys_cloud;
mod infobip;
mod kaleyra;
mod mgage;
mod received;
mod respond;
mod sparkpost;
mod third_party;
mod twilio;
mod verify;
mod vonage;
mod webhook;
mod wire;

#[cfg(test)]
mod tests;

pub use agents::{AgentsClient, AgentsPlatform, Fault, HandedIn, INTEGRATION_NAME, agent_message};
pub use aggregation::{AggregationClient, CallShape, ConsumerSms, receipt_members};
pub use answer::{Answer, AnsweredId, Rule};
pub use callback::{Became, ConsumerText};
pub use caller::{CallbackRules, CannotCall, Made};
pub use client::{
    FORM_BOUNDARY, FORM_TYPE, ReceiptReason, ReceiptToSend, SignedClient, receipt_message,
    text_message, upload_form,
};
pub use dialect::{Dialect, Envelope};
pub use genesys_cloud::{GenesysCloud, Switches};
pub use mgage::MGageClient;
pub use received::{Received, Signature};
pub use third_party::{ThirdParty, ThirdPartyOptions};
pub use wire::{Reply, WireClient, WireError};
