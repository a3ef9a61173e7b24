//! From a leased lane to recorded outcomes.
//!
//! `replica` says which lanes are ours, `lane` is the loop of one of them and `lane_core` what it decides, `attempt` sends one message once behind the
//! `gate`, `judgement` turns its report into rows by the rules of `decision`, and `results` makes them durable. The
//! rules themselves (`lane_core`, `queue`, `known`, `cursor`, `due`, `share`, `fairness`, `brakes`, `decision`, `backoff`, `breaker`,
//! `rate`) are pure.
//!
//! How a provider is spoken to belongs to `connectors`; what is stored where to `lanes` and `messages`.

pub mod announcer;
pub mod attempt;
pub mod backoff;
pub mod brakes;
pub mod breaker;
pub mod canceller;
mod columns;
pub mod context;
pub mod cursor;
pub mod decision;
pub mod due;
mod endpoint_event;
pub mod endpoint_test;
mod entries;
mod excerpt;
pub mod fairness;
pub mod gate;
pub mod hand_over;
pub mod handover;
pub mod held;
pub mod hold;
pub mod judgement;
pub mod known;
pub mod lane;
pub mod lane_core;
pub mod open_attempts;
pub mod queue;
pub mod rate;
pub mod replica;
pub mod results;
pub mod routes;
pub mod rows;
pub mod sending;
pub mod share;
#[cfg(test)]
mod simulation;
pub mod slots;
pub mod store;
pub mod sweep;
mod tally;
#[cfg(test)]
mod testing;
pub mod wake;
pub mod watch;
mod window;
pub mod withdrawals;
