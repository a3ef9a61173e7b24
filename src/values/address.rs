use std::fmt;
use std::str::FromStr;

use unicode_properties::{GeneralCategoryGroup, UnicodeGeneralCategory};

use super::{ChannelId, ChannelType, DomainError, PhoneError, domain, phone};

/// Bytes of the longest mail address that SMTP carries (RFC 5321, section 4.5.3.1.3, without the angle brackets).
const EMAIL_BYTES_MAX: usize = 254;

/// Whom a message goes to or comes from: the digits of a phone number, or an email address.
///
/// It is personal data: `Debug` hides it, and there is no `Display` that could put it into a log line by accident.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Address(String);

/// Why a text is not an address. None of the sentences repeats the address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    #[error("this is neither a phone number nor an email address: {0}")]
    Phone(#[from] PhoneError),
    #[error("the domain of this email address is not right: {0}")]
    Domain(#[from] DomainError),
    #[error("an email address has at most 254 characters")]
    TooLong,
    #[error("an email address has one @, with a name in front of it")]
    OneAt,
    #[error(
        "the name of an email address has no spaces, invisible characters, or any of ()<>[]:;,\\\" outside quotes"
    )]
    Local,
}

impl Address {
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub fn channel_type(&self) -> ChannelType {
        if self.0.contains('@') {
            ChannelType::Email
        } else {
            ChannelType::Sms
        }
    }

    /// Whether this address is the channel's own: equal digits, or an address in its domain (not in one below it).
    pub fn belongs_to(&self, channel: &ChannelId) -> bool {
        self.domain().unwrap_or(&self.0) == channel.as_str()
    }

    /// What follows the last `@` of an email address; a quoted name may hold others.
    fn domain(&self) -> Option<&str> {
        self.0.rsplit_once('@').map(|(_, domain)| domain)
    }
}

impl FromStr for Address {
    type Err = AddressError;

    /// `+`, spaces and dashes of a number are dropped. The domain of an email address is put into lower case;
    /// the name before the `@` is kept, since only its own host knows whether case matters there.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let Some((local, domain)) = text.rsplit_once('@') else {
            return Ok(Self(phone::digits(text)?));
        };
        if text.len() > EMAIL_BYTES_MAX {
            return Err(AddressError::TooLong);
        }
        check_local(local)?;
        let domain = domain::normalise(domain)?;
        Ok(Self(format!("{local}@{domain}")))
    }
}

impl fmt::Debug for Address {
    /// Shows the first and last two characters of an address that is long enough to stay hidden all the same.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let characters: Vec<char> = self.0.chars().collect();
        match characters.as_slice() {
            [a, b, middle @ .., y, z] if middle.len() >= 4 => {
                write!(formatter, "Address({a}{b}…{y}{z})")
            }
            _ => formatter.write_str("Address(…)"),
        }
    }
}

/// Checks the name in front of the `@`: bare, or in double quotes with `\` before a quote or backslash inside.
fn check_local(local: &str) -> Result<(), AddressError> {
    if local.is_empty() {
        return Err(AddressError::OneAt);
    }
    if let Some(rest) = local.strip_prefix('"') {
        return check_quoted(rest);
    }
    for character in local.chars() {
        match character {
            '@' => return Err(AddressError::OneAt),
            '(' | ')' | '<' | '>' | '[' | ']' | ':' | ';' | ',' | '\\' | '"' | ' ' => {
                return Err(AddressError::Local);
            }
            other if !is_visible(other) => return Err(AddressError::Local),
            _ => {}
        }
    }
    Ok(())
}

/// Checks what follows the opening quote, up to and with the closing one.
fn check_quoted(rest: &str) -> Result<(), AddressError> {
    let inside = rest
        .strip_suffix('"')
        .filter(|inside| !inside.is_empty())
        .ok_or(AddressError::Local)?;
    let mut escaped = false;
    for character in inside.chars() {
        let visible = character == ' ' || is_visible(character);
        if !visible || (character == '"' && !escaped) {
            return Err(AddressError::Local);
        }
        escaped = character == '\\' && !escaped;
    }
    // A last escape would have taken the closing quote for itself.
    if escaped {
        Err(AddressError::Local)
    } else {
        Ok(())
    }
}

