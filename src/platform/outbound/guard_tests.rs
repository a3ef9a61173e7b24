use super::*;

/// Addresses that are refused with an empty allow list. Each block is given by its first, an inner and its last address.
const REFUSED: &[&str] = &[
    // IPv4: this network, private use, shared, loopback.
    "0.0.0.0",
    "0.1.2.3",
    "0.255.255.255",
    "10.0.0.0",
    "10.1.2.3",
    "10.255.255.255",
    "100.64.0.0",
    "100.100.100.200",
    "100.127.255.255",
    "127.0.0.0",
    "127.0.0.1",
    "127.255.255.255",
    // Clouds' own: Azure's platform, and the metadata of nearly all of them.
    "168.63.129.16",
    "169.254.169.254",
    "169.254.170.2",
    "192.0.0.192",
    "169.254.0.0",
    "169.254.255.255",
    "172.16.0.0",
    "172.20.1.1",
    "172.31.255.255",
    // Protocol assignments, documentation, AS112, tunnelling, relays.
    "192.0.0.0",
    "192.0.0.8",
    "192.0.0.255",
    "192.0.2.0",
    "192.0.2.77",
    "192.0.2.255",
    "192.31.196.0",
    "192.31.196.255",
    "192.52.193.0",
    "192.52.193.255",
    "192.88.99.0",
    "192.88.99.1",
    "192.88.99.255",
    "192.168.0.0",
    "192.168.1.1",
    "192.168.255.255",
    "192.175.48.0",
    "192.175.48.255",
    "198.18.0.0",
    "198.19.0.1",
    "198.19.255.255",
    "198.51.100.0",
    "198.51.100.255",
    "203.0.113.0",
    "203.0.113.255",
    // Multicast, reserved, broadcast.
    "224.0.0.0",
    "224.0.0.251",
    "239.255.255.255",
    "240.0.0.0",
    "250.1.2.3",
    "255.255.255.254",
    "255.255.255.255",
    // IPv6: unspecified, loopback, and IPv4-compatible whatever it embeds.
    "::",
    "::1",
    "::2",
    "::127.0.0.1",
    "::10.0.0.1",
    "::8.8.8.8",
    // IPv4-mapped.
    "::ffff:0.0.0.0",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:169.254.169.254",
    "::ffff:168.63.129.16",
    "::ffff:255.255.255.255",
    // IPv4-translated (RFC 2765), which is not IPv4-mapped.
    "::ffff:0:127.0.0.1",
    "::ffff:0:8.8.8.8",
    // NAT64, well known and local.
    "64:ff9b::0.0.0.0",
    "64:ff9b::127.0.0.1",
    "64:ff9b::10.0.0.1",
    "64:ff9b::192.168.1.1",
    "64:ff9b::169.254.169.254",
    "64:ff9b::168.63.129.16",
    "64:ff9b:0:0:0:1:808:808",
    "64:ff9b:1::",
    "64:ff9b:1::10.0.0.1",
    "64:ff9b:1::8.8.8.8",
    "64:ff9b:1:ffff:ffff:ffff:ffff:ffff",
    // Discard-only and dummy prefixes.
    "100::",
    "100::1",
    "100:0:0:1::1",
    // Protocol assignments: Teredo with private and with public addresses, benchmarking, ORCHID, the block's last one.
    "2001::",
    "2001:0:4136:e378:8000:63bf:f5ff:fffe",
    "2001:0:808:808:8000:63bf:f7f7:f7f7",
    "2001:1::1",
    "2001:2::1",
    "2001:3::1",
    "2001:4:112::1",
    "2001:10::1",
    "2001:20::1",
    "2001:30::1",
    "2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff",
    // Documentation.
    "2001:db8::",
    "2001:db8::1",
    "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff",
    "3fff::",
    "3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff",
    // 6to4.
    "2002::",
    "2002:7f00:1::1",
    "2002:a00:1::1",
    "2002:a9fe:a9fe::1",
    "2002:808:808::1",
    "2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
    // AS112.
    "2620:4f:8000::",
    "2620:4f:8000:ffff:ffff:ffff:ffff:ffff",
    // ISATAP below a public prefix, with both forms of its identifier.
    "2606:4700::5efe:127.0.0.1",
    "2606:4700::200:5efe:10.0.0.1",
    "2606:4700::5efe:192.168.1.1",
    // Not given out, segment routing, unique local with Amazon's metadata, link-local, site-local, multicast.
    "200::1",
    "1fff:ffff::1",
    "4000::",
    "5f00::1",
    "8000::1",
    "fc00::",
    "fd00:ec2::254",
    "fd20:ce::254",
    "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
    "fe80::",
    "fe80::1",
    "fe80::a9fe:a9fe",
    "febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
    "fec0::",
    "feff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
    "ff00::",
    "ff02::1",
    "ff0e::1",
    "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
];

