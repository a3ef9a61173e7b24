//! By what a message is known again: who gave it which id, and what it said.

use sha2::{Digest as _, Sha256};

use crate::content::members::stored;
use crate::values::{Address, ChannelId, Content};

/// Who gave a message its id. The same id may be used once by each of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    Inbound,
    /// From a connector that hands consumers' messages in beside the channel's third party: neither knows of the
    /// other's ids.
    InboundBy(&'static str),
    Outbound,
}

impl Direction {
    fn as_bytes(self) -> &'static [u8] {
        match self {
            Self::Inbound => b"in",
            Self::InboundBy(connector) => connector.as_bytes(),
            Self::Outbound => b"out",
        }
    }
}

/// Names a message within its tenant by what its sender promised to use once. Two requests with the same key are one message.
pub fn dedup_key(channel: &ChannelId, direction: Direction, message_id: &str) -> [u8; 16] {
    hash([
        channel.as_str().as_bytes(),
        direction.as_bytes(),
        message_id.as_bytes(),
    ])
}

/// Names what a message says, to tell a repetition from another message under the same id.
pub fn content_hash(content: &Content, from: &Address, to: &Address) -> [u8; 16] {
    hash([
        content.kind().as_str().as_bytes(),
        stored(content).as_bytes(),
        from.as_str().as_bytes(),
        to.as_str().as_bytes(),
    ])
}

/// The first half of SHA-256, each part preceded by its length, so that no two lists of parts run together.
fn hash<const PARTS: usize>(parts: [&[u8]; PARTS]) -> [u8; 16] {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update((part.len() as u64).to_be_bytes());
        hasher.update(part);
    }
    let mut half = [0; 16];
    half.copy_from_slice(&hasher.finalize()[..16]);
    half
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::content::testing::any_content;
    use crate::values::{Email, EmailPart};

    fn channel(text: &str) -> ChannelId {
        text.parse().unwrap()
    }

    fn text(text: &str) -> Content {
        Content::Text(text.to_owned())
    }

    fn address(text: &str) -> Address {
        text.parse().unwrap()
    }

    #[test]
    fn a_stored_key_still_means_the_same_message() {
        let key = dedup_key(&channel("16504661149"), Direction::Inbound, "m-1");
        assert_eq!(hex::encode(key), "65ff373a696e3f435adc9a32f75a7bb6");
        let content = content_hash(&text("Hi"), &address("16504661149"), &address("0123456789"));
        assert_eq!(hex::encode(content), "7e520f865487dc20d4119ff55c28739a");
    }

    #[test]
    fn every_part_of_a_key_counts() {
        let key = |channel_id, direction, id| dedup_key(&channel(channel_id), direction, id);
        let first = key("12345", Direction::Inbound, "6-a");
        assert_eq!(first, key("+1 23-45", Direction::Inbound, "6-a"));
        assert_ne!(first, key("123456", Direction::Inbound, "-a"));
        assert_ne!(first, key("12345", Direction::Outbound, "6-a"));
        assert_ne!(first, key("12345", Direction::InboundBy("Portico"), "6-a"));
        assert_ne!(first, key("12345", Direction::Inbound, "6-A"));
        assert_ne!(first, key("12346", Direction::Inbound, "6-a"));
    }

    #[test]
    fn every_part_of_a_content_counts() {
        let (one, two) = (address("12345"), address("67890"));
        let first = content_hash(&text("Hi"), &one, &two);
        assert_ne!(first, content_hash(&text("Hi "), &one, &two));
        assert_ne!(first, content_hash(&text("Hi"), &two, &one));
        assert_ne!(first, content_hash(&text("Hi"), &one, &one));
        let email = Content::Email(Email {
            subject: "Hi".to_owned(),
            parts: vec![EmailPart::Text("Hi".to_owned())],
        });
        assert_ne!(first, content_hash(&email, &one, &two));
        let as_text = text(&stored(&email));
        assert_ne!(
            content_hash(&as_text, &one, &two),
            content_hash(&email, &one, &two)
        );
    }

    proptest! {
        #[test]
        fn different_ids_have_different_keys(one in ".{0,40}", other in ".{0,40}") {
            let phone = channel("12345");
            let same = dedup_key(&phone, Direction::Inbound, &one) == dedup_key(&phone, Direction::Inbound, &other);
            prop_assert_eq!(same, one == other);
        }

        #[test]
        fn where_one_part_ends_and_the_next_begins_counts(text in "[ab]{0,4}", split in 0usize..5) {
            let split = split.min(text.len());
            let (left, right) = text.split_at(split);
            let joined = hash([text.as_bytes(), b""]);
            prop_assert_eq!(joined == hash([left.as_bytes(), right.as_bytes()]), right.is_empty());
        }

        #[test]
        fn two_messages_are_the_same_only_if_they_say_the_same(one in any_content(), other in any_content()) {
            let (from, to) = (address("a@b.example"), address("c@d.example"));
            let same = content_hash(&one, &from, &to) == content_hash(&other, &from, &to);
            prop_assert_eq!(same, one == other);
            prop_assert_eq!(content_hash(&one, &from, &to), content_hash(&one.clone(), &from, &to));
        }
    }
}
