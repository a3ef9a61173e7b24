//! HTTP Basic for those who can do no better: the user is a tenant, the password an API key.

use std::str::FromStr;

use axum::extract::{FromRef, FromRequestParts};
use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::caller::{ActingFor, Caller, tenant_header};
use super::key::ApiKey;
use super::keyring::Keyring;
use crate::platform::clock::Clock;
use crate::platform::http::ApiError;
use crate::values::Ccid;

const CHALLENGE: &str = "Basic realm=\"nexus\", charset=\"UTF-8\"";

/// Some senders leave the padding out; it says nothing.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// A caller that names its tenant and its key in the header `Authorization`. An `x-ccid` must not disagree.
///
/// Whatever is wrong with the header or the key, the answer is the same 401 after the same look-up by hash. A live key
/// that may not act for the tenant is answered 403, the same whether or not there is such a tenant.
pub type BasicCaller = ActingFor<InBasic>;

/// The tenant is named by the user of HTTP Basic.
#[derive(Debug, Clone)]
pub struct InBasic;

impl<S> FromRequestParts<S> for BasicCaller
where
    S: Send + Sync,
    Keyring: FromRef<S>,
    Clock: FromRef<S>,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Self::Rejection> {
        let now = Clock::from_ref(state).now();
        let (ccid, key) = credentials(&parts.headers)
            .and_then(|(ccid, key)| Some((ccid, Keyring::from_ref(state).live(&key, now)?)))
            .ok_or_else(unauthorized)?;
        if tenant_header(&parts.headers)?.is_some_and(|named| named != ccid) {
            return Err(ApiError::forbidden(
                "the header x-ccid names another tenant than the user",
            ));
        }
        let caller = Caller::new(key, parts);
        caller.noted(Some(ccid), (parts, state)).acting_for(ccid)
    }
}

/// The tenant that a caller names as its user, whatever its password.
pub(super) fn user(headers: &HeaderMap) -> Option<Ccid> {
    let pair = pair(headers)?;
    let (user, _) = pair.split_once(':')?;
    user.parse().ok()
}

/// Tenant and key, if there is one `Authorization` header and it has both (RFC 7617).
fn credentials(headers: &HeaderMap) -> Option<(Ccid, ApiKey)> {
    let pair = pair(headers)?;
    let (user, password) = pair.split_once(':')?;
    Some((user.parse().ok()?, ApiKey::from_str(password).ok()?))
}

fn pair(headers: &HeaderMap) -> Option<String> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let (value, None) = (values.next()?, values.next()) else {
        return None;
    };
    let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    String::from_utf8(BASE64.decode(token.trim()).ok()?).ok()
}

fn unauthorized() -> ApiError {
    ApiError::unauthorized("HTTP Basic is needed: the tenant as user, a valid API key as password")
        .with_challenge(CHALLENGE)
}

#[cfg(test)]
mod tests {
    use base64::prelude::{BASE64_STANDARD, BASE64_STANDARD_NO_PAD};

    use super::*;

    const CCID: &str = "0ff723ff-6c6f-44e0-9ce3-ce579337eadd";
    const KEY: &str = "9b7682b7-cbce-422f-9bbb-ecda85e61695";

    fn read(values: &[String]) -> Option<(Ccid, ApiKey)> {
        let values = values
            .iter()
            .map(|value| (AUTHORIZATION, value.parse().unwrap()));
        credentials(&values.collect())
    }

    fn basic(pair: &str) -> String {
        format!("Basic {}", BASE64_STANDARD.encode(pair))
    }

    #[test]
    fn the_user_is_the_tenant_and_the_password_the_key() {
        let pair = format!("{CCID}:{KEY}");
        let unpadded = BASE64_STANDARD_NO_PAD.encode(&pair);
        for header in [
            basic(&pair),
            basic(&pair.to_uppercase()),
            format!("bASIC   {}", BASE64_STANDARD.encode(&pair)),
            format!("Basic {unpadded}"),
        ] {
            let (ccid, key) = read(std::slice::from_ref(&header)).expect(&header);
            assert_eq!(ccid.to_string(), CCID, "{header}");
            assert_eq!(key.reveal(), KEY, "{header}");
        }
    }

    #[test]
    fn whatever_is_not_exactly_that_names_nobody() {
        let good = basic(&format!("{CCID}:{KEY}"));
        let cases: Vec<Vec<String>> = vec![
            vec![],
            vec![good.clone(), good.clone()],
            vec![good.replace("Basic ", "Bearer ")],
            vec![good.replace("Basic ", "Basic")],
            vec!["Basic".to_owned()],
            vec!["Basic ".to_owned()],
            vec!["Basic %%%".to_owned()],
            vec![format!("{good} more")],
            vec![basic(&format!("{CCID}{KEY}"))],
            vec![basic(&format!("{KEY}:"))],
            vec![basic(&format!(":{KEY}"))],
            vec![basic(&format!("nobody:{KEY}"))],
            vec![basic(&format!("{CCID}:secret"))],
            vec![basic(&format!("{CCID}:{KEY}:"))],
            vec![basic(&format!("{CCID}: {KEY}"))],
            vec![format!(
                "Basic {}",
                BASE64_STANDARD.encode([0xff, b':', 0xfe])
            )],
        ];
        for values in cases {
            assert!(read(&values).is_none(), "{values:?}");
        }
    }

    #[test]
    fn the_refusal_says_how_to_authenticate() {
        use axum::response::IntoResponse;
        let response = unauthorized().into_response();
        assert_eq!(response.status(), 401);
        assert_eq!(
            response.headers()["www-authenticate"],
            "Basic realm=\"nexus\", charset=\"UTF-8\""
        );
    }
}
