//! `serve`, `migrate`, `check-config` and `openapi`.

use std::ffi::OsString;
use std::io::Write;

use tracing::info;

use super::{CommandError, Role, ServeArguments};
use crate::app::{self, App, Roles, Surroundings};
use crate::config::Config;
use crate::platform::clock::Clock;
use crate::platform::lifecycle::StopSignals;
use crate::platform::telemetry::{self, MetricsPage};
use crate::router;

/// Serves until a signal, or until a part that has to live fails.
pub(super) async fn serve(
    config: Config,
    arguments: &ServeArguments,
    search_path: Option<OsString>,
) -> Result<(), CommandError> {
    let metrics = start_telemetry(&config)?;
    let roles = Roles {
        api: arguments.roles.contains(&Role::Api),
        dispatch: arguments.roles.contains(&Role::Dispatch),
    };
    let mut signals = StopSignals::listen()?;
    let surroundings = Surroundings {
        clock: Clock::system(),
        metrics,
        search_path,
        after_restore: arguments.after_restore,
    };
    let app = tokio::select! {
        app = App::start(config, roles, surroundings) => app?,
        () = signals.next() => return Ok(()),
    };
    if let Some(notice) = &app.notice {
        for line in notice.lines() {
            info!("{line}");
        }
    }
    until_stopped(app, signals).await
}

/// Logs to standard error, and counts.
pub(super) fn start_telemetry(config: &Config) -> Result<MetricsPage, CommandError> {
    telemetry::start_logging(config.logging.format, &config.logging.filter)?;
    Ok(MetricsPage::install()?)
}

/// Waits for a reason to stop, and stops.
pub(super) async fn until_stopped(app: App, mut signals: StopSignals) -> Result<(), CommandError> {
    let draining = app.draining();
    let result = tokio::select! {
        () = signals.next() => Ok(()),
        () = app.database_lost() => Err(CommandError::DatabaseLost),
        () = draining.cancelled() => Err(CommandError::PartFailed),
    };
    app.stop(async move { signals.next().await }).await;
    result
}

/// Brings the schema up to date and ends.
pub(super) async fn migrate(
    config: Config,
    search_path: Option<OsString>,
) -> Result<(), CommandError> {
    telemetry::start_logging(config.logging.format, &config.logging.filter)?;
    app::open(&config, &Clock::system(), search_path)
        .await?
        .close()
        .await;
    info!("The schema is up to date");
    Ok(())
}

/// Prints the effective configuration; that it could be loaded means that it is sound.
pub(super) fn check(config: &Config) -> Result<(), CommandError> {
    Ok(std::io::stdout().write_all(config.describe().as_bytes())?)
}

/// Prints what the API is.
pub(super) fn describe() -> std::io::Result<()> {
    let mut output = std::io::stdout().lock();
    writeln!(output, "{:#}", router::document())
}
