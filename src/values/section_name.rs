use std::fmt;
use std::str::FromStr;

/// Characters of the longest section name that is kept.
const NAME_MAX: usize = 128;

/// Which of the two kinds of section a sender is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SectionPrefix {
    /// Agents and their conversations.
    Chat,
    /// Campaigns.
    Cxc,
}

impl SectionPrefix {
    /// The word before the dot.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::Cxc => "cxc",
        }
    }
}

/// The name of a sender: `chat.` or `cxc.`, then a letter, then letters, digits, `_` and `-`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SectionName(String);

/// The text is not the name of a sender.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "a section name is chat. or cxc., then a letter, then letters, digits, _ and -, 128 characters at most, such as chat.Sales"
)]
pub struct SectionNameError;

impl SectionName {
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub fn prefix(&self) -> SectionPrefix {
        if self.0.starts_with("chat.") {
            SectionPrefix::Chat
        } else {
            SectionPrefix::Cxc
        }
    }
}

impl FromStr for SectionName {
    type Err = SectionNameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let name = text
            .strip_prefix("chat.")
            .or_else(|| text.strip_prefix("cxc."))
            .ok_or(SectionNameError)?;
        let starts_with_letter = name.starts_with(|first: char| first.is_ascii_alphabetic());
        let characters_ok = name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-');
        if starts_with_letter && characters_ok && text.len() <= NAME_MAX {
            Ok(Self(text.to_owned()))
        } else {
            Err(SectionNameError)
        }
    }
}

impl fmt::Display for SectionName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_section_is_of_agents_or_of_campaigns() {
        let name: SectionName = "chat.Sales_2-b".parse().unwrap();
        assert_eq!(
            (name.as_str(), name.prefix()),
            ("chat.Sales_2-b", SectionPrefix::Chat)
        );
        assert_eq!(
            "cxc.a".parse::<SectionName>().unwrap().prefix(),
            SectionPrefix::Cxc
        );
    }

    #[test]
    fn what_is_no_section_name_is_refused() {
        let texts = "|chat|chat.|.Sales|Chat.Sales|sms.Sales|chat.2nd|chat._a|chat.-a|chat.Sales.West|chat.Sales West\
            |chat.Säles| chat.Sales|chat.Sales |chat..Sales|cxc.|chatSales|chat.chat.|cxcchat.a";
        for text in texts.split('|') {
            assert_eq!(
                text.parse::<SectionName>(),
                Err(SectionNameError),
                "{text:?}"
            );
        }
        assert!(
            format!("chat.{}", "a".repeat(123))
                .parse::<SectionName>()
                .is_ok()
        );
        assert!(
            format!("chat.{}", "a".repeat(124))
                .parse::<SectionName>()
                .is_err()
        );
    }

    proptest! {
        #[test]
        fn every_name_of_the_form_is_taken_as_it_is(text in "(chat|cxc)\\.[A-Za-z][A-Za-z0-9_-]{0,100}") {
            let name: SectionName = text.parse().unwrap();
            prop_assert_eq!(name.to_string(), &*text);
            prop_assert!(text.starts_with(name.prefix().as_str()));
        }
    }
}