/// Not a control, format, unassigned or separating character: two addresses that look the same are the same.
fn is_visible(character: char) -> bool {
    let group = character.general_category_group();
    group != GeneralCategoryGroup::Other && group != GeneralCategoryGroup::Separator
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn address(text: &str) -> Address {
        text.parse().unwrap()
    }

    fn channel(text: &str) -> ChannelId {
        text.parse().unwrap()
    }

    #[test]
    fn a_number_is_digits_and_the_domain_of_an_email_address_is_in_lower_case() {
        assert_eq!(address("+1 650-466-1149").as_str(), "16504661149");
        assert_eq!(
            address("John.Doe+Tag@Mail.COM").as_str(),
            "John.Doe+Tag@mail.com"
        );
        assert_eq!(address("123").channel_type(), ChannelType::Sms);
        assert_eq!(address("a@b.c").channel_type(), ChannelType::Email);
    }

    #[test]
    fn names_that_the_standards_allow_are_taken() {
        for text in [
            "a@b.example",
            "!#$%&'*+-/=?^_`{|}~.9@b.example",
            "jörg@b.example",
            "二葉@b.example",
            "dots..within.@b.example",
            "\"John Doe\"@b.example",
            "\"john@home\"@b.example",
            "\"a\\\"b\\\\\"@b.example",
            "\"<a>\"@b.example",
        ] {
            assert_eq!(address(text).as_str(), text);
            assert!(address(text).belongs_to(&channel("b.example")), "{text:?}");
        }
    }

    #[test]
    fn what_is_no_address_is_refused_for_its_reason() {
        let local = "|a b|a\tb|a\u{0}b|a\nb|a\r\nBcc: c|a\u{7f}|a\u{85}|a\u{200b}b|a\u{202e}b|a\u{a0}b|a\u{2028}b|a,b|a;b|a:b|<a|a>\
            |a(b)|[a]|a\\b|a\"b|\"a|\"|\"\"|\"a\"b|\"a\"b\"|\"a\\\"|\"a\u{0}\"|\"a\nb\"|a\"";
        for name in local.split('|').skip(1) {
            let text = format!("{name}@b.example");
            assert_eq!(
                text.parse::<Address>(),
                Err(AddressError::Local),
                "{text:?}"
            );
        }
        for text in ["@", "@b.example", "a@b@c.example", "a@@c.example"] {
            assert_eq!(
                text.parse::<Address>(),
                Err(AddressError::OneAt),
                "{text:?}"
            );
        }
        for text in [
            "a@",
            "a@b",
            "a@.",
            "a@b..c",
            "a@b.example ",
            "a@[127.0.0.1]",
            "a@127.0.0.1",
            "a@b.example>",
        ] {
            assert!(
                matches!(text.parse::<Address>(), Err(AddressError::Domain(_))),
                "{text:?}"
            );
        }
        for text in ["", "b.example", "12", "1234567890123456", "١٢٣٤"] {
            assert!(
                matches!(text.parse::<Address>(), Err(AddressError::Phone(_))),
                "{text:?}"
            );
        }
    }

    #[test]
    fn an_email_address_has_at_most_254_characters() {
        let of_length =
            |length: usize| format!("{}@b.example", "a".repeat(length - "@b.example".len()));
        assert_eq!(address(&of_length(254)).as_str().len(), 254);
        assert_eq!(
            of_length(255).parse::<Address>(),
            Err(AddressError::TooLong)
        );
    }

    #[test]
    fn an_address_belongs_to_its_own_number_or_domain_only() {
        assert!(address("+1 650 466 1149").belongs_to(&channel("16504661149")));
        assert!(!address("16504661149").belongs_to(&channel("1650466114")));
        assert!(address("no-reply@Company.com").belongs_to(&channel("company.com")));
        assert!(!address("no-reply@mail.company.com").belongs_to(&channel("company.com")));
        assert!(!address("company.com@other.example").belongs_to(&channel("company.com")));
        assert!(!address("\"x@company.com\"@other.example").belongs_to(&channel("company.com")));
        assert!(!address("16504661149@other.example").belongs_to(&channel("16504661149")));
    }

    #[test]
    fn an_address_is_hidden_where_it_is_shown() {
        assert_eq!(format!("{:?}", address("16504661149")), "Address(16…49)");
        assert_eq!(
            format!("{:?}", address("recipient@mail.com")),
            "Address(re…om)"
        );
        assert_eq!(format!("{:?}", address("1234567")), "Address(…)");
        let Err(refused) = "john doe@mail.com".parse::<Address>() else {
            panic!("a space was taken")
        };
        assert!(!refused.to_string().contains("john"));
    }

    proptest! {
        #[test]
        fn reading_what_was_read_changes_nothing(text in "[+ 0-9-]{0,20}|[A-Za-z0-9.+]{1,8}@[A-Za-z0-9-]{1,6}\\.[A-Za-z]{1,6}") {
            if let Ok(address) = text.parse::<Address>() {
                prop_assert_eq!(address.as_str().parse(), Ok(address.clone()));
            }
        }

        #[test]
        fn a_number_is_the_same_however_it_is_written(number in "[0-9]{3,15}", gaps in "[ -]{15}") {
            let written: String = number.chars().zip(gaps.chars()).flat_map(|(digit, gap)| [digit, gap]).collect();
            prop_assert_eq!(address(&format!("+{written}")), address(&number));
            prop_assert!(address(&written).belongs_to(&channel(&number)));
        }

        #[test]
        fn an_email_address_is_the_same_in_any_case_of_its_domain(name in "[A-Za-z0-9.]{1,8}", domain in "[a-z]{1,8}\\.[a-z]{1,8}") {
            let upper = address(&format!("{name}@{}", domain.to_uppercase()));
            prop_assert_eq!(&upper, &address(&format!("{name}@{domain}")));
            prop_assert!(upper.as_str().starts_with(&name));
        }

        #[test]
        fn what_is_taken_carries_nothing_invisible_and_has_a_limit(text in "\\PC{0,300}|.{0,20}@[a-z.]{0,20}") {
            if let Ok(address) = text.parse::<Address>() {
                prop_assert!(address.as_str().len() <= EMAIL_BYTES_MAX);
                prop_assert!(!address.as_str().chars().any(char::is_control));
            }
        }
    }
}
