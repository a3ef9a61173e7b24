use std::io;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::time::Duration;

/// Why the embedded Postgres could not be started. Each is one line that says what to do, where something can be done.
#[derive(Debug, thiserror::Error)]
pub enum EmbeddedError {
    #[error(
        "no Postgres was found: install it (Debian and Ubuntu: `apt-get install postgresql`, Fedora: \
         `dnf install postgresql-server`, macOS: `brew install postgresql`), or name the directory of its \
         programs, or name a database server to use instead"
    )]
    NoBinaries,
    #[error("{} holds no Postgres: `postgres` and `initdb` are expected there", .0.display())]
    NoBinariesIn(PathBuf),
    #[error(
        "the data in {} was made by Postgres {needed}, and only {found} was found: install Postgres {needed}",
        .directory.display()
    )]
    OtherVersion {
        directory: PathBuf,
        needed: u16,
        found: String,
    },
    #[error(
        "Postgres {found} is too old: at least {} is needed",
        super::binaries::MAJOR_MIN
    )]
    TooOld { found: u16 },
    #[error("{} does not name a version of Postgres", .0.display())]
    UnreadableVersion(PathBuf),
    #[error(
        "Postgres does not run as root, and there is no user `{0}` to run it as: create one or name another"
    )]
    NoSystemUser(String),
    #[error("Postgres does not run as root: name another user than `{0}` to run it as")]
    SystemUserIsRoot(String),
    #[error(
        "Postgres needs a user with a name, and user id {0} has none: give it a line in /etc/passwd"
    )]
    NamelessUser(u32),
    #[error(
        "the data in {} cannot be reached by user `{user}`: let that user enter every directory above it",
        .directory.display()
    )]
    Unreachable { directory: PathBuf, user: String },
    #[error(
        "the data in {} belongs to user id {owner}, and this process runs as user id {ours}: run it as that user, \
         or choose another directory",
        .directory.display()
    )]
    OtherOwner {
        directory: PathBuf,
        owner: u32,
        ours: u32,
    },
    #[error("the database directory {} is in use by another gateway (process {holder})", .directory.display())]
    InUse { directory: PathBuf, holder: String },
    #[error(
        "a Postgres that no gateway started (process {process}) runs on {}: stop it first",
        .directory.display()
    )]
    ForeignServer { directory: PathBuf, process: i32 },
    #[error("an earlier Postgres on {} did not end within {} s", .directory.display(), .waited.as_secs())]
    Leftover {
        directory: PathBuf,
        waited: Duration,
    },
    #[error("the database directory could not be created ({status}): {said}")]
    Initialise { status: ExitStatus, said: String },
    #[error("Postgres ended while it was starting ({status}): {said}")]
    Ended { status: ExitStatus, said: String },
    #[error("Postgres did not answer within {} s of its start: {said}", .waited.as_secs())]
    NotReady { waited: Duration, said: String },
    #[error("{what}: {cause}")]
    Io { what: String, cause: io::Error },
    #[error("the embedded Postgres refused a statement: {0}")]
    Database(#[from] sqlx::Error),
}

impl EmbeddedError {
    /// For `map_err`: an input or output error, with what was being done when it came.
    pub(super) fn io(what: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let what = what.into();
        move |cause| Self::Io { what, cause }
    }
}
