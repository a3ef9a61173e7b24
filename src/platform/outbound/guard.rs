//! Which addresses we connect to: public ones, and those in networks that the operator allowed, but for the networks that
//! he denied and for ourselves.
//!
//! Refused are the blocks of the IANA special-purpose address registries (RFC 6890 and its updates, read 2026-11), whether
//! or not a registry calls one globally reachable: none of them is where a webhook lives. The metadata addresses of clouds
//! lie inside them, but for Azure's.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use super::ourselves::Ourselves;

const REFUSED_V4: &[Ipv4Net] = &[
    v4([0, 0, 0, 0], 8),        // this network
    v4([10, 0, 0, 0], 8),       // private use
    v4([100, 64, 0, 0], 10),    // shared address space; Alibaba's metadata
    v4([127, 0, 0, 0], 8),      // loopback
    v4([168, 63, 129, 16], 32), // Azure's platform services: public by number only
    v4([169, 254, 0, 0], 16),   // link-local; the metadata of most clouds
    v4([172, 16, 0, 0], 12),    // private use
    v4([192, 0, 0, 0], 24),     // IETF protocol assignments; Oracle's metadata
    v4([192, 0, 2, 0], 24),     // documentation
    v4([192, 31, 196, 0], 24),  // AS112
    v4([192, 52, 193, 0], 24),  // automatic multicast tunnelling
    v4([192, 88, 99, 0], 24),   // 6to4 relays, withdrawn
    v4([192, 168, 0, 0], 16),   // private use
    v4([192, 175, 48, 0], 24),  // AS112, direct delegation
    v4([198, 18, 0, 0], 15),    // benchmarking
    v4([198, 51, 100, 0], 24),  // documentation
    v4([203, 0, 113, 0], 24),   // documentation
    v4([224, 0, 0, 0], 4),      // multicast
    v4([240, 0, 0, 0], 4),      // reserved, and broadcast
];

/// The only IPv6 block that public hosts get addresses from. Everything outside is refused: unspecified, loopback,
/// IPv4-compatible, discard-only, segment routing, unique local (with Amazon's metadata), link-local, site-local, multicast.
const GLOBAL_UNICAST: Ipv6Net = v6([0x2000, 0, 0, 0, 0, 0, 0, 0], 3);

/// Refused blocks within the global unicast block.
const REFUSED_V6: &[Ipv6Net] = &[
    v6([0x2001, 0, 0, 0, 0, 0, 0, 0], 23), // IETF protocol assignments: Teredo, ORCHID, benchmarking
    v6([0x2001, 0xdb8, 0, 0, 0, 0, 0, 0], 32), // documentation
    SIX_TO_FOUR,
    v6([0x2620, 0x4f, 0x8000, 0, 0, 0, 0, 0], 48), // AS112, direct delegation
    v6([0x3fff, 0, 0, 0, 0, 0, 0, 0], 20),         // documentation
];

/// RFC 6052: stands for the IPv4 address in its last 32 bits and for nothing else, so that address alone decides.
const NAT64: Ipv6Net = v6([0x64, 0xff9b, 0, 0, 0, 0, 0, 0], 96);
/// RFC 8215: NAT64 within one network.
const NAT64_LOCAL: Ipv6Net = v6([0x64, 0xff9b, 1, 0, 0, 0, 0, 0], 48);
/// RFC 3056.
const SIX_TO_FOUR: Ipv6Net = v6([0x2002, 0, 0, 0, 0, 0, 0, 0], 16);
/// RFC 4380.
const TEREDO: Ipv6Net = v6([0x2001, 0, 0, 0, 0, 0, 0, 0], 32);
/// RFC 4291, 2.5.5.1: withdrawn, but old stacks may still route it.
const IPV4_COMPATIBLE: Ipv6Net = v6([0, 0, 0, 0, 0, 0, 0, 0], 96);

/// An address that we do not connect to. It does not say which: that would show to the outside what a name is inside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the address is not one that this gateway connects to")]
pub struct AddressRefused;

/// Decides which addresses we connect to. Cheap to clone.
#[derive(Debug, Clone)]
pub struct AddressGuard {
    allow: Arc<[IpNet]>,
    deny: Arc<[IpNet]>,
    ourselves: Ourselves,
}

impl AddressGuard {
    /// Opens public addresses and the networks of `allow`.
    pub fn new(allow: Vec<IpNet>) -> Self {
        Self {
            allow: allow.into(),
            deny: Arc::default(),
            ourselves: Ourselves::default(),
        }
    }

    /// Closes networks, whether they are public or allowed.
    #[must_use]
    pub fn without(self, deny: Vec<IpNet>) -> Self {
        let deny = deny.into();
        Self { deny, ..self }
    }

