//! Taking a file: to the spool, past the signature, into rows.

use std::sync::Arc;
use std::time::Duration;

use crate::platform::database::Pool;
use axum::body::Body;
use http_body_util::BodyExt;
use tokio::time::timeout;
use tracing::warn;

use super::error::UploadRefused;
use super::form::{self, Rows};
use super::id;
use super::kinds::Kinds;
use super::model::{FileFacts, MediaFile};
use super::references::References;
use super::spool::{Spool, SpoolFull, Spooled, Upload};
use super::store;
use crate::platform::clock::Clock;
use crate::platform::database::within;
use crate::platform::http::StreamedBody;
use crate::platform::http::idempotency::{RequestKey, StreamedRequest};
use crate::values::{Ccid, ChannelId, MediaId};

/// What an upload may have beside its file, in bytes: the form around it.
const OVERHEAD_BYTES: u64 = 64 * 1024;
/// How long one statement may take, with the wait for a connection.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);

/// What is taken.
#[derive(Debug, Clone)]
pub struct UploadRules {
    pub kinds: Kinds,
    pub file_bytes_max: u64,
    pub tenant_bytes_max: u64,
    /// From the end of the head to the end of the body.
    pub time_max: Duration,
}

/// Takes files; cheap to clone.
#[derive(Debug, Clone)]
pub struct Uploads {
    pub pool: Pool,
    pub clock: Clock,
    pub spool: Spool,
    pub references: References,
    pub rules: Arc<UploadRules>,
}

/// A body that has arrived whole, with the boundary of the form in it.
#[derive(Debug)]
pub struct Arrived {
    upload: Upload,
    boundary: String,
}

/// A body with a file in it that is taken.
#[derive(Debug)]
pub struct Inspected {
    facts: FileFacts,
    spooled: Spooled,
    boundary: String,
}

impl Inspected {
    /// What it says, for whoever compares it with another: name, type and bytes of its file, not the form around it.
    pub(super) async fn request(
        &mut self,
        request: StreamedRequest,
    ) -> Result<RequestKey, UploadRefused> {
        let digest = form::digest(&mut self.spooled, &self.boundary).await?;
        let (name, mimetype) = (&self.facts.file_name, &self.facts.mimetype);
        Ok(request.saying(&[name.as_str().as_bytes(), mimetype.as_bytes(), &digest]))
    }
}

impl Uploads {
    /// Reads a body to its end; `passing` sees every byte. Of a caller that is not known nothing is kept.
    pub async fn receive(
        &self,
        (claimed, is_known): (Ccid, bool),
        body: StreamedBody,
        passing: impl FnMut(&[u8]),
    ) -> Result<Arrived, UploadRefused> {
        let boundary = form::boundary(body.content_type.as_deref())?;
        let announced = body.announced_length.unwrap_or(0);
        if announced > self.bytes_max() {
            return Err(self.too_large());
        }
        let mut place = self.spool.enter(claimed, is_known)?;
        place.reserve(announced)?;
        let mut upload = place.open().await.map_err(UploadRefused::Spool)?;
        let reading = self.read(body.body, &mut upload, passing);
        timeout(self.rules.time_max, reading)
            .await
            .map_err(|_| UploadRefused::BodyLate)??;
        Ok(Arrived { upload, boundary })
    }

    /// Reads the form of a body whose sender is known by now, and says what its file is.
    pub async fn inspect(&self, arrived: Arrived) -> Result<Inspected, UploadRefused> {
        let Arrived { upload, boundary } = arrived;
        let mut spooled = upload.finish().await.map_err(UploadRefused::Spool)?;
        let rules = (&self.rules.kinds, self.rules.file_bytes_max);
        let facts = form::inspect(&mut spooled, &boundary, rules).await?;
        Ok(Inspected {
            facts,
            spooled,
            boundary,
        })
    }

