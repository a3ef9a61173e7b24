//! A cluster of one test's own, which the test may restart and kill while the gateway uses it.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use nexus_gateway::platform::database::embedded::{Durability, EmbeddedPostgres, EmbeddedSettings};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use sqlx::ConnectOptions;
use sqlx::postgres::PgConnectOptions;
use tokio::time::timeout;

use super::disk::Disk;
use super::room;

/// How long a server that cannot go on may take to say so.
const GIVES_UP: Duration = Duration::from_mins(1);

/// A running cluster, or one that the test stopped. It is removed with this value.
#[derive(Debug)]
pub struct PrivateCluster {
    settings: EmbeddedSettings,
    options: PgConnectOptions,
    running: Option<EmbeddedPostgres>,
    directory: PathBuf,
    /// Holds a part of its data, where a test wants that.
    disk: Option<Disk>,
}

/// Makes and starts a cluster.
pub async fn private(durability: Durability) -> PrivateCluster {
    let directory = room::private();
    let settings = EmbeddedSettings {
        durability,
        search_path: std::env::var_os("PATH"),
        ..EmbeddedSettings::in_directory(&directory)
    };
    let running = EmbeddedPostgres::start(&settings)
        .await
        .expect("a private cluster starts");
    let options = running.connect_options("nexus_gateway");
    let directory = running.directory().to_path_buf();
    PrivateCluster {
        settings,
        options,
        running: Some(running),
        directory,
        disk: None,
    }
}

impl PrivateCluster {
    /// How to connect; the same over all restarts.
    pub fn connect_options(&self, database: &str) -> PgConnectOptions {
        self.options.clone().database(database)
    }

    /// The same for another process.
    pub fn url(&self, database: &str) -> String {
        self.connect_options(database).to_url_lossy().to_string()
    }

    /// Ends it in order: connections are cut, everything is written.
    pub async fn stop_fast(&mut self) {
        self.end(Signal::SIGINT).await;
    }

    /// Ends it at once; its next start recovers.
    pub async fn stop_immediate(&mut self) {
        self.end(Signal::SIGQUIT).await;
    }

    /// Kills the server process; its next start recovers.
    pub async fn kill_9(&mut self) {
        self.end(Signal::SIGKILL).await;
    }

    /// Starts it again after one of the three.
    pub async fn start(&mut self) {
        assert!(self.running.is_none(), "the cluster runs already");
        let running = EmbeddedPostgres::start(&self.settings)
            .await
            .expect("a private cluster starts again");
        self.running = Some(running);
    }

    /// Moves a part of its data, such as `pg_wal`, to a small disk of its own.
    pub async fn moves_to_a_disk(&mut self, part: &str, mebibytes: u32) -> &Disk {
        self.stop_fast().await;
        let part = self.directory.join("postgres").join(part);
        self.disk = Some(Disk::over(&part, mebibytes));
        self.start().await;
        self.disk()
    }

    /// The small disk.
    pub fn disk(&self) -> &Disk {
        self.disk.as_ref().expect("a part of it was moved")
    }

    /// Waits until it has ended by itself.
    pub async fn gives_up(&mut self) {
        let running = self.running.take().expect("the cluster runs");
        let ended = timeout(GIVES_UP, running.exited()).await;
        ended.expect("the cluster gives up");
    }

    /// Starts it in vain.
    pub async fn does_not_start(&mut self) {
        assert!(self.running.is_none(), "the cluster runs already");
        let started = EmbeddedPostgres::start(&self.settings).await;
        assert!(started.is_err(), "the cluster starts");
    }

    async fn end(&mut self, signal: Signal) {
        let running = self.running.take().expect("the cluster runs");
        kill(Pid::from_raw(running.process_id()), signal).expect("the server can be signalled");
        running.exited().await;
    }
}

impl Drop for PrivateCluster {
    fn drop(&mut self) {
        if let Some(running) = self.running.take() {
            // It may have ended by itself; what is left is removed either way.
            let _sent = kill(Pid::from_raw(running.process_id()), Signal::SIGQUIT);
        }
        self.disk = None;
        // The server writes until it has ended, and nothing can be awaited here. What remains is removed by a later run.
        for _attempt in 0..20 {
            if fs::remove_dir_all(&self.directory).is_ok() {
                return;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}
