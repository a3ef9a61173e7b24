//! The form around an uploaded file, read from the spool piece by piece.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use futures_util::stream::{self, BoxStream, Stream, StreamExt};
use multer::{Field, Multipart};
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use utoipa::ToSchema;

use super::error::UploadRefused;
use super::file_name::FileName;
use super::kinds::{HEAD_BYTES, Kinds};
use super::model::FileFacts;
use super::spool::Spooled;

/// The part that is the file.
const FILE_PART: &str = "file";
/// Parts of a form at most; all but the file are passed over.
const PARTS_MAX: usize = 16;
/// How much the parser may take in before something comes out of it, in bytes: the headers of a part are shorter.
const UNREAD_BYTES_MAX: usize = 256 * 1024;
/// The length of each row that a file is stored in, but for the last, in bytes.
pub(super) const ROW_BYTES: usize = 256 * 1024;

/// A form with one file.
#[derive(Debug, Serialize, ToSchema)]
pub struct FileForm {
    /// The file with its name and media type. Other parts are passed over.
    #[schema(value_type = String, format = Binary)]
    pub file: Vec<u8>,
}

/// The boundary that an upload's content type names.
pub(super) fn boundary(content_type: Option<&str>) -> Result<String, UploadRefused> {
    content_type
        .and_then(|text| multer::parse_boundary(text).ok())
        .filter(|boundary| !boundary.is_empty())
        .ok_or(UploadRefused::NotMultipart)
}

/// Reads the whole form and says what its file is, or why it is refused.
pub(super) async fn inspect(
    spooled: &mut Spooled,
    boundary: &str,
    (kinds, bytes_max): (&Kinds, u64),
) -> Result<FileFacts, UploadRefused> {
    let mut form = Form::open(spooled, boundary).await?;
    let mut found = None;
    let mut parts = 0;
    while let Some(mut part) = form.next_part().await? {
        parts += 1;
        if parts > PARTS_MAX {
            return Err(UploadRefused::TooManyParts);
        }
        if part.name() != Some(FILE_PART) {
            continue;
        }
        if found.is_some() {
            return Err(UploadRefused::SeveralFiles);
        }
        let file_name = FileName::parse(part.file_name())?;
        let declared = part
            .content_type()
            .map(|given| given.essence_str().to_owned());
        let (head, length) = form.measure(&mut part).await?;
        if length == 0 {
            return Err(UploadRefused::Empty);
        }
        if length > bytes_max {
            return Err(UploadRefused::TooLarge {
                file_bytes_max: bytes_max,
            });
        }
        let mimetype = kinds.judge(declared.as_deref(), &head)?.to_owned();
        found = Some(FileFacts {
            file_name,
            mimetype,
            length,
        });
    }
    found.ok_or(UploadRefused::NoFile)
}

/// SHA-256 of the file of a form that was inspected.
pub(super) async fn digest(
    spooled: &mut Spooled,
    boundary: &str,
) -> Result<[u8; 32], UploadRefused> {
    let mut rows = Rows::open(spooled, boundary).await?;
    let mut hasher = Sha256::new();
    while let Some(row) = rows.next().await? {
        hasher.update(&row);
    }
    Ok(hasher.finalize().into())
}

/// The file of a form that was inspected, in rows.
pub(super) struct Rows<'s> {
    form: Form<'s>,
    file: Field<'s>,
    /// What was read beyond the row before.
    rest: Bytes,
}

impl<'s> Rows<'s> {
    pub(super) async fn open(
        spooled: &'s mut Spooled,
        boundary: &str,
    ) -> Result<Self, UploadRefused> {
        let mut form = Form::open(spooled, boundary).await?;
        while let Some(part) = form.next_part().await? {
            if part.name() == Some(FILE_PART) {
                return Ok(Self {
                    form,
                    file: part,
                    rest: Bytes::new(),
                });
            }
        }
        Err(UploadRefused::NoFile)
    }

