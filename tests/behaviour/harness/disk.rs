//! Small disks that a test can fill. Nobody else sees them: a test that needs one runs again in a process with mounts of
//! its own, and with that process they are gone.
#![expect(
    clippy::print_stdout,
    reason = "what the other process says is for whoever runs these tests"
)]

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::process::words_for;

/// How a process gets mounts of its own: as root, and as somebody who is root of nothing else.
const WAYS: [&[&str]; 2] = [
    &["--mount"],
    &["--mount", "--user", "--map-current-user", "--keep-caps"],
];
/// What the process is told, if anything; without it, it does nothing.
const ORDER: &str = "NEXUS_GATEWAY_TEST_WITH_DISKS";
/// Whoever sets it knows that these tests are left out.
const LEFT_OUT: &str = "NEXUS_GATEWAY_TEST_WITHOUT_DISKS";
/// The file that takes the room.
const BALLAST: &str = "ballast";

/// Runs one ignored test of this binary, with an order for it, where it may mount disks, and fails as it does.
///
/// # Panics
///
/// Also where nobody may mount anything, since a test that did not run has shown nothing.
pub fn run_with_disks(full_path: &str, order: &str) {
    if std::env::var_os(LEFT_OUT).is_some() {
        return;
    }
    let Some(way) = WAYS.into_iter().find(|way| may_mount(way)) else {
        panic!(
            "this test fills a disk, and disks cannot be mounted here, neither as root (CAP_SYS_ADMIN) nor in a user \
             namespace of one's own; to leave it out, set {LEFT_OUT}=1"
        );
    };
    let mut command = Command::new("unshare");
    command
        .args(way)
        .arg(std::env::current_exe().expect("the test binary has a path"))
        .args(words_for(full_path))
        .env(ORDER, order)
        .stdin(Stdio::null());
    let output = command.output().expect("unshare can be run");
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    assert!(output.status.success(), "{said}");
    println!("{said}");
}

/// What this process was told; `None` where nobody told it anything, so that it has no mounts of its own.
pub fn order() -> Option<String> {
    std::env::var_os(ORDER)?.into_string().ok()
}

fn may_mount(way: &[&str]) -> bool {
    let mut command = Command::new("unshare");
    command
        .args(way)
        .args(["mount", "-t", "tmpfs", "tmpfs", "/tmp"]);
    command.stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

/// A mounted disk; unmounted with this value.
#[derive(Debug)]
pub struct Disk {
    at: PathBuf,
}

impl Disk {
    /// Mounts one of this size over a directory, and moves what is in the directory onto it.
    pub fn over(directory: &Path, mebibytes: u32) -> Self {
        let aside = directory.with_extension("aside");
        run("cp", &["-a".as_ref(), directory, &aside]);
        let size = format!("size={mebibytes}m");
        let mount = ["-t", "tmpfs", "-o", &size, "tmpfs"].map(Path::new);
        run("mount", &[&mount[..], &[directory]].concat());
        let disk = Self {
            at: directory.to_path_buf(),
        };
        run("cp", &["-a".as_ref(), &aside.join("."), directory]);
        fs::remove_dir_all(aside).expect("what was moved can be removed");
        disk
    }

    /// Takes all the room that is left.
    pub fn fill(&self) {
        let mut ballast = File::create(self.at.join(BALLAST)).expect("a file can be made");
        for size in [1 << 20, 1 << 12] {
            let piece = vec![0; size];
            let refused = loop {
                if let Err(refused) = ballast.write_all(&piece) {
                    break refused;
                }
            };
            assert_eq!(refused.kind(), io::ErrorKind::StorageFull, "{refused}");
        }
    }

    /// Gives the room back.
    pub fn make_room(&self) {
        fs::remove_file(self.at.join(BALLAST)).expect("what takes the room can be removed");
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let unmounted = Command::new("umount").arg("--lazy").arg(&self.at).status();
        // It ends with this process at the latest.
        let _ = unmounted;
    }
}

fn run(program: &str, words: &[&Path]) {
    let output = Command::new(program).args(words).output();
    let output = output.expect("a program of the system can be run");
    assert!(output.status.success(), "{program} {words:?}: {output:?}");
}
