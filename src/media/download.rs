//! Handing a file out, row by row: the next one is read when the client has taken the one before.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use crate::platform::database::Pool;
use bytes::Bytes;
use futures_util::stream::{self, Stream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tracing::warn;

use super::form::ROW_BYTES;
use super::id::stored_at;
use super::model::MediaFile;
use super::range::{Asked, Part, Wish};
use super::store;
use crate::platform::clock::Clock;
use crate::platform::database::within;
use crate::platform::telemetry::metric;
use crate::values::{Ccid, MediaId};

/// How long one row may take, with the wait for a connection.
const PATIENCE: Duration = Duration::from_secs(5);

/// Why a file is not handed out.
#[derive(Debug, thiserror::Error)]
pub enum DownloadRefused {
    #[error("there is no such file")]
    Unknown,
    #[error("the file has {length} bytes and none of those that are asked for")]
    Beyond { length: u64 },
    #[error("too many downloads are under way; try again")]
    Busy,
    #[error("the store is not available")]
    Database(#[from] sqlx::Error),
}

/// Hands files out; cheap to clone.
#[derive(Debug, Clone)]
pub struct Downloads {
    pool: Pool,
    clock: Clock,
    /// How long files are kept, in milliseconds.
    keep_ms: i64,
    places: Arc<Semaphore>,
}

/// A file that is being handed out, or a part of it.
#[derive(Debug)]
pub struct Download {
    pub file: MediaFile,
    /// `None`: the whole file.
    pub part: Option<Part>,
    pool: Pool,
    ccid: Ccid,
    /// The row that is read next, and how much of it was not asked for, in bytes.
    next: i32,
    skip: usize,
    left: u64,
    _place: OwnedSemaphorePermit,
}

impl Downloads {
    pub fn new(pool: Pool, clock: Clock, keep_ms: i64, at_once_max: usize) -> Self {
        Self {
            pool,
            clock,
            keep_ms,
            places: Arc::new(Semaphore::new(at_once_max)),
        }
    }

    /// Finds a file of a tenant, or the part of it that is wished for. One that is past its time is not there, whether or not its partition was dropped by now.
    pub async fn begin(
        &self,
        (ccid, id): (Ccid, MediaId),
        wish: Wish<'_>,
    ) -> Result<Download, DownloadRefused> {
        let place = Arc::clone(&self.places)
            .try_acquire_owned()
            .map_err(|_| DownloadRefused::Busy)?;
        let found = within(PATIENCE, async {
            let mut connection = self.pool.acquire().await?;
            store::find(&mut connection, ccid, id).await
        })
        .await?;
        let file = found
            .filter(|_| self.is_kept(id))
            .ok_or(DownloadRefused::Unknown)?;
        let length = file.facts.length;
        let part = match wish.of(&file) {
            Asked::Whole => None,
            Asked::Part(part) => Some(part),
            Asked::Beyond => return Err(DownloadRefused::Beyond { length }),
        };
        let first = part.map_or(0, |part| part.first);
        let row_bytes = ROW_BYTES as u64;
        Ok(Download {
            left: part.map_or(length, Part::length),
            // No file has so many rows.
            next: i32::try_from(first / row_bytes).unwrap_or(i32::MAX),
            skip: usize::try_from(first % row_bytes).unwrap_or(0),
            file,
            part,
            pool: self.pool.clone(),
            ccid,
            _place: place,
        })
    }

    fn is_kept(&self, id: MediaId) -> bool {
        stored_at(id).is_some_and(|stored_at| self.clock.now_ms() < stored_at + self.keep_ms)
    }
}

impl Download {
    /// The bytes. A row that cannot be read breaks the answer off, so that nobody takes the part for the whole.
    pub fn rows(self) -> impl Stream<Item = io::Result<Bytes>> + Send + 'static {
        stream::try_unfold(self, async |mut download: Self| {
            if download.left == 0 {
                return Ok(None);
            }
            match download.row().await {
                Ok(bytes) => Ok(Some((bytes, download))),
                Err(error) => {
                    metrics::counter!(metric::MEDIA_DOWNLOADS, "result" => "broken").increment(1);
                    warn!(error.cause = %error, "A download was broken off");
                    Err(io::Error::other(error))
                }
            }
        })
    }

    async fn row(&mut self) -> sqlx::Result<Bytes> {
        let (ccid, id, number) = (self.ccid, self.file.id, self.next);
        let row = within(PATIENCE, async {
            let mut connection = self.pool.acquire().await?;
            store::chunk(&mut connection, (ccid, id), number).await
        });
        let mut bytes = row.await?.ok_or(sqlx::Error::RowNotFound)?;
        self.next += 1;
        let skip = std::mem::take(&mut self.skip);
        bytes = bytes.split_off(skip.min(bytes.len()));
        bytes.truncate(usize::try_from(self.left).unwrap_or(usize::MAX));
        if bytes.is_empty() {
            return Err(sqlx::Error::RowNotFound);
        }
        self.left -= bytes.len() as u64;
        Ok(bytes)
    }
}
