//! The server as our child: its arguments, its start behind the guard, its log, its end.

use std::collections::VecDeque;
use std::fs::File;
use std::path::Path;
use std::pin::pin;
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::FusedFuture;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWriteExt, BufReader};
use tokio::process::Child;
use tokio::select;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tracing::{debug, error};

use super::guard::{Guard, no_pipe};
use super::place::{Place, SocketDirectory};
use super::system_user::SystemUser;
use super::{Durability, EmbeddedError, EmbeddedSettings, ROLE};

/// How many of the server's last lines are kept for an error message.
const LINES_KEPT: usize = 5;

/// How long the log of a server that ended is read on.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// Waits for a word from us and becomes the server. So the guard knows the server's process id before there is a
/// server, and a gateway that is killed in between leaves none. The standard output of the shell is the server's lock:
/// it becomes the server's standard input, which all of its processes inherit.
const LAUNCH: &str = r#"read -r word && exec "$@" <&1 >&2"#;

/// A server process that runs, with the task that reads its log and awaits its end.
#[derive(Debug)]
pub(super) struct Server {
    process: Pid,
    ended: watch::Receiver<Option<ExitStatus>>,
    last_lines: LastLines,
    /// Dropping this lets go of the guard's pipe, and the guard stops the server.
    _task: JoinSet<()>,
}

impl Server {
    /// Starts the server; it may still be recovering when this returns.
    pub(super) async fn launch(
        postgres: &Path,
        arguments: Vec<String>,
        user: &SystemUser,
        mut guard: Guard,
        lock: File,
    ) -> Result<Self, EmbeddedError> {
        let mut shell = user.command(Path::new("/bin/sh"));
        shell
            .args(["-c", LAUNCH, "nexus-gateway-postgres"])
            .arg(postgres)
            .args(arguments);
        shell
            .stdin(Stdio::piped())
            .stdout(Stdio::from(lock))
            .stderr(Stdio::piped());
        let mut child = shell
            .spawn()
            .map_err(EmbeddedError::io("starting Postgres"))?;
        // The command still holds our copy of the lock.
        drop(shell);
        let (Some(id), Some(mut word), Some(log)) =
            (child.id(), child.stdin.take(), child.stderr.take())
        else {
            return Err(EmbeddedError::io("starting Postgres")(no_pipe()));
        };
        guard.watch(id).await?;
        word.write_all(b"start\n")
            .await
            .map_err(EmbeddedError::io("starting Postgres"))?;
        drop(word);

        let last_lines = LastLines::default();
        let (tell, ended) = watch::channel(None);
        let mut tasks = JoinSet::new();
        tasks.spawn(accompany(child, log, last_lines.clone(), guard, tell));
        Ok(Self {
            process: Pid::from_raw(id.cast_signed()),
            ended,
            last_lines,
            _task: tasks,
        })
    }

    /// Resolves when the server has ended, for whatever reason.
    pub(super) fn ended(&self) -> impl Future<Output = ()> + Send + 'static {
        let mut ended = self.ended.clone();
        async move {
            // An error means that the task that waits is gone, and with it the server's guard: the end, too.
            let _status = ended.wait_for(Option::is_some).await;
        }
    }

    /// The status that it ended with, if it has ended.
    pub(super) fn status(&self) -> Option<ExitStatus> {
        *self.ended.borrow()
    }

    pub(super) fn process(&self) -> i32 {
        self.process.as_raw()
    }

    /// The last lines that the server wrote, on one line.
    pub(super) fn said(&self) -> String {
        self.last_lines.joined()
    }

    /// Sends a signal, unless the server has ended (its id may then be another process').
    pub(super) fn signal(&self, signal: Signal) {
        if self.status().is_none()
            && let Err(errno) = kill(self.process, signal)
        {
            debug!(
                "Postgres (process {}) could not be sent {signal}: {errno}",
                self.process
            );
        }
    }
}

