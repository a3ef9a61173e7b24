//! Where we and what we stand on listen: nobody has us post there, even where the network is allowed.

use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::sync::Arc;

use arc_swap::ArcSwap;
use nix::ifaddrs::getifaddrs;

/// A host, by name or address, and a port.
pub type Place = (String, u16);

/// Our own listeners, the database and the egress proxy. Cheap to clone; clones see the same addresses.
#[derive(Debug, Clone, Default)]
pub struct Ourselves {
    places: Arc<[Place]>,
    /// What the places led to when they were last looked up.
    found: Arc<ArcSwap<Vec<SocketAddr>>>,
}

impl Ourselves {
    /// Knows no address until they are looked up.
    pub fn at(places: Vec<Place>) -> Self {
        Self {
            places: places.into(),
            found: Arc::default(),
        }
    }

    /// Looks every place up, as the system does it; this blocks. A name that leads nowhere keeps its last addresses.
    pub fn look_up(&self) {
        let before = self.found.load_full();
        let mut found = Vec::new();
        for (host, port) in self.places.iter() {
            match (host.as_str(), *port).to_socket_addrs() {
                Ok(addresses) => found.extend(addresses.flat_map(every_interface)),
                Err(error) => {
                    tracing::warn!(error.cause = %error, "An address of our own cannot be looked up; what was known of it stays");
                    found.extend(before.iter().filter(|address| address.port() == *port));
                }
            }
        }
        self.found.store(Arc::new(found));
    }

    /// Whether a connection to this address would end at ourselves. Where the port is not known, any is meant.
    pub(super) fn are_at(&self, address: IpAddr, port: Option<u16>) -> bool {
        self.found.load().iter().any(|own| {
            // What listens on one loopback address often listens on all of them.
            let is_host = own.ip() == address || own.ip().is_loopback() && address.is_loopback();
            is_host && port.is_none_or(|port| port == own.port())
        })
    }
}

/// Whoever listens on the unspecified address listens on those of all interfaces.
fn every_interface(listening: SocketAddr) -> Vec<SocketAddr> {
    if !listening.ip().is_unspecified() {
        return vec![SocketAddr::new(
            listening.ip().to_canonical(),
            listening.port(),
        )];
    }
    let interfaces = getifaddrs().into_iter().flatten();
    let addresses = interfaces.filter_map(|interface| {
        let address = interface.address?;
        let v4 = address.as_sockaddr_in().map(|found| found.ip().into());
        v4.or_else(|| Some(address.as_sockaddr_in6()?.ip().into()))
    });
    addresses
        .map(|address: IpAddr| SocketAddr::new(address, listening.port()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(places: &[(&str, u16)]) -> Ourselves {
        let places = places
            .iter()
            .map(|(host, port)| ((*host).to_owned(), *port));
        let ourselves = Ourselves::at(places.collect());
        ourselves.look_up();
        ourselves
    }

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_place_is_an_address_and_a_port() {
        let ourselves = at(&[("192.0.2.7", 5432)]);
        assert!(ourselves.are_at(address("192.0.2.7"), Some(5432)));
        assert!(!ourselves.are_at(address("192.0.2.7"), Some(443)));
        assert!(!ourselves.are_at(address("192.0.2.8"), Some(5432)));
        assert!(ourselves.are_at(address("192.0.2.7"), None));
    }

    #[test]
    fn a_place_on_this_machine_is_on_all_of_its_loopback_addresses() {
        for host in ["127.0.0.1", "localhost", "0.0.0.0", "::ffff:127.0.0.1"] {
            let ourselves = at(&[(host, 8080)]);
            for loopback in ["127.0.0.1", "127.9.9.9"] {
                assert!(ourselves.are_at(address(loopback), Some(8080)), "{host}");
                assert!(!ourselves.are_at(address(loopback), Some(8081)), "{host}");
            }
        }
    }

    #[test]
    fn a_name_that_leads_nowhere_any_more_keeps_its_addresses() {
        let ourselves = at(&[("database.invalid", 5432), ("127.0.0.1", 8080)]);
        assert!(!ourselves.are_at(address("192.0.2.7"), Some(5432)));
        let found = vec![SocketAddr::new(address("192.0.2.7"), 5432)];
        ourselves.found.store(Arc::new(found));
        ourselves.look_up();
        assert!(ourselves.are_at(address("192.0.2.7"), Some(5432)));
        assert!(ourselves.are_at(address("127.0.0.1"), Some(8080)));
    }
}
