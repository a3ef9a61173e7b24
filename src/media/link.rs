//! Links to files: signed, so that nobody can make one, and expiring.
//!
//! A link follows from its message alone, so that every attempt to send it has the same bytes.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use serde::Deserialize;
use sha2::Sha256;
use utoipa::IntoParams;

use crate::platform::vault::{DerivedKey, Vault};
use crate::values::{Ccid, MediaId};

/// What the key is derived for.
const PURPOSE: &str = "links to media";
const DAY_MS: i64 = 24 * 3_600_000;

/// The parameters of a link, as they come; others may have been added on the way.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct LinkQuery {
    pub tenant: Option<String>,
    /// Unix seconds.
    pub expires: Option<String>,
    pub signature: Option<String>,
}

/// Makes links and knows its own; cheap to clone.
#[derive(Debug, Clone)]
pub struct Links {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    /// Without a slash at its end.
    public_url: Option<String>,
    lifetime_ms: i64,
    /// The first signs, all verify.
    keys: Vec<DerivedKey>,
}

/// There is no address under which the outside could follow a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("server.public_url is not set, so there are no links to stored files")]
pub struct NoPublicUrl;

impl Links {
    /// Links below `public_url` that live `days` from the acceptance of their message on.
    pub fn new(public_url: Option<&str>, days: u32, vault: &Vault) -> Self {
        let shared = Shared {
            public_url: public_url.map(|url| url.trim_end_matches('/').to_owned()),
            lifetime_ms: i64::from(days) * DAY_MS,
            keys: vault.derived_keys(PURPOSE),
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    /// Whether links can be made at all.
    pub fn can_be_made(&self) -> bool {
        self.shared.public_url.is_some()
    }

    /// How long a link lives, in milliseconds.
    pub fn lifetime_ms(&self) -> i64 {
        self.shared.lifetime_ms
    }

    /// The link to a file in a message that was accepted at `accepted_ms`, in Unix milliseconds.
    pub fn to(&self, ccid: Ccid, id: MediaId, accepted_ms: i64) -> Result<String, NoPublicUrl> {
        let base = self.shared.public_url.as_deref().ok_or(NoPublicUrl)?;
        let key = self.shared.keys.first().ok_or(NoPublicUrl)?;
        let expires = (accepted_ms + self.shared.lifetime_ms).div_euclid(1_000);
        let signature = URL_SAFE_NO_PAD.encode(mac(key, ccid, id, expires).finalize().into_bytes());
        Ok(format!(
            "{base}/nexus/v3/media/{id}?tenant={ccid}&expires={expires}&signature={signature}"
        ))
    }

    /// Whose file a link opens at this time; nobody's if it has expired or is not one of ours, and it does not say which.
    pub fn opens(&self, id: MediaId, query: &LinkQuery, now_ms: i64) -> Option<Ccid> {
        let ccid: Ccid = query.tenant.as_deref()?.parse().ok()?;
        let expires: i64 = query.expires.as_deref()?.parse().ok()?;
        let signature = URL_SAFE_NO_PAD.decode(query.signature.as_deref()?).ok()?;
        let is_ours = self.shared.keys.iter().fold(false, |is_ours, key| {
            let made_in_time = key.replaced_at_ms().is_none_or(|replaced_at_ms| {
                expires <= (replaced_at_ms + self.shared.lifetime_ms).div_euclid(1_000)
            });
            let verified = mac(key, ccid, id, expires).verify_slice(&signature);
            is_ours | (made_in_time && verified.is_ok())
        });
        (is_ours && now_ms.div_euclid(1_000) < expires).then_some(ccid)
    }
}

/// Over 16 bytes of the file's id, 16 of the tenant's and 8 of the time.
fn mac(key: &DerivedKey, ccid: Ccid, id: MediaId, expires: i64) -> Hmac<Sha256> {
    let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(key.as_bytes())
        .expect("an HMAC takes a key of any length");
    mac.update(id.as_uuid().as_bytes());
    mac.update(ccid.as_uuid().as_bytes());
    mac.update(&expires.to_be_bytes());
    mac
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::super::id::new_at;
    use super::*;
    use crate::platform::vault::MasterKey;

    const NOW_MS: i64 = 1_795_521_600_000;

    fn links(vault: &Vault) -> Links {
        Links::new(Some("https://gateway.example.com/messages/"), 40, vault)
    }

    fn vault() -> Vault {
        Vault::new(MasterKey::generate())
    }

    fn tenant(number: u128) -> Ccid {
        Ccid::from_uuid(Uuid::from_u128(number))
    }

    fn query(link: &str) -> LinkQuery {
        serde_urlencoded::from_str(link.split_once('?').unwrap().1).unwrap()
    }

    #[test]
    fn a_link_opens_its_file_until_it_expires() {
        let links = links(&vault());
        let id = new_at(NOW_MS);
        let link = links.to(tenant(1), id, NOW_MS).unwrap();
        let beginning = format!("https://gateway.example.com/messages/nexus/v3/media/{id}?tenant=");
        assert!(link.starts_with(&beginning), "{link}");
        assert_eq!(links.opens(id, &query(&link), NOW_MS), Some(tenant(1)));
        let end = NOW_MS + 40 * DAY_MS;
        assert_eq!(links.opens(id, &query(&link), end - 1), Some(tenant(1)));
        assert_eq!(links.opens(id, &query(&link), end), None);
    }

    #[test]
    fn a_link_follows_from_its_message() {
        let vault = vault();
        let id = new_at(NOW_MS);
        let first = links(&vault).to(tenant(1), id, NOW_MS);
        assert_eq!(first, links(&vault).to(tenant(1), id, NOW_MS));
        assert_ne!(first, links(&vault).to(tenant(1), id, NOW_MS + 1_000));
    }

    #[test]
    fn a_link_opens_nothing_else() {
        let links = links(&vault());
        let id = new_at(NOW_MS);
        let good = query(&links.to(tenant(1), id, NOW_MS).unwrap());
        assert_eq!(links.opens(new_at(NOW_MS), &good, NOW_MS), None);
        let (expires, signature) = (
            good.expires.as_ref().map(|time| format!("{time}0")),
            good.signature.clone(),
        );
        for forged in [
            LinkQuery {
                tenant: Some(tenant(2).to_string()),
                ..good.clone()
            },
            LinkQuery {
                expires,
                ..good.clone()
            },
            LinkQuery {
                signature: None,
                ..good.clone()
            },
            LinkQuery {
                signature: Some(String::new()),
                ..good.clone()
            },
            LinkQuery {
                signature: signature.map(|text| text[..42].to_owned()),
                ..good.clone()
            },
            LinkQuery {
                tenant: None,
                ..good.clone()
            },
            LinkQuery {
                expires: None,
                ..good
            },
        ] {
            assert_eq!(links.opens(id, &forged, NOW_MS), None, "{forged:?}");
        }
    }

    #[test]
    fn a_link_of_a_retired_master_key_still_opens_its_file() {
        let retired = MasterKey::generate();
        let same = MasterKey::from_base64(&retired.to_base64()).unwrap();
        let id = new_at(NOW_MS);
        let link = links(&Vault::new(retired))
            .to(tenant(1), id, NOW_MS)
            .unwrap();
        let after = links(&Vault::with_others(MasterKey::generate(), [same]));
        assert_eq!(after.opens(id, &query(&link), NOW_MS), Some(tenant(1)));
        assert_eq!(links(&vault()).opens(id, &query(&link), NOW_MS), None);
    }

    #[test]
    fn without_an_address_there_are_no_links() {
        let links = Links::new(None, 40, &vault());
        assert!(!links.can_be_made());
        assert_eq!(links.to(tenant(1), new_at(0), 0), Err(NoPublicUrl));
    }

    proptest! {
        #[test]
        fn one_changed_letter_of_a_signature_is_refused(place in 0usize..43, letter in "[A-Za-z0-9_-]") {
            let links = links(&vault());
            let id = new_at(NOW_MS);
            let good = query(&links.to(tenant(1), id, NOW_MS).unwrap());
            let mut signature = good.signature.clone().unwrap();
            signature.replace_range(place..=place, &letter);
            let same = Some(&signature) == good.signature.as_ref();
            let changed = LinkQuery { signature: Some(signature), ..good };
            prop_assert_eq!(links.opens(id, &changed, NOW_MS).is_some(), same);
        }
    }
}
