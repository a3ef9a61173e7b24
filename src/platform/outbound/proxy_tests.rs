use super::super::testing::{AMPLE, OK_EMPTY, Peer, open_gate, post, together};
use super::super::{
    AddressGuard, ExchangeFailed, FailureKind, Ourselves, OutboundClients, OutboundOptions,
    exchange,
};
use super::*;

/// Clients behind this proxy, to public destinations only.
fn behind(peer: &Peer) -> OutboundClients {
    let text = format!("http://nexus:hush@127.0.0.1:{}", peer.port());
    let proxy = EgressProxy::parse(&text).unwrap();
    let ourselves = Ourselves::at(vec![proxy.place()]);
    ourselves.look_up();
    let guard = AddressGuard::new(Vec::new()).sparing(ourselves);
    let options = OutboundOptions {
        proxy: Some(proxy),
        // Nobody answers there, so that no name is known.
        name_servers: vec!["127.0.0.1:1".parse().unwrap()],
        ..OutboundOptions::default()
    };
    OutboundClients::new(guard, options).unwrap()
}

#[test]
fn only_a_bare_http_url_is_a_proxy() {
    for text in [
        "http://proxy:3128",
        "https://proxy",
        "http://a:b@[fd00::1]:8080/",
    ] {
        assert!(EgressProxy::parse(text).is_ok(), "{text}");
    }
    for text in [
        "",
        "proxy:3128",
        "socks5://proxy",
        "http://proxy/path",
        "http://proxy?a=b",
    ] {
        assert_eq!(
            EgressProxy::parse(text).unwrap_err(),
            ProxyRefused,
            "{text}"
        );
    }
    let shown = format!(
        "{:?}",
        EgressProxy::parse("http://nexus:hush@proxy:3128").unwrap()
    );
    assert_eq!(shown, "EgressProxy(proxy:3128)");
}

#[tokio::test]
async fn a_plain_request_is_handed_to_the_proxy_which_is_told_who_we_are() {
    let peer = Peer::bind().await;
    let client = behind(&peer).client();
    let request = post("http://8.8.8.8/hook", open_gate(b"{}"));
    let (answer, received) = together(exchange(&client, request, AMPLE), async {
        let mut connection = peer.accept().await;
        let received = connection.read_request().await;
        connection.write(OK_EMPTY).await;
        received
    })
    .await;
    assert_eq!(answer.unwrap().status, 200);
    assert!(
        received
            .head
            .starts_with("POST http://8.8.8.8/hook HTTP/1.1\r\n")
    );
    // "nexus:hush" in base64.
    assert_eq!(
        received.header("proxy-authorization"),
        ["Basic bmV4dXM6aHVzaA=="]
    );
}

#[tokio::test]
async fn of_a_secure_request_the_proxy_sees_the_host_alone() {
    let peer = Peer::bind().await;
    let client = behind(&peer).client();
    let request = post("https://hooks.example:8443/token-in-path", open_gate(b"{}"));
    let (outcome, received) = together(exchange(&client, request, AMPLE), async {
        let mut connection = peer.accept().await;
        let received = connection.read_head().await;
        connection
            .write("HTTP/1.1 502 No\r\ncontent-length: 0\r\n\r\n")
            .await;
        received
    })
    .await;
    assert!(
        received
            .head
            .starts_with("CONNECT hooks.example:8443 HTTP/1.1\r\n")
    );
    assert!(!received.head.contains("token-in-path"));
    let expected = ExchangeFailed {
        kind: FailureKind::Connect,
        body_started: false,
    };
    assert_eq!(outcome, Err(expected));
}

#[tokio::test]
async fn the_proxy_is_never_asked_for_what_is_inside_nor_for_itself() {
    let peer = Peer::bind().await;
    let client = behind(&peer).client();
    let itself = format!("http://127.0.0.1:{}/", peer.port());
    for url in [
        "http://10.0.0.1/",
        "https://169.254.169.254/",
        "http://[::ffff:127.0.0.1]/",
        "http://localhost/",
        &itself,
    ] {
        let outcome = exchange(&client, post(url, open_gate(b"{}")), AMPLE).await;
        let expected = ExchangeFailed {
            kind: FailureKind::AddressRefused,
            body_started: false,
        };
        assert_eq!(outcome, Err(expected), "{url}");
    }
    assert!(peer.was_left_alone());
}
