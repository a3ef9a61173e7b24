//! Tokens that stand in links: nobody else can read one or make one, and the same content gives the same token.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chacha20poly1305::aead::Aead as _;
use chacha20poly1305::{KeyInit as _, XChaCha20Poly1305, XNonce};
use hmac::{Hmac, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

use super::NONCE_LENGTH;

/// Makes tokens and opens them. They never expire.
#[derive(Clone)]
pub struct Tokens {
    cipher: XChaCha20Poly1305,
    nonces: Hmac<Sha256>,
}

impl Tokens {
    /// `key`: for nothing else.
    pub fn new(key: &[u8]) -> Self {
        let cipher_key = Zeroizing::new(made(key, b"cipher"));
        Self {
            cipher: XChaCha20Poly1305::new(&(*cipher_key).into()),
            nonces: mac(&made(key, b"nonces")),
        }
    }

    /// The token of this content: characters that a URL takes as they are.
    ///
    /// # Panics
    ///
    /// If the content is longer than the cipher allows, which is 256 GiB.
    pub fn seal(&self, content: &[u8]) -> String {
        // It follows from the content, so no two contents have the same one.
        let mut nonces = self.nonces.clone();
        nonces.update(content);
        let tag = nonces.finalize().into_bytes();
        let mut nonce = XNonce::default();
        nonce.copy_from_slice(&tag[..NONCE_LENGTH]);
        let sealed = self
            .cipher
            .encrypt(&nonce, content)
            .expect("no content of ours reaches the cipher's limit of 256 GiB");
        URL_SAFE_NO_PAD.encode([nonce.as_slice(), &sealed].concat())
    }

    /// What a token of ours holds; `None` for whatever else somebody has.
    pub fn open(&self, token: &str) -> Option<Vec<u8>> {
        let bytes = URL_SAFE_NO_PAD.decode(token).ok()?;
        let (given, sealed) = bytes.split_at_checked(NONCE_LENGTH)?;
        let mut nonce = XNonce::default();
        nonce.copy_from_slice(given);
        self.cipher.decrypt(&nonce, sealed).ok()
    }
}

impl fmt::Debug for Tokens {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Tokens(..)")
    }
}

fn made(key: &[u8], purpose: &[u8]) -> [u8; 32] {
    let mut mac = mac(key);
    mac.update(purpose);
    mac.finalize().into_bytes().into()
}

fn mac(key: &[u8]) -> Hmac<Sha256> {
    <Hmac<Sha256> as hmac::KeyInit>::new_from_slice(key).expect("an HMAC takes a key of any length")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_token_is_the_same_each_time_and_says_nothing() {
        let tokens = Tokens::new(b"a key");
        let token = tokens.seal(b"jane@example.com");
        assert_eq!(token, Tokens::new(b"a key").seal(b"jane@example.com"));
        assert_ne!(token[..32], tokens.seal(b"jane@example.org")[..32]);
        let bytes = URL_SAFE_NO_PAD.decode(&token).unwrap();
        assert!(!bytes.windows(4).any(|part| part == b"jane"));
        assert_eq!(Tokens::new(b"another key").open(&token), None);
    }

    proptest! {
        #[test]
        fn a_token_opens_to_its_content_and_a_changed_one_to_nothing(
            content: Vec<u8>, place: prop::sample::Index, bit in 0u32..8,
        ) {
            let tokens = Tokens::new(b"a key");
            let token = tokens.seal(&content);
            prop_assert_eq!(tokens.open(&token), Some(content));
            let mut bytes = URL_SAFE_NO_PAD.decode(&token).unwrap();
            let place = place.index(bytes.len());
            bytes[place] ^= 1 << bit;
            prop_assert_eq!(tokens.open(&URL_SAFE_NO_PAD.encode(bytes)), None);
        }

        #[test]
        fn no_text_makes_it_stumble(text in "\\PC{0,200}") {
            prop_assert_eq!(Tokens::new(b"a key").open(&text), None);
        }
    }
}
