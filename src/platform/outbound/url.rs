//! Which URLs may be given to us as a destination.

use std::net::IpAddr;

use reqwest::Url;

use super::guard::{AddressGuard, AddressRefused};

/// Why a URL cannot be a destination. The sentences are for whoever entered it and repeat nothing of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UrlRefused {
    #[error("is not a URL")]
    Malformed,
    #[error("must begin with https:// or http://")]
    Scheme,
    #[error("must begin with https://")]
    HttpsOnly,
    #[error("must not contain a user name or password")]
    UserInfo,
    #[error("must not name this machine")]
    Localhost,
    #[error("must not point to a private or reserved address")]
    Address,
}

impl From<AddressRefused> for UrlRefused {
    fn from(AddressRefused: AddressRefused) -> Self {
        Self::Address
    }
}

/// Parses a destination, whatever addresses this gateway connects to. A text without scheme is taken as `https`.
///
/// # Errors
///
/// [`UrlRefused::Malformed`], [`UrlRefused::Scheme`] or [`UrlRefused::UserInfo`].
pub fn parse_destination(text: &str) -> Result<Url, UrlRefused> {
    // URL parsers drop these silently, so that what is shown would not be what is used.
    let is_hidden = |character: char| character.is_control() || character.is_whitespace();
    if text.is_empty() || text.contains(is_hidden) {
        return Err(UrlRefused::Malformed);
    }
    let url = if has_scheme(text) {
        Url::parse(text)
    } else {
        Url::parse(&format!("https://{text}"))
    };
    let url = url.map_err(|_| UrlRefused::Malformed)?;
    check_form(&url)?;
    Ok(url)
}

impl AddressGuard {
    /// Parses a destination and refuses what must not be stored as one.
    ///
    /// Addresses are checked at once, in every spelling that URLs allow (`0x7f.1`, `2130706433`, `[::ffff:7f00:1]`).
    /// Names are checked whenever they are resolved, as they may change.
    pub fn check_url(&self, text: &str, https_only: bool) -> Result<Url, UrlRefused> {
        let url = parse_destination(text)?;
        self.check_destination(&url, https_only)?;
        Ok(url)
    }

    /// Checks everything about a destination that can be known before its name is resolved.
    pub fn check_destination(&self, url: &Url, https_only: bool) -> Result<(), UrlRefused> {
        check_form(url)?;
        if https_only && url.scheme() != "https" {
            return Err(UrlRefused::HttpsOnly);
        }
        match url.host_str().map(Host::of) {
            Some(Host::Address(address)) => Ok(self.check(address, url.port_or_known_default())?),
            Some(Host::Localhost) if !self.allows_loopback() => Err(UrlRefused::Localhost),
            Some(Host::Localhost | Host::Name) => Ok(()),
            None => Err(UrlRefused::Malformed),
        }
    }
}

fn check_form(url: &Url) -> Result<(), UrlRefused> {
    if !matches!(url.scheme(), "https" | "http") {
        return Err(UrlRefused::Scheme);
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(UrlRefused::UserInfo);
    }
    Ok(())
}

/// What kind of host a URL or a DNS question names.
pub(super) enum Host {
    Address(IpAddr),
    /// `localhost` or a name under it, which means this machine whatever DNS says (RFC 6761, 6.3).
    Localhost,
    Name,
}

impl Host {
    /// `host` as the `url` crate writes it: lower case, IPv4 in four decimal numbers, IPv6 in brackets.
    pub(super) fn of(host: &str) -> Self {
        let bare = host
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'));
        if let Ok(address) = bare.unwrap_or(host).parse() {
            return Self::Address(address);
        }
        let name = host.trim_end_matches('.').to_ascii_lowercase();
        if name == "localhost" || name.ends_with(".localhost") {
            Self::Localhost
        } else {
            Self::Name
        }
    }
}

