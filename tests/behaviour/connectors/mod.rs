//! Messages through the providers that our connectors speak to, each played by its simulator.

mod carrier;
mod conformance;
mod http_sms;
mod http_sms_callbacks;
mod kaleyra;
mod mgage;
mod mgage_callbacks;
mod mgage_unknown;
mod portico;
mod portico_numbers;
mod portico_tokens;
mod sparkpost;
mod sparkpost_events;
mod sparkpost_mails;
mod sparkpost_opt_outs;
