//! `audit verify`: whether the records of who changed what are as they were written.

use std::ffi::OsString;
use std::io::Write;

use crate::app::{self, StartError};
use crate::audit::chain::Link;
use crate::audit::verify::{self, Report};
use crate::config::Config;
use crate::platform::clock::Clock;

/// Why the records could not be verified, or that they are not as they were.
#[derive(Debug, thiserror::Error)]
pub enum NotVerified {
    #[error("{0}")]
    Start(#[from] StartError),
    #[error("the database cannot be used: {0}")]
    Database(#[from] sqlx::Error),
    #[error("the records are not as they were written: {0} faults, as listed")]
    Faults(usize),
    #[error("what was found could not be printed: {0}")]
    Print(#[from] std::io::Error),
}

pub(super) async fn verify(
    config: Config,
    anchor: Option<Link>,
    search_path: Option<OsString>,
) -> Result<(), NotVerified> {
    let store = app::open(&config, &Clock::system(), search_path).await?;
    let report = async {
        let mut connection = store.database.jobs.acquire().await?;
        verify::verify(&mut connection, anchor).await
    };
    let report = report.await;
    store.close().await;
    let report = report?;
    print(&report)?;
    match report.faults.len() {
        0 => Ok(()),
        faults => Err(NotVerified::Faults(faults)),
    }
}

fn print(report: &Report) -> std::io::Result<()> {
    let mut output = std::io::stdout().lock();
    for fault in &report.faults {
        writeln!(output, "{fault}")?;
    }
    let Report {
        records,
        unchained,
        cut,
        ..
    } = report;
    writeln!(
        output,
        "{records} records were looked at; {unchained} are not in the chain yet"
    )?;
    if cut.place > 0 {
        writeln!(
            output,
            "records up to place {} were dropped: they were old enough",
            cut.place
        )?;
    }
    if report.anchor_dropped {
        writeln!(
            output,
            "the anchor's record is among them, so it was compared with nothing"
        )?;
    }
    writeln!(output, "anchor {}", report.head)
}
