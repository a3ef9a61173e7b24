//! Our adapters to providers, one folder each. A connector writes messages as its provider wants them, reads what the
//! provider sends, and says of each attempt what happened, in the words of `outcome`.
//!
//! It stores nothing and repeats nothing: what follows from an outcome is decided in `dispatch`, which settings a tenant
//! has is known to `provisioning`.
//!
//! # Adding a provider
//!
//! Try `HttpSms` first: many providers of texts need no code at all, but a description of their API in the tenant's service
//! (`http_sms`; `docs/providers/http-sms.md` shows how, with Twilio, Vonage and Infobip). A connector of its own is for what
//! cannot be described there: tokens that are fetched, signatures, XML, files, several steps.
//!
//! `mgage` is the smallest one to look at, `sparkpost` has files and batches.
//!
//! 1. `settings`: a type that is read from the service's `url`, `data` and `secret`, with every fault named. What all
//!    carriers have in common is in `carrier`. Name the service in `provisioning::model`, read it in
//!    `provisioning::services::settings`, and keep it in `provisioning::directory::carriers`.
//! 2. `send`: a function that writes one `outbound::Outbound` as a request whose body waits for a gate, and one that
//!    says of the answer, or of its lack, which `outcome::Outcome` it is. Add both to `dispatch::sending`, and a variant
//!    to `provisioning::directory::ConnectorSettings`: the compiler then asks what else differs, such as whether the
//!    provider knows a message that comes again. Where it does not, attempts are announced, and what was written without
//!    an answer is unknown; nothing has to be done for that.
//! 3. `receive`: a function that reads what the provider calls us with, as the texts and receipts of `callback`. Give it a route in `inbound::routes::callbacks`,
//!    with a token in its address where the provider cannot authenticate (`provisioning::services::callbacks`).
//! 4. `simulator`: a dialect, written from the provider's documents and sharing no code with the connector.
//! 5. Tests: a `Carrier` in `tests/behaviour/connectors`, by which the whole conformance list runs; a row for each new
//!    route in `tests/behaviour/input/doors.rs`; a door in `.ci/fuzz` for each parser.
//! 6. A page in `docs/providers`: what to provision, what to set there, what the answers mean, what is not supported.

pub mod allowance;
pub mod answer;
pub mod authorization;
pub mod callback;
pub mod carrier;
pub mod document;
pub mod form;
pub mod genesys_cloud;
pub mod http_sms;
pub mod mail;
pub mod mgage;
pub mod open_messaging;
pub mod outbound;
pub mod outcome;
pub mod portico;
pub mod retry_after;
pub mod retry_rule;
pub mod sparkpost;
pub mod third_party;
pub mod verdict;