/// What the server is started with. These win over `postgresql.conf`, which stays the operator's to tune the rest.
pub(super) fn arguments(
    settings: &EmbeddedSettings,
    place: &Place,
    user: &SystemUser,
    sockets: &SocketDirectory,
) -> Result<Vec<String>, EmbeddedError> {
    let access = place.write("hba.conf", "local all all peer map=gateway\n")?;
    let map = format!(
        "gateway \"{}\" {ROLE}\ngateway \"{}\" {ROLE}\n",
        user.name, user.our_name
    );
    let names = place.write("ident.conf", &map)?;
    let kept = if settings.durability == Durability::Full {
        "on"
    } else {
        "off"
    };
    let mut parameters = vec![
        parameter("hba_file", access.display()),
        parameter("ident_file", names.display()),
        parameter("listen_addresses", ""),
        parameter("port", "5432"),
        parameter("unix_socket_directories", quoted(&sockets.path)),
        parameter("unix_socket_permissions", "0700"),
        parameter("fsync", kept),
        parameter("full_page_writes", kept),
        parameter("synchronous_commit", kept),
        parameter("timezone", "UTC"),
        parameter("log_timezone", "UTC"),
        parameter("cluster_name", "nexus-gateway"),
        // The log comes to us. What a statement holds is a customer's and stays out of it; the error itself
        // goes to whoever sent the statement.
        parameter("log_destination", "stderr"),
        parameter("logging_collector", "off"),
        parameter("log_line_prefix", ""),
        parameter("log_min_messages", "log"),
        parameter("log_min_error_statement", "panic"),
        parameter("log_error_verbosity", "terse"),
    ];
    parameters.extend(
        settings
            .parameters
            .iter()
            .map(|(name, value)| parameter(name, value)),
    );
    let mut arguments = vec!["-D".to_owned(), place.cluster().display().to_string()];
    arguments.extend(
        parameters
            .into_iter()
            .flat_map(|parameter| ["-c".to_owned(), parameter]),
    );
    Ok(arguments)
}

fn parameter(name: &str, value: impl std::fmt::Display) -> String {
    format!("{name}={value}")
}

/// `unix_socket_directories` is a list: a comma or space in a path must not divide it.
fn quoted(path: &Path) -> String {
    format!("\"{}\"", path.display().to_string().replace('"', "\"\""))
}

/// Reads the log and awaits the end, then lets the guard go and tells.
async fn accompany(
    mut child: Child,
    log: impl AsyncRead + Unpin,
    last_lines: LastLines,
    guard: Guard,
    tell: watch::Sender<Option<ExitStatus>>,
) {
    let mut log = pin!(read_log(log, last_lines).fuse());
    let ended = loop {
        select! {
            ended = child.wait() => break ended,
            () = &mut log, if !log.is_terminated() => {}
        }
    };
    match ended {
        Ok(status) => {
            guard.release().await;
            // What it said last may still be in the pipe, which stays open until the last of its processes is gone.
            if !log.is_terminated() {
                let _closed = timeout(LAST_WORDS, log).await;
            }
            tell.send_replace(Some(status));
        }
        // Dropping the guard makes it stop the server; dropping `tell` says that it is the end.
        Err(cause) => error!("Postgres could not be waited for: {cause}"),
    }
}

async fn read_log(log: impl AsyncRead + Unpin, last_lines: LastLines) {
    let mut lines = BufReader::new(log).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        if line.starts_with("PANIC:") {
            error!("Postgres: {line}");
        } else {
            debug!("Postgres: {line}");
        }
        last_lines.add(line);
    }
}

#[derive(Debug, Clone, Default)]
struct LastLines(Arc<Mutex<VecDeque<String>>>);

impl LastLines {
    fn add(&self, line: String) {
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.len() == LINES_KEPT {
            lines.pop_front();
        }
        lines.push_back(line);
    }

    fn joined(&self) -> String {
        let lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        lines
            .iter()
            .map(|line| line.trim())
            .collect::<Vec<_>>()
            .join("; ")
    }
}

/// Removes a socket directory that was only for this run. (Its guard does so where the gateway is killed.)
pub(super) fn remove_temporary(sockets: &SocketDirectory) {
    if sockets.temporary {
        // The guard may have been quicker.
        let _removed = std::fs::remove_dir(&sockets.path);
    }
}
