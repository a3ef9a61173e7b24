use super::super::exchange;
use super::super::testing::{
    AMPLE, OK_EMPTY, Peer, loopback_clients, loopback_guard, post, together,
};
use super::*;

fn with_ca_file(path: PathBuf) -> Result<OutboundClients, ClientsError> {
    let options = OutboundOptions {
        extra_ca_files: vec![path],
        ..OutboundOptions::default()
    };
    OutboundClients::new(loopback_guard(), options)
}

#[tokio::test]
async fn a_replaced_client_connects_anew() {
    let peer = Peer::bind().await;
    let clients = loopback_clients();
    for _ in 0..2 {
        let client = clients.client();
        let (answer, _connection) =
            together(exchange(&client, post(&peer.url(), "{}"), AMPLE), async {
                let mut connection = peer.accept().await;
                connection.read_request().await;
                connection.write(OK_EMPTY).await;
                // Kept open, so that the next exchange could use it.
                connection
            })
            .await;
        assert_eq!(answer.unwrap().status, 200);
        clients.shared.replace();
    }
}

#[tokio::test]
async fn a_client_that_is_due_is_replaced_while_exchanges_go_on() {
    let peer = Peer::bind().await;
    let clients = loopback_clients();
    clients.shared.lock().replace_at = Instant::now();
    let exchanges = async {
        loop {
            let request = post(&peer.url(), "{}");
            let answer = exchange(&clients.client(), request, AMPLE).await;
            assert_eq!(answer.unwrap().status, 200);
        }
    };
    let two_connections = async {
        // The first ends with its client.
        let mut connection = peer.accept().await;
        connection.answer_until_closed(OK_EMPTY).await;
        peer.accept().await;
    };
    tokio::select! {
        () = exchanges => {}
        () = two_connections => {}
        () = tokio::time::sleep(AMPLE) => panic!("the client was not replaced"),
    }
    assert!(clients.shared.lock().replace_at > Instant::now());
}

#[tokio::test]
async fn a_ca_file_that_is_missing_or_empty_of_certificates_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let missing = directory.path().join("missing.pem");
    let refused = with_ca_file(missing).unwrap_err();
    assert!(refused.to_string().contains("missing.pem"));

    let empty = directory.path().join("empty.pem");
    std::fs::write(&empty, "no certificate here").unwrap();
    let refused = with_ca_file(empty).unwrap_err();
    assert!(matches!(refused, ClientsError::NoCertificate { .. }));
}
