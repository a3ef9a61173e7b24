use std::fmt;
use std::str::FromStr;

use uuid::Uuid;

/// A tenant: the UUID of a contact centre.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Ccid(Uuid);

/// The text is not the id of a contact centre.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a ccid is a UUID with hyphens, such as 45acae06-6b7c-4f97-9c76-471cb5c21bf7")]
pub struct CcidError;

impl Ccid {
    pub const fn from_uuid(uuid: Uuid) -> Self {
        Self(uuid)
    }

    pub const fn as_uuid(self) -> Uuid {
        self.0
    }
}

impl FromStr for Ccid {
    type Err = CcidError;

    /// Takes the hyphenated form in either case. Braces, `urn:uuid:` and 32 bare digits are refused:
    /// a tenant that is written in four ways is compared wrongly somewhere.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let hyphenated = text.len() == uuid::fmt::Hyphenated::LENGTH;
        let uuid = Uuid::try_parse(text).map_err(|_| CcidError)?;
        if hyphenated {
            Ok(Self(uuid))
        } else {
            Err(CcidError)
        }
    }
}

impl fmt::Display for Ccid {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(formatter)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_ccid_is_read_in_either_case_and_shown_in_lower_case() {
        let ccid: Ccid = "45ACAE06-6b7c-4f97-9c76-471CB5C21BF7".parse().unwrap();
        assert_eq!(ccid.to_string(), "45acae06-6b7c-4f97-9c76-471cb5c21bf7");
    }

    #[test]
    fn a_ccid_has_one_form() {
        for text in [
            "",
            "*",
            "45acae066b7c4f979c76471cb5c21bf7",
            "{45acae06-6b7c-4f97-9c76-471cb5c21bf7}",
            "urn:uuid:45acae06-6b7c-4f97-9c76-471cb5c21bf7",
            " 45acae06-6b7c-4f97-9c76-471cb5c21bf7",
            "45acae06-6b7c-4f97-9c76-471cb5c21bf",
            "45acae066-b7c-4f97-9c76-471cb5c21bf7",
            "45acae06-6b7c-4f97-9c76-471cb5c21bg7",
        ] {
            assert_eq!(text.parse::<Ccid>(), Err(CcidError), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_shown_reads_back(number in any::<u128>()) {
            let ccid = Ccid::from_uuid(Uuid::from_u128(number));
            prop_assert_eq!(ccid.to_string().parse(), Ok(ccid));
            prop_assert_eq!(Ccid::from_uuid(ccid.as_uuid()), ccid);
        }
    }
}
