//! `rekey`: the master key is replaced while replicas serve.

use std::ffi::OsString;
use std::io::Write;
use std::time::Duration;

use super::RekeyArguments;
use crate::app::{self, StartError};
use crate::config::Config;
use crate::platform::clock::Clock;
use crate::rekey::{self, Pace, RekeyError, Rekeyed};

/// Between two lines that say how far it is.
const TOLD_EVERY: Duration = Duration::from_secs(1);

/// Why the other master keys are still needed.
#[derive(Debug, thiserror::Error)]
pub enum NotRekeyed {
    #[error("{0}")]
    Start(#[from] StartError),
    #[error("{0}")]
    Rekey(#[from] RekeyError),
    #[error("what was done could not be printed: {0}")]
    Print(#[from] std::io::Error),
}

pub(super) async fn rekey(
    config: Config,
    arguments: &RekeyArguments,
    search_path: Option<OsString>,
) -> Result<(), NotRekeyed> {
    let clock = Clock::system();
    let store = app::open(&config, &clock, search_path).await?;
    let rekeyed = async {
        let vault = app::vault(&config, &store).await?;
        let pace = Pace {
            batch: i64::from(arguments.batch),
            pause: Duration::from_millis(arguments.pause_milliseconds),
        };
        let mut told_at = None;
        let mut tell = |values: u64| {
            let now = clock.monotonic();
            if told_at.is_none_or(|told_at| now.duration_since(told_at) >= TOLD_EVERY) {
                told_at = Some(now);
                // What is lost of this does not matter; the end is told in any case.
                let _ = writeln!(std::io::stdout(), "{} so far", sealed_anew(values));
            }
        };
        let database = (&store.database.jobs, &clock);
        Ok::<_, NotRekeyed>(rekey::rekey(database, &vault, pace, &mut tell).await?)
    };
    let rekeyed = rekeyed.await;
    store.close().await;
    if let Err(NotRekeyed::Rekey(RekeyError::Unopened(values))) = &rekeyed {
        for value in values {
            writeln!(std::io::stdout(), "{value}")?;
        }
    }
    Ok(print(&rekeyed?)?)
}

fn print(rekeyed: &Rekeyed) -> std::io::Result<()> {
    let Rekeyed {
        values,
        current,
        replaced,
    } = rekeyed;
    let mut output = std::io::stdout().lock();
    writeln!(
        output,
        "{}; everything is sealed with {current}",
        sealed_anew(*values)
    )?;
    for key in replaced {
        writeln!(
            output,
            "{key} may be removed from security.other_master_keys of every replica"
        )?;
    }
    Ok(())
}

fn sealed_anew(values: u64) -> String {
    match values {
        1 => "1 value was sealed anew".to_owned(),
        values => format!("{values} values were sealed anew"),
    }
}
