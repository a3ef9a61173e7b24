//! Stored files that the messages referred to: what a message of somebody else refers to as well is kept.

use std::collections::HashSet;

use super::step::Work;
use super::store;
use crate::media;
use crate::messages::store::erasure;
use crate::values::{MediaId, MessageId};

/// Messages that one step looks at, some 20 ms.
const ROWS_MAX: i64 = 5_000;
/// Files that one step takes away.
const FILES_MAX: usize = 10;
/// The place behind every message.
const ALL_SEEN: i64 = i64::MAX;

/// Looks through some messages, or takes some files away once all have been seen.
pub(super) async fn some(work: &mut Work<'_>) -> sqlx::Result<()> {
    let key = work.key();
    let noted = store::files(&mut *work.connection, key).await?;
    if noted.is_empty() {
        work.go_on(None);
        return Ok(());
    }
    if work.progress.place == ALL_SEEN {
        let some = &noted[..noted.len().min(FILES_MAX)];
        let erased = media::store::erase(&mut *work.connection, key.0, some).await?;
        work.progress.figures.files += i64::try_from(erased).unwrap_or(0);
        return store::spare_files(&mut *work.connection, key, some).await;
    }
    let after = MessageId::from_i64(work.progress.place);
    let referred = erasure::references(&mut *work.connection, key.0, after, ROWS_MAX).await?;
    let others: HashSet<MediaId> = referred.files.into_iter().collect();
    let spared: Vec<MediaId> = noted
        .into_iter()
        .filter(|file| others.contains(file))
        .collect();
    store::spare_files(&mut *work.connection, key, &spared).await?;
    work.progress.place = referred.last.map_or(ALL_SEEN, MessageId::as_i64);
    Ok(())
}
