//! Where the data lies: which directory, what is in it, and the two locks that say who uses it.
//!
//! ```text
//! <directory>/gateway.lock   locked by the gateway that owns the directory
//! <directory>/server.lock    locked by every process of the server (they inherit it), so free only once all have ended
//! <directory>/postgres/      the cluster
//! <directory>/run/           the socket
//! <directory>/hba.conf, ident.conf   who may connect; written at every start
//! ```

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use sha2::{Digest, Sha256};
use tokio::time::{Instant, sleep};

use super::system_user::SystemUser;
use super::{EmbeddedError, EmbeddedSettings};

/// Where root's data goes when the server's user cannot enter the directory that was asked for.
const FALLBACK: &str = "/var/lib/nexus-gateway";

/// A socket's path fits into 107 bytes; Postgres appends `/.s.PGSQL.5432.lock` (19) to its directory's.
const SOCKET_DIRECTORY_BYTES_MAX: usize = 107 - 19;

/// A gateway that was just killed may take a moment to be gone.
const OWNER_GONE_WITHIN: Duration = Duration::from_secs(2);

/// A directory that this process owns for as long as this value lives.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) directory: PathBuf,
    /// The directory that was asked for, where it is another one.
    pub(super) instead_of: Option<PathBuf>,
    _gateway_lock: File,
}

impl Place {
    /// Finds and locks the directory, making it where it is missing.
    pub(super) async fn claim(
        settings: &EmbeddedSettings,
    ) -> Result<(Self, SystemUser), EmbeddedError> {
        let asked = made(&settings.directory)?;
        let user = SystemUser::choose(settings.system_user.as_deref(), &cluster_in(&asked))?;
        let (directory, user) = if user.dropped {
            reachable(settings, &asked, user).await?
        } else {
            (asked.clone(), user)
        };
        let gateway_lock = own(&directory).await?;
        let instead_of = (directory != asked).then_some(asked);
        Ok((
            Self {
                directory,
                instead_of,
                _gateway_lock: gateway_lock,
            },
            user,
        ))
    }

    /// Postgres' own data directory.
    pub(super) fn cluster(&self) -> PathBuf {
        cluster_in(&self.directory)
    }

    /// The lock that the server's processes inherit. It is only opened here, not yet locked.
    pub(super) fn server_lock(&self) -> Result<File, EmbeddedError> {
        open_lock(&self.directory.join("server.lock"))
    }

    /// A directory for the socket that nobody but the server and us may enter, with a path that fits into a socket's
    /// name. It stays the same over restarts unless `directory` is so deep that a temporary one has to stand in.
    pub(super) fn socket_directory(
        &self,
        user: &SystemUser,
    ) -> Result<SocketDirectory, EmbeddedError> {
        let beside = self.directory.join("run");
        if beside.as_os_str().len() <= SOCKET_DIRECTORY_BYTES_MAX {
            make_private(&beside, user)?;
            return Ok(SocketDirectory {
                path: beside,
                temporary: false,
            });
        }
        let path = PathBuf::from(format!("/tmp/nexus-gateway-{:016x}", rand::random::<u64>()));
        // Fails where the path exists: somebody else's directory is never taken for ours.
        DirBuilder::new()
            .mode(0o700)
            .create(&path)
            .map_err(EmbeddedError::io(format!("making {}", path.display())))?;
        user.give(&path)?;
        Ok(SocketDirectory {
            path,
            temporary: true,
        })
    }

    /// Writes a file that the server reads, whole or not at all.
    pub(super) fn write(&self, name: &str, content: &str) -> Result<PathBuf, EmbeddedError> {
        let path = self.directory.join(name);
        let written = self.directory.join(format!("{name}.written"));
        fs::write(&written, content)
            .and_then(|()| fs::set_permissions(&written, fs::Permissions::from_mode(0o644)))
            .and_then(|()| fs::rename(&written, &path))
            .map_err(EmbeddedError::io(format!("writing {}", path.display())))?;
        Ok(path)
    }
}

#[derive(Debug)]
pub(super) struct SocketDirectory {
    pub(super) path: PathBuf,
    /// Whether it is to be removed when the server has ended.
    pub(super) temporary: bool,
}

/// Makes a directory that only `user` (and root) may enter, if it is not there yet.
pub(super) fn make_private(path: &Path, user: &SystemUser) -> Result<(), EmbeddedError> {
    match DirBuilder::new().mode(0o700).create(path) {
        Err(cause) if cause.kind() != io::ErrorKind::AlreadyExists => Err(EmbeddedError::io(
            format!("making {}", path.display()),
        )(cause)),
        Ok(()) | Err(_) => user.give(path),
    }
}

