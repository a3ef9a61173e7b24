use std::fmt;
use std::str::FromStr;

use super::{DomainError, PhoneError, domain, phone};

/// What a channel carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ChannelType {
    Sms,
    Email,
}

impl ChannelType {
    /// The word on the wire and in options.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sms => "sms",
            Self::Email => "email",
        }
    }
}

impl fmt::Display for ChannelType {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// What a tenant sends from: the digits of a number or short code (SMS), or a domain in lower case (email).
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ChannelId(String);

/// Why a text names no channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ChannelIdError {
    #[error(
        "a channelId is a phone number or short code of 3 to 15 digits, or a domain such as company.com"
    )]
    Neither,
    #[error("this channelId is not a phone number: {0}")]
    Phone(#[from] PhoneError),
    #[error("this channelId is not a domain: {0}")]
    Domain(#[from] DomainError),
}

impl ChannelId {
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub fn channel_type(&self) -> ChannelType {
        // A domain has a dot, a number has none.
        if self.0.contains('.') {
            ChannelType::Email
        } else {
            ChannelType::Sms
        }
    }
}

impl FromStr for ChannelId {
    type Err = ChannelIdError;

    /// `+`, spaces and dashes of a number are dropped; a domain is taken in any case.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.contains('.') {
            return Ok(Self(domain::normalise(text)?));
        }
        match phone::digits(text) {
            Ok(digits) => Ok(Self(digits)),
            Err(PhoneError::Character) => Err(ChannelIdError::Neither),
            Err(error @ PhoneError::Length) => Err(error.into()),
        }
    }
}

impl fmt::Display for ChannelId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn digits_are_a_number_and_a_name_with_a_dot_is_a_domain() {
        let number: ChannelId = "+1 650-466-1149".parse().unwrap();
        assert_eq!(
            (number.as_str(), number.channel_type()),
            ("16504661149", ChannelType::Sms)
        );
        let domain: ChannelId = "Company.COM".parse().unwrap();
        assert_eq!(
            (domain.as_str(), domain.channel_type()),
            ("company.com", ChannelType::Email)
        );
    }

    #[test]
    fn what_is_neither_is_refused_with_what_would_be_either() {
        assert_eq!("sales".parse::<ChannelId>(), Err(ChannelIdError::Neither));
        assert_eq!(
            "sales@company".parse::<ChannelId>(),
            Err(ChannelIdError::Neither)
        );
        assert_eq!(
            "12".parse::<ChannelId>(),
            Err(ChannelIdError::Phone(PhoneError::Length))
        );
        assert_eq!(
            "650.466.1149".parse::<ChannelId>(),
            Err(ChannelIdError::Domain(DomainError::Numeric))
        );
        assert_eq!(
            "sales@company.com".parse::<ChannelId>(),
            Err(ChannelIdError::Domain(DomainError::Character))
        );
    }

    proptest! {
        #[test]
        fn reading_what_was_read_changes_nothing(text in "[+ 0-9-]{0,20}|[A-Za-z0-9-]{1,6}(\\.[A-Za-z0-9-]{1,6}){1,3}") {
            if let Ok(channel) = text.parse::<ChannelId>() {
                prop_assert_eq!(channel.as_str().parse(), Ok(channel.clone()));
            }
        }

        #[test]
        fn a_number_is_the_same_however_it_is_written(number in "[0-9]{3,15}", gaps in "[ -]{15}", plus in "\\+?") {
            let written: String = number.chars().zip(gaps.chars()).flat_map(|(digit, gap)| [digit, gap]).collect();
            let channel = format!("{plus}{written}").parse::<ChannelId>();
            prop_assert_eq!(channel, number.parse());
            prop_assert!(number.parse::<ChannelId>().is_ok());
        }

        #[test]
        fn a_domain_is_the_same_in_any_case(domain in "[a-z]{1,8}(\\.[a-z]{1,8}){1,3}") {
            prop_assert_eq!(domain.to_uppercase().parse::<ChannelId>(), domain.parse());
            prop_assert_eq!(domain.parse::<ChannelId>().unwrap().channel_type(), ChannelType::Email);
        }

        #[test]
        fn no_text_is_too_strange_to_be_refused(text in "\\PC{0,300}") {
            if let Ok(channel) = text.parse::<ChannelId>() {
                prop_assert!(channel.as_str().len() <= 253);
            }
        }
    }
}
