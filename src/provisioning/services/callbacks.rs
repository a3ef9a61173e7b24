//! Under which addresses providers call us. Most of them cannot authenticate, so the address has a token in it that
//! nobody else knows.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rand::Rng as _;
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use crate::platform::vault::{SealContext, Vault};
use crate::provisioning::error::{ProvisioningError, UnreadableRow};
use crate::provisioning::model::ServiceName;
use crate::provisioning::store::StoredService;
use crate::values::{Ccid, Secret};

/// How long a token is taken after it was renewed.
const PREVIOUS_LIVES_MS: i64 = 24 * 3_600_000;
/// What tokens are sealed for.
pub const SEALED_TABLE: &str = "services.callback_tokens";
const TOKEN_BYTES: usize = 32;

/// The word for a service's provider in its addresses; `None` where it calls under none, or the vendor's own.
pub fn word(name: ServiceName) -> Option<&'static str> {
    match name {
        ServiceName::MGageSms => Some("mgage"),
        ServiceName::SparkPostEmail => Some("sparkpost"),
        ServiceName::HttpSms => Some("http-sms"),
        ServiceName::Sms
        | ServiceName::Email
        | ServiceName::Async
        | ServiceName::PurecloudIdp
        | ServiceName::PorticoSms
        | ServiceName::PorticoEmail
        | ServiceName::OpenMessaging => None,
    }
}

/// A token of a service: 43 characters of a URL.
#[derive(Clone)]
pub struct CallbackToken(Secret);

/// What a service's provider may call with.
#[derive(Debug, Clone)]
pub struct CallbackTokens {
    current: CallbackToken,
    /// The one before it, and until when it is taken (Unix ms).
    previous: Option<(CallbackToken, i64)>,
}

/// As they are sealed.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Kept {
    current: Zeroizing<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    previous: Option<(Zeroizing<String>, i64)>,
}

impl CallbackToken {
    /// One that nobody can guess.
    fn generate() -> Self {
        let mut bytes = Zeroizing::new([0; TOKEN_BYTES]);
        rand::rng().fill_bytes(bytes.as_mut_slice());
        Self(Secret::new(URL_SAFE_NO_PAD.encode(bytes.as_slice())))
    }

    fn is(&self, given: &str) -> bool {
        self.0.expose().as_bytes().ct_eq(given.as_bytes()).into()
    }

    fn kept(&self) -> Zeroizing<String> {
        Zeroizing::new(self.0.expose().to_owned())
    }

    fn of(kept: &str) -> Self {
        Self(Secret::new(kept.to_owned()))
    }
}

impl fmt::Debug for CallbackToken {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("CallbackToken(********)")
    }
}

impl CallbackTokens {
    /// The first of a service.
    pub fn generate() -> Self {
        Self {
            current: CallbackToken::generate(),
            previous: None,
        }
    }

    /// Those after another one was made; the current one is taken for a day more.
    pub fn renewed(self, now_ms: i64) -> Self {
        Self {
            current: CallbackToken::generate(),
            previous: Some((self.current, now_ms.saturating_add(PREVIOUS_LIVES_MS))),
        }
    }

    /// Those of a stored service; `None` where it has none.
    pub fn of(
        vault: &Vault,
        (ccid, name): (Ccid, ServiceName),
        stored: &StoredService,
    ) -> Result<Option<Self>, ProvisioningError> {
        let Some(sealed) = &stored.callback_tokens else {
            return Ok(None);
        };
        let opened = vault.open(&context(ccid, name), sealed)?;
        let kept: Kept =
            serde_json::from_slice(&opened).map_err(|_| UnreadableRow("callback token"))?;
        let previous = kept.previous.as_ref();
        Ok(Some(Self {
            current: CallbackToken::of(&kept.current),
            previous: previous.map(|(token, until_ms)| (CallbackToken::of(token), *until_ms)),
        }))
    }

    /// As they are stored.
    ///
    /// # Panics
    ///
    /// Never: texts and numbers can always be written as JSON.
    pub fn seal(&self, vault: &Vault, (ccid, name): (Ccid, ServiceName)) -> Vec<u8> {
        let previous = self.previous.as_ref();
        let kept = Kept {
            current: self.current.kept(),
            previous: previous.map(|(token, until_ms)| (token.kept(), *until_ms)),
        };
        let written = serde_json::to_vec(&kept).expect("texts and numbers can be written as JSON");
        vault.seal(&context(ccid, name), &Zeroizing::new(written))
    }

    /// Whether a call with this token is taken.
    pub fn take(&self, given: &str, now_ms: i64) -> bool {
        let mut previous = self
            .previous
            .iter()
            .filter(|(_, until_ms)| now_ms < *until_ms);
        self.current.is(given) || previous.any(|(token, _)| token.is(given))
    }
}

/// The path of the address that the provider of a service is to call; with a token in it, it is a secret. `None` for
/// services without.
pub fn path((ccid, name): (Ccid, ServiceName), tokens: Option<&CallbackTokens>) -> Option<String> {
    if name == ServiceName::OpenMessaging {
        return Some(format!("/nexus/v3/callbacks/open-messaging/{ccid}"));
    }
    let (word, token) = (word(name)?, tokens?.current.0.expose());
    Some(format!("/nexus/v3/callbacks/{word}/{ccid}/{token}"))
}

fn context(ccid: Ccid, name: ServiceName) -> SealContext<'static> {
    SealContext {
        ccid,
        table: SEALED_TABLE,
        row: name.as_str(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW_MS: i64 = 1_795_521_600_000;

    fn text(token: &CallbackToken) -> String {
        token.0.expose().to_owned()
    }

    #[test]
    fn a_token_is_long_and_no_two_are_the_same() {
        let one = text(&CallbackTokens::generate().current);
        assert_eq!(one.len(), 43);
        assert_ne!(one, text(&CallbackTokens::generate().current));
    }

    #[test]
    fn the_one_before_is_taken_for_a_day() {
        let tokens = CallbackTokens::generate();
        let previous = text(&tokens.current);
        let tokens = tokens.renewed(NOW_MS);
        let current = text(&tokens.current);
        let end = NOW_MS + 86_400_000;
        assert!(tokens.take(&current, end - 1) && tokens.take(&previous, end - 1));
        assert!(tokens.take(&current, end) && !tokens.take(&previous, end));
        for wrong in [
            "",
            &current[1..],
            &format!("{current}A"),
            &current.to_uppercase(),
        ] {
            assert!(!tokens.take(wrong, NOW_MS), "{wrong}");
        }
    }

    #[test]
    fn it_is_never_shown_by_accident() {
        let tokens = CallbackTokens::generate().renewed(NOW_MS);
        let shown = format!("{tokens:?}");
        assert!(!shown.contains(&text(&tokens.current)), "{shown}");
    }
}
