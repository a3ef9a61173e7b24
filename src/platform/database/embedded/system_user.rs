//! Who the server runs as. Postgres refuses root, and a user id without a name.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::Stdio;

use nix::unistd::{Uid, User, geteuid};
use tokio::process::Command;

use super::EmbeddedError;

/// The user that is looked for when root names none.
const DEFAULT_NAME: &str = "postgres";

/// The operating system's user that owns the data and runs the server.
#[derive(Debug, Clone)]
pub(super) struct SystemUser {
    pub(super) name: String,
    pub(super) user_id: u32,
    group_id: u32,
    /// The user that this process runs as: it has to be let in by peer authentication, too.
    pub(super) our_name: String,
    /// Whether this process is root, and gives up that right for the server.
    pub(super) dropped: bool,
}

impl SystemUser {
    /// Root becomes the owner of `data` if there is data, else the user called `named` (default `postgres`).
    /// Anyone else stays who they are, and must own `data`.
    pub(super) fn choose(named: Option<&str>, data: &Path) -> Result<Self, EmbeddedError> {
        let ours = geteuid();
        let our_name = look_up(ours)?
            .ok_or(EmbeddedError::NamelessUser(ours.as_raw()))?
            .name;
        let owner = fs::metadata(data).ok().map(|metadata| metadata.uid());
        let dropped = ours.is_root();
        let user = match owner {
            Some(owner) if !dropped && owner != ours.as_raw() => {
                let directory = data.to_path_buf();
                return Err(EmbeddedError::OtherOwner {
                    directory,
                    owner,
                    ours: ours.as_raw(),
                });
            }
            Some(owner) if owner != 0 => {
                look_up(Uid::from_raw(owner))?.ok_or(EmbeddedError::NamelessUser(owner))?
            }
            _ if dropped => by_name(named.unwrap_or(DEFAULT_NAME))?,
            _ => look_up(ours)?.ok_or(EmbeddedError::NamelessUser(ours.as_raw()))?,
        };
        if user.uid.is_root() {
            return Err(EmbeddedError::SystemUserIsRoot(user.name));
        }
        Ok(Self {
            name: user.name,
            user_id: user.uid.as_raw(),
            group_id: user.gid.as_raw(),
            our_name,
            dropped,
        })
    }

    /// A command that runs as this user, apart from our terminal's signals, and with nothing of our environment
    /// (a stray `PGDATA` or `LANG` would change what the programs do).
    pub(super) fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command
            .env_clear()
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .env("LC_ALL", "C");
        command.current_dir("/").process_group(0);
        if self.dropped {
            // Setting the user id as root also drops every supplementary group.
            command.gid(self.group_id).uid(self.user_id);
        }
        command
    }

    /// Hands a file or directory that we made to this user.
    pub(super) fn give(&self, path: &Path) -> Result<(), EmbeddedError> {
        if !self.dropped {
            return Ok(());
        }
        std::os::unix::fs::chown(path, Some(self.user_id), Some(self.group_id)).map_err(
            EmbeddedError::io(format!("giving {} to user {}", path.display(), self.name)),
        )
    }

    /// Whether this user may enter `directory`: found out by trying, since any directory above may forbid it.
    pub(super) async fn can_enter(&self, directory: &Path) -> Result<bool, EmbeddedError> {
        let mut shell = self.command(Path::new("/bin/sh"));
        shell.args(["-c", r#"cd "$1""#, "enter"]).arg(directory);
        shell
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let status = shell
            .status()
            .await
            .map_err(EmbeddedError::io("running /bin/sh"))?;
        Ok(status.success())
    }
}

fn look_up(id: Uid) -> Result<Option<User>, EmbeddedError> {
    User::from_uid(id).map_err(|errno| EmbeddedError::io("looking up a user")(errno.into()))
}

fn by_name(name: &str) -> Result<User, EmbeddedError> {
    let user = User::from_name(name)
        .map_err(|errno| EmbeddedError::io("looking up a user")(errno.into()))?;
    user.ok_or_else(|| EmbeddedError::NoSystemUser(name.to_owned()))
}
