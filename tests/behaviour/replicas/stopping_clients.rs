//! A replica that is told to stop while clients are at it: an upload that goes on ends in peace, one that does not is
//! cut, and nothing of it is left.

use std::fs;

use nexus_gateway::simulator::{FORM_TYPE, upload_form};
use nix::sys::signal::Signal;
use reqwest::Method;
use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::harness::eventually::eventually;
use crate::harness::gateway::{TestDatabase, database};
use crate::harness::server::Server;
use crate::harness::tenant::{PHONE, SOON, Tenant};

/// What a replica says when it gives up waiting.
const CUT: &str = "What is still open is cut";

/// A replica with a spool of its own, and a tenant of it.
struct Site {
    server: Server,
    tenant: Tenant,
    spool: TempDir,
    _database: TestDatabase,
}

impl Site {
    async fn start() -> Self {
        let spool = tempfile::tempdir().unwrap();
        let settings = [("SERVER__SPOOL_DIR", spool.path().to_str().unwrap())];
        let database = database().await;
        let server = Server::start(&database.handle.url(), &settings).await;
        // Nothing is sent there.
        let nowhere = "http://127.0.0.1:9";
        let tenant = Tenant::provision(&server.url, nowhere, &serde_json::json!({})).await;
        Self {
            server,
            tenant,
            spool,
            _database: database,
        }
    }

    /// Tells the replica to stop, and waits until it is about to.
    async fn is_told_to_stop(&self) {
        self.server.signal(Signal::SIGTERM);
        eventually("it is not ready", SOON, async || {
            let ready = self.tenant.try_call(Method::GET, "/health/ready", None);
            // Where nothing is sent the listener may be closed already.
            ready
                .await
                .is_none_or(|reply| reply.status == 503)
                .then_some(())
        })
        .await;
    }

    /// Waits until something of an upload has arrived.
    async fn upload_is_under_way(&self) {
        let page = format!("{}/metrics", self.server.internal_url);
        let client = nexus_gateway::simulator::WireClient::new().unwrap();
        eventually("the upload is under way", SOON, async || {
            let reply = client.send(
                Method::GET,
                &page,
                reqwest::header::HeaderMap::new(),
                Vec::new(),
            );
            let text = String::from_utf8(reply.await.unwrap().body.to_vec()).unwrap();
            let bytes = text
                .lines()
                .find_map(|line| line.strip_prefix("nexus_gateway_spool_bytes "))?;
            (bytes != "0").then_some(())
        })
        .await;
    }

    fn leaves_nothing(&self) {
        assert_eq!(fs::read_dir(self.spool.path()).unwrap().count(), 0);
    }
}

#[tokio::test]
async fn an_upload_that_is_under_way_is_taken_to_its_end() {
    let mut site = Site::start().await;
    let form = upload_form("photo.png", "image/png", &png(300_000));
    let (first, rest) = form.split_at(form.len() / 2);
    let mut upload = begin_upload(&site.tenant, form.len(), first).await;
    site.upload_is_under_way().await;
    site.is_told_to_stop().await;
    upload.write_all(rest).await.unwrap();
    let answer = answer_on(&mut upload).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(
        answer.to_lowercase().contains("connection: close"),
        "{answer}"
    );
    let body: Value = serde_json::from_str(answer.split("\r\n\r\n").nth(1).unwrap()).unwrap();
    assert!(body["data"]["mediaId"].is_string(), "{body}");
    assert_eq!(site.server.exit_code().await, Some(0));
    assert!(!site.server.has_said(CUT));
    site.leaves_nothing();
}

#[tokio::test]
async fn an_upload_that_does_not_go_on_is_cut_when_the_time_is_over() {
    let mut site = Site::start().await;
    let mut upload = begin_upload(&site.tenant, 300_000, &[b'x'; 1_000]).await;
    site.upload_is_under_way().await;
    site.is_told_to_stop().await;
    assert_eq!(site.server.exit_code().await, Some(0));
    assert!(site.server.has_said(CUT));
    assert_eq!(
        answer_on(&mut upload).await,
        "",
        "nobody says that it was taken"
    );
    site.leaves_nothing();
}

#[tokio::test]
async fn a_second_signal_cuts_an_upload_at_once() {
    let mut site = Site::start().await;
    let _upload = begin_upload(&site.tenant, 300_000, &[b'x'; 1_000]).await;
    site.upload_is_under_way().await;
    site.is_told_to_stop().await;
    site.server.signal(Signal::SIGTERM);
    assert_eq!(site.server.exit_code().await, Some(0));
    assert!(site.server.has_said("A second signal"));
    site.leaves_nothing();
}

/// A picture of a length, as far as anybody looks.
fn png(length: usize) -> Vec<u8> {
    let mut bytes = b"\x89PNG\r\n\x1a\n".to_vec();
    bytes.resize(length, 7);
    bytes
}

/// An upload with an API key that announces so many bytes, of which it sends the first.
async fn begin_upload(tenant: &Tenant, announced: usize, first: &[u8]) -> TcpStream {
    let address = tenant.base_url.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).await.unwrap();
    let head = format!(
        "POST /nexus/v3/channels/{PHONE}/media HTTP/1.1\r\nHost: gateway\r\nx-ccid: {}\r\nx-api-key: {}\r\n\
         Content-Type: {FORM_TYPE}\r\nContent-Length: {announced}\r\n\r\n",
        tenant.ccid, tenant.key,
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(first).await.unwrap();
    stream
}

/// Everything that is answered until the connection ends, however it ends.
async fn answer_on(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    let _ended = stream.read_to_end(&mut answer).await;
    String::from_utf8(answer).unwrap()
}
