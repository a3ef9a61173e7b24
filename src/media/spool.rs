//! Where uploads lie until they are stored: files on disk, bounded in number and in bytes.
//!
//! A file loses its name as soon as it is open, so the kernel removes it when whoever holds it goes, however that happens.
//! A process that is killed between the two steps leaves an empty file, which the next one to start removes.

use std::collections::HashMap;
use std::fs;
use std::io::{self, SeekFrom};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::{Bytes, BytesMut};
use tokio::fs::File;
use tokio::io::{AsyncReadExt, AsyncSeekExt, AsyncWriteExt};
use uuid::Uuid;

use crate::platform::telemetry::metric;
use crate::values::Ccid;

/// What names in the spool begin with: nothing else is touched there.
const PREFIX: &str = "upload-";
/// How much is read from a file at once, in bytes.
const READ_BYTES: usize = 64 * 1024;

/// Where uploads lie, and how many there may be.
#[derive(Debug, Clone)]
pub struct SpoolSettings {
    pub directory: PathBuf,
    /// Of all uploads that are under way.
    pub bytes_max: u64,
    pub uploads_max: usize,
    pub tenant_uploads_max: usize,
}

/// There is no room for an upload, or for more of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SpoolFull;

/// The spool of this process; cheap to clone.
#[derive(Debug, Clone)]
pub struct Spool {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    settings: SpoolSettings,
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    bytes: u64,
    uploads: usize,
    of_tenant: HashMap<Ccid, usize>,
}

