//! Signatures over bodies: `X-Hub-Signature: sha1=<hex>` and `X-Hub-Signature-256: sha256=<hex>`, HMACs of the bytes as
//! they were sent. They say who wrote a body, and nothing about the headers and the path beside it. What we send can be
//! signed as [`standard_webhooks`] too.

pub mod judgement;
pub mod standard_webhooks;

use hmac::{Hmac, KeyInit, Mac};
use http::{HeaderMap, HeaderName};
use sha1::Sha1;
use sha2::Sha256;

use crate::values::Secret;

/// Carries `sha1=` and 40 hex digits.
pub const SHA1_HEADER: HeaderName = HeaderName::from_static("x-hub-signature");
/// Carries `sha256=` and 64 hex digits.
pub const SHA256_HEADER: HeaderName = HeaderName::from_static("x-hub-signature-256");

/// Tried in place of the secrets of an unknown sender. It opens nothing.
const STAND_IN: &[u8] = b"takes as long as a secret";

/// A signature as it came, not compared with anything yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HubSignature {
    Sha1([u8; 20]),
    Sha256([u8; 32]),
}

/// Which signature a body must have. Whatever other one it has must be right too, but does not suffice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SignaturePolicy {
    #[default]
    Either,
    Sha1,
    Sha256,
}

/// Why a body is not taken for what it claims to be. Whoever sent it is told none of this.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SignatureRefused {
    #[error("the request has neither X-Hub-Signature nor X-Hub-Signature-256")]
    Missing,
    #[error("a signature header is there more than once")]
    Repeated,
    #[error("X-Hub-Signature is sha1= and 40 hex digits, X-Hub-Signature-256 is sha256= and 64")]
    Malformed,
    #[error(
        "no secret in force gives this signature for this body, or it is not one that suffices"
    )]
    Wrong,
}

impl HubSignature {
    /// Reads the value of `X-Hub-Signature`. The scheme is lower-case; hex may be in either case.
    pub fn from_sha1_header(value: &[u8]) -> Result<Self, SignatureRefused> {
        decode(value, b"sha1=").map(Self::Sha1)
    }

    /// Reads the value of `X-Hub-Signature-256`.
    pub fn from_sha256_header(value: &[u8]) -> Result<Self, SignatureRefused> {
        decode(value, b"sha256=").map(Self::Sha256)
    }

    /// Begins to recompute it with a key.
    fn begin(self, key: &[u8]) -> Comparison {
        let running = match self {
            Self::Sha1(claimed) => Running::Sha1(keyed(key), claimed),
            Self::Sha256(claimed) => Running::Sha256(keyed(key), claimed),
        };
        let key_is_known_to_all = key.is_empty();
        Comparison {
            running,
            key_is_known_to_all,
        }
    }
}

/// The value of `X-Hub-Signature` for a body.
pub fn sign_sha1(key: &[u8], body: &[u8]) -> String {
    format!(
        "sha1={}",
        hex::encode(mac::<Hmac<Sha1>>(key, body).finalize().into_bytes())
    )
}

/// The value of `X-Hub-Signature-256` for a body.
pub fn sign_sha256(key: &[u8], body: &[u8]) -> String {
    format!(
        "sha256={}",
        hex::encode(mac::<Hmac<Sha256>>(key, body).finalize().into_bytes())
    )
}

/// Whether a digest is the HMAC-SHA256 of a body, however it was written. An empty key signs nothing.
pub fn is_hmac_sha256(key: &[u8], body: &[u8], digest: &[u8]) -> bool {
    let is_right = mac::<Hmac<Sha256>>(key, body).verify_slice(digest).is_ok();
    is_right && !key.is_empty()
}

/// Checks the signatures of a body that passes by in pieces.
///
/// With both headers, both must fit, be it with different secrets: one right signature beside a wrong one is a sender
/// that cannot be trusted to have written either. Every secret is tried and, where there is none, a stand-in, so that the
/// time taken tells neither which one fits nor whether the sender is known at all.
#[derive(Debug)]
pub struct Verifier {
    /// For each signature that was given, what each secret makes of the body.
    signatures: Vec<Vec<Comparison>>,
    /// Whether there is one that the sender is trusted by.
    suffices: bool,
    knows_sender: bool,
}

