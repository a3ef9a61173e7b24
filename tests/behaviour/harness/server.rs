//! A gateway as a process of its own, for what can only be done to processes: killing, freezing, signals.

use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use nexus_gateway::simulator::WireClient;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use reqwest::Method;
use reqwest::header::HeaderMap;
use tokio::time::{sleep, timeout};

use super::eventually::eventually;
use super::gateway::environment;
use super::ports::Ports;
use super::room;
use super::tenant::SOON;

/// A running `nexus-gateway serve`. Killed when dropped.
#[derive(Debug)]
pub struct Server {
    child: Child,
    pub url: String,
    pub internal_url: String,
    _ports: Ports,
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
        let ports = Ports::claim();
        let (listen, internal_listen) = (
            format!("127.0.0.1:{}", ports.public),
            format!("127.0.0.1:{}", ports.internal),
        );
        let mut settings = settings.to_vec();
        settings.extend([
            ("SERVER__LISTEN", listen.as_str()),
            ("SERVER__INTERNAL_LISTEN", &internal_listen),
        ]);
        let name = format!("{}-{}.log", std::process::id(), ports.public);
        let log = room::in_target("servers").join(name);
        let child = Command::new(env!("CARGO_BIN_EXE_nexus-gateway"))
            .arg("serve")
            .args(words)
            .env("NEXUS_GATEWAY__LOGGING__FILTER", "warn")
            .envs(environment(database_url, &settings))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(&log).unwrap())
            .spawn()
            .unwrap();
        Self {
            child,
            url: format!("http://{listen}"),
            internal_url: format!("http://{internal_listen}"),
            _ports: ports,
            log,
        }
    }

    pub async fn wait_until_ready(&self) {
        let client = WireClient::new().unwrap();
        let url = format!("{}/health/ready", self.url);
        let asked = timeout(SOON, async {
            loop {
                let reply = client
                    .send(Method::GET, &url, HeaderMap::new(), Vec::new())
                    .await;
                if reply.is_ok_and(|reply| reply.status == 200) {
                    break;
                }
                sleep(Duration::from_millis(20)).await;
            }
        });
        assert!(asked.await.is_ok(), "not ready; it said: {}", self.said());
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

    /// Its log so far.
    pub fn said(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }

    /// Whether a line of its log has these words.
    pub fn has_said(&self, words: &str) -> bool {
        self.said().contains(words)
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
    command(database_url, &[], words).output().unwrap()
}

/// Another command of the gateway on a database, to be run as one likes.
pub fn command(database_url: &str, settings: &[(&str, &str)], words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_nexus-gateway"));
    command
        .args(words)
        .envs(environment(database_url, settings))
        .env("NEXUS_GATEWAY__LOGGING__FILTER", "warn")
        .stdin(Stdio::null());
    command
}
