use std::io;

use crate::simulator::WireError;

/// Why a demo ended early.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    #[error("{what}: expected {expected}, got {got}")]
    Differs {
        what: String,
        expected: String,
        got: String,
    },
    #[error("the gateway at {url} was not ready within {seconds} s")]
    NotReady { url: String, seconds: u64 },
    #[error("the simulated third party cannot listen")]
    ThirdParty(#[source] io::Error),
    #[error("the gateway did not answer")]
    Gateway(#[from] WireError),
    #[error("nothing can be shown")]
    Output(#[from] io::Error),
}
