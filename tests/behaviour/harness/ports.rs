//! Ports for processes that are told theirs before they bind: nobody else may take one in between.

use std::net::TcpListener;

/// Below the ports that the system gives to outgoing connections (from 32768 on with Linux, higher elsewhere), so that
/// none of the thousands that the tests open comes to lie on one.
const FIRST: u16 = 20_000;
const BLOCKS: u16 = 4_000;
const PORTS_OF_A_BLOCK: u16 = 3;

/// Two ports of one test. They are ours while this lives: whoever wants them binds the third of the block first,
/// whatever process or work tree it is.
#[derive(Debug)]
pub struct Ports {
    pub public: u16,
    pub internal: u16,
    _claim: TcpListener,
}

impl Ports {
    /// # Panics
    ///
    /// If every block is taken.
    pub fn claim() -> Self {
        let start: u16 = rand::random();
        (0..BLOCKS)
            .map(|step| (start % BLOCKS + step) % BLOCKS)
            .find_map(|block| {
                let first = FIRST + block * PORTS_OF_A_BLOCK;
                let claim = bind(first + 2)?;
                // Something that knows nothing of blocks may listen there.
                (bind(first).is_some() && bind(first + 1).is_some()).then_some(Self {
                    public: first,
                    internal: first + 1,
                    _claim: claim,
                })
            })
            .expect("some ports are free")
    }
}

fn bind(port: u16) -> Option<TcpListener> {
    TcpListener::bind(("127.0.0.1", port)).ok()
}