    /// Closes where we listen ourselves.
    #[must_use]
    pub fn sparing(self, ourselves: Ourselves) -> Self {
        Self { ourselves, ..self }
    }

    /// Where we listen ourselves.
    pub(super) fn ourselves(&self) -> &Ourselves {
        &self.ourselves
    }

    /// Checks where a connection would end. Where the port is not known, every one of the address must be open.
    pub fn check(&self, address: IpAddr, port: Option<u16>) -> Result<(), AddressRefused> {
        self.check_ip(address)?;
        let address = address.to_canonical();
        let IpAddr::V6(outside) = address else {
            return self.check_not_ours(address, port);
        };
        self.check_not_ours(address, port)?;
        embedded_in(outside).try_for_each(|inner| self.check_not_ours(inner.into(), port))
    }

    fn check_not_ours(&self, address: IpAddr, port: Option<u16>) -> Result<(), AddressRefused> {
        if self.ourselves.are_at(address, port) {
            Err(AddressRefused)
        } else {
            Ok(())
        }
    }

    /// Checks an address and every IPv4 address embedded in it: each must be public or allowed, and none denied.
    ///
    /// An IPv4-mapped address is the IPv4 address it maps, to the allowed networks too: `::/0` does not open it.
    pub fn check_ip(&self, address: IpAddr) -> Result<(), AddressRefused> {
        let passes = match address.to_canonical() {
            IpAddr::V4(address) => self.passes_v4(address),
            IpAddr::V6(address) => {
                let is_open = self.allows(address.into()) || is_public_v6(address);
                let outside = is_open && !self.denies(address.into());
                outside && embedded_in(address).all(|inner| self.passes_v4(inner))
            }
        };
        if passes { Ok(()) } else { Err(AddressRefused) }
    }

    /// Whether this machine itself may be connected to, which is what makes the name `localhost` usable.
    pub fn allows_loopback(&self) -> bool {
        self.allows(Ipv4Addr::LOCALHOST.into()) || self.allows(Ipv6Addr::LOCALHOST.into())
    }

    fn passes_v4(&self, address: Ipv4Addr) -> bool {
        let is_open = self.allows(address.into()) || is_public_v4(address);
        is_open && !self.denies(address.into())
    }

    fn denies(&self, address: IpAddr) -> bool {
        self.deny.iter().any(|network| network.contains(&address))
    }

    fn allows(&self, address: IpAddr) -> bool {
        self.allow.iter().any(|network| network.contains(&address))
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    !REFUSED_V4.iter().any(|block| block.contains(&address))
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let refused = REFUSED_V6.iter().any(|block| block.contains(&address));
    NAT64.contains(&address) || (GLOBAL_UNICAST.contains(&address) && !refused)
}

/// Every IPv4 address that a packet to this IPv6 address may end at.
fn embedded_in(address: Ipv6Addr) -> impl Iterator<Item = Ipv4Addr> {
    let segments = address.segments();
    let is_host_of_its_own = address.is_unspecified() || address.is_loopback();
    let is_compatible = IPV4_COMPATIBLE.contains(&address) && !is_host_of_its_own;
    let is_nat64 = NAT64.contains(&address) || NAT64_LOCAL.contains(&address);
    // RFC 5214: the interface identifier of a tunnel within a site, below any prefix.
    let is_isatap = matches!(segments[4], 0 | 0x0200) && segments[5] == 0x5efe;
    let is_six_to_four = SIX_TO_FOUR.contains(&address);
    let is_teredo = TEREDO.contains(&address);

    let last = v4_of(segments[6], segments[7]);
    let teredo_server = v4_of(segments[2], segments[3]);
    let teredo_client = v4_of(!segments[6], !segments[7]);
    [
        (is_compatible || is_nat64 || is_isatap).then_some(last),
        is_six_to_four.then(|| v4_of(segments[1], segments[2])),
        is_teredo.then_some(teredo_server),
        is_teredo.then_some(teredo_client),
    ]
    .into_iter()
    .flatten()
}

fn v4_of(high: u16, low: u16) -> Ipv4Addr {
    Ipv4Addr::from(u32::from(high) << 16 | u32::from(low))
}

const fn v4(network: [u8; 4], prefix_length: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::from_octets(network), prefix_length)
}

const fn v6(network: [u16; 8], prefix_length: u8) -> Ipv6Net {
    Ipv6Net::new_assert(Ipv6Addr::from_segments(network), prefix_length)
}

#[cfg(test)]
#[path = "guard_tests.rs"]
mod tests;
