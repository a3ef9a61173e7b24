/// Bytes of the longest domain name (RFC 1035, section 2.3.4, as text).
const DOMAIN_BYTES_MAX: usize = 253;
/// Bytes of the longest label.
const LABEL_BYTES_MAX: usize = 63;

/// Why a text is not a domain that takes mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DomainError {
    #[error("a domain has at most 253 characters")]
    TooLong,
    #[error("a domain has at least one dot, such as company.com")]
    NoDot,
    #[error(
        "a part of a domain between dots has 1 to 63 characters and neither starts nor ends with a hyphen"
    )]
    Label,
    #[error(
        "a domain has only ASCII letters, digits, hyphens and dots; write other letters in their xn-- form"
    )]
    Character,
    #[error("the last part of a domain is not a number")]
    Numeric,
}

/// The domain in lower case.
pub(super) fn normalise(text: &str) -> Result<String, DomainError> {
    if text.len() > DOMAIN_BYTES_MAX {
        return Err(DomainError::TooLong);
    }
    if !text
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'.')
    {
        return Err(DomainError::Character);
    }
    let (_, last) = text.rsplit_once('.').ok_or(DomainError::NoDot)?;
    if !text.split('.').all(is_label) {
        return Err(DomainError::Label);
    }
    // Otherwise an IP address, or a phone number written with dots, would pass for a domain.
    if last.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(DomainError::Numeric);
    }
    Ok(text.to_ascii_lowercase())
}

fn is_label(label: &str) -> bool {
    (1..=LABEL_BYTES_MAX).contains(&label.len()) && !label.starts_with('-') && !label.ends_with('-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_domain_is_taken_in_any_case() {
        assert_eq!(
            normalise("Mail.Company.COM").as_deref(),
            Ok("mail.company.com")
        );
        assert_eq!(
            normalise("xn--bcher-kva.example").as_deref(),
            Ok("xn--bcher-kva.example")
        );
        assert_eq!(normalise("4company.com").as_deref(), Ok("4company.com"));
    }

    #[test]
    fn what_is_no_domain_is_refused_for_its_reason() {
        let label = "a".repeat(64);
        let long = ["a"; 128].join(".");
        for (text, error) in [
            ("", DomainError::NoDot),
            ("localhost", DomainError::NoDot),
            (".com", DomainError::Label),
            ("company.", DomainError::Label),
            ("company..com", DomainError::Label),
            ("-company.com", DomainError::Label),
            ("company-.com", DomainError::Label),
            (&format!("{label}.com"), DomainError::Label),
            ("bücher.example", DomainError::Character),
            ("com_pany.com", DomainError::Character),
            ("company.com/x", DomainError::Character),
            ("company.com:25", DomainError::Character),
            ("[127.0.0.1]", DomainError::Character),
            ("127.0.0.1", DomainError::Numeric),
            ("650.466.1149", DomainError::Numeric),
            (&long, DomainError::TooLong),
        ] {
            assert_eq!(normalise(text), Err(error), "{text:?}");
        }
    }
}
