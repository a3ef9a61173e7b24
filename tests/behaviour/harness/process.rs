//! Processes of our own for tests: the test binary runs itself again with one of its ignored tests.

use std::path::Path;
use std::process::{Command, Stdio};

use nix::errno::Errno;
use nix::sys::signal::kill;
use nix::unistd::Pid;

/// A command that runs one ignored test of this binary, by its full path as `concat!(module_path!(), "::name")` gives
/// it, in a process group of its own. Nothing of it reaches our output.
pub fn ignored_test(full_path: &str) -> Command {
    let program = std::env::current_exe().expect("the test binary has a path");
    ignored_test_of(&program, full_path)
}

/// The same with a copy of this binary.
pub fn ignored_test_of(program: &Path, full_path: &str) -> Command {
    use std::os::unix::process::CommandExt;

    let mut command = Command::new(program);
    command.args(words_for(full_path));
    command
        .process_group(0)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command
}

/// What the test binary is told so that it runs one ignored test.
pub(super) fn words_for(full_path: &str) -> [&str; 5] {
    let (_crate_name, test) = full_path.split_once("::").unwrap_or(("", full_path));
    [
        "--ignored",
        "--exact",
        "--nocapture",
        "--test-threads=1",
        test,
    ]
}

/// Whether a process with this id exists.
pub fn lives(process: i32) -> bool {
    kill(Pid::from_raw(process), None) != Err(Errno::ESRCH)
}
