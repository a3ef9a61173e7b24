//! The command line: words into calls of `app`, `demo` and `simulator`, which know nothing of it.
//!
//! Exit code 0 for success, 1 where a command failed, 2 for words it does not know.

mod api_key;
mod audit;
mod demo;
mod health;
mod rekey;
mod restore;
mod serve;
mod simulate;

use std::io;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::app::StartError;
use crate::audit::chain::Link;
use crate::config::{Config, ConfigError};
use crate::demo::DemoError;
use crate::platform::telemetry::TelemetryError;

/// A messaging gateway between contact centres and SMS and email providers.
#[derive(Debug, Parser)]
#[command(name = "nexus-gateway", version, about, long_about = None)]
pub struct Cli {
    /// A TOML file over the built-in defaults. Environment variables `NEXUS_GATEWAY__<SECTION>__<KEY>` go over both.
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve the API and send. Without database.url it runs its own Postgres.
    Serve(ServeArguments),
    /// Start a gateway with a demo tenant and a simulated third party, and play the SMS data flow.
    Demo(DemoArguments),
    /// Run a simulated third party or provider alone, for trying a gateway out.
    Simulate(simulate::SimulateArguments),
    /// Bring the database's schema up to date and end.
    Migrate,
    /// Show the effective configuration and where each value comes from, or say what is wrong with it.
    CheckConfig,
    /// Print the description of the HTTP API (OpenAPI 3.1), as `/openapi.json` answers it.
    Openapi,
    /// Work with API keys in the database, without a running gateway.
    #[command(subcommand)]
    ApiKey(ApiKeyCommand),
    /// Work with the records of who changed what.
    #[command(subcommand)]
    Audit(AuditCommand),
    /// Work with a database that was restored to a point in time.
    #[command(subcommand)]
    Restore(RestoreCommand),
    /// Seal every stored secret anew with the master key, so that the other master keys are not needed any more.
    /// Replicas go on serving; to run it again goes on where it was killed.
    Rekey(RekeyArguments),
    /// Ask a running gateway on this machine whether it is ready; for container health checks.
    Health,
}

#[derive(Debug, Args)]
struct ServeArguments {
    /// What this process does: api (answer), dispatch (send), or both.
    #[arg(long, value_delimiter = ',', default_value = "api,dispatch")]
    roles: Vec<Role>,
    /// The database was restored to a point in time: send nothing until `restore release`, and treat what was queued
    /// then as perhaps sent. To give this again for the same restore changes nothing.
    #[arg(long)]
    after_restore: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Role {
    Api,
    Dispatch,
}

#[derive(Debug, Args)]
struct DemoArguments {
    /// Play the flow, check every step, and end: with 0 where everything was as the contract says.
    #[arg(long)]
    once: bool,
}

#[derive(Debug, Args)]
struct RekeyArguments {
    /// Values that are sealed anew in one transaction.
    #[arg(long, default_value_t = 500, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    batch: u32,
    /// What is waited between two transactions, to go easy on the database.
    #[arg(long, default_value_t = 0)]
    pause_milliseconds: u64,
}

#[derive(Debug, Subcommand)]
enum AuditCommand {
    /// Say which records were changed, removed or moved, and print the end of the chain as an anchor.
    Verify {
        /// What an earlier run has printed, or the log: what stood there has to stand there now.
        #[arg(long, value_name = "PLACE:HASH")]
        anchor: Option<Link>,
    },
}

#[derive(Debug, Subcommand)]
enum RestoreCommand {
    /// Let everything be sent that `serve --after-restore` holds, once newer suppressions were imported.
    Release,
}

#[derive(Debug, Subcommand)]
enum ApiKeyCommand {
    /// Make a key and print it, once.
    Create {
        /// The tenant's ccid, or * for every tenant.
        #[arg(long)]
        tenant: String,
        #[arg(long)]
        name: String,
        /// A permission such as nexus:messages:send; may be given several times.
        #[arg(long = "permission", required = true)]
        permissions: Vec<String>,
    },
}

/// Why a command failed, in one line.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    #[error("{0}")]
    Config(#[from] ConfigError),
    #[error("{0}")]
    Telemetry(#[from] TelemetryError),
    #[error("{0}")]
    Start(#[from] StartError),
    #[error("{0}")]
    Demo(#[from] DemoError),
    #[error("{0}")]
    ApiKey(#[from] api_key::ApiKeyCommandError),
    #[error("{0}")]
    Audit(#[from] audit::NotVerified),
    #[error("{0}")]
    Restore(#[from] restore::NotReleased),
    #[error("{0}")]
    Rekey(#[from] rekey::NotRekeyed),
    #[error("{0}")]
    Health(#[from] health::NotReady),
    #[error("{0}")]
    Io(#[from] io::Error),
    #[error("the demo needs security.bootstrap_api_key where database.url is given")]
    NoClusterKey,
    #[error("the embedded Postgres has stopped under the gateway")]
    DatabaseLost,
    #[error("a part of the gateway has failed; the log says which")]
    PartFailed,
}

/// Runs one command. `environment` is the process's.
pub async fn run(cli: Cli, environment: Vec<(String, String)>) -> Result<(), CommandError> {
    let search_path = environment
        .iter()
        .find(|(name, _)| name == "PATH")
        .map(|(_, path)| path.into());
    let no_colour = environment
        .iter()
        .any(|(name, value)| name == "NO_COLOR" && !value.is_empty());
    let load = || Config::load(cli.config.as_deref(), environment.iter().cloned());
    match cli.command {
        // Boxed: these hold the whole gateway.
        Command::Serve(arguments) => Box::pin(serve::serve(load()?, &arguments, search_path)).await,
        Command::Demo(arguments) => {
            Box::pin(demo::demo(load()?, &arguments, (search_path, no_colour))).await
        }
        Command::Simulate(arguments) => simulate::simulate(arguments).await,
        Command::Migrate => serve::migrate(load()?, search_path).await,
        Command::CheckConfig => serve::check(&load()?),
        Command::Openapi => Ok(serve::describe()?),
        Command::ApiKey(command) => Ok(api_key::run(load()?, command, search_path).await?),
        Command::Restore(RestoreCommand::Release) => {
            Ok(restore::release(load()?, search_path).await?)
        }
        Command::Audit(AuditCommand::Verify { anchor }) => {
            Ok(audit::verify(load()?, anchor, search_path).await?)
        }
        Command::Rekey(arguments) => Ok(rekey::rekey(load()?, &arguments, search_path).await?),
        Command::Health => Ok(health::ask(&load()?).await?),
    }
}
