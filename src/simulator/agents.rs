//! The platform where agents work: Genesys Cloud CX as far as Open Messaging sees it. It takes what consumers say at an
//! integration, and calls the gateway with what agents answer.

use std::collections::HashSet;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use hmac::{Hmac, KeyInit, Mac};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{HeaderMap, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use reqwest::Method;
use serde_json::{Value, json};
use sha2::Sha256;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use uuid::Uuid;

use super::third_party::json as answer;
use super::wire::{Reply, WireClient, WireError};

/// The name of the integration that is there.
pub const INTEGRATION_NAME: &str = "Nexus";

/// A running platform; it ends when this is dropped.
#[derive(Debug)]
pub struct AgentsPlatform {
    pub address: SocketAddr,
    desk: Arc<Desk>,
    _server: JoinSet<()>,
}

/// What was handed in.
#[derive(Debug, Clone, PartialEq)]
pub struct HandedIn {
    /// `message`, `receipt` or `event`.
    pub door: String,
    pub body: Value,
}

/// What the platform is told to do with the next calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fault {
    pub status: u16,
    /// How many calls it is for.
    pub calls: usize,
}

#[derive(Debug)]
struct Desk {
    state: Mutex<Kept>,
    count: watch::Sender<usize>,
}

#[derive(Debug)]
struct Kept {
    integration_id: String,
    client_secret: String,
    tokens: HashSet<String>,
    handed_in: Vec<HandedIn>,
    /// What came twice and was not taken twice.
    repeats: usize,
    known: HashSet<(String, String)>,
    faults: Vec<Fault>,
    tokens_given: usize,
}

impl AgentsPlatform {
    /// Listens on a free port of this machine.
    pub async fn start(client_secret: &str) -> std::io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let desk = Arc::new(Desk {
            state: Mutex::new(Kept {
                integration_id: Uuid::new_v4().to_string(),
                client_secret: client_secret.to_owned(),
                tokens: HashSet::new(),
                handed_in: Vec::new(),
                repeats: 0,
                known: HashSet::new(),
                faults: Vec::new(),
                tokens_given: 0,
            }),
            count: watch::Sender::new(0),
        });
        let mut server = JoinSet::new();
        server.spawn(accept(listener, Arc::clone(&desk)));
        Ok(Self {
            address,
            desk,
            _server: server,
        })
    }

    pub fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn integration_id(&self) -> String {
        self.desk.kept().integration_id.clone()
    }

    /// What was handed in so far, in the order of its coming.
    pub fn handed_in(&self) -> Vec<HandedIn> {
        self.desk.kept().handed_in.clone()
    }

    /// Waits until so much was handed in.
    pub async fn wait_for(&self, count: usize) -> Vec<HandedIn> {
        let mut counted = self.desk.count.subscribe();
        // The desk is there as long as this is.
        let _ = counted.wait_for(|there| *there >= count).await;
        self.handed_in()
    }

    /// How many messages came again under the same id and time.
    pub fn repeats(&self) -> usize {
        self.desk.kept().repeats
    }

    pub fn tokens_given(&self) -> usize {
        self.desk.kept().tokens_given
    }

    /// Answers the next calls of messages, receipts and events so, before it looks at them.
    pub fn fail(&self, fault: Fault) {
        self.desk.kept().faults.push(fault);
    }

    /// From now on all tokens given so far are refused.
    pub fn forget_tokens(&self) {
        self.desk.kept().tokens.clear();
    }

    /// From now on only this secret gets a token.
    pub fn change_secret(&self, client_secret: &str) {
        let mut kept = self.desk.kept();
        client_secret.clone_into(&mut kept.client_secret);
        kept.tokens.clear();
    }
}

/// Calls the gateway as the platform does when an agent speaks.
#[derive(Debug, Clone)]
pub struct AgentsClient {
    /// Where the service's `callbackUrl` leads.
    pub url: String,
    pub webhook_secret: String,
    client: WireClient,
}

impl AgentsClient {
    pub fn new(url: String, webhook_secret: &str) -> Result<Self, WireError> {
        Ok(Self {
            url,
            webhook_secret: webhook_secret.to_owned(),
            client: WireClient::new()?,
        })
    }

    /// A text of an agent.
    pub async fn says(&self, id: &str, to: &str, text: &str) -> Result<Reply, WireError> {
        self.call(&agent_message(id, to, text)).await
    }

    /// Any body, signed as all are.
    pub async fn call(&self, body: &Value) -> Result<Reply, WireError> {
        let body = body.to_string();
        let signature = self.signature(body.as_bytes());
        self.call_signed(body, &signature).await
    }

    /// A body with this signature.
    pub async fn call_signed(&self, body: String, signature: &str) -> Result<Reply, WireError> {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("content-type", "application/json"),
            ("x-hub-signature-256", signature),
        ] {
            if let Ok(value) = value.parse() {
                headers.insert(name, value);
            }
        }
        self.client
            .send(Method::POST, &self.url, headers, body)
            .await
    }

    pub fn signature(&self, body: &[u8]) -> String {
        let key = self.webhook_secret.as_bytes();
        let digest = Hmac::<Sha256>::new_from_slice(key).map(|mut mac| {
            mac.update(body);
            BASE64_STANDARD.encode(mac.finalize().into_bytes())
        });
        format!("sha256={}", digest.unwrap_or_default())
    }
}

