//! Links by which the recipient of a mail ends such mails (RFC 8058).
//!
//! A link holds, for nobody else to read or to make, who is not to be sent to by whom and the mail that it came in. So it
//! needs nothing that is stored: it holds as long as mails lie in mailboxes, which is for ever, also when the message is
//! long forgotten here and the master key was replaced. It follows from its message alone, so that every attempt to send it
//! has the same bytes.

use std::sync::Arc;

use uuid::Uuid;

use super::model::Route;
use super::proof::Proofs;
use crate::platform::vault::Tokens;
use crate::values::{Ccid, MessageId};

/// What the key is for.
const PURPOSE: &str = "unsubscribe";
/// Characters of the longest token: all that it holds has a longest form.
const TOKEN_CHARS_MAX: usize = 1_024;
/// How what is sealed is written.
const FORMAT: u8 = 1;
/// Between the channel and the address; neither has one.
const SEPARATOR: char = '\0';

/// Makes links and knows its own; cheap to clone.
#[derive(Debug, Clone)]
pub struct UnsubscribeLinks {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    /// Without a slash at its end.
    public_url: Option<String>,
    tokens: Tokens,
}

/// What a link says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wish {
    /// Who wants no more, and of whom.
    pub route: Route,
    /// The mail that the link came in.
    pub message: MessageId,
}

impl UnsubscribeLinks {
    /// Links below `public_url`; without one there are none, since nobody outside could follow them.
    pub fn new(public_url: Option<&str>, proofs: &Proofs) -> Self {
        let shared = Shared {
            public_url: public_url.map(|url| url.trim_end_matches('/').to_owned()),
            tokens: Tokens::new(proofs.derived_key(PURPOSE).as_slice()),
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    /// The link in a mail.
    pub fn to(&self, wish: &Wish) -> Option<String> {
        let base = self.shared.public_url.as_deref()?;
        let token = self.shared.tokens.seal(&wish.written());
        Some(format!("{base}/nexus/v3/unsubscribe/{token}"))
    }

    /// What a link says by its token; `None` for one that is not ours, and it does not say why.
    pub fn opened(&self, token: &str) -> Option<Wish> {
        if token.len() > TOKEN_CHARS_MAX {
            return None;
        }
        Wish::read(&self.shared.tokens.open(token)?)
    }
}

impl Wish {
    fn written(&self) -> Vec<u8> {
        let (channel, address) = (self.route.channel_id.as_str(), self.route.address.as_str());
        let mut bytes = vec![FORMAT];
        bytes.extend_from_slice(self.route.ccid.as_uuid().as_bytes());
        bytes.extend_from_slice(&self.message.as_i64().to_be_bytes());
        bytes.extend_from_slice(format!("{channel}{SEPARATOR}{address}").as_bytes());
        bytes
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let (&[FORMAT], bytes) = bytes.split_first_chunk()? else {
            return None;
        };
        let (ccid, bytes) = bytes.split_first_chunk()?;
        let (message, bytes) = bytes.split_first_chunk()?;
        let (channel_id, address) = str::from_utf8(bytes).ok()?.split_once(SEPARATOR)?;
        Some(Self {
            route: Route {
                ccid: Ccid::from_uuid(Uuid::from_bytes(*ccid)),
                channel_id: channel_id.parse().ok()?,
                address: address.parse().ok()?,
            },
            message: MessageId::from_i64(i64::from_be_bytes(*message)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wish(address: &str) -> Wish {
        Wish {
            route: Route {
                ccid: Ccid::from_uuid(Uuid::from_u128(7)),
                channel_id: "company.com".parse().unwrap(),
                address: address.parse().unwrap(),
            },
            message: "1795264928594-0".parse().unwrap(),
        }
    }

    fn links(key: u8) -> UnsubscribeLinks {
        UnsubscribeLinks::new(
            Some("https://gateway.example.com/m/"),
            &Proofs::with_key(&[key; 32]),
        )
    }

    fn token(link: &str) -> &str {
        let beginning = "https://gateway.example.com/m/nexus/v3/unsubscribe/";
        link.strip_prefix(beginning).unwrap()
    }

    #[test]
    fn a_link_says_who_wants_no_more_and_of_whom() {
        let wish = wish("Jane+news@example.com");
        let link = links(1).to(&wish).unwrap();
        assert_eq!(links(1).to(&wish), Some(link.clone()), "the same each time");
        assert_eq!(links(1).opened(token(&link)), Some(wish));
        assert_eq!(links(2).opened(token(&link)), None);
    }

    #[test]
    fn the_longest_link_is_taken_and_fits_into_one_line_of_a_mail() {
        let address = format!("{}@{}.example.com", "j".repeat(64), "d".repeat(63));
        let link = links(1).to(&wish(&address)).unwrap();
        assert!(links(1).opened(token(&link)).is_some());
        assert!(link.len() < 900, "{}", link.len());
    }

    #[test]
    fn what_is_no_token_of_ours_says_nothing() {
        for token in ["", "a", "..", "%00", &"A".repeat(200), &"A".repeat(5_000)] {
            assert_eq!(links(1).opened(token), None, "{token}");
        }
    }

    #[test]
    fn without_an_address_there_are_no_links() {
        let links = UnsubscribeLinks::new(None, &Proofs::with_key(&[1; 32]));
        assert_eq!(links.to(&wish("jane@example.com")), None);
    }
}
