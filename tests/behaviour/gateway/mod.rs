//! The main job as its users see it: messages in, replies and submissions out, receipts, opt-outs, events.

mod aggregation;
mod backlog;
mod cancel;
mod conversations;
mod demo;
mod email;
mod endpoint_events;
mod endpoint_test;
mod endpoints;
mod event;
mod explain;
mod flow;
mod idempotency;
mod inbound;
mod lists;
mod media;
mod optout;
mod receipts;
pub(crate) mod replays;
mod rich_media;
mod search;
mod states;
mod statistics;
mod submission;
mod webhook;
