//! Where clusters of tests lie: in memory where there is enough of it, else in the target folder.

use std::fs;
use std::path::{Path, PathBuf};

use nix::sys::statvfs::statvfs;
use nix::unistd::geteuid;

use super::process::lives;

/// A container's `/dev/shm` is often 64 MiB, which is no room for databases.
const MEMORY_BYTES_MIN: u64 = 1 << 30;

/// Cargo's folder for files of integration tests.
const TARGET: &str = env!("CARGO_TARGET_TMPDIR");

/// The folder of one kind of file in the target folder, by user, so that root's and others' runs do not meet.
pub fn in_target(name: &str) -> PathBuf {
    let folder = Path::new(TARGET).join(format!("{name}-{}", geteuid()));
    fs::create_dir_all(&folder).expect("the target folder can be written to");
    folder
}

/// A path for a cluster that is the same for every process of this target folder.
pub fn shared(name: &str) -> PathBuf {
    // Two work trees on one machine must not meet in memory.
    let tree = TARGET
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
    in_memory_or_target(&format!("nexus-gateway-{}-{tree:016x}-{name}", geteuid()))
}

/// A path for a cluster of this process alone. Those of processes that are gone are removed.
pub fn private() -> PathBuf {
    const PREFIX: &str = "nexus-gateway-private-";
    let path = in_memory_or_target(&format!(
        "{PREFIX}{}-{:08x}",
        std::process::id(),
        rand::random::<u32>()
    ));
    let parent = path.parent().expect("the path was joined to a parent");
    for entry in fs::read_dir(parent)
        .expect("the parent can be read")
        .flatten()
    {
        let name = entry.file_name().to_string_lossy().into_owned();
        let owner = name
            .strip_prefix(PREFIX)
            .and_then(|rest| rest.split('-').next()?.parse().ok());
        if owner.is_some_and(|owner| !lives(owner)) {
            // Another process may be removing it at this moment.
            let _removed = fs::remove_dir_all(entry.path());
        }
    }
    path
}

fn in_memory_or_target(name: &str) -> PathBuf {
    let memory = Path::new("/dev/shm");
    let room = statvfs(memory).map(|stat| stat.blocks_available() * stat.fragment_size());
    let roomy = room.is_ok_and(|bytes| bytes >= MEMORY_BYTES_MIN);
    let writable = nix::unistd::access(memory, nix::unistd::AccessFlags::W_OK).is_ok();
    if roomy && writable {
        memory.join(name)
    } else {
        Path::new(TARGET).join(name)
    }
}
