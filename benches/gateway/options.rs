//! The command line.

use std::path::PathBuf;

use clap::Parser;

use crate::cases::Case;
use crate::reference;

/// Measures this build of the gateway beside the shortest programs that keep the same promises, in the same minutes, on
/// a Postgres with fsync and `synchronous_commit` on, all on this machine.
#[derive(Debug, Parser)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Options {
    /// What is measured.
    #[arg(value_enum, default_values_t = [Case::Limits, Case::Accepts, Case::Delivered, Case::Arrivals])]
    pub cases: Vec<Case>,
    /// Connections of the load.
    #[arg(long, default_value_t = 64)]
    pub connections: usize,
    /// Messages of one run.
    #[arg(long, default_value_t = 30_000)]
    pub messages: usize,
    /// How often each run is made; figures are medians. One more comes first and is not counted.
    #[arg(long, default_value_t = 3)]
    pub rounds: usize,
    /// How long runs at a rate and waits last.
    #[arg(long, default_value_t = 20)]
    pub seconds: u32,
    /// `accepts` and `delivered`: messages per second; without it each connection asks again as soon as it is answered.
    /// `neighbour`: those of the other tenant. `sustained`: instead of half of what is possible.
    #[arg(long)]
    pub rate: Option<f64>,
    /// `backlog`: messages that are not due yet.
    #[arg(long, default_value_t = 500_000)]
    pub waiting: usize,
    /// `keys`: de-duplication keys of messages that came before.
    #[arg(long, default_value_t = 5_000_000)]
    pub keys: i64,
    /// `neighbour` and `memory`: messages that wait for an endpoint that hangs.
    #[arg(long, default_value_t = 100_000)]
    pub queued: usize,
    /// For how long it hangs.
    #[arg(long, default_value_t = 10.0)]
    pub hang_seconds: f64,
    /// `sustained`: how long.
    #[arg(long, default_value_t = 10)]
    pub minutes: u32,
    /// A local Postgres that makes the databases `nexus_gateway_bench` and `nexus_gateway_bench_reference` anew.
    /// Without it the benchmark runs its own.
    #[arg(long)]
    pub database_url: Option<String>,
    /// A parameter of the benchmark's own Postgres, `name=value`; may be given more than once.
    #[arg(long, value_parser = parameter,
          default_values = ["shared_buffers=2GB", "max_wal_size=8GB", "max_connections=200"])]
    pub postgres: Vec<(String, String)>,
    /// Where the figures are written; without it to `target/benchmark/<time>.json`.
    #[arg(long)]
    pub json: Option<PathBuf>,
    /// `cargo bench` says this.
    #[arg(long, hide = true)]
    pub bench: bool,
    #[command(subcommand)]
    pub command: Option<Command>,
}

#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Serves as one of the references.
    #[command(hide = true)]
    Reference(reference::Arguments),
}

fn parameter(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("name=value is expected")?;
    Ok((name.to_owned(), value.to_owned()))
}
