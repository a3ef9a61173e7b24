//! Addresses that no tenant may have us connect to, and how they can be written.
//!
//! The blocks are those of the IANA special-purpose registries, written down apart from the guard's own list.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

const BLOCKS: &[&str] = &[
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.0.0.0/24",
    "192.0.2.0/24",
    "192.31.196.0/24",
    "192.52.193.0/24",
    "192.88.99.0/24",
    "192.168.0.0/16",
    "192.175.48.0/24",
    "198.18.0.0/15",
    "198.51.100.0/24",
    "203.0.113.0/24",
    "224.0.0.0/4",
    "240.0.0.0/4",
    "255.255.255.255/32",
    "::/128",
    "::1/128",
    "::ffff:0:0:0/96",
    "64:ff9b:1::/48",
    "100::/64",
    "100:0:0:1::/64",
    "2001::/23",
    "2001::/32",
    "2001:2::/48",
    "2001:10::/28",
    "2001:20::/28",
    "2001:db8::/32",
    "2002::/16",
    "2620:4f:8000::/48",
    "3fff::/20",
    "5f00::/16",
    "fc00::/7",
    "fe80::/10",
    "fec0::/10",
    "ff00::/8",
];

/// Where clouds answer about themselves, to whoever asks from inside.
const METADATA: &[&str] = &[
    "169.254.169.254",
    "169.254.170.2",
    "169.254.169.253",
    "100.100.100.200",
    "192.0.0.192",
    "168.63.129.16",
    "fd00:ec2::254",
    "fd20:ce::254",
];

/// IPv4 addresses that are put into every wrapping of IPv6.
const WRAPPED: &[&str] = &[
    "0.0.0.0",
    "10.0.0.1",
    "100.100.100.200",
    "127.0.0.1",
    "127.255.255.254",
    "168.63.129.16",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.254",
    "192.0.0.192",
    "192.168.0.1",
    "192.168.255.254",
    "198.18.0.1",
    "224.0.0.1",
    "255.255.255.255",
];

/// Spellings of forbidden hosts, as they stand in a URL.
pub const SPELLINGS: &[&str] = &[
    "localhost",
    "LOCALHOST",
    "localhost.",
    "a.localhost",
    "127.1",
    "127.0.1",
    "0x7f.1",
    "0x7f000001",
    "2130706433",
    "017700000001",
    "0177.0.0.1",
    "127.0.0.1.",
    "%31%32%37.0.0.1",
    "１２７.０.０.１",
    "127。0。0。1",
    "①②⑦.0.0.1",
    "0",
    "0.0.0.0.",
    "10.1",
    "0xa.0x0.0x0.0x1",
    "012.0.0.1",
    "0xa9fea9fe",
    "2852039166",
    "169.254.43518",
    "0251.0376.0251.0376",
    "[::ffff:7f00:1]",
    "[::FFFF:127.0.0.1]",
    "[0:0:0:0:0:0:0:1]",
    "[0000::0001]",
    "[::ffff:a9fe:a9fe]",
    "[64:ff9b::a9fe:a9fe]",
    "[fe80::1%25eth0]",
    "[fe80::1%eth0]",
    "user@10.0.0.1",
    "example.com@127.0.0.1",
    "example.com:80@127.0.0.1",
    "@127.0.0.1",
    "127.0.0.1\\@example.com",
    "127.0.0.1\t",
    "127.0.0.\n1",
    "\u{200b}\t127.0.0.1",
    "1.1.1.1 @127.0.0.1",
    "256.0.0.1",
    "1.2.3.4.5",
    "127.0.0.1:65536",
    "127.0.0.1:80:80",
    "[::1",
    "::1",
];

/// Every block by its first, an inner and its last address; metadata; every wrapping of what must not be reached.
pub fn forbidden() -> Vec<IpAddr> {
    let of_blocks = BLOCKS.iter().flat_map(|block| corners(block));
    let metadata = METADATA.iter().map(|text| text.parse().unwrap());
    let wrapped = WRAPPED.iter().flat_map(|text| wrappings(text));
    let mut all: Vec<IpAddr> = of_blocks.chain(metadata).chain(wrapped).collect();
    all.sort_unstable();
    all.dedup();
    all
}

/// One address of each block and of each wrapping.
pub fn one_of_each_kind() -> Vec<IpAddr> {
    let of_blocks = BLOCKS.iter().map(|block| corners(block)[1]);
    let metadata = METADATA.iter().map(|text| text.parse().unwrap());
    of_blocks
        .chain(metadata)
        .chain(wrappings("127.0.0.1"))
        .collect()
}

/// The address as the host of a URL.
pub fn host_of(address: IpAddr) -> String {
    match address {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => format!("[{address}]"),
    }
}

fn corners(block: &str) -> [IpAddr; 3] {
    match block.parse().unwrap() {
        IpNet::V4(block) => {
            let (first, last) = (block.network().to_bits(), block.broadcast().to_bits());
            let middle = first + (last - first) / 2;
            [first, middle, last].map(|bits| Ipv4Addr::from_bits(bits).into())
        }
        IpNet::V6(block) => {
            let (first, last) = (block.network().to_bits(), block.broadcast().to_bits());
            let middle = first + (last - first) / 2;
            [first, middle, last].map(|bits| Ipv6Addr::from_bits(bits).into())
        }
    }
}

/// IPv4-mapped, -compatible and -translated, both NAT64 prefixes, 6to4, Teredo as server and as client, both ISATAP forms.
fn wrappings(inner: &str) -> Vec<IpAddr> {
    let inner: Ipv4Addr = inner.parse().unwrap();
    let bits = u128::from(inner.to_bits());
    let prefixed = |prefix: &str| prefix.parse::<Ipv6Addr>().unwrap().to_bits();
    [
        prefixed("::ffff:0:0") | bits,
        bits,
        prefixed("::ffff:0:0:0") | bits,
        prefixed("64:ff9b::") | bits,
        prefixed("64:ff9b:1::") | bits,
        prefixed("2002::1") | bits << 80,
        prefixed("2001:0:0:0:8000:63bf:f7f7:f7f7") | bits << 64,
        prefixed("2001:0:808:808:8000:63bf::") | (!bits & 0xffff_ffff),
        prefixed("2606:4700::5efe:0:0") | bits,
        prefixed("2606:4700::200:5efe:0:0") | bits,
    ]
    .map(|bits| Ipv6Addr::from_bits(bits).into())
    .to_vec()
}

#[test]
fn the_matrix_has_hundreds_of_different_addresses() {
    assert!(forbidden().len() >= 240, "{}", forbidden().len());
    assert!(one_of_each_kind().len() < 64);
}
