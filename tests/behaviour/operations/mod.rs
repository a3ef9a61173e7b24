//! What operators see: whether the process is well, what it counts, what holds it up, and data that came back from
//! elsewhere.

mod canaries;
mod feed;
mod following;
mod health;
mod metrics;
mod retention;
mod starting;

use nexus_gateway::simulator::{Reply, WireClient};
use reqwest::Method;
use reqwest::header::HeaderMap;

/// What anybody without a key gets.
pub async fn get(url: &str) -> Reply {
    let client = WireClient::new().unwrap();
    client
        .send(Method::GET, url, HeaderMap::new(), Vec::new())
        .await
        .unwrap()
}