/// Public addresses, most of them the neighbours of a refused block.
const OPEN: &[&str] = &[
    "1.0.0.0",
    "1.1.1.1",
    "8.8.8.8",
    "9.255.255.255",
    "11.0.0.0",
    "100.63.255.255",
    "100.128.0.0",
    "126.255.255.255",
    "128.0.0.0",
    "168.63.129.15",
    "168.63.129.17",
    "169.253.255.255",
    "169.255.0.0",
    "172.15.255.255",
    "172.32.0.0",
    "191.255.255.255",
    "192.0.1.0",
    "192.0.1.255",
    "192.0.3.0",
    "192.31.195.255",
    "192.31.197.0",
    "192.52.192.255",
    "192.52.194.0",
    "192.88.98.255",
    "192.88.100.0",
    "192.167.255.255",
    "192.169.0.0",
    "192.175.47.255",
    "192.175.49.0",
    "198.17.255.255",
    "198.20.0.0",
    "198.51.99.255",
    "198.51.101.0",
    "203.0.112.255",
    "203.0.114.0",
    "223.255.255.255",
    "::ffff:8.8.8.8",
    "::ffff:168.63.129.17",
    "64:ff9b::8.8.8.8",
    "64:ff9b::172.32.0.1",
    "2000::",
    "2000::1",
    "2001:200::",
    "2001:4860:4860::8888",
    "2001:db7:ffff:ffff:ffff:ffff:ffff:ffff",
    "2001:db9::",
    "2001:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
    "2003::",
    "2606:4700::1111",
    "2606:4700::5efe:8.8.8.8",
    "2606:4700::100:5efe:10.0.0.1",
    "2620:4f:7fff:ffff:ffff:ffff:ffff:ffff",
    "2620:4f:8001::",
    "3ffe:ffff::1",
    "3fff:1000::",
    "3fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
];

fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn allowing(networks: &[&str]) -> AddressGuard {
    AddressGuard::new(networks.iter().map(|text| text.parse().unwrap()).collect())
}

#[test]
fn special_purpose_addresses_are_refused() {
    for text in REFUSED {
        let checked = allowing(&[]).check_ip(address(text));
        assert_eq!(checked, Err(AddressRefused), "{text}");
    }
}

#[test]
fn public_addresses_are_open() {
    for text in OPEN {
        assert_eq!(allowing(&[]).check_ip(address(text)), Ok(()), "{text}");
    }
}

#[test]
fn an_allowed_network_opens_what_it_names_and_no_more() {
    let cases: &[(&[&str], &str, bool)] = &[
        (&["127.0.0.0/8"], "127.0.0.1", true),
        (&["127.0.0.0/8"], "127.255.255.255", true),
        (&["127.0.0.0/8"], "128.0.0.0", true),
        (&["127.0.0.0/8"], "126.255.255.255", true),
        (&["127.0.0.0/8"], "10.0.0.1", false),
        (&["127.0.0.0/8"], "::1", false),
        (&["127.0.0.1/32"], "127.0.0.2", false),
        (&["::1/128"], "::1", true),
        (&["::1/128"], "127.0.0.1", false),
        (&["10.1.0.0/16"], "10.1.255.255", true),
        (&["10.1.0.0/16"], "10.2.0.0", false),
        (&["10.1.0.0/16", "192.168.0.0/16"], "192.168.1.1", true),
        (&["fd00::/8"], "fd12::1", true),
        (&["fd00::/8"], "fc12::1", false),
        (&["0.0.0.0/0"], "169.254.169.254", true),
        (&["0.0.0.0/0"], "fd00::1", false),
        (&["::/0"], "fd00::1", true),
        (&["::/0"], "10.0.0.1", false),
        // Mapped addresses are unwrapped first.
        (&["127.0.0.0/8"], "::ffff:127.0.0.1", true),
        (&["::/0"], "::ffff:127.0.0.1", false),
        (&["::ffff:0:0/96"], "::ffff:127.0.0.1", false),
        // The well-known NAT64 prefix is transparent: the address inside alone decides.
        (&["10.0.0.0/8"], "64:ff9b::10.0.0.1", true),
        (&["10.0.0.0/8"], "64:ff9b::127.0.0.1", false),
        (&["::/0"], "64:ff9b::10.0.0.1", false),
        // Other wrappings must be open outside and inside.
        (&["10.0.0.0/8"], "64:ff9b:1::10.0.0.1", false),
        (&["64:ff9b:1::/48"], "64:ff9b:1::10.0.0.1", false),
        (&["64:ff9b:1::/48"], "64:ff9b:1::8.8.8.8", true),
        (
            &["64:ff9b:1::/48", "10.0.0.0/8"],
            "64:ff9b:1::10.0.0.1",
            true,
        ),
        (&["10.0.0.0/8"], "2002:a00:1::1", false),
        (&["2002::/16"], "2002:a00:1::1", false),
        (&["2002::/16"], "2002:808:808::1", true),
        (&["2002::/16", "10.0.0.0/8"], "2002:a00:1::1", true),
        (&["2001::/32"], "2001:0:808:808:8000:63bf:f7f7:f7f7", true),
        (&["2001::/32"], "2001:0:808:808:8000:63bf:f5ff:fffe", false),
        (&["2001::/32"], "2001:0:a00:1:8000:63bf:f7f7:f7f7", false),
        (&["::/96"], "::10.0.0.1", false),
        (&["::/96"], "::8.8.8.8", true),
        (&["10.0.0.0/8"], "2606:4700::5efe:10.0.0.1", true),
        (&["fe80::/10"], "fe80::5efe:10.0.0.1", false),
    ];
    for (networks, text, open) in cases {
        let checked = allowing(networks).check_ip(address(text));
        assert_eq!(checked.is_ok(), *open, "{text} with {networks:?}");
    }
}