/// An agent's text, as the platform writes it.
pub fn agent_message(id: &str, to: &str, text: &str) -> Value {
    json!({
        "id": id,
        "channel": {
            "id": "a8e1c6f2", "platform": "Open", "type": "Private", "messageId": id,
            "to": { "id": to },
            "from": { "nickname": INTEGRATION_NAME, "id": "a8e1c6f2", "idType": "Opaque" },
            "time": "2026-01-31T12:00:05.123Z",
        },
        "type": "Text", "text": text, "originatingEntity": "Human", "direction": "Outbound",
    })
}

impl Desk {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn accept(listener: TcpListener, desk: Arc<Desk>) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        connections.spawn(serve(stream, Arc::clone(&desk)));
        while connections.try_join_next().is_some() {}
    }
}

async fn serve(stream: TcpStream, desk: Arc<Desk>) {
    let answering = service_fn(move |request| take(request, Arc::clone(&desk)));
    let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), answering);
    // A client that breaks off is part of the game.
    let _ = connection.await;
}

async fn take(
    request: Request<Incoming>,
    desk: Arc<Desk>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let (head, body) = request.into_parts();
    let Ok(body) = body.collect().await else {
        return Ok(fault(StatusCode::BAD_REQUEST, "bad.request"));
    };
    let body = body.to_bytes();
    let mut kept = desk.kept();
    let path = head.uri.path();
    if path == "/oauth/token" {
        return Ok(token(&mut kept, &head.headers, &body));
    }
    if !is_authorized(&kept, &head.headers) {
        return Ok(fault(StatusCode::UNAUTHORIZED, "bad.credentials"));
    }
    if path == "/api/v2/conversations/messaging/integrations/open" {
        let query = head.uri.query().unwrap_or_default();
        return Ok(integrations(&kept, query.ends_with("pageNumber=1")));
    }
    let place = path
        .strip_prefix("/api/v2/conversations/messages/")
        .and_then(|rest| rest.split_once("/inbound/open/"));
    Ok(match place {
        Some((integration, door)) if integration == kept.integration_id => {
            let answer = kept.hand_in(door, &body);
            desk.count.send_replace(kept.handed_in.len());
            answer
        }
        Some(_) | None => fault(StatusCode::NOT_FOUND, "not.found"),
    })
}

fn token(kept: &mut Kept, headers: &HeaderMap, form: &[u8]) -> Response<Full<Bytes>> {
    let given = headers.get("authorization").and_then(|value| {
        let encoded = value.to_str().ok()?.strip_prefix("Basic ")?;
        String::from_utf8(BASE64_STANDARD.decode(encoded).ok()?).ok()
    });
    let secret = given.as_deref().and_then(|given| given.split_once(':'));
    let is_known = secret.is_some_and(|(_, secret)| secret == kept.client_secret);
    if !is_known || form != b"grant_type=client_credentials" {
        let body = json!({
            "error": "invalid_client", "description": "authentication failed",
            "error_description": "authentication failed",
        });
        return answer(StatusCode::BAD_REQUEST, body.to_string());
    }
    let token = Uuid::new_v4().simple().to_string();
    kept.tokens.insert(token.clone());
    kept.tokens_given += 1;
    let body = json!({ "access_token": token, "token_type": "bearer", "expires_in": 86_399 });
    answer(StatusCode::OK, body.to_string())
}

/// One integration a page, so that ours is on the second.
fn integrations(kept: &Kept, is_first_page: bool) -> Response<Full<Bytes>> {
    let entity = if is_first_page {
        json!({ "id": Uuid::nil(), "name": "Somebody else's" })
    } else {
        json!({ "id": kept.integration_id, "name": INTEGRATION_NAME })
    };
    let listing = json!({ "entities": [entity], "pageSize": 1, "total": 2, "pageCount": 2 });
    answer(StatusCode::OK, listing.to_string())
}

impl Kept {
    fn hand_in(&mut self, door: &str, body: &[u8]) -> Response<Full<Bytes>> {
        if let Some(ordered) = self.faults.first_mut() {
            let status = StatusCode::from_u16(ordered.status).unwrap_or(StatusCode::BAD_GATEWAY);
            ordered.calls = ordered.calls.saturating_sub(1);
            if ordered.calls == 0 {
                self.faults.remove(0);
            }
            return fault(status, "ordered");
        }
        let body: Value = serde_json::from_slice(body).unwrap_or_default();
        let is_whole = match door {
            "message" => body.get("text").is_some() || body.get("content").is_some(),
            "receipt" => body.get("status").is_some() && body.get("id").is_some(),
            "event" => body["events"][0]["eventType"] == "Typing",
            _ => false,
        };
        if !is_whole {
            return fault(StatusCode::BAD_REQUEST, "bad.request");
        }
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let place = (
            text(&body["channel"]["messageId"]),
            text(&body["channel"]["time"]),
        );
        let said = body.to_string();
        if door == "message" && !self.known.insert(place) {
            self.repeats += 1;
        } else {
            let door = door.to_owned();
            self.handed_in.push(HandedIn { door, body });
        }
        answer(StatusCode::ACCEPTED, said)
    }
}

fn is_authorized(kept: &Kept, headers: &HeaderMap) -> bool {
    let given = headers.get("authorization");
    let given = given.and_then(|given| given.to_str().ok()?.split_once(' '));
    given.is_some_and(|(scheme, token)| {
        scheme.eq_ignore_ascii_case("bearer") && kept.tokens.contains(token)
    })
}

fn fault(status: StatusCode, code: &str) -> Response<Full<Bytes>> {
    let body = json!({
        "message": "It was not taken.", "code": code, "status": status.as_u16(), "contextId": Uuid::new_v4(),
        "details": [], "errors": [],
    });
    answer(status, body.to_string())
}
