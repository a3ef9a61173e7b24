//! The shortest programs that keep one promise of the gateway each. They run as processes of their own, so that what
//! they use of the processors is counted as the gateway's is.

mod commit;
mod ingest;
mod pipeline;
mod sender;
mod verify;

use std::error::Error;
use std::io;
use std::net::SocketAddr;

use axum::Router;
use axum::serve::ListenerExt;
use clap::ValueEnum;
use http::{HeaderMap, HeaderValue, Uri};
use nexus_gateway::auth::signature::{SignaturePolicy, Verifier};
use nexus_gateway::values::Secret;
use serde::Deserialize;
use sqlx::Executor;
use sqlx::postgres::{PgPool, PgPoolOptions};

use crate::tenant::SECRET;

/// Where the gateway takes messages of third parties, and the references do.
const PATH: &str = "/nexus/v3/channels/{channel}/messages";

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Kind {
    /// Checks the signature and answers.
    Verify,
    /// Stores one row with a unique key besides.
    Ingest,
    /// Stores a message and its place in a queue, and posts it to the sink.
    Pipeline,
}

/// How a reference is started; only the benchmark itself does that.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    #[arg(value_enum)]
    kind: Kind,
    #[arg(long)]
    listen: SocketAddr,
    #[arg(long)]
    database_url: String,
    #[arg(long)]
    webhook: String,
}

impl Kind {
    pub fn name(self) -> &'static str {
        match self {
            Self::Verify => "verify",
            Self::Ingest => "ingest",
            Self::Pipeline => "pipeline",
        }
    }
}

/// Serves until the process is told to end.
pub fn serve(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let router = match arguments.kind {
            Kind::Verify => verify::router(),
            Kind::Ingest => ingest::router(&arguments.database_url).await?,
            Kind::Pipeline => pipeline::router(&arguments.database_url, &arguments.webhook).await?,
        };
        listen(arguments.listen, router).await?;
        Ok(())
    })
}

async fn listen(address: SocketAddr, router: Router) -> io::Result<()> {
    let listener = tokio::net::TcpListener::bind(address).await?;
    // Without it the kernel waits for more to send, which costs more time than there is to measure.
    let listener = listener.tap_io(|stream| drop(stream.set_nodelay(true)));
    axum::serve(listener, router).await
}

/// Connections to a database whose tables are made anew.
async fn pool(url: &str, connections: u32, tables: &'static str) -> Result<PgPool, sqlx::Error> {
    let pool = PgPoolOptions::new()
        .max_connections(connections)
        .min_connections(connections)
        .test_before_acquire(false)
        .connect(url)
        .await?;
    pool.execute(tables).await?;
    Ok(pool)
}

/// What all of them do first.
fn is_signed(headers: &HeaderMap, body: &[u8], secret: &Secret) -> bool {
    let secrets = std::iter::once(secret);
    let Ok(mut verifier) = Verifier::begin(headers, secrets, SignaturePolicy::Either) else {
        return false;
    };
    verifier.update(body);
    verifier.finish().is_ok()
}

/// The channel that [`PATH`] names.
fn channel_in(uri: &Uri) -> Option<i64> {
    uri.path().rsplit('/').nth(1)?.parse().ok()
}

fn secret() -> Secret {
    Secret::new(SECRET.to_owned())
}

fn is_json() -> [(http::HeaderName, HeaderValue); 1] {
    let json = HeaderValue::from_static("application/json");
    [(http::header::CONTENT_TYPE, json)]
}

/// What is read of a request: the first message's own id.
#[derive(Deserialize)]
struct Messages<'a> {
    #[serde(borrow)]
    messages: Vec<Message<'a>>,
}

#[derive(Deserialize)]
struct Message<'a> {
    #[serde(borrow)]
    channel: Channel<'a>,
    #[expect(dead_code, reason = "reading it is what is measured")]
    text: std::borrow::Cow<'a, str>,
}

#[derive(Deserialize)]
struct Channel<'a> {
    #[serde(rename = "messageId")]
    message_id: &'a str,
}

/// The id that the third party gave, if the body says what it has to.
fn external_id(body: &str) -> Option<String> {
    let read: Messages<'_> = serde_json::from_str(body).ok()?;
    Some(read.messages.first()?.channel.message_id.to_owned())
}
