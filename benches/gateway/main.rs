//! How fast a release build of the gateway takes messages in and sends them out, and what that costs.
//!
//! `cargo bench --bench gateway -- --help` says how to run it, `benches/README.md` what the figures mean.
#![expect(clippy::print_stdout, reason = "figures are printed")]

mod doors;
mod load;
mod report;
mod sink;
mod stand;
mod usage;

use std::error::Error;
use std::time::Duration;

use clap::{Parser, ValueEnum};

use load::Load;
use report::Report;
use sink::Sink;
use stand::Stand;
use usage::Usage;

/// Measures this build of the gateway on a Postgres that keeps its promises (fsync on), all on this machine.
#[derive(Debug, Parser)]
struct Options {
    /// What is measured.
    #[arg(value_enum, default_value_t = Case::All)]
    case: Case,
    /// Connections of the load.
    #[arg(long, default_value_t = 64)]
    connections: usize,
    /// Messages of one run.
    #[arg(long, default_value_t = 30_000)]
    messages: usize,
    /// Messages in one request.
    #[arg(long, default_value_t = 1)]
    messages_per_request: usize,
    /// Requests per second; without it each connection asks again as soon as it is answered.
    #[arg(long)]
    rate: Option<f64>,
    /// How often each case is run; the first time is not counted if it is more than once.
    #[arg(long, default_value_t = 4)]
    runs: usize,
    /// A local Postgres whose database `nexus_gateway_bench` is made anew. Without it the benchmark runs its own.
    #[arg(long)]
    database_url: Option<String>,
    /// `cargo bench` says this.
    #[arg(long, hide = true)]
    bench: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Case {
    /// Signed messages from a third party, until the 200 that says they are stored.
    Accepts,
    /// Submitted messages, until the third party has their webhook.
    Delivered,
    All,
}

fn main() -> Result<(), Box<dyn Error>> {
    let options = Options::parse();
    let sink = Sink::start()?;
    // One thread for the load and one for the sink: the gateway and Postgres shall have the rest.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let stand = Stand::start(options.database_url.as_deref(), sink.port()).await?;
        let measured = measure(&options, &stand, &sink).await;
        stand.stop().await;
        measured
    })
}

async fn measure(options: &Options, stand: &Stand, sink: &Sink) -> Result<(), Box<dyn Error>> {
    println!("{}", Report::HEAD);
    for case in [Case::Accepts, Case::Delivered] {
        if options.case != Case::All && options.case != case {
            continue;
        }
        let mut reports = Vec::new();
        for run in 0..options.runs {
            let report = measure_once(options, case, run, stand, sink).await?;
            println!("{}", report.line(&format!("{case:?} {run}")));
            reports.push(report);
        }
        if reports.len() > 1 {
            reports.remove(0);
        }
        println!(
            "{}",
            Report::median(reports).line(&format!("{case:?} median"))
        );
    }
    Ok(())
}

async fn measure_once(
    options: &Options,
    case: Case,
    run: usize,
    stand: &Stand,
    sink: &Sink,
) -> Result<Report, Box<dyn Error>> {
    const SILENCE_MAX: Duration = Duration::from_secs(20);

    let target = match case {
        Case::Accepts => doors::third_party(run),
        Case::Delivered | Case::All => doors::submit(run),
    };
    let expected = if case == Case::Accepts {
        0
    } else {
        options.messages
    };
    sink.reset();
    let gateway = Usage::of_tree(stand.gateway_id())?;
    let postgres = Usage::of_tree(stand.postgres_id())?;
    let wal_before = stand.wal_bytes().await?;
    let load = Load {
        connections: options.connections,
        requests: options.messages / options.messages_per_request.max(1),
        messages_per_request: options.messages_per_request.max(1),
        rate: options.rate,
    };
    let answered = load.run(&target).await?;
    let delivered = sink.wait_for(expected, SILENCE_MAX);
    Ok(Report {
        messages: options.messages,
        answered,
        delivered,
        gateway: gateway.until_now(stand.gateway_id())?,
        postgres: postgres.until_now(stand.postgres_id())?,
        wal_bytes: stand.wal_bytes().await?.saturating_sub(wal_before),
    })
}
