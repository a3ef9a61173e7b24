//! A gateway as a process of its own, for what can only be done to processes: killing, freezing, signals.

use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};

use nexus_gateway::simulator::WireClient;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use reqwest::Method;
use reqwest::header::HeaderMap;

use super::eventually::eventually;
use super::gateway::environment;
use super::room;
use super::tenant::SOON;

/// A running `nexus-gateway serve`. Killed when dropped.
#[derive(Debug)]
pub struct Server {
    child: Child,
    pub url: String,
    pub internal_url: String,
    /// What it says; kept where the test fails.
    log: PathBuf,
}

impl Server {
    /// Starts a replica on a database and waits until it is ready.
    pub async fn start(database_url: &str, settings: &[(&str, &str)]) -> Self {
        let server = Self::spawn(database_url, settings);
        server.wait_until_ready().await;
        server
    }

    /// Starts a replica without waiting for it.
    pub fn spawn(database_url: &str, settings: &[(&str, &str)]) -> Self {
        Self::spawn_with(database_url, settings, &[])
    }

    /// The same with further words on its command line.
    pub fn spawn_with(database_url: &str, settings: &[(&str, &str)], words: &[&str]) -> Self {
        let (public, internal) = (free_port(), free_port());
        let (listen, internal_listen) = (
            format!("127.0.0.1:{public}"),
            format!("127.0.0.1:{internal}"),
        );
        let mut settings = settings.to_vec();
        settings.extend([
            ("SERVER__LISTEN", listen.as_str()),
            ("SERVER__INTERNAL_LISTEN", &internal_listen),
        ]);
        let log = room::in_target("servers").join(format!("{}-{public}.log", std::process::id()));
        let child = Command::new(env!("CARGO_BIN_EXE_nexus-gateway"))
            .arg("serve")
            .args(words)
            .envs(environment(database_url, &settings))
            .env("NEXUS_GATEWAY__LOGGING__FILTER", "warn")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(&log).unwrap())
            .spawn()
            .unwrap();
        Self {
            child,
            url: format!("http://{listen}"),
            internal_url: format!("http://{internal_listen}"),
            log,
        }
    }

    pub async fn wait_until_ready(&self) {
        let client = WireClient::new().unwrap();
        let url = format!("{}/health/ready", self.url);
        eventually("the replica is ready", SOON, async || {
            let reply = client
                .send(Method::GET, &url, HeaderMap::new(), Vec::new())
                .await
                .ok()?;
            (reply.status == 200).then_some(())
        })
        .await;
    }

    pub fn signal(&self, signal: Signal) {
        kill(
            Pid::from_raw(i32::try_from(self.child.id()).unwrap()),
            signal,
        )
        .unwrap();
    }

    /// SIGKILL, and gone.
    pub fn kill_9(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Whether a line of its log has these words.
    pub fn has_said(&self, words: &str) -> bool {
        fs::read_to_string(&self.log).unwrap().contains(words)
    }

    /// Whether the process is gone, whatever ended it.
    pub fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    /// Waits for the end of the process and gives back its exit code.
    pub async fn exit_code(&mut self) -> Option<i32> {
        let child = &mut self.child;
        eventually("the replica has ended", SOON, async || {
            child.try_wait().unwrap()
        })
        .await
        .code()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // One that has ended already cannot be killed.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if !std::thread::panicking() {
            let _ = fs::remove_file(&self.log);
        }
    }
}

/// Runs another command of the gateway on a database to its end.
pub fn run(database_url: &str, words: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_nexus-gateway"))
        .args(words)
        .envs(environment(database_url, &[]))
        .env("NEXUS_GATEWAY__LOGGING__FILTER", "warn")
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

/// A port that was free a moment ago.
fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port()
}