/// Whether the text begins with a scheme: `host:8443/path` does not, `ftp://host` and `https:/host` do.
fn has_scheme(text: &str) -> bool {
    let until_path = text.split(['/', '\\', '?', '#']).next().unwrap_or(text);
    until_path.len() < text.len() && until_path.ends_with(':')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn public_only() -> AddressGuard {
        AddressGuard::new(Vec::new())
    }

    fn with_loopback() -> AddressGuard {
        AddressGuard::new(vec!["127.0.0.0/8".parse().unwrap()])
    }

    #[test]
    fn a_url_without_scheme_gets_https() {
        let cases = [
            ("example.com", "https://example.com/"),
            ("example.com/hook", "https://example.com/hook"),
            ("example.com:8443/hook", "https://example.com:8443/hook"),
            ("//example.com/hook", "https://example.com/hook"),
            (
                "example.com/?next=http://other/",
                "https://example.com/?next=http://other/",
            ),
            ("http://example.com/hook", "http://example.com/hook"),
            ("HTTPS://Example.COM/Hook", "https://example.com/Hook"),
            ("8.8.8.8/hook", "https://8.8.8.8/hook"),
            (
                "[2606:4700::1]:8443/hook",
                "https://[2606:4700::1]:8443/hook",
            ),
        ];
        for (text, expected) in cases {
            let url = public_only().check_url(text, false);
            assert_eq!(url.as_ref().map(Url::as_str), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_cannot_be_a_destination_is_refused_with_its_reason() {
        use UrlRefused::{Address, Localhost, Malformed, Scheme, UserInfo};
        let cases = [
            ("", Malformed),
            (" https://example.com", Malformed),
            ("https://exam\nple.com", Malformed),
            ("https://example.com/\u{0}", Malformed),
            ("https://", Malformed),
            ("https://example.com:99999/", Malformed),
            ("http:example.com", Malformed),
            ("javascript:alert(1)", Malformed),
            ("ftp://example.com/", Scheme),
            ("file:///etc/passwd", Scheme),
            ("gopher://example.com/", Scheme),
            ("unix:/var/run/socket", Scheme),
            ("https://user@example.com/", UserInfo),
            ("https://user:word@example.com/", UserInfo),
            ("https://:word@example.com/", UserInfo),
            ("user:word@example.com", UserInfo),
            ("mailto:somebody@example.com", UserInfo),
            ("http://localhost/", Localhost),
            ("http://LOCALHOST:8080/", Localhost),
            ("http://localhost./", Localhost),
            ("http://deep.under.localhost/", Localhost),
            ("localhost:8080", Localhost),
            ("http://127.0.0.1/", Address),
            ("http://127.0.0.1./", Address),
            ("http://127.1/", Address),
            ("http://0x7f.1/", Address),
            ("http://0x7f000001/", Address),
            ("http://2130706433/", Address),
            ("http://0177.0.0.1/", Address),
            ("http://%31%32%37.0.0.1/", Address),
            ("http://１２７.０.０.１/", Address),
            ("http://127。0。0。1/", Address),
            ("http://0/", Address),
            ("http://[::1]/", Address),
            ("http://[::]/", Address),
            ("http://[::ffff:127.0.0.1]/", Address),
            ("http://[::ffff:7f00:1]/", Address),
            ("http://[64:ff9b::10.0.0.1]/", Address),
            ("http://169.254.169.254/latest/meta-data/", Address),
        ];
        for (text, expected) in cases {
            let refused = public_only().check_url(text, false);
            assert_eq!(refused, Err(expected), "{text}");
        }
    }

    #[test]
    fn a_backslash_does_not_move_the_host() {
        let url = public_only().check_url("https://example.com\\@127.0.0.1/", false);
        assert_eq!(url.unwrap().host_str(), Some("example.com"));
    }

    #[test]
    fn this_machine_is_a_destination_where_the_operator_allows_it() {
        for text in [
            "http://localhost:8080/hook",
            "http://simulator.localhost/",
            "http://127.0.0.1:8080/",
            "http://[::ffff:127.0.0.1]/",
        ] {
            assert!(with_loopback().check_url(text, false).is_ok(), "{text}");
        }
        let other_network = with_loopback().check_url("http://10.0.0.1/", false);
        assert_eq!(other_network, Err(UrlRefused::Address));
    }

    #[test]
    fn plain_http_is_refused_where_only_https_is_allowed() {
        let guard = public_only();
        let plain = guard.check_url("http://example.com/", true);
        assert_eq!(plain, Err(UrlRefused::HttpsOnly));
        assert!(guard.check_url("https://example.com/", true).is_ok());
        assert!(guard.check_url("example.com", true).is_ok());
    }

    #[test]
    fn a_refusal_repeats_nothing_of_the_url() {
        let refused = public_only().check_url("https://user:hush@example.com/", false);
        assert!(!refused.unwrap_err().to_string().contains("hush"));
    }
}
