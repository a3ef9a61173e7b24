//! Posts messages to the sink, each signed, over connections that are kept.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use nexus_gateway::auth::signature::{SHA1_HEADER, sign_sha1};
use tokio::sync::{Semaphore, mpsc};
use uuid::Uuid;

use crate::tenant::SECRET;

/// Requests that are under way at once.
const OPEN_MAX: usize = 64;
/// From the first byte of a request to the last one of its answer.
const TIMEOUT: Duration = Duration::from_secs(10);

/// A message that is on the disk.
#[derive(Debug)]
pub struct Job {
    pub id: Uuid,
    pub body: String,
}

/// Posts whatever comes; each result is the status of the answer, or 0 where there was none.
pub async fn run(
    webhook: String,
    mut jobs: mpsc::Receiver<Job>,
    results: mpsc::Sender<(Uuid, i32)>,
) {
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    let client = Client::builder(TokioExecutor::new())
        .pool_max_idle_per_host(OPEN_MAX)
        .build(connector);
    let open = Arc::new(Semaphore::new(OPEN_MAX));
    let webhook: Arc<str> = webhook.into();
    while let Some(job) = jobs.recv().await {
        let Ok(permit) = Arc::clone(&open).acquire_owned().await else {
            return;
        };
        let (client, webhook) = (client.clone(), Arc::clone(&webhook));
        let results = results.clone();
        tokio::runtime::Handle::current().spawn(async move {
            let status = post(&client, &webhook, job.body).await.unwrap_or(0);
            drop(permit);
            // Nobody records any more where the process ends.
            let _sent = results.send((job.id, status)).await;
        });
    }
}

async fn post(
    client: &Client<HttpConnector, Full<Bytes>>,
    webhook: &str,
    body: String,
) -> Option<i32> {
    let signature = sign_sha1(SECRET.as_bytes(), body.as_bytes());
    let request = Request::post(webhook)
        .header(http::header::CONTENT_TYPE, "application/json")
        .header(SHA1_HEADER, signature)
        .body(Full::new(Bytes::from(body)))
        .ok()?;
    let exchange = async {
        let answer = client.request(request).await.ok()?;
        let status = answer.status().as_u16();
        answer.into_body().collect().await.ok()?;
        Some(i32::from(status))
    };
    tokio::time::timeout(TIMEOUT, exchange).await.ok()?
}
