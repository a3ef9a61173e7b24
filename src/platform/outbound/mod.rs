//! HTTP to the outside: the only builder of clients, the guard that says which addresses they connect to, and one exchange
//! under one budget.
//!
//! A destination is checked three times: its URL when it is saved, its literal address before every request, and what its
//! name resolves to whenever a connection is made. It does not decide whether a failed exchange is tried again.

mod body;
mod clients;
mod exchange;
mod guard;
mod ourselves;
mod proxy;
mod resolver;
#[cfg(test)]
mod testing;
mod tls;
#[cfg(test)]
mod tls_tests;
mod url;

use std::error::Error;

pub use self::body::{GateRefused, GatedBody};
pub use self::clients::{ClientsError, OutboundClient, OutboundClients, OutboundOptions};
pub use self::exchange::{Answer, ExchangeFailed, FailureKind, TimeoutPhase, exchange};
pub use self::guard::{AddressGuard, AddressRefused};
pub use self::ourselves::{Ourselves, Place};
pub use self::proxy::{EgressProxy, ProxyRefused};
pub use self::tls::TlsFault;
pub use self::url::{UrlRefused, parse_destination};

/// An error and everything behind it. `std::io::Error` leaves the error that it wraps out of its sources; here it is in.
fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&cause| {
        let wrapped = cause
            .downcast_ref::<std::io::Error>()
            .and_then(std::io::Error::get_ref);
        match wrapped {
            Some(wrapped) => Some(wrapped as &(dyn Error + 'static)),
            None => cause.source(),
        }
    })
}
