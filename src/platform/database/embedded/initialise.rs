//! Makes the cluster with `initdb`, so that it is either there and whole or not there at all.

use std::fs::{self, File};
use std::path::Path;
use std::process::Stdio;

use tracing::info;

use super::binaries::Binaries;
use super::place::{Place, make_private};
use super::system_user::SystemUser;
use super::{Durability, EmbeddedError, ROLE};

/// The prefix of a cluster that is not finished.
const UNFINISHED: &str = "postgres.unfinished-";

/// Makes the cluster if there is none. `initdb` inherits `server_lock`, so that the next start waits for one whose
/// gateway was killed.
pub(super) async fn cluster_exists(
    place: &Place,
    user: &SystemUser,
    binaries: &Binaries,
    durability: Durability,
    server_lock: &File,
) -> Result<(), EmbeddedError> {
    remove_unfinished(&place.directory)?;
    let cluster = place.cluster();
    if cluster.join("PG_VERSION").exists() {
        return Ok(());
    }
    info!("Making the database directory {}", cluster.display());
    let unfinished = place
        .directory
        .join(format!("{UNFINISHED}{:016x}", rand::random::<u64>()));
    make_private(&unfinished, user)?;

    let mut initdb = user.command(&binaries.program("initdb"));
    initdb.arg("--pgdata").arg(&unfinished);
    initdb.args([
        "--username",
        ROLE,
        "--auth=peer",
        "--encoding=UTF8",
        "--locale=C",
        "--data-checksums",
    ]);
    if durability == Durability::None {
        initdb.arg("--no-sync");
    }
    let lock = server_lock
        .try_clone()
        .map_err(EmbeddedError::io("sharing the server's lock"))?;
    initdb.stdin(Stdio::from(lock)).kill_on_drop(true);
    let output = initdb
        .output()
        .await
        .map_err(EmbeddedError::io("running initdb"))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        let said = said
            .lines()
            .rev()
            .find(|line| !line.trim().is_empty())
            .unwrap_or_default()
            .to_owned();
        return Err(EmbeddedError::Initialise {
            status: output.status,
            said,
        });
    }
    fs::rename(&unfinished, &cluster)
        .and_then(|()| File::open(&place.directory)?.sync_all())
        .map_err(EmbeddedError::io(format!("making {}", cluster.display())))
}

fn remove_unfinished(directory: &Path) -> Result<(), EmbeddedError> {
    let failed = || EmbeddedError::io(format!("reading {}", directory.display()));
    for entry in fs::read_dir(directory).map_err(failed())? {
        let entry = entry.map_err(failed())?;
        if entry.file_name().to_string_lossy().starts_with(UNFINISHED) {
            let path = entry.path();
            fs::remove_dir_all(&path)
                .map_err(EmbeddedError::io(format!("removing {}", path.display())))?;
        }
    }
    Ok(())
}
