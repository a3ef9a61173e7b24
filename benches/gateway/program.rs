//! What is measured: a server in a process of its own, on a port of its own.

use std::error::Error;
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use sqlx::ConnectOptions;
use sqlx::postgres::PgConnectOptions;
use tempfile::TempDir;
use tokio::net::TcpStream;

use crate::reference::Kind;
use crate::tenant::KEY;

/// 32 bytes in base64.
const MASTER_KEY: &str = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";

/// Is told to end, and waited for, when this is dropped.
#[derive(Debug)]
pub struct Program {
    process: Child,
    /// Host and port.
    pub address: String,
    /// What it keeps beside its database.
    _directory: TempDir,
}

impl Program {
    /// This build of the gateway, with its default settings but for those that are given.
    pub async fn gateway(
        database: &PgConnectOptions,
        settings: &[(&str, &str)],
    ) -> Result<Self, Box<dyn Error>> {
        let directory = tempfile::tempdir()?;
        let address = free_address()?;
        let url = database.to_url_lossy();
        let mut command = Command::new(env!("CARGO_BIN_EXE_nexus-gateway"));
        command.arg("serve").current_dir(directory.path());
        let needed = [
            ("DATABASE__URL", url.as_str()),
            ("SERVER__LISTEN", &address),
            ("SERVER__INTERNAL_LISTEN", &free_address()?),
            ("SECURITY__MASTER_KEY", MASTER_KEY),
            ("SECURITY__BOOTSTRAP_API_KEY", KEY),
            ("OUTBOUND__ALLOW_NETWORKS", "127.0.0.0/8"),
        ];
        for (key, value) in needed.iter().chain(settings) {
            command.env(format!("NEXUS_GATEWAY__{key}"), value);
        }
        Self::start(command, address, directory).await
    }

    /// A reference, whose tables are made in an empty database.
    pub async fn reference(
        kind: Kind,
        database: &PgConnectOptions,
        webhook: &str,
    ) -> Result<Self, Box<dyn Error>> {
        let address = free_address()?;
        let mut command = Command::new(std::env::current_exe()?);
        command
            .args(["reference", kind.name(), "--listen", &address])
            .args(["--database-url", database.to_url_lossy().as_str()])
            .args(["--webhook", webhook]);
        Self::start(command, address, tempfile::tempdir()?).await
    }

    async fn start(
        mut command: Command,
        address: String,
        directory: TempDir,
    ) -> Result<Self, Box<dyn Error>> {
        command.stdin(Stdio::null()).stderr(Stdio::null());
        let mut started = Self {
            process: command.spawn()?,
            address,
            _directory: directory,
        };
        while TcpStream::connect(&started.address).await.is_err() {
            if let Some(status) = started.process.try_wait()? {
                return Err(format!("{command:?} ended with {status}").into());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(started)
    }

    pub fn id(&self) -> i32 {
        i32::try_from(self.process.id()).unwrap_or(i32::MAX)
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended already.
        let _sent = kill(Pid::from_raw(self.id()), Signal::SIGTERM);
        let _ended = self.process.wait();
    }
}

fn free_address() -> std::io::Result<String> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string())
}
