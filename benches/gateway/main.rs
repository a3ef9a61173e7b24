//! How fast a release build of the gateway takes messages in and sends them out, what that costs, and how near it comes
//! to what is possible on the same machine in the same minutes.
//!
//! `cargo bench --bench gateway -- --help` says how to run it, `benches/README.md` what the figures mean.
#![expect(clippy::print_stdout, reason = "figures are printed")]

mod bench;
mod cases;
mod doors;
mod figures;
mod load;
mod machine;
mod options;
mod postgres;
mod program;
mod reference;
mod report;
mod sink;
mod tenant;
mod usage;

use std::error::Error;
use std::time::Duration;

use clap::Parser;

use bench::Bench;
use options::{Command, Options};
use postgres::Postgres;
use sink::Sink;

fn main() -> Result<(), Box<dyn Error>> {
    let options = Options::parse();
    if let Some(Command::Reference(arguments)) = &options.command {
        return reference::serve(arguments);
    }
    let sink = Sink::start(Duration::from_secs_f64(options.hang_seconds))?;
    // One thread for the load and one for the sink: the programs and Postgres shall have the rest.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let url = options.database_url.as_deref();
        let postgres = Postgres::start(url, &options.postgres).await?;
        let bench = Bench::new(options, postgres, sink);
        let measured = measure(&bench).await;
        bench.postgres.stop().await;
        measured
    })
}

/// What was measured before a case failed is kept.
async fn measure(bench: &Bench) -> Result<(), Box<dyn Error>> {
    let machine = machine::described(&bench.postgres.described);
    println!("{machine:#}");
    let mut failed = None;
    for case in &bench.options.cases {
        if let Err(error) = case.run(bench).await {
            failed = Some(format!("{case:?}: {error}"));
            break;
        }
    }
    let path = bench.options.json.clone();
    bench
        .report
        .write(&path.unwrap_or_else(machine::result_path), &machine)?;
    failed.map_or(Ok(()), |error| Err(error.into()))
}
