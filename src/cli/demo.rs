//! `demo`: a gateway of one's own, and the data flow played on it.

use std::ffi::OsString;
use std::io::{IsTerminal, Stdout, Write, stdout};
use std::net::SocketAddr;

use super::{CommandError, DemoArguments};
use crate::app::{App, Roles, Surroundings};
use crate::config::Config;
use crate::demo::{self, Demo, DemoOptions};
use crate::platform::clock::Clock;
use crate::platform::lifecycle::StopSignals;
use crate::platform::telemetry::{self, MetricsPage};

/// Where the simulated third party listens, unless the port is taken.
const THIRD_PARTY: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 8090);
/// Log lines that are shown beside the exchanges.
const QUIET: &str = "warn";

/// Starts a gateway that may reach this machine, plays the flow on it, and stays up unless told otherwise.
pub(super) async fn demo(
    mut config: Config,
    arguments: &DemoArguments,
    (search_path, no_colour): (Option<OsString>, bool),
) -> Result<(), CommandError> {
    // The exchanges are the output here; what works as it should stays silent.
    telemetry::start_logging(config.logging.format, QUIET)?;
    let metrics = MetricsPage::install()?;
    config
        .outbound
        .allow_networks
        .push(ipnet::IpNet::V4(loopback()));
    // Whoever plays with it is on this machine.
    let listen = config.server.listen;
    let public_url = &mut config.server.public_url;
    public_url.get_or_insert_with(|| format!("http://{listen}"));
    let mut signals = StopSignals::listen()?;
    let surroundings = Surroundings {
        clock: Clock::system(),
        metrics,
        search_path,
        after_restore: false,
    };
    let app = tokio::select! {
        app = App::start(config, Roles::ALL, surroundings) => app?,
        () = signals.next() => return Ok(()),
    };
    let Some(bootstrap_key) = app.bootstrap_key.clone() else {
        app.stop(std::future::pending()).await;
        return Err(CommandError::NoClusterKey);
    };
    if let Some(notice) = &app.notice {
        writeln!(stdout(), "{notice}")?;
    }
    let options = DemoOptions {
        base_url: format!("http://{}", app.public_address),
        internal_url: format!("http://{}", app.internal_address),
        bootstrap_key,
        third_party_listen: THIRD_PARTY,
        once: arguments.once,
        colour: stdout().is_terminal() && !no_colour,
        out: stdout(),
    };
    let played = tokio::select! {
        played = demo::run(options) => played,
        () = signals.next() => {
            app.stop(std::future::pending()).await;
            return Ok(());
        }
    };
    match played {
        Ok(demo) if !arguments.once => stay(demo, app, signals).await,
        played => {
            app.stop(std::future::pending()).await;
            Ok(played.map(drop)?)
        }
    }
}

/// Stays up until a signal, showing what the third party gets.
async fn stay(demo: Demo<Stdout>, app: App, mut signals: StopSignals) -> Result<(), CommandError> {
    let draining = app.draining();
    tokio::select! {
        watched = demo.watch() => watched?,
        () = signals.next() => {}
        () = draining.cancelled() => {}
    }
    app.stop(async move { signals.next().await }).await;
    Ok(())
}

fn loopback() -> ipnet::Ipv4Net {
    ipnet::Ipv4Net::new_assert(std::net::Ipv4Addr::new(127, 0, 0, 0), 8)
}
