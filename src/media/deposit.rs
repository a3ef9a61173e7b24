//! Keeping files that came inside a call, each in memory as a whole: which are taken, and how a repeated call keeps none
//! twice.

use sha2::{Digest as _, Sha256};

use super::error::UploadRefused;
use super::file_name::FileName;
use super::form::ROW_BYTES;
use super::kinds::{HEAD_BYTES, WrongKind};
use super::model::{FileFacts, MediaFile};
use super::upload::Uploads;
use super::{id, store};
use crate::platform::database::within;
use crate::platform::telemetry::metric;
use crate::values::{Ccid, ChannelId, MediaId};

/// Within this time the same file of the same call has the same id, in milliseconds.
const SAME_ID_MS: i64 = 3_600_000;

/// Why a file of a call is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotTaken {
    #[error("{0}")]
    Kind(#[from] WrongKind),
    #[error("has more than {file_bytes_max} bytes")]
    TooLarge { file_bytes_max: u64 },
}

/// A file that may be kept.
#[derive(Debug)]
pub struct Deposit {
    pub file: MediaFile,
    /// Its id without any time: what it is of, whenever it comes.
    pub timeless: MediaId,
    bytes: Vec<u8>,
}

impl Uploads {
    /// Whether a file is taken, and as what. `origin` says which file of which call it is; nothing is stored yet.
    pub fn judge(
        &self,
        origin: &[&[u8]],
        (file_name, declared): (FileName, Option<&str>),
        bytes: Vec<u8>,
    ) -> Result<Deposit, NotTaken> {
        let length = bytes.len() as u64;
        let file_bytes_max = self.rules.file_bytes_max;
        if length > file_bytes_max {
            return Err(NotTaken::TooLarge { file_bytes_max });
        }
        let head = &bytes[..bytes.len().min(HEAD_BYTES)];
        let mimetype = self.rules.kinds.judge(declared, head)?.to_owned();
        let digest = digest(origin, &bytes);
        let now_ms = self.clock.now_ms();
        let facts = FileFacts {
            file_name,
            mimetype,
            length,
        };
        Ok(Deposit {
            file: MediaFile {
                id: id::named_at(now_ms - now_ms.rem_euclid(SAME_ID_MS), digest),
                facts,
            },
            timeless: id::named_at(0, digest),
            bytes,
        })
    }

    /// Stores files; when this returns, they are durable. One that is there already is not stored again.
    ///
    /// What was stored of it by a call that came to nothing stays: a repetition finds it, or it goes with its partition.
    pub async fn keep(
        &self,
        tenant: (Ccid, &ChannelId),
        deposits: Vec<Deposit>,
    ) -> Result<(), UploadRefused> {
        let ccid = tenant.0;
        let length = deposits.iter().map(|deposit| deposit.file.facts.length);
        self.has_room(ccid, length.sum()).await?;
        for Deposit { file, bytes, .. } in deposits {
            for (number, row) in (0..).zip(bytes.chunks(ROW_BYTES)) {
                within(super::upload::PATIENCE, async {
                    let mut connection = self.pool.acquire().await?;
                    store::insert_chunk(&mut connection, (ccid, file.id), number, row).await
                })
                .await?;
            }
            self.commit(tenant, &file).await?;
            self.references.learn(ccid, file.id);
            metrics::counter!(metric::MEDIA_BYTES_STORED).increment(file.facts.length);
        }
        Ok(())
    }
}

/// Over everything that makes it this file, each part preceded by its length.
fn digest(origin: &[&[u8]], bytes: &[u8]) -> [u8; 10] {
    let mut hasher = Sha256::new();
    for part in origin.iter().copied().chain([bytes]) {
        hasher.update((part.len() as u64).to_be_bytes());
        hasher.update(part);
    }
    let mut digest = [0; 10];
    digest.copy_from_slice(&hasher.finalize()[..10]);
    digest
}
