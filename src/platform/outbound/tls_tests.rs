//! TLS with a certificate authority that only this test knows.

use std::sync::Arc;

use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::PrivateKeyDer;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::testing::{AMPLE, OK_EMPTY, loopback_guard, open_gate, post, together};
use super::{ExchangeFailed, FailureKind, OutboundClients, OutboundOptions, TlsFault, exchange};

/// A server for `localhost`, and its certificate as PEM.
fn server() -> (TlsAcceptor, String) {
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = PrivateKeyDer::Pkcs8(signing_key.serialize_der().into());
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key)
        .unwrap();
    (TlsAcceptor::from(Arc::new(config)), cert.pem())
}

async fn post_over_tls(
    acceptor: &TlsAcceptor,
    clients: &OutboundClients,
    host: &str,
) -> Result<u16, ExchangeFailed> {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let client = clients.client();
    let request = post(&format!("https://{host}:{port}/"), open_gate(b"{}"));
    let (outcome, ()) = together(exchange(&client, request, AMPLE), async {
        let (stream, _) = listener.accept().await.unwrap();
        // A client that does not trust us ends the handshake.
        let Ok(mut stream) = acceptor.accept(stream).await else {
            return;
        };
        let mut request = Vec::new();
        while !request.ends_with(b"{}") {
            request.push(stream.read_u8().await.unwrap());
        }
        stream.write_all(OK_EMPTY.as_bytes()).await.unwrap();
    })
    .await;
    outcome.map(|answer| answer.status)
}

#[tokio::test]
async fn a_server_is_trusted_only_with_its_authority_and_under_its_own_name() {
    let (acceptor, certificate) = server();
    let directory = tempfile::tempdir().unwrap();
    let ca_file = directory.path().join("ca.pem");
    std::fs::write(&ca_file, certificate).unwrap();
    let options = OutboundOptions {
        extra_ca_files: vec![ca_file],
        ..OutboundOptions::default()
    };
    let trusting = OutboundClients::new(loopback_guard(), options.clone()).unwrap();
    let with_http2 = OutboundOptions {
        http2: true,
        ..options
    };
    let with_http2 = OutboundClients::new(loopback_guard(), with_http2).unwrap();
    let strict = OutboundClients::new(loopback_guard(), OutboundOptions::default()).unwrap();

    let refused = |fault| {
        Err(ExchangeFailed {
            kind: FailureKind::Tls(fault),
            body_started: false,
        })
    };
    let cases = [
        (&trusting, "localhost", Ok(200)),
        (&with_http2, "localhost", Ok(200)),
        (&strict, "localhost", refused(TlsFault::Untrusted)),
        (&trusting, "127.0.0.1", refused(TlsFault::WrongName)),
    ];
    for (clients, host, expected) in cases {
        let outcome = post_over_tls(&acceptor, clients, host).await;
        assert_eq!(outcome, expected, "{host}");
    }
}
