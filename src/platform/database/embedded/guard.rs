//! The guard: a small shell process that stops the server when the gateway dies, whatever killed it.
//!
//! It reads from a pipe whose other end only the gateway holds, so the kernel tells it of the gateway's death. It is in
//! a process group of its own and ignores the terminal's signals, so what kills the gateway's group leaves it alive.

use std::path::Path;
use std::process::Stdio;

use tokio::io::AsyncWriteExt;
use tokio::process::{Child, ChildStdin};

use super::EmbeddedError;
use super::place::SocketDirectory;
use super::system_user::SystemUser;

/// Every line read names the process to stop at the end; an empty one, none. `$1` is a directory to remove, or nothing.
/// SIGINT ends the server in an orderly way; SIGQUIT at once (it recovers at its next start); SIGKILL is for one that
/// hangs.
const SCRIPT: &str = r#"
trap '' HUP INT QUIT TERM
server=
while read -r line; do server=$line; done
finish() {
    [ -z "$1" ] || rmdir "$1" 2>/dev/null
    exit 0
}
send_and_wait() {
    kill -"$2" "$server" 2>/dev/null || finish "$1"
    tenths=$3
    while [ "$tenths" -gt 0 ]; do
        kill -0 "$server" 2>/dev/null || finish "$1"
        sleep 0.1
        tenths=$((tenths - 1))
    done
}
[ -n "$server" ] || finish "$1"
send_and_wait "$1" INT 20
send_and_wait "$1" QUIT 60
send_and_wait "$1" KILL 10
finish "$1"
"#;

#[derive(Debug)]
pub(super) struct Guard {
    process: Child,
    line: ChildStdin,
}

impl Guard {
    /// Starts a guard that guards nothing yet. It runs as the server's user, so that it could stop nobody else's process.
    pub(super) fn start(
        user: &SystemUser,
        sockets: &SocketDirectory,
    ) -> Result<Self, EmbeddedError> {
        let mut shell = user.command(Path::new("/bin/sh"));
        shell.args(["-c", SCRIPT, "nexus-gateway-guard"]);
        shell.arg(if sockets.temporary {
            sockets.path.as_os_str()
        } else {
            "".as_ref()
        });
        shell
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let mut process = shell
            .spawn()
            .map_err(EmbeddedError::io("starting the guard"))?;
        let line = process
            .stdin
            .take()
            .ok_or_else(|| EmbeddedError::io("starting the guard")(no_pipe()))?;
        Ok(Self { process, line })
    }

    /// From now on `server` is stopped when this process dies.
    pub(super) async fn watch(&mut self, server: u32) -> Result<(), EmbeddedError> {
        let line = format!("{server}\n");
        self.line
            .write_all(line.as_bytes())
            .await
            .map_err(EmbeddedError::io("writing to the guard"))
    }

    /// The server has ended: the guard has nothing more to do and ends, too.
    pub(super) async fn release(mut self) {
        // Its id may soon be another process', so the guard must not signal it. A guard that is dead signals nobody.
        let told = self.line.write_all(b"\n").await;
        drop(self.line);
        if told.is_ok() {
            let _ended = self.process.wait().await;
        }
    }
}

pub(super) fn no_pipe() -> std::io::Error {
    std::io::Error::other("the child has no pipe")
}
