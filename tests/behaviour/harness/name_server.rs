//! A name server on a real socket, whose answers a test changes as it likes. Nobody may keep them: they live for 0 s.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use hickory_resolver::proto::op::{Message, MessageType, ResponseCode};
use hickory_resolver::proto::rr::{RData, Record, RecordType};
use tokio::net::UdpSocket;
use tokio::task::JoinSet;

type Answers = Arc<Mutex<HashMap<String, Vec<IpAddr>>>>;

/// Answers until it is dropped.
#[derive(Debug)]
pub struct NameServer {
    pub address: SocketAddr,
    answers: Answers,
    _server: JoinSet<()>,
}

impl NameServer {
    /// Listens on a free port and knows no name.
    pub async fn start() -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let address = socket.local_addr().unwrap();
        let answers = Answers::default();
        let mut server = JoinSet::new();
        server.spawn(answer(socket, Arc::clone(&answers)));
        Self {
            address,
            answers,
            _server: server,
        }
    }

    /// From now on this name has these addresses.
    pub fn says(&self, name: &str, addresses: &[IpAddr]) {
        let mut answers = self.answers.lock().unwrap();
        answers.insert(format!("{name}."), addresses.to_vec());
    }
}

async fn answer(socket: UdpSocket, answers: Answers) {
    loop {
        let mut packet = [0; 1_500];
        let (length, asker) = socket.recv_from(&mut packet).await.unwrap();
        let mut message = Message::from_vec(&packet[..length]).unwrap();
        message.metadata.message_type = MessageType::Response;
        let query = message.queries[0].clone();
        let name = query.name().to_string().to_ascii_lowercase();
        let found = {
            let answers = answers.lock().unwrap_or_else(PoisonError::into_inner);
            answers.get(&name).cloned()
        };
        if found.is_none() {
            message.metadata.response_code = ResponseCode::NXDomain;
        }
        let wants_ipv4 = query.query_type() == RecordType::A;
        let records = found.into_iter().flatten();
        let records = records.filter(|address| address.is_ipv4() == wants_ipv4);
        message.answers.extend(
            records
                .map(|address| Record::from_rdata(query.name().clone(), 0, RData::from(address))),
        );
        let response = message.to_vec().unwrap();
        // Whoever asked may be gone.
        let _sent = socket.send_to(&response, asker).await;
    }
}
