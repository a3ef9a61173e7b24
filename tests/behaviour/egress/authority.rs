//! A certificate authority of a test's own, and third parties with certificates of all kinds.

use std::sync::Arc;

use rcgen::{
    BasicConstraints, Certificate, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair,
};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

const ACCEPTED: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}";

/// Signs whatever it is given.
pub struct Authority {
    certificate: Certificate,
    issuer: Issuer<'static, KeyPair>,
}

/// What a server shows and what its key is.
pub struct Identity {
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
}

/// What a server does once it has a connection.
#[derive(Clone)]
pub enum Manner {
    Tls(Arc<ServerConfig>),
    /// Writes these bytes and hangs up.
    Says(&'static [u8]),
}

/// Answers until it is dropped.
pub struct TlsServer {
    pub port: u16,
    _server: JoinSet<()>,
}

/// Parameters of a certificate for these names.
pub fn named(names: &[&str]) -> CertificateParams {
    let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
    let mut params = CertificateParams::new(names).unwrap();
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params
}

/// Parameters whose subject has this name and which have it nowhere else.
pub fn common_name_alone(name: &str) -> CertificateParams {
    let mut params = named(&[]);
    params.distinguished_name.push(DnType::CommonName, name);
    params
}

impl Authority {
    pub fn new(name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        let issuer = Issuer::new(params, key);
        Self {
            certificate,
            issuer,
        }
    }

    /// Its own certificate, for whoever shall trust it.
    pub fn pem(&self) -> String {
        self.certificate.pem()
    }

    pub fn signs(&self, params: &CertificateParams) -> Identity {
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        Identity {
            chain: vec![certificate.der().clone()],
            key: PrivateKeyDer::Pkcs8(key.serialize_der().into()),
        }
    }

    /// A certificate that is signed by one of this authority that may sign nothing.
    pub fn signs_by_one_who_may_not(&self, params: &CertificateParams) -> Identity {
        let (between, key) = (named(&["between.example"]), KeyPair::generate().unwrap());
        let link = between.signed_by(&key, &self.issuer).unwrap();
        let issuer = Issuer::new(between, key);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &issuer).unwrap();
        Identity {
            chain: vec![certificate.der().clone(), link.der().clone()],
            key: PrivateKeyDer::Pkcs8(key.serialize_der().into()),
        }
    }
}

/// A certificate that vouches for itself.
pub fn signed_by_itself(params: &CertificateParams) -> Identity {
    let key = KeyPair::generate().unwrap();
    let certificate = params.self_signed(&key).unwrap();
    Identity {
        chain: vec![certificate.der().clone()],
        key: PrivateKeyDer::Pkcs8(key.serialize_der().into()),
    }
}

impl Manner {
    pub fn showing(identity: Identity) -> Self {
        Self::tls(identity, None)
    }

    /// Wants a certificate of whoever connects, signed by this authority.
    pub fn wanting(identity: Identity, authority: &Authority) -> Self {
        Self::tls(identity, Some(authority))
    }

    fn tls(identity: Identity, wanted: Option<&Authority>) -> Self {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .unwrap();
        let builder = match wanted {
            None => builder.with_no_client_auth(),
            Some(authority) => {
                let mut roots = RootCertStore::empty();
                roots.add(authority.certificate.der().clone()).unwrap();
                let roots = Arc::new(roots);
                let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider);
                builder.with_client_cert_verifier(verifier.build().unwrap())
            }
        };
        let config = builder.with_single_cert(identity.chain, identity.key);
        Self::Tls(Arc::new(config.unwrap()))
    }
}

impl TlsServer {
    pub async fn start(manner: Manner) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let mut server = JoinSet::new();
        server.spawn(async move {
            let mut open = JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                open.spawn(serve(stream, manner.clone()));
            }
        });
        Self {
            port,
            _server: server,
        }
    }
}

async fn serve(mut stream: TcpStream, manner: Manner) {
    // Whatever goes wrong here goes wrong there too, where it is looked at.
    match manner {
        Manner::Says(bytes) => {
            let _written = stream.write_all(bytes).await;
            read_out(&mut stream).await;
        }
        Manner::Tls(config) => {
            let accepted = TlsAcceptor::from(config).accept(stream).into_fallible();
            match accepted.await {
                Ok(mut stream) => answer(&mut stream).await,
                // Closed at once, what was said to the client would be lost.
                Err((_refused, mut stream)) => read_out(&mut stream).await,
            }
        }
    }
}

async fn read_out(stream: &mut TcpStream) {
    let _ended = stream.read_to_end(&mut Vec::new()).await;
}

/// Reads one request, whose body is a JSON object, and accepts it.
async fn answer(stream: &mut (impl AsyncRead + AsyncWrite + Unpin)) {
    let mut received = Vec::new();
    while !received.ends_with(b"}") {
        match stream.read_buf(&mut received).await {
            Ok(1..) => {}
            Ok(0) | Err(_) => return,
        }
    }
    let _written = stream.write_all(ACCEPTED).await;
    let _ended = stream.shutdown().await;
}
