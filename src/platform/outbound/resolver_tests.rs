use std::collections::HashMap;

use hickory_resolver::proto::op::{Message, MessageType, ResponseCode};
use hickory_resolver::proto::rr::{RData, Record, RecordType};
use tokio::net::UdpSocket;

use super::super::causes;
use super::super::testing::{AMPLE, loopback_guard, open_gate, post};
use super::super::{ExchangeFailed, FailureKind, OutboundClients, OutboundOptions, exchange};
use super::*;

/// A name server on a real socket that knows a few names. Each question takes the next of a name's answers; the last stays.
struct NameServer {
    socket: UdpSocket,
    answers: HashMap<&'static str, Vec<Vec<IpAddr>>>,
}

impl NameServer {
    async fn knowing(names: &[(&'static str, &[&[&str]])]) -> Self {
        let parse = |answer: &&[&str]| answer.iter().map(|text| text.parse().unwrap()).collect();
        let answers = names
            .iter()
            .map(|(name, answers)| (*name, answers.iter().map(parse).collect()))
            .collect();
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        Self { socket, answers }
    }

    fn address(&self) -> SocketAddr {
        self.socket.local_addr().unwrap()
    }

    fn resolver(&self, guard: AddressGuard) -> GuardedResolver {
        GuardedResolver::new(guard, &[self.address()])
    }

    /// Answers questions while `work` goes on.
    async fn serve<T>(&mut self, work: impl Future<Output = T>) -> T {
        tokio::select! {
            done = work => done,
            () = answer_questions(&self.socket, &mut self.answers) => unreachable!("a name server does not end"),
        }
    }
}

async fn answer_questions(
    socket: &UdpSocket,
    answers: &mut HashMap<&'static str, Vec<Vec<IpAddr>>>,
) {
    loop {
        let mut packet = [0; 1_500];
        let (length, asker) = socket.recv_from(&mut packet).await.unwrap();
        let mut message = Message::from_vec(&packet[..length]).unwrap();
        let query = message.queries[0].clone();
        message.metadata.message_type = MessageType::Response;
        let name = query.name().to_string().to_ascii_lowercase();
        match answers.get_mut(name.as_str()) {
            // Both families are asked for; only the question for IPv4 uses an answer up.
            Some(left) if query.query_type() == RecordType::A => {
                let answer = if left.len() > 1 {
                    left.remove(0)
                } else {
                    left[0].clone()
                };
                let records = answer.into_iter().filter(IpAddr::is_ipv4);
                message.answers.extend(records.map(|address| {
                    Record::from_rdata(query.name().clone(), 0, RData::from(address))
                }));
            }
            Some(left) => {
                let records = left[0].iter().copied().filter(IpAddr::is_ipv6);
                message.answers.extend(records.map(|address| {
                    Record::from_rdata(query.name().clone(), 0, RData::from(address))
                }));
            }
            None => message.metadata.response_code = ResponseCode::NXDomain,
        }
        let response = message.to_vec().unwrap();
        socket.send_to(&response, asker).await.unwrap();
    }
}

async fn resolve(resolver: &GuardedResolver, name: &str) -> Result<Vec<String>, String> {
    match resolver.resolve(name.parse().unwrap()).await {
        Ok(addresses) => Ok(addresses.map(|address| address.ip().to_string()).collect()),
        Err(error) => {
            let error: &(dyn std::error::Error + 'static) = &*error;
            let kind = causes(error).find_map(|cause| cause.downcast_ref::<ResolveError>());
            Err(kind.unwrap().to_string())
        }
    }
}

fn public_only() -> AddressGuard {
    AddressGuard::new(Vec::new())
}

#[tokio::test]
async fn a_name_resolves_to_its_public_addresses() {
    let names: &[(_, &[&[&str]])] = &[("example.com.", &[&["8.8.8.8", "2606:4700::1"]])];
    let mut server = NameServer::knowing(names).await;
    let resolver = server.resolver(public_only());
    let mut found = server
        .serve(resolve(&resolver, "example.com"))
        .await
        .unwrap();
    found.sort();
    assert_eq!(found, ["2606:4700::1", "8.8.8.8"]);
}

#[tokio::test]
async fn private_addresses_are_left_out_of_an_answer() {
    let names: &[(_, &[&[&str]])] = &[(
        "mixed.example.",
        &[&[
            "10.0.0.1",
            "8.8.8.8",
            "169.254.169.254",
            "fd00::1",
            "::ffff:127.0.0.1",
        ]],
    )];
    let mut server = NameServer::knowing(names).await;
    let resolver = server.resolver(public_only());
    let found = server.serve(resolve(&resolver, "mixed.example")).await;
    assert_eq!(found.unwrap(), ["8.8.8.8"]);
}

#[tokio::test]
async fn a_name_with_nothing_but_private_addresses_is_refused_without_showing_them() {
    let names: &[(_, &[&[&str]])] = &[("inside.example.", &[&["10.1.2.3", "fd00::1"]])];
    let mut server = NameServer::knowing(names).await;
    let resolver = server.resolver(public_only());
    let refused = server.serve(resolve(&resolver, "inside.example")).await;
    assert_eq!(refused.unwrap_err(), AddressRefused.to_string());
}

#[tokio::test]
async fn a_name_that_turns_to_a_private_address_is_refused_from_then_on() {
    let names: &[(_, &[&[&str]])] = &[("rebind.example.", &[&["8.8.8.8"], &["127.0.0.1"]])];
    let mut server = NameServer::knowing(names).await;
    let resolver = server.resolver(public_only());
    let first = server.serve(resolve(&resolver, "rebind.example")).await;
    assert_eq!(first.unwrap(), ["8.8.8.8"]);
    let second = server.serve(resolve(&resolver, "rebind.example")).await;
    assert_eq!(second.unwrap_err(), AddressRefused.to_string());
}

#[tokio::test]
async fn localhost_is_never_asked_of_a_name_server() {
    let names: &[(_, &[&[&str]])] = &[
        ("localhost.", &[&["8.8.8.8"]]),
        ("a.localhost.", &[&["8.8.8.8"]]),
    ];
    let mut server = NameServer::knowing(names).await;
    for name in ["localhost", "LocalHost.", "a.localhost"] {
        let resolver = server.resolver(loopback_guard());
        let found = server.serve(resolve(&resolver, name)).await;
        assert_eq!(found.unwrap(), ["127.0.0.1"], "{name}");
        let resolver = server.resolver(public_only());
        let refused = server.serve(resolve(&resolver, name)).await;
        assert_eq!(refused.unwrap_err(), AddressRefused.to_string(), "{name}");
    }
}

#[tokio::test]
async fn an_exchange_tells_a_missing_name_from_a_refused_address() {
    let names: &[(_, &[&[&str]])] = &[("inside.example.", &[&["10.1.2.3"]])];
    let mut server = NameServer::knowing(names).await;
    let options = OutboundOptions {
        name_servers: vec![server.address()],
        ..OutboundOptions::default()
    };
    let clients = OutboundClients::new(public_only(), options);
    let client = clients.unwrap().client();
    let cases = [
        ("http://inside.example/", FailureKind::AddressRefused),
        ("http://missing.example/", FailureKind::Dns),
    ];
    for (url, kind) in cases {
        let request = post(url, open_gate(b"{}"));
        let outcome = server.serve(exchange(&client, request, AMPLE)).await;
        let expected = ExchangeFailed {
            kind,
            body_started: false,
        };
        assert_eq!(outcome, Err(expected), "{url}");
    }
}

#[tokio::test]
async fn a_system_without_name_servers_resolves_no_name_but_reaches_this_machine() {
    let resolver = GuardedResolver {
        guard: loopback_guard(),
        open: None,
        resolver: None,
    };
    let failed = resolve(&resolver, "example.com").await;
    assert_eq!(failed.unwrap_err(), ResolveError::NoNameServers.to_string());
    assert_eq!(
        resolve(&resolver, "localhost").await.unwrap(),
        ["127.0.0.1"]
    );
}
