//! What an earlier gateway that was killed may have left: a server that is still ending, and its files.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::time::{Instant, sleep};
use tracing::info;

use super::EmbeddedError;
use super::place::{Place, SocketDirectory, try_lock};

/// An earlier server that has not ended after this time is given up.
const WAIT_MAX: Duration = Duration::from_secs(30);

/// An earlier server that does not end in order by then is told to end at once.
const ORDERLY_WITHIN: Duration = Duration::from_secs(10);

/// Waits until no process of an earlier server is left, and returns the lock that proves it.
///
/// Usually its guard is stopping it already; it is asked here as well, since the guard may have been killed, too.
/// The lock needs no process ids and so is not fooled by zombies, by ids that were given anew, or by a server in
/// another container on the same volume.
pub(super) async fn wait_until_gone(place: &Place) -> Result<File, EmbeddedError> {
    let lock = place.server_lock()?;
    let started = Instant::now();
    let mut asked: Option<Signal> = None;
    while !try_lock(&lock, &place.directory)? {
        let waited = started.elapsed();
        if waited > WAIT_MAX {
            return Err(EmbeddedError::Leftover {
                directory: place.directory.clone(),
                waited: WAIT_MAX,
            });
        }
        let signal = if waited < ORDERLY_WITHIN {
            Signal::SIGINT
        } else {
            Signal::SIGQUIT
        };
        if asked != Some(signal)
            && let Some(server) = running(&place.cluster())
        {
            info!("An earlier Postgres (process {server}) still runs on this data, stopping it");
            // It may have ended meanwhile, which is what is wanted.
            let _gone = kill(Pid::from_raw(server), signal);
            asked = Some(signal);
        }
        sleep(Duration::from_millis(50)).await;
    }
    Ok(lock)
}

/// Removes what an earlier server left and would take for a living one's: its process id may be another process' now,
/// or a zombie that nobody reaps. `_proof`: no process of an earlier server is left.
pub(super) fn sweep(
    place: &Place,
    sockets: &SocketDirectory,
    _proof: &File,
) -> Result<(), EmbeddedError> {
    let cluster = place.cluster();
    if let Some(process) = running(&cluster) {
        return Err(EmbeddedError::ForeignServer {
            directory: cluster,
            process,
        });
    }
    if can_see_processes() {
        remove(&cluster.join("postmaster.pid"))?;
    }
    remove(&sockets.path.join(".s.PGSQL.5432"))?;
    remove(&sockets.path.join(".s.PGSQL.5432.lock"))
}

/// The server that `postmaster.pid` names, if it lives and works in that directory.
fn running(cluster: &Path) -> Option<i32> {
    let file = fs::read_to_string(cluster.join("postmaster.pid")).ok()?;
    let process: i32 = file.lines().next()?.trim().parse().ok()?;
    let about = PathBuf::from(format!("/proc/{process}"));
    if !is_living_postgres(&fs::read_to_string(about.join("stat")).ok()?) {
        return None;
    }
    let same_owner = fs::metadata(&about).ok()?.uid() == fs::metadata(cluster).ok()?.uid();
    // Root in a container may not look into other users' processes; then name and owner have to do.
    let elsewhere = fs::read_link(about.join("cwd")).is_ok_and(|works_in| works_in != cluster);
    (same_owner && !elsewhere).then_some(process)
}

/// Reads a line of `/proc/<id>/stat`: the id, the name in parentheses, and a letter that is `Z` for a zombie.
fn is_living_postgres(stat: &str) -> bool {
    let Some((_, after_id)) = stat.split_once(" (") else {
        return false;
    };
    let Some((name, after_name)) = after_id.rsplit_once(") ") else {
        return false;
    };
    name == "postgres" && !after_name.starts_with(['Z', 'X'])
}

/// Where there is no `/proc`, a stale `postmaster.pid` cannot be told from a living one's, and Postgres itself decides.
fn can_see_processes() -> bool {
    Path::new("/proc/self/cwd").exists()
}

fn remove(path: &Path) -> Result<(), EmbeddedError> {
    match fs::remove_file(path) {
        Err(cause) if cause.kind() != io::ErrorKind::NotFound => Err(EmbeddedError::io(format!(
            "removing {}",
            path.display()
        ))(cause)),
        Ok(()) | Err(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_zombie_and_another_program_under_a_stale_process_id_are_no_server() {
        assert!(is_living_postgres(
            "812 (postgres) S 1 812 812 0 -1 4194560"
        ));
        assert!(!is_living_postgres(
            "812 (postgres) Z 1 812 812 0 -1 4194560"
        ));
        assert!(!is_living_postgres("812 (sh) S 1 812 812 0 -1 4194560"));
        assert!(!is_living_postgres(
            "812 (a) (postgres) S) S 1 812 812 0 -1 4194560"
        ));
    }
}