fn cluster_in(directory: &Path) -> PathBuf {
    directory.join("postgres")
}

fn has_cluster(directory: &Path) -> bool {
    cluster_in(directory).join("PG_VERSION").exists()
}

/// Makes the directory and those above it. What we make may be passed through by the server's user but not listed;
/// what was there keeps its rights.
fn made(directory: &Path) -> Result<PathBuf, EmbeddedError> {
    let failed = || EmbeddedError::io(format!("making {}", directory.display()));
    if let Some(parent) = directory.parent()
        && !parent.as_os_str().is_empty()
        && !parent.exists()
    {
        made(parent)?;
    }
    match DirBuilder::new().create(directory) {
        // The rights are set apart from the making, since a strict umask would keep the server's user out.
        Ok(()) => {
            fs::set_permissions(directory, fs::Permissions::from_mode(0o711)).map_err(failed())?;
        }
        Err(cause) if cause.kind() == io::ErrorKind::AlreadyExists => {}
        Err(cause) => return Err(failed()(cause)),
    }
    directory.canonicalize().map_err(failed())
}

/// Root's choice: the directory that was asked for, or the fallback where the server's user cannot enter it. Data that
/// is already in one of the two decides, so that a change of some directory's rights never makes data disappear.
async fn reachable(
    settings: &EmbeddedSettings,
    asked: &Path,
    user: SystemUser,
) -> Result<(PathBuf, SystemUser), EmbeddedError> {
    let can_enter = user.can_enter(asked).await?;
    let fallback = fallback_for(asked);
    if has_cluster(asked) {
        return if can_enter {
            Ok((asked.to_path_buf(), user))
        } else {
            Err(EmbeddedError::Unreachable {
                directory: asked.to_path_buf(),
                user: user.name,
            })
        };
    }
    if can_enter && !has_cluster(&fallback) {
        return Ok((asked.to_path_buf(), user));
    }
    let fallback = made(&fallback)?;
    let user = SystemUser::choose(settings.system_user.as_deref(), &cluster_in(&fallback))?;
    if user.can_enter(&fallback).await? {
        Ok((fallback, user))
    } else {
        Err(EmbeddedError::Unreachable {
            directory: fallback,
            user: user.name,
        })
    }
}

fn fallback_for(asked: &Path) -> PathBuf {
    let digest = Sha256::digest(asked.as_os_str().as_bytes());
    Path::new(FALLBACK).join(hex::encode(&digest[..8]))
}

/// Takes the gateway's lock and writes our process id into it, for whoever is refused.
async fn own(directory: &Path) -> Result<File, EmbeddedError> {
    let path = directory.join("gateway.lock");
    let mut file = open_lock(&path)?;
    let given_up = Instant::now() + OWNER_GONE_WITHIN;
    while !try_lock(&file, &path)? {
        if Instant::now() >= given_up {
            let mut holder = String::new();
            file.read_to_string(&mut holder)
                .map_err(EmbeddedError::io(format!("reading {}", path.display())))?;
            let directory = directory.to_path_buf();
            return Err(EmbeddedError::InUse {
                directory,
                holder: holder.trim().to_owned(),
            });
        }
        sleep(Duration::from_millis(50)).await;
    }
    file.set_len(0)
        .and_then(|()| file.rewind())
        .and_then(|()| writeln!(file, "{}", std::process::id()))
        .map_err(EmbeddedError::io(format!("writing {}", path.display())))?;
    Ok(file)
}

fn open_lock(path: &Path) -> Result<File, EmbeddedError> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)
        .map_err(EmbeddedError::io(format!("opening {}", path.display())))
}

/// Whether the lock is ours.
pub(super) fn try_lock(file: &File, path: &Path) -> Result<bool, EmbeddedError> {
    match file.try_lock() {
        Ok(()) => Ok(true),
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(cause)) => Err(EmbeddedError::io(format!(
            "locking {}",
            path.display()
        ))(cause)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_directory_has_a_fallback_of_its_own_that_leaves_room_for_a_socket() {
        let one = fallback_for(Path::new("/root/a/data"));
        let other = fallback_for(Path::new("/root/b/data"));
        assert_ne!(one, other);
        assert!(one.join("run").as_os_str().len() <= SOCKET_DIRECTORY_BYTES_MAX);
    }
}