impl Verifier {
    /// Reads the signatures of a request. `secrets` are those of the sender that are in force, `policy` is the sender's too.
    ///
    /// # Errors
    ///
    /// [`SignatureRefused`] where there is no signature that could fit any body; this says nothing about the sender, and
    /// so is not said where it is only the policy that is not met.
    pub fn begin<'a>(
        headers: &HeaderMap,
        secrets: impl Iterator<Item = &'a Secret>,
        policy: SignaturePolicy,
    ) -> Result<Self, SignatureRefused> {
        let sha1 = only(headers, &SHA1_HEADER)?
            .map(HubSignature::from_sha1_header)
            .transpose()?;
        let sha256 = only(headers, &SHA256_HEADER)?
            .map(HubSignature::from_sha256_header)
            .transpose()?;
        if sha1.is_none() && sha256.is_none() {
            return Err(SignatureRefused::Missing);
        }
        let suffices = match policy {
            SignaturePolicy::Either => true,
            SignaturePolicy::Sha1 => sha1.is_some(),
            SignaturePolicy::Sha256 => sha256.is_some(),
        };
        let mut keys: Vec<&[u8]> = secrets.map(|secret| secret.expose().as_bytes()).collect();
        let knows_sender = !keys.is_empty();
        if !knows_sender {
            keys.push(STAND_IN);
        }
        let comparisons =
            |signature: HubSignature| keys.iter().map(|key| signature.begin(key)).collect();
        Ok(Self {
            signatures: [sha1, sha256]
                .into_iter()
                .flatten()
                .map(comparisons)
                .collect(),
            suffices,
            knows_sender,
        })
    }

    /// Takes the next bytes of the body.
    pub fn update(&mut self, bytes: &[u8]) {
        for comparison in self.signatures.iter_mut().flatten() {
            comparison.update(bytes);
        }
    }

    /// Says whether the whole body was signed with a secret of the sender, and as the sender has to.
    pub fn finish(self) -> Result<(), SignatureRefused> {
        let each_fits = self.signatures.into_iter().fold(true, |fit, comparisons| {
            fit & comparisons
                .into_iter()
                .fold(false, |fits, comparison| fits | comparison.fits())
        });
        if each_fits & self.suffices & self.knows_sender {
            Ok(())
        } else {
            Err(SignatureRefused::Wrong)
        }
    }
}

/// One secret's signature of a body, on its way to be compared with the one that was claimed.
struct Comparison {
    running: Running,
    key_is_known_to_all: bool,
}

enum Running {
    Sha1(Hmac<Sha1>, [u8; 20]),
    Sha256(Hmac<Sha256>, [u8; 32]),
}

impl Comparison {
    fn update(&mut self, bytes: &[u8]) {
        match &mut self.running {
            Running::Sha1(mac, _) => mac.update(bytes),
            Running::Sha256(mac, _) => mac.update(bytes),
        }
    }

    /// Compares in a time that does not depend on where the two differ. An empty key, which everybody knows, never fits.
    fn fits(self) -> bool {
        let equal = match self.running {
            Running::Sha1(mac, claimed) => mac.verify_slice(&claimed).is_ok(),
            Running::Sha256(mac, claimed) => mac.verify_slice(&claimed).is_ok(),
        };
        equal && !self.key_is_known_to_all
    }
}

impl std::fmt::Debug for Comparison {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Comparison(..)")
    }
}

/// The value of a header that must not be repeated.
fn only<'a>(
    headers: &'a HeaderMap,
    name: &HeaderName,
) -> Result<Option<&'a [u8]>, SignatureRefused> {
    let mut values = headers.get_all(name).iter();
    let value = values.next();
    if values.next().is_some() {
        Err(SignatureRefused::Repeated)
    } else {
        Ok(value.map(http::HeaderValue::as_bytes))
    }
}

fn decode<const LENGTH: usize>(
    value: &[u8],
    scheme: &[u8],
) -> Result<[u8; LENGTH], SignatureRefused> {
    let digits = value
        .strip_prefix(scheme)
        .ok_or(SignatureRefused::Malformed)?;
    let mut bytes = [0; LENGTH];
    hex::decode_to_slice(digits, &mut bytes).map_err(|_| SignatureRefused::Malformed)?;
    Ok(bytes)
}

fn keyed<M: KeyInit>(key: &[u8]) -> M {
    <M as KeyInit>::new_from_slice(key).expect("an HMAC takes a key of any length")
}

fn mac<M: Mac + KeyInit>(key: &[u8], body: &[u8]) -> M {
    let mut mac = keyed::<M>(key);
    mac.update(body);
    mac
}

#[cfg(test)]
mod tests;
