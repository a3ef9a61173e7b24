//! A way to Postgres that breaks as it is told: it cuts, falls silent, or loses exactly the answer to one statement.
//!
//! It understands the wire protocol as far as its frames go: a type, a length, and in requests the text of a statement.

use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sqlx::postgres::PgConnectOptions;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::select;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::eventually::eventually;
use super::frames::{Request, Requests, Responses};
use super::tenant::SOON;

/// A listening proxy. All its connections end when this is dropped.
#[derive(Debug)]
pub struct Proxy {
    url: String,
    shared: Arc<Shared>,
    _server: JoinSet<()>,
}

/// What the way is like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Open,
    /// Whatever anybody says is swallowed, and nobody is told. A connection that was open then stays dumb for ever.
    Silent,
    /// Every connection is cut and none is taken.
    Closed,
}

#[derive(Debug)]
struct Shared {
    socket: PathBuf,
    way: watch::Sender<Way>,
    trap: Mutex<Trap>,
}

/// What is done to statements and answers.
#[derive(Debug, Default)]
struct Trap {
    /// Part of the statement whose next answer is lost.
    statement: Option<&'static str>,
    /// Whether the way is closed behind it.
    closes: bool,
    lost: usize,
    /// How long each statement takes on its way.
    delay: Duration,
    /// The parameters that connections were opened with.
    openings: Vec<String>,
}

impl Proxy {
    /// Listens on a free port, in front of a server that is reached as `options` say, over its socket.
    pub async fn start(options: &PgConnectOptions) -> Self {
        let directory = options.get_socket().expect("private clusters have sockets");
        let shared = Arc::new(Shared {
            socket: directory.join(format!(".s.PGSQL.{}", options.get_port())),
            way: watch::Sender::new(Way::Open),
            trap: Mutex::default(),
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (user, database) = (options.get_username(), options.get_database().unwrap());
        let mut server = JoinSet::new();
        server.spawn(accept(listener, Arc::clone(&shared)));
        Self {
            url: format!("postgres://{user}@{address}/{database}?sslmode=disable"),
            shared,
            _server: server,
        }
    }

    /// Where the server is, through this.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// From here on nothing that is said arrives, and no connection ends.
    pub fn falls_silent(&self) {
        self.shared.way.send_replace(Way::Silent);
    }

    /// Cuts every connection and takes no other.
    pub fn closes(&self) {
        self.shared.way.send_replace(Way::Closed);
    }

    /// Lets new connections through; what fell silent stays so.
    pub fn opens(&self) {
        self.shared.way.send_replace(Way::Open);
    }

    /// Once the server has done the next statement that contains `statement`, with everything durable, its answer is
    /// lost: the connection is cut instead. Waits until that has happened.
    pub async fn loses_the_answer_to(&self, statement: &'static str) {
        self.loses(statement, false).await;
    }

    /// The same, and the way is closed behind it.
    pub async fn loses_the_answer_and_closes(&self, statement: &'static str) {
        self.loses(statement, true).await;
    }

    async fn loses(&self, statement: &'static str, closes: bool) {
        let lost = {
            let mut trap = self.shared.trap();
            trap.statement = Some(statement);
            trap.closes = closes;
            trap.lost
        };
        let what = format!("an answer to {statement:?} is lost");
        eventually(&what, SOON, async || {
            (self.shared.trap().lost > lost).then_some(())
        })
        .await;
    }

    /// From here on each statement takes this much longer, on every connection.
    pub fn delays(&self, delay: Duration) {
        self.shared.trap().delay = delay;
    }

    /// What each connection so far was opened with: names and values.
    pub fn openings(&self) -> Vec<String> {
        self.shared.trap().openings.clone()
    }
}

impl Shared {
    fn trap(&self) -> MutexGuard<'_, Trap> {
        self.trap.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Springs the trap if the request is the one it waits for.
    fn takes(&self, request: &Request) -> bool {
        let mut trap = self.trap();
        let waits_for_it = |wanted: &str| request.statement.contains(wanted);
        let springs = request.asks && trap.statement.is_some_and(waits_for_it);
        if springs {
            trap.statement = None;
        }
        springs
    }

    fn lost(&self) {
        let mut trap = self.trap();
        trap.lost += 1;
        if trap.closes {
            self.way.send_replace(Way::Closed);
        }
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    loop {
        select! {
            Ok((client, _)) = listener.accept() => {
                connections.spawn(carry(client, Arc::clone(&shared)));
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

/// Carries one connection until either side ends it or the way says otherwise.
async fn carry(mut client: TcpStream, shared: Arc<Shared>) {
    let way = *shared.way.borrow();
    match way {
        Way::Closed => {}
        Way::Silent => swallow(&mut client).await,
        Way::Open => {
            // A server that is away is seen as a connection that is cut.
            if let Ok(server) = UnixStream::connect(&shared.socket).await {
                let _ended = Carriage::new(client, server, shared).run().await;
            }
        }
    }
}

/// Reads until the other side gives up.
async fn swallow(client: &mut TcpStream) {
    let mut nothing = [0; 4_096];
    while client.read(&mut nothing).await.is_ok_and(|read| read > 0) {}
}

struct Carriage {
    client: TcpStream,
    server: UnixStream,
    shared: Arc<Shared>,
    requests: Requests,
    responses: Responses,
}

impl Carriage {
    fn new(client: TcpStream, server: UnixStream, shared: Arc<Shared>) -> Self {
        let _ = client.set_nodelay(true);
        Self {
            client,
            server,
            shared,
            requests: Requests::default(),
            responses: Responses::default(),
        }
    }

    async fn run(mut self) -> io::Result<()> {
        let mut way = self.shared.way.subscribe();
        loop {
            let now = *way.borrow_and_update();
            match now {
                Way::Open => {}
                Way::Closed => return Ok(()),
                Way::Silent => {
                    // The server's side stays as it is for as long as the client believes in the connection.
                    swallow(&mut self.client).await;
                    return Ok(());
                }
            }
            select! {
                biased;
                _ = way.changed() => {}
                read = self.client.read_buf(self.requests.room()) => if read? == 0 || self.forward().await? {
                    return Ok(());
                },
                read = self.server.read_buf(self.responses.room()) => if read? == 0 {
                    return Ok(());
                } else {
                    let bytes = self.responses.take();
                    self.client.write_all(&bytes).await?;
                },
            }
        }
    }

    /// Hands the client's requests on; whether the answer to one of them was lost, which ends the connection.
    async fn forward(&mut self) -> io::Result<bool> {
        while let Some(request) = self.requests.next() {
            if let Some(opening) = &request.opening {
                self.shared.trap().openings.push(opening.clone());
            }
            self.responses.expect(&request);
            let is_trapped = self.shared.takes(&request);
            let delay = self.shared.trap().delay;
            if request.asks && !delay.is_zero() {
                tokio::time::sleep(delay).await;
            }
            self.server.write_all(&request.bytes).await?;
            if is_trapped {
                self.lose_the_answer().await?;
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Waits until the server has answered everything, so that what was asked for is done.
    async fn lose_the_answer(&mut self) -> io::Result<()> {
        while !self.responses.is_all_answered() {
            let read = self.server.read_buf(self.responses.room());
            let read = tokio::time::timeout(Duration::from_secs(5), read).await;
            if read.unwrap_or(Ok(0))? == 0 {
                return Ok(());
            }
            let _lost = self.responses.take();
        }
        self.shared.lost();
        Ok(())
    }
}
