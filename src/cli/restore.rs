//! `restore release`: lets everything go that is held since a restore.

use std::ffi::OsString;
use std::io::Write;

use crate::app::{self, StartError};
use crate::config::Config;

use crate::platform::clock::Clock;
use crate::restore::{self, Released};

/// Why nothing was released.
#[derive(Debug, thiserror::Error)]
pub enum NotReleased {
    #[error("{0}")]
    Start(#[from] StartError),
    #[error("the database cannot be used: {0}")]
    Database(#[from] sqlx::Error),
    #[error(
        "nothing was released: what was queued is still being marked, which a running gateway does ({} so far); let it run \
         until it says that everything is marked, then try again", messages(*.marked)
    )]
    StillMarking { marked: i64 },
    #[error("it was released but that could not be printed: {0}")]
    Print(#[from] std::io::Error),
}

pub(super) async fn release(
    config: Config,
    search_path: Option<OsString>,
) -> Result<(), NotReleased> {
    let store = app::open(&config, &Clock::system(), search_path).await?;
    let released = restore::release(&store.database).await;
    store.close().await;
    let line = match released? {
        Released::Now { marked } => format!(
            "released: every replica sends again within a second; {} may have been sent before and {} sent \
             again only where the provider takes our id",
            messages(marked),
            if marked == 1 { "is" } else { "are" }
        ),
        Released::NothingHeld => "nothing to release: no hold is in force".to_owned(),
        Released::StillMarking { marked } => return Err(NotReleased::StillMarking { marked }),
    };
    writeln!(std::io::stdout(), "{line}")?;
    Ok(())
}

fn messages(count: i64) -> String {
    match count {
        1 => "1 message".to_owned(),
        count => format!("{count} messages"),
    }
}