#[test]
fn a_denied_network_is_closed_whether_public_allowed_or_wrapped() {
    let guard = allowing(&["10.0.0.0/8", "64:ff9b:1::/48", "2002::/16"]);
    let deny = ["10.9.0.0/16", "8.8.8.0/24", "2606:4700::/32"];
    let guard = guard.without(deny.iter().map(|text| text.parse().unwrap()).collect());
    let cases = [
        ("10.1.0.1", true),
        ("10.9.0.1", false),
        ("8.8.4.4", true),
        ("8.8.8.8", false),
        ("::ffff:8.8.8.8", false),
        ("64:ff9b::8.8.8.8", false),
        ("64:ff9b:1::8.8.8.8", false),
        ("2002:808:808::1", false),
        ("2606:4700::1", false),
        ("2606:4800::1", true),
    ];
    for (text, open) in cases {
        assert_eq!(guard.check_ip(address(text)).is_ok(), open, "{text}");
    }
}

#[test]
fn we_ourselves_are_no_destination_in_any_wrapping() {
    let ourselves = Ourselves::at(vec![("10.0.0.5".to_owned(), 5432)]);
    ourselves.look_up();
    let guard = allowing(&["10.0.0.0/8", "2002::/16"]).sparing(ourselves);
    for text in [
        "10.0.0.5",
        "::ffff:10.0.0.5",
        "64:ff9b::10.0.0.5",
        "2002:a00:5::1",
    ] {
        let check = |port| guard.check(address(text), port).is_ok();
        assert!(!check(Some(5432)) && !check(None), "{text}");
        assert!(check(Some(443)), "{text}");
    }
    assert!(guard.check(address("10.0.0.6"), Some(5432)).is_ok());
}

#[test]
fn loopback_is_allowed_by_either_family() {
    assert!(!allowing(&[]).allows_loopback());
    assert!(!allowing(&["10.0.0.0/8"]).allows_loopback());
    assert!(allowing(&["127.0.0.0/8"]).allows_loopback());
    assert!(allowing(&["::1/128"]).allows_loopback());
}

#[test]
fn a_refusal_does_not_name_the_address() {
    let refused = allowing(&[]).check_ip(address("10.1.2.3")).unwrap_err();
    assert!(!format!("{refused} {refused:?}").contains("10.1"));
}

proptest::proptest! {
    #[test]
    fn mapping_an_ipv4_address_changes_nothing(bits: u32, allowed: bool) {
        let guard = allowing(if allowed { &["10.0.0.0/8"] } else { &[] });
        let bare = Ipv4Addr::from_bits(bits);
        let mapped = bare.to_ipv6_mapped();
        proptest::prop_assert_eq!(guard.check_ip(bare.into()), guard.check_ip(mapped.into()));
    }

    #[test]
    fn allowing_more_never_closes_anything(bits: u128) {
        let address = IpAddr::from(Ipv6Addr::from_bits(bits));
        let open_before = allowing(&[]).check_ip(address).is_ok();
        let open_after = allowing(&["fd00::/8", "10.0.0.0/8"]).check_ip(address).is_ok();
        proptest::prop_assert!(open_after || !open_before);
    }
}
