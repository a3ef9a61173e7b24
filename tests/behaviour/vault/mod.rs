//! What seals the stored secrets: replaced while the gateway serves, wrong, missing, and secrets in a wrong place.

mod columns;
mod given;
mod many;
mod moved;
mod persons;
mod rotation;

use nexus_gateway::simulator::{ThirdParty, ThirdPartyOptions};
use nexus_gateway::values::Secret;
use nix::sys::signal::Signal;
use serde_json::json;
use sqlx::{ConnectOptions, PgConnection};

use crate::harness::gateway::{MASTER_KEY, TestDatabase, WEBHOOK_SECRET, database};
use crate::harness::server::{self, Server};
use crate::harness::tenant::Tenant;

/// Another master key than every test gateway has.
const NEW_KEY: &str = "ZmVkY2JhOTg3NjU0MzIxMGZlZGNiYTk4NzY1NDMyMTA=";

const ONLY_OLD: [(&str, &str); 1] = [("SECURITY__MASTER_KEY", MASTER_KEY)];
/// How replicas are restarted first: with the key to come beside the old one.
const OLD_AND_NEW: [(&str, &str); 2] = [
    ("SECURITY__MASTER_KEY", MASTER_KEY),
    ("SECURITY__OTHER_MASTER_KEYS", NEW_KEY),
];
/// And then, one after the other.
const NEW_AND_OLD: [(&str, &str); 2] = [
    ("SECURITY__MASTER_KEY", NEW_KEY),
    ("SECURITY__OTHER_MASTER_KEYS", MASTER_KEY),
];
const ONLY_NEW: [(&str, &str); 1] = [("SECURITY__MASTER_KEY", NEW_KEY)];

/// A database with a third party, for replicas with one master key or another.
struct Site {
    database: TestDatabase,
    third_party: ThirdParty,
}

impl Site {
    async fn new() -> Self {
        let secret = Secret::new(WEBHOOK_SECRET.to_owned());
        let options = ThirdPartyOptions::with_secret(secret);
        Self {
            database: database().await,
            third_party: ThirdParty::start(options).await.unwrap(),
        }
    }

    async fn serves(&self, keys: &[(&str, &str)]) -> Server {
        Server::start(&self.database.handle.url(), keys).await
    }

    async fn tenant(&self, server: &Server) -> Tenant {
        Tenant::provision(&server.url, &self.third_party.url(), &json!({})).await
    }

    /// What `serve` says where it ends at once.
    fn refuses_to_serve(&self, keys: &[(&str, &str)]) -> String {
        let output = server::command(&self.database.handle.url(), keys, &["serve"])
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        String::from_utf8(output.stderr).unwrap()
    }

    async fn connect(&self) -> PgConnection {
        self.database
            .handle
            .connect_options()
            .connect()
            .await
            .unwrap()
    }
}

async fn stops(mut server: Server) {
    server.signal(Signal::SIGTERM);
    assert_eq!(server.exit_code().await, Some(0));
}
