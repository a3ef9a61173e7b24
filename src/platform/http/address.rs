//! Where a request comes from: the address of the peer, or behind balancers the one that they saw.

use std::convert::Infallible;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName};

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// How many balancers stand before this process, each of which adds the address that it sees to `X-Forwarded-For`.
///
/// Whatever stands before what they added was written by the client, and is believed nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TrustedHops(pub u16);

/// The address of a caller, which the caller cannot choose. The accept loop gives every request one.
///
/// An IPv4 address that is mapped into IPv6 is the IPv4 address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct CallerAddress(IpAddr);

impl CallerAddress {
    /// Without balancers the peer; behind them the entry of the header `X-Forwarded-For` that the outermost of them
    /// added. Where there are fewer entries than balancers, or that entry is no address, the request did not come
    /// through all of them: then it is the peer again, whom nobody can invent.
    pub fn of(peer: IpAddr, headers: &HeaderMap, TrustedHops(hops): TrustedHops) -> Self {
        let forwarded = match usize::from(hops) {
            0 => None,
            hops => forwarded(headers, hops),
        };
        Self(forwarded.unwrap_or(peer).to_canonical())
    }

    pub fn ip(self) -> IpAddr {
        self.0
    }
}

impl fmt::Display for CallerAddress {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for CallerAddress {
    type Rejection = Infallible;

    /// What the accept loop has found. A request that came through none has the address that means no address.
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let found = parts.extensions.get::<Self>().copied();
        Ok(found.unwrap_or(Self(IpAddr::V6(Ipv6Addr::UNSPECIFIED))))
    }
}

/// The entry so far from the end, counted over all headers of the name as if they were one (RFC 9110, section 5.3).
fn forwarded(headers: &HeaderMap, from_end: usize) -> Option<IpAddr> {
    let values = headers.get_all(FORWARDED_FOR).iter().rev();
    let mut entries = values.flat_map(|value| value.as_bytes().rsplit(|byte| *byte == b','));
    let entry = entries.nth(from_end - 1)?;
    address(str::from_utf8(entry).ok()?.trim())
}

/// An address as balancers write it: alone, or with a port, and in IPv6 perhaps in brackets.
fn address(text: &str) -> Option<IpAddr> {
    let bare = text.parse::<IpAddr>().ok();
    let with_port = || text.parse::<SocketAddr>().ok().map(|socket| socket.ip());
    let in_brackets = || {
        let inside = text.strip_prefix('[')?.strip_suffix(']')?;
        inside.parse::<Ipv6Addr>().ok().map(IpAddr::V6)
    };
    bare.or_else(with_port)
        .or_else(in_brackets)
        .filter(|address| *address != IpAddr::V4(Ipv4Addr::UNSPECIFIED))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PEER: &str = "203.0.113.7";

    /// Who called through so many balancers with these headers, from [`PEER`].
    fn caller(hops: u16, values: &[&str]) -> String {
        let headers = values
            .iter()
            .map(|value| (FORWARDED_FOR, value.parse().unwrap()))
            .collect();
        CallerAddress::of(PEER.parse().unwrap(), &headers, TrustedHops(hops)).to_string()
    }

    #[test]
    fn without_balancers_nothing_that_is_said_counts() {
        for values in [&[][..], &["198.51.100.1"], &["198.51.100.1, 10.0.0.1"]] {
            assert_eq!(caller(0, values), PEER, "{values:?}");
        }
    }

    #[test]
    fn each_balancer_that_is_trusted_is_one_entry_from_the_end() {
        let chain = ["6.6.6.6, 198.51.100.1", "10.0.0.1,10.0.0.2"];
        for (hops, expected) in [
            (1, "10.0.0.2"),
            (2, "10.0.0.1"),
            (3, "198.51.100.1"),
            (4, "6.6.6.6"),
        ] {
            assert_eq!(caller(hops, &chain), expected, "{hops} hops");
        }
    }

    #[test]
    fn who_did_not_come_through_all_balancers_is_its_peer() {
        for values in [
            &[][..],
            &[""],
            &["198.51.100.1"],
            &["unknown, 10.0.0.1"],
            &["0.0.0.0,10.0.0.1"],
        ] {
            assert_eq!(caller(2, values), PEER, "{values:?}");
        }
    }

    #[test]
    fn an_address_is_read_as_balancers_write_it() {
        for (entry, expected) in [
            ("198.51.100.1", "198.51.100.1"),
            (" 198.51.100.1\t", "198.51.100.1"),
            ("198.51.100.1:4711", "198.51.100.1"),
            ("2001:db8::1", "2001:db8::1"),
            ("[2001:db8::1]", "2001:db8::1"),
            ("[2001:db8::1]:4711", "2001:db8::1"),
            ("::ffff:198.51.100.1", "198.51.100.1"),
            ("198.51.100.256", PEER),
            ("example.com", PEER),
            ("198.51.100.1 or so", PEER),
        ] {
            assert_eq!(caller(1, &[entry]), expected, "{entry:?}");
        }
    }

    proptest! {
        #[test]
        fn whatever_a_client_writes_before_the_balancers_it_stays_who_it_is(
            invented in prop::collection::vec("[ -~]{0,40}", 0..6),
            hops in 1_u16..5,
        ) {
            let added = (1..=hops).map(|hop| format!("192.0.2.{hop}")).collect::<Vec<_>>().join(", ");
            let mut values: Vec<&str> = invented.iter().map(String::as_str).collect();
            values.push(&added);
            prop_assert_eq!(caller(hops, &values), "192.0.2.1");
            // A balancer that continues the last line does the same as one that adds a line.
            let line = values.join(",");
            prop_assert_eq!(caller(hops, &[&line]), "192.0.2.1");
        }
    }
}
