//! A process that owns a server, for tests that kill it.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use nexus_gateway::platform::database::embedded::{EmbeddedPostgres, EmbeddedSettings};
use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;
use sqlx::{Connection, PgConnection};
use tempfile::TempDir;

use crate::harness::eventually::eventually;
use crate::harness::process::{ignored_test, ignored_test_of};

const DIRECTORY: &str = "NEXUS_GATEWAY_TEST_DIRECTORY";

pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// A process like a gateway: it owns the server in its directory until it dies.
#[derive(Debug)]
pub(crate) struct Owner {
    process: Child,
    directory: PathBuf,
}

impl Owner {
    /// Starts the process; its server may not run yet.
    pub(crate) fn spawn(directory: &Path) -> Self {
        Self::spawn_by(ignored_test(Self::TEST), directory)
    }

    /// Starts the process as another user, who must be able to reach `program`, a copy of this binary.
    pub(crate) fn spawn_as(user: &str, program: &Path, directory: &Path) -> Self {
        let owner = ignored_test_of(program, Self::TEST);
        let mut command = Command::new("setpriv");
        command.args(["--reuid", user, "--regid", "nogroup", "--clear-groups"]);
        command.arg(owner.get_program()).args(owner.get_args());
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        Self::spawn_by(command, directory)
    }

    const TEST: &'static str = concat!(module_path!(), "::owns_a_server_until_it_is_killed");

    fn spawn_by(mut command: Command, directory: &Path) -> Self {
        let process = command
            .env(DIRECTORY, directory)
            .spawn()
            .expect("the test binary can be run again");
        Self {
            process,
            directory: directory.to_path_buf(),
        }
    }

    /// Waits until the server answers and holds one row for this start; gives the number of rows.
    pub(crate) async fn ready(&mut self) -> i64 {
        let ready = self.directory.join("ready");
        eventually("the owner says that it is ready", PATIENCE, async || {
            let ended = self.process.try_wait().expect("a child can be waited for");
            assert!(ended.is_none(), "the owner ended: {ended:?}");
            fs::read_to_string(&ready).ok()?.parse().ok()
        })
        .await
    }

    pub(crate) fn id(&self) -> i32 {
        self.process.id().cast_signed()
    }

    /// Kills the process, and it alone, and reaps it.
    pub(crate) fn kill_9(mut self) {
        kill(Pid::from_raw(self.id()), Signal::SIGKILL).expect("our child can be killed");
        self.reap();
    }

    /// Sends a signal to the process' whole group, as a terminal does.
    pub(crate) fn signal_group(mut self, signal: Signal) {
        killpg(Pid::from_raw(self.id()), signal).expect("our child's group can be killed");
        self.reap();
    }

    fn reap(&mut self) {
        self.process.wait().expect("a child can be waited for");
        let _not_written = fs::remove_file(self.directory.join("ready"));
    }
}

#[test]
#[ignore = "not a test: others run this as a process of its own"]
fn owns_a_server_until_it_is_killed() {
    let Some(directory) = std::env::var_os(DIRECTORY).map(PathBuf::from) else {
        return;
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime can be built");
    runtime.block_on(async {
        let postgres = start(&directory).await;
        let starts = note_a_start(&postgres).await;
        fs::write(directory.join("ready.written"), starts.to_string())
            .expect("the directory can be written to");
        fs::rename(directory.join("ready.written"), directory.join("ready"))
            .expect("a file can be renamed");
        std::future::pending::<()>().await;
    });
}

/// A directory that any user may pass through. (`tempdir` makes one that only its maker may enter.)
pub(crate) fn open_directory() -> TempDir {
    let directory = tempfile::tempdir().expect("there is room for a directory");
    fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755))
        .expect("our directory can be opened");
    directory
}

pub(crate) fn settings(directory: &Path) -> EmbeddedSettings {
    EmbeddedSettings {
        search_path: std::env::var_os("PATH"),
        ..EmbeddedSettings::in_directory(directory)
    }
}

pub(crate) async fn start(directory: &Path) -> EmbeddedPostgres {
    EmbeddedPostgres::start(&settings(directory))
        .await
        .expect("the server starts")
}

/// Commits one row and counts all.
pub(crate) async fn note_a_start(postgres: &EmbeddedPostgres) -> i64 {
    let options = postgres.connect_options("nexus_gateway");
    let mut connection = PgConnection::connect_with(&options)
        .await
        .expect("the server answers");
    for statement in [
        "create table if not exists starts (number int)",
        "insert into starts values (1)",
    ] {
        sqlx::query(statement)
            .execute(&mut connection)
            .await
            .expect("the statement is valid");
    }
    sqlx::query_scalar("select count(*) from starts")
        .fetch_one(&mut connection)
        .await
        .expect("rows can be counted")
}

/// The processes, zombies aside, that work on the data in `directory`: the server's, and `initdb`'s.
pub(crate) fn processes_on(directory: &Path) -> Vec<i32> {
    let directory = directory.canonicalize().expect("the directory exists");
    processes()
        .into_iter()
        .filter(|process| works_on(*process, &directory))
        .collect()
}

/// The guard of a gateway.
pub(crate) fn guard_of(gateway: i32) -> i32 {
    let is_guard = |process: &i32| {
        let command = fs::read(format!("/proc/{process}/cmdline")).unwrap_or_default();
        let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
        let parent = stat
            .rsplit_once(") ")
            .and_then(|(_, rest)| rest.split(' ').nth(1)?.parse::<i32>().ok());
        String::from_utf8_lossy(&command).contains("nexus-gateway-guard") && parent == Some(gateway)
    };
    processes()
        .into_iter()
        .find(is_guard)
        .expect("the gateway has a guard")
}

fn processes() -> Vec<i32> {
    let entries = fs::read_dir("/proc").expect("these tests need /proc");
    entries
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .collect()
}

fn works_on(process: i32, directory: &Path) -> bool {
    let works_in = fs::read_link(format!("/proc/{process}/cwd")).unwrap_or_default();
    let command = fs::read(format!("/proc/{process}/cmdline")).unwrap_or_default();
    let named =
        String::from_utf8_lossy(&command).contains(&*directory.join("postgres").to_string_lossy());
    let program = fs::read_link(format!("/proc/{process}/exe")).unwrap_or_default();
    let is_postgres = program.ends_with("postgres") || program.ends_with("initdb");
    is_postgres && (named || works_in.starts_with(directory))
}
