//! The command line of the gateway.

use std::process::ExitCode;

use clap::Parser;
use mimalloc::MiMalloc;
use nexus_gateway::cli::{Cli, run};

/// Every request allocates some dozens of small things, often freed by another thread than made them. Built without
/// transparent huge pages, which would keep twice the memory for a gateway at rest.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    let cli = Cli::parse();
    #[expect(
        clippy::disallowed_methods,
        reason = "the process's surroundings are read once, here, and handed on"
    )]
    let environment: Vec<(String, String)> = std::env::vars().collect();
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => {
            eprint_line(&format!("the runtime cannot be started: {error}"));
            return ExitCode::FAILURE;
        }
    };
    let result = runtime.block_on(run(cli, environment));
    // What is still open has been cut by then; nothing is waited for a second time.
    runtime.shutdown_background();
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprint_line(&error.to_string());
            ExitCode::FAILURE
        }
    }
}

/// Why a command failed goes to standard error as one line, whatever the log's format is.
#[expect(clippy::print_stderr, reason = "this is the command line")]
fn eprint_line(line: &str) {
    eprintln!("nexus-gateway: {line}");
}
