//! A client that sends what it is told to: no path is tidied, no header is completed.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use reqwest::Method;
use reqwest::header::{HOST, HeaderMap, HeaderValue};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use super::law::Answer;

/// An answer that takes longer does not come. Far beyond what a busy machine needs.
const LIVENESS: Duration = Duration::from_secs(40);

/// One connection that is kept open as long as the gateway keeps it.
#[derive(Debug)]
pub struct Caller {
    /// Such as `127.0.0.1:8080`.
    address: String,
    sender: Option<SendRequest<Full<Bytes>>>,
    connections: JoinSet<()>,
}

impl Caller {
    pub fn new(base_url: &str) -> Self {
        Self {
            address: base_url.strip_prefix("http://").unwrap().to_owned(),
            sender: None,
            connections: JoinSet::new(),
        }
    }

    /// What is answered; otherwise what came instead.
    pub async fn call(
        &mut self,
        (method, path): (Method, &str),
        headers: HeaderMap,
        body: Bytes,
    ) -> Result<Answer, String> {
        let mut request = http::Request::new(Full::new(body));
        *request.method_mut() = method;
        *request.uri_mut() = path.parse().map_err(|_| format!("{path} is no URI"))?;
        *request.headers_mut() = headers;
        let host = HeaderValue::from_str(&self.address).unwrap();
        request.headers_mut().insert(HOST, host);
        tokio::time::timeout(LIVENESS, self.exchange(request))
            .await
            .unwrap_or_else(|_| Err("no answer".to_owned()))
    }

    async fn exchange(&mut self, request: http::Request<Full<Bytes>>) -> Result<Answer, String> {
        let response = self.sender().await.send_request(request).await;
        let response = response.map_err(|fault| format!("no answer: {fault:?}"))?;
        let (head, body) = response.into_parts();
        let body = body.collect().await;
        let body = body.map_err(|fault| format!("half an answer: {fault:?}"))?;
        Ok(Answer {
            status: head.status.as_u16(),
            headers: head.headers,
            body: body.to_bytes(),
        })
    }

    /// The open connection, or a new one where the gateway closed it.
    async fn sender(&mut self) -> &mut SendRequest<Full<Bytes>> {
        let is_open = match &mut self.sender {
            Some(sender) => sender.ready().await.is_ok(),
            None => false,
        };
        if !is_open {
            let stream = TcpStream::connect(&self.address).await.unwrap();
            let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
            self.connections.spawn(async move {
                // Whoever waits for an answer is told.
                let _ = connection.await;
            });
            self.sender = Some(sender);
        }
        self.sender.as_mut().unwrap()
    }
}
