//! What is measured, each case in a file of its own.

mod accepts;
mod arrivals;
mod backlog;
mod delivered;
mod idle;
mod keys;
mod limits;
mod memory;
mod neighbour;
mod replicas;
mod side_by_side;
mod slow_endpoint;
mod sustained;

use std::error::Error;

use clap::ValueEnum;

use crate::bench::Bench;

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Case {
    /// What nothing can be faster than: checking signatures, and posting to the sink.
    Limits,
    /// Signed messages from a third party, until the 200 that says they are stored.
    Accepts,
    /// Submitted messages, until the third party has their webhook.
    Delivered,
    /// How long a message takes to arrive at 300 and at 2,000 a second.
    Arrivals,
    /// Delivering while many messages wait for their time, also with a snapshot held open.
    Backlog,
    /// An endpoint that takes 50 ms, with 512 webhooks open.
    SlowEndpoint,
    /// Two replicas against one.
    Replicas,
    /// How soon a message is picked up, and what is done without any.
    Idle,
    /// At rest, under load, with many messages waiting.
    Memory,
    /// Taking messages in beside many de-duplication keys.
    Keys,
    /// A tenant beside one whose endpoint hangs.
    Neighbour,
    /// Half of what is possible, for minutes.
    Sustained,
}

impl Case {
    pub async fn run(self, bench: &Bench) -> Result<(), Box<dyn Error>> {
        match self {
            Self::Limits => limits::run(bench).await,
            Self::Accepts => accepts::run(bench).await,
            Self::Delivered => delivered::run(bench).await,
            Self::Arrivals => arrivals::run(bench).await,
            Self::Backlog => backlog::run(bench).await,
            Self::SlowEndpoint => slow_endpoint::run(bench).await,
            Self::Replicas => replicas::run(bench).await,
            Self::Idle => idle::run(bench).await,
            Self::Memory => memory::run(bench).await,
            Self::Keys => keys::run(bench).await,
            Self::Neighbour => neighbour::run(bench).await,
            Self::Sustained => sustained::run(bench).await,
        }
    }
}
