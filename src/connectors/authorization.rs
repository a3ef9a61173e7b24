//! The header `Authorization` of calls to providers.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use reqwest::header::HeaderValue;
use zeroize::Zeroizing;

use crate::values::Secret;

/// HTTP Basic (RFC 7617), kept out of debug output. `None` where it is too long for a header.
pub fn basic(username: &Secret, password: &Secret) -> Option<HeaderValue> {
    let pair = Zeroizing::new(format!("{}:{}", username.expose(), password.expose()));
    let text = Zeroizing::new(format!("Basic {}", STANDARD.encode(pair.as_bytes())));
    let mut value = HeaderValue::from_str(&text).ok()?;
    value.set_sensitive(true);
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_and_password_are_joined_by_a_colon() {
        let value = basic(
            &Secret::new("Aladdin".into()),
            &Secret::new("open: sesame".into()),
        );
        let value = value.unwrap();
        assert_eq!(value, "Basic QWxhZGRpbjpvcGVuOiBzZXNhbWU=");
        assert_eq!(format!("{value:?}"), "Sensitive");
    }
}