impl Spool {
    /// The spool of these settings; nothing is on disk yet.
    pub fn new(settings: SpoolSettings) -> Self {
        let shared = Shared {
            settings,
            taken: Mutex::default(),
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    /// Makes the directory where it is missing, and removes what a killed process has left there.
    pub fn prepare(&self) -> io::Result<()> {
        let directory = &self.shared.settings.directory;
        let mut builder = fs::DirBuilder::new();
        builder.recursive(true).mode(0o700);
        builder.create(directory)?;
        for entry in fs::read_dir(directory)? {
            let entry = entry?;
            if entry.file_name().to_string_lossy().starts_with(PREFIX) {
                // Another process may be between opening and removing it: either way it goes.
                let _ = fs::remove_file(entry.path());
            }
        }
        Ok(())
    }

    /// Takes a place for an upload that claims to be of a tenant. Its bytes are thrown away unless `is_kept`: then it takes
    /// nobody else's place, and cannot be told from one that is kept.
    pub fn enter(&self, claimed: Ccid, is_kept: bool) -> Result<Place, SpoolFull> {
        let settings = &self.shared.settings;
        let mut taken = self.shared.taken();
        let of_tenant = taken.of_tenant.get(&claimed).copied().unwrap_or(0);
        if taken.uploads >= settings.uploads_max || of_tenant >= settings.tenant_uploads_max {
            return Err(SpoolFull);
        }
        taken.uploads += usize::from(is_kept);
        taken.of_tenant.insert(claimed, of_tenant + 1);
        drop(taken);
        Ok(Place {
            shared: Arc::clone(&self.shared),
            claimed,
            is_kept,
            bytes: 0,
        })
    }
}

impl Shared {
    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One upload's place; given back when it is dropped.
#[derive(Debug)]
pub struct Place {
    shared: Arc<Shared>,
    claimed: Ccid,
    is_kept: bool,
    bytes: u64,
}

impl Place {
    /// Makes room for so many bytes altogether.
    pub fn reserve(&mut self, bytes: u64) -> Result<(), SpoolFull> {
        let more = bytes.saturating_sub(self.bytes);
        let mut taken = self.shared.taken();
        if taken.bytes.saturating_add(more) > self.shared.settings.bytes_max {
            return Err(SpoolFull);
        }
        if self.is_kept {
            taken.bytes += more;
            show(taken.bytes);
            self.bytes += more;
        }
        Ok(())
    }

    /// Opens what the upload is written to.
    pub async fn open(self) -> io::Result<Upload> {
        let file = if self.is_kept {
            let directory = self.shared.settings.directory.clone();
            let opened = tokio::task::spawn_blocking(move || nameless_file(&directory));
            Some(File::from_std(opened.await.map_err(io::Error::other)??))
        } else {
            None
        };
        Ok(Upload {
            place: self,
            file,
            length: 0,
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.shared.taken();
        taken.bytes -= self.bytes;
        taken.uploads -= usize::from(self.is_kept);
        show(taken.bytes);
        if let Some(count) = taken.of_tenant.get_mut(&self.claimed) {
            *count -= 1;
            if *count == 0 {
                taken.of_tenant.remove(&self.claimed);
            }
        }
    }
}

/// An upload on its way.
#[derive(Debug)]
pub struct Upload {
    place: Place,
    file: Option<File>,
    length: u64,
}

impl Upload {
    /// Bytes written so far.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// Makes room for so many bytes altogether.
    pub fn reserve(&mut self, bytes: u64) -> Result<(), SpoolFull> {
        self.place.reserve(bytes)
    }

    /// Writes the next bytes; room for them was made before.
    pub async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.length += bytes.len() as u64;
        match &mut self.file {
            Some(file) => file.write_all(bytes).await,
            None => Ok(()),
        }
    }

    /// Ends the writing. An upload that is not kept cannot be read.
    pub async fn finish(self) -> io::Result<Spooled> {
        let mut file = self
            .file
            .ok_or_else(|| io::Error::other("this upload was not kept"))?;
        file.flush().await?;
        Ok(Spooled {
            file,
            _place: self.place,
        })
    }
}

/// A whole upload.
#[derive(Debug)]
pub struct Spooled {
    file: File,
    _place: Place,
}

impl Spooled {
    /// Begins to read from the beginning.
    pub async fn rewind(&mut self) -> io::Result<()> {
        self.file.seek(SeekFrom::Start(0)).await.map(drop)
    }

    /// The next bytes; none at the end.
    pub async fn read(&mut self) -> io::Result<Bytes> {
        let mut bytes = BytesMut::with_capacity(READ_BYTES);
        self.file.read_buf(&mut bytes).await?;
        Ok(bytes.freeze())
    }
}

/// A file that only its handle leads to.
fn nameless_file(directory: &Path) -> io::Result<fs::File> {
    let path = directory.join(format!("{PREFIX}{}", Uuid::new_v4()));
    let mut options = fs::OpenOptions::new();
    options.read(true).write(true).create_new(true).mode(0o600);
    let file = options.open(&path)?;
    match fs::remove_file(&path) {
        // Another process that has just started was quicker.
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(file),
        removed => removed.map(|()| file),
    }
}

fn show(bytes: u64) {
    #[expect(
        clippy::cast_precision_loss,
        reason = "a number of bytes far below 2^52"
    )]
    metrics::gauge!(metric::SPOOL_BYTES).set(bytes as f64);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tenant(number: u128) -> Ccid {
        Ccid::from_uuid(Uuid::from_u128(number))
    }

    fn spool(directory: &Path) -> Spool {
        let settings = SpoolSettings {
            directory: directory.join("spool"),
            bytes_max: 1_000,
            uploads_max: 3,
            tenant_uploads_max: 2,
        };
        let spool = Spool::new(settings);
        spool.prepare().unwrap();
        spool
    }

    fn names(directory: &Path) -> Vec<String> {
        let entries = fs::read_dir(directory.join("spool")).unwrap();
        entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect()
    }

    #[tokio::test]
    async fn an_upload_is_read_as_it_was_written_and_has_no_name_on_disk() {
        let directory = tempfile::tempdir().unwrap();
        let spool = spool(directory.path());
        let mut upload = spool.enter(tenant(1), true).unwrap().open().await.unwrap();
        upload.reserve(6).unwrap();
        upload.write(b"one").await.unwrap();
        upload.write(b"two").await.unwrap();
        assert_eq!(upload.length(), 6);
        assert_eq!(names(directory.path()), Vec::<String>::new());
        let mut spooled = upload.finish().await.unwrap();
        for _ in 0..2 {
            spooled.rewind().await.unwrap();
            assert_eq!(spooled.read().await.unwrap(), "onetwo");
            assert!(spooled.read().await.unwrap().is_empty());
        }
    }

    #[test]
    fn what_a_killed_process_left_is_removed_and_nothing_else() {
        let directory = tempfile::tempdir().unwrap();
        spool(directory.path());
        for name in ["upload-left", "somebody else's"] {
            fs::write(directory.path().join("spool").join(name), "").unwrap();
        }
        spool(directory.path());
        assert_eq!(names(directory.path()), ["somebody else's"]);
    }

    #[test]
    fn uploads_are_bounded_in_number_and_those_of_one_tenant_too() {
        let directory = tempfile::tempdir().unwrap();
        let spool = spool(directory.path());
        let enter = |number| spool.enter(tenant(number), true);
        let first = (enter(1).unwrap(), enter(1).unwrap());
        assert_eq!(enter(1).err(), Some(SpoolFull));
        let third = enter(2).unwrap();
        assert_eq!(enter(3).err(), Some(SpoolFull));
        drop(third);
        assert!(enter(3).is_ok());
        drop(first);
        assert!(enter(1).is_ok());
    }

    #[test]
    fn bytes_are_bounded_and_given_back() {
        let directory = tempfile::tempdir().unwrap();
        let spool = spool(directory.path());
        let mut first = spool.enter(tenant(1), true).unwrap();
        let mut second = spool.enter(tenant(2), true).unwrap();
        assert_eq!(first.reserve(600), Ok(()));
        assert_eq!(second.reserve(401), Err(SpoolFull));
        assert_eq!(second.reserve(400), Ok(()));
        assert_eq!(first.reserve(600), Ok(()), "it has them already");
        assert_eq!(first.reserve(601), Err(SpoolFull));
        drop(second);
        assert_eq!(first.reserve(1_000), Ok(()));
    }

    #[tokio::test]
    async fn an_upload_of_nobody_we_know_takes_no_room_from_others_and_meets_the_same_bounds() {
        let directory = tempfile::tempdir().unwrap();
        let spool = spool(directory.path());
        let mut unknown = spool.enter(tenant(9), false).unwrap();
        assert_eq!(unknown.reserve(1_000), Ok(()));
        let mut known = spool.enter(tenant(1), true).unwrap();
        assert_eq!(known.reserve(999), Ok(()));
        assert_eq!(unknown.reserve(2), Err(SpoolFull));
        let mut upload = unknown.open().await.unwrap();
        upload.write(b"x").await.unwrap();
        assert!(upload.finish().await.is_err());
    }
}
