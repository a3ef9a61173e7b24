//! The proxy through which an operator has every destination reached.
//!
//! It resolves names and connects for us, so the guard sees less: literal addresses are judged as ever, and a name that our
//! name servers know is refused if any address of it is. What they do not know is left to the proxy, and so is the moment
//! between our look and its own. It has to refuse the inside itself.

use std::fmt;

use reqwest::Url;

use super::ourselves::Place;

/// Where the proxy is, and who we are to it.
#[derive(Clone)]
pub struct EgressProxy(Url);

/// A text that names no proxy. It repeats nothing of it: there may be a password in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("http:// or https:// with a host, and no path")]
pub struct ProxyRefused;

impl EgressProxy {
    /// Reads where a proxy is.
    pub fn parse(text: &str) -> Result<Self, ProxyRefused> {
        let url = Url::parse(text).map_err(|_| ProxyRefused)?;
        let is_bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
        let is_http = matches!(url.scheme(), "http" | "https");
        if is_http && is_bare && url.has_host() {
            Ok(Self(url))
        } else {
            Err(ProxyRefused)
        }
    }

    /// Its host and port, which are no destination.
    pub fn place(&self) -> Place {
        let port = self.0.port_or_known_default().unwrap_or_default();
        (self.host().to_owned(), port)
    }

    /// Its host as a name or an address without brackets.
    pub(super) fn host(&self) -> &str {
        let host = self.0.host_str().unwrap_or_default();
        host.trim_matches(['[', ']'])
    }

    /// For everything, with what the URL says of a user.
    pub(super) fn for_all(&self) -> Result<reqwest::Proxy, reqwest::Error> {
        reqwest::Proxy::all(self.0.clone())
    }
}

impl fmt::Debug for EgressProxy {
    /// Leaves out who we are to it.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (host, port) = self.place();
        write!(formatter, "EgressProxy({host}:{port})")
    }
}

#[cfg(test)]
#[path = "proxy_tests.rs"]
mod tests;