    /// Stores the file. When this returns, it is durable.
    pub async fn store(
        &self,
        (ccid, channel_id): (Ccid, &ChannelId),
        inspected: Inspected,
    ) -> Result<MediaFile, UploadRefused> {
        let file = self.write(ccid, inspected).await?;
        if let Err(refused) = self.commit((ccid, channel_id), &file).await {
            self.clean_up(ccid, file.id).await;
            return Err(refused);
        }
        self.references.learn(ccid, file.id);
        Ok(file)
    }

    /// Stores the bytes of the file, which are in nobody's way until the file itself is stored.
    pub(super) async fn write(
        &self,
        ccid: Ccid,
        inspected: Inspected,
    ) -> Result<MediaFile, UploadRefused> {
        let Inspected {
            facts,
            mut spooled,
            boundary,
        } = inspected;
        self.has_room(ccid, facts.length).await?;
        let id = id::new_at(self.clock.now_ms());
        let written = self.write_rows(ccid, id, (&mut spooled, &boundary)).await;
        if let Err(refused) = written {
            self.clean_up(ccid, id).await;
            return Err(refused);
        }
        Ok(MediaFile { id, facts })
    }

    async fn read(
        &self,
        mut body: Body,
        upload: &mut Upload,
        mut passing: impl FnMut(&[u8]),
    ) -> Result<(), UploadRefused> {
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|_| UploadRefused::BodyEnded)?;
            let Ok(bytes) = frame.into_data() else {
                continue;
            };
            let length = upload.length() + bytes.len() as u64;
            if length > self.bytes_max() {
                return Err(self.too_large());
            }
            upload.reserve(length)?;
            passing(&bytes);
            upload.write(&bytes).await.map_err(UploadRefused::Spool)?;
        }
        Ok(())
    }

    /// Two uploads at the same time may both find the last room, so a tenant may be over by what it uploads at once.
    pub(super) async fn has_room(&self, ccid: Ccid, bytes: u64) -> Result<(), UploadRefused> {
        let bytes_max = self.rules.tenant_bytes_max;
        let taken = within(PATIENCE, async {
            let mut connection = self.pool.acquire().await?;
            store::bytes_of(&mut connection, ccid).await
        })
        .await?;
        if taken + bytes > bytes_max {
            return Err(UploadRefused::TenantFull { bytes_max });
        }
        Ok(())
    }

    async fn write_rows(
        &self,
        ccid: Ccid,
        id: MediaId,
        (spooled, boundary): (&mut Spooled, &str),
    ) -> Result<(), UploadRefused> {
        let mut rows = Rows::open(spooled, boundary).await?;
        let mut number = 0;
        while let Some(row) = rows.next().await? {
            within(PATIENCE, async {
                let mut connection = self.pool.acquire().await?;
                store::insert_chunk(&mut connection, (ccid, id), number, &row).await
            })
            .await?;
            number += 1;
        }
        Ok(())
    }

    pub(super) async fn commit(
        &self,
        tenant: (Ccid, &ChannelId),
        file: &MediaFile,
    ) -> Result<(), UploadRefused> {
        within(PATIENCE, async {
            let mut connection = self.pool.acquire().await?;
            store::insert(&mut connection, tenant, file).await
        })
        .await
        .map_err(UploadRefused::from)
    }

    /// Rows of a file that is not there are in nobody's way; where they cannot be removed now they go with their partition.
    pub(super) async fn clean_up(&self, ccid: Ccid, id: MediaId) {
        let removed = within(PATIENCE, async {
            let mut connection = self.pool.acquire().await?;
            store::forget_chunks(&mut connection, ccid, id).await
        })
        .await;
        if let Err(error) = removed {
            warn!(error.cause = %error, "The rows of a file that was not stored are left until their partition goes");
        }
    }

    fn bytes_max(&self) -> u64 {
        self.rules.file_bytes_max + OVERHEAD_BYTES
    }

    fn too_large(&self) -> UploadRefused {
        UploadRefused::TooLarge {
            file_bytes_max: self.rules.file_bytes_max,
        }
    }
}

impl From<SpoolFull> for UploadRefused {
    fn from(SpoolFull: SpoolFull) -> Self {
        Self::Busy
    }
}