    /// The next row; none at the end.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>, UploadRefused> {
        let mut row = BytesMut::with_capacity(ROW_BYTES);
        while row.len() < ROW_BYTES {
            if self.rest.is_empty() {
                match self.form.chunk(&mut self.file).await? {
                    Some(chunk) => self.rest = chunk,
                    None => break,
                }
            }
            let missing = ROW_BYTES - row.len();
            row.extend_from_slice(&self.rest.split_to(self.rest.len().min(missing)));
        }
        Ok((!row.is_empty()).then(|| row.freeze()))
    }
}

/// A form that is being read.
struct Form<'s> {
    parser: Multipart<'s>,
    unread: Arc<AtomicUsize>,
}

impl<'s> Form<'s> {
    async fn open(spooled: &'s mut Spooled, boundary: &str) -> Result<Self, UploadRefused> {
        spooled.rewind().await.map_err(UploadRefused::Spool)?;
        let bytes = stream::try_unfold(spooled, async |spooled: &mut Spooled| {
            let bytes = spooled.read().await?;
            Ok::<_, io::Error>((!bytes.is_empty()).then_some((bytes, spooled)))
        });
        Ok(Self::over(bytes.boxed(), boundary))
    }

    fn over(source: BoxStream<'s, io::Result<Bytes>>, boundary: &str) -> Self {
        let unread = Arc::new(AtomicUsize::new(0));
        let paced = Paced {
            source,
            rests: false,
            unread: Arc::clone(&unread),
        };
        Self {
            parser: Multipart::new(paced, boundary),
            unread,
        }
    }

    async fn next_part(&mut self) -> Result<Option<Field<'s>>, UploadRefused> {
        let part = self.parser.next_field().await;
        self.came_out(part)
    }

    async fn chunk(&mut self, part: &mut Field<'s>) -> Result<Option<Bytes>, UploadRefused> {
        let chunk = part.chunk().await;
        self.came_out(chunk)
    }

    /// The beginning of a part and its length.
    async fn measure(&mut self, part: &mut Field<'s>) -> Result<(Bytes, u64), UploadRefused> {
        let mut head = BytesMut::new();
        let mut length = 0;
        while let Some(chunk) = self.chunk(part).await? {
            let missing = HEAD_BYTES - head.len();
            head.extend_from_slice(&chunk[..chunk.len().min(missing)]);
            length += chunk.len() as u64;
        }
        Ok((head.freeze(), length))
    }

    fn came_out<T>(&self, read: multer::Result<T>) -> Result<T, UploadRefused> {
        let unread = self.unread.swap(0, Ordering::Relaxed);
        read.map_err(|error| {
            if let multer::Error::StreamReadFailed(cause) = error
                && unread <= UNREAD_BYTES_MAX
            {
                return UploadRefused::Spool(io::Error::other(cause));
            }
            UploadRefused::Malformed
        })
    }
}

/// Gives the parser one piece at a time. It takes in whatever is ready before it gives anything out, and a file is always
/// ready; so after each piece there is none for a moment, and none at all where nothing comes out.
struct Paced<'s> {
    source: BoxStream<'s, io::Result<Bytes>>,
    rests: bool,
    unread: Arc<AtomicUsize>,
}

impl Stream for Paced<'_> {
    type Item = io::Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if std::mem::take(&mut self.rests) {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        if self.unread.load(Ordering::Relaxed) > UNREAD_BYTES_MAX {
            let nothing_comes_out = io::Error::other("a part of the form does not begin");
            return Poll::Ready(Some(Err(nothing_comes_out)));
        }
        let piece = self.source.poll_next_unpin(context);
        if let Poll::Ready(Some(Ok(bytes))) = &piece {
            self.unread.fetch_add(bytes.len(), Ordering::Relaxed);
            self.rests = true;
        }
        piece
    }
}

#[cfg(test)]
mod tests;
