//! Files that a provider wants in the request itself, rather than a link to them.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::sync::Semaphore;

use super::form::ROW_BYTES;
use super::model::MediaFile;
use super::store;
use crate::platform::database::{Pool, within};
use crate::values::{Ccid, MediaId, StoredFile};

/// Messages whose files are in memory at once; the next one waits.
const AT_ONCE_MAX: usize = 4;
/// How long one reading may take, with the wait for a connection and for its turn.
const PATIENCE: Duration = Duration::from_secs(20);

/// Why files cannot be attached.
#[derive(Debug, thiserror::Error)]
pub enum NotAttached {
    #[error("a file is not there any more")]
    Gone,
    #[error("the files have more than {bytes_max} bytes")]
    TooLarge { bytes_max: u64 },
    #[error(transparent)]
    Store(#[from] sqlx::Error),
}

/// Reads files whole; cheap to clone.
#[derive(Debug, Clone)]
pub struct Attachments {
    pool: Pool,
    places: Arc<Semaphore>,
}

impl Attachments {
    pub fn new(pool: Pool) -> Self {
        Self {
            pool,
            places: Arc::new(Semaphore::new(AT_ONCE_MAX)),
        }
    }

    /// The files of one message, in the order of their ids in the message, all of them or none.
    pub async fn read(
        &self,
        ccid: Ccid,
        ids: &[MediaId],
        bytes_max: u64,
    ) -> Result<Vec<StoredFile>, NotAttached> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let read = within(PATIENCE, async {
            // Closed never: the semaphore lives as long as this.
            let _place = self.places.acquire().await.ok();
            Ok::<_, sqlx::Error>(self.read_all(ccid, ids, bytes_max).await)
        });
        read.await?
    }

    async fn read_all(
        &self,
        ccid: Ccid,
        ids: &[MediaId],
        bytes_max: u64,
    ) -> Result<Vec<StoredFile>, NotAttached> {
        let mut found = Vec::with_capacity(ids.len());
        let mut connection = self.pool.acquire().await?;
        for id in ids {
            let file = store::find(&mut connection, ccid, *id).await?;
            found.push(file.ok_or(NotAttached::Gone)?);
        }
        let length: u64 = found.iter().map(|file| file.facts.length).sum();
        if length > bytes_max {
            return Err(NotAttached::TooLarge { bytes_max });
        }
        let mut files = Vec::with_capacity(found.len());
        for file in found {
            let mut bytes = BytesMut::new();
            for number in 0..rows(&file) {
                let row = store::chunk(&mut connection, (ccid, file.id), number).await?;
                bytes.extend_from_slice(&row.ok_or(NotAttached::Gone)?);
            }
            files.push(stored(file, bytes.freeze()));
        }
        Ok(files)
    }
}

/// How many rows hold a file's bytes.
fn rows(file: &MediaFile) -> i32 {
    i32::try_from(file.facts.length.div_ceil(ROW_BYTES as u64)).unwrap_or(i32::MAX)
}

fn stored(file: MediaFile, bytes: Bytes) -> StoredFile {
    StoredFile {
        id: file.id,
        name: file.facts.file_name.as_str().to_owned(),
        mimetype: file.facts.mimetype,
        bytes,
    }
}
