//! When a file was stored, which its id says.

use uuid::{Builder, NoContext, Timestamp, Uuid, Version};

use crate::values::MediaId;

/// A new id: a version 7 UUID, which begins with its time and cannot be guessed. `unix_ms` is when the file is stored; a
/// time before 1970 is taken as its beginning.
pub fn new_at(unix_ms: i64) -> MediaId {
    let unix_ms = u64::try_from(unix_ms).unwrap_or(0);
    let nanoseconds = u32::try_from(unix_ms % 1_000).unwrap_or(0) * 1_000_000;
    let time = Timestamp::from_unix(NoContext, unix_ms / 1_000, nanoseconds);
    MediaId::from_uuid(Uuid::new_v7(time))
}

/// The id of a file that is the same whenever it is stored in the same time: such as [`new_at`], with a digest of what
/// makes it this file where others have chance.
pub fn named_at(unix_ms: i64, digest: [u8; 10]) -> MediaId {
    let unix_ms = u64::try_from(unix_ms).unwrap_or(0);
    MediaId::from_uuid(Builder::from_unix_timestamp_millis(unix_ms, &digest).into_uuid())
}

/// When the file was stored, in Unix milliseconds; `None` for an id that no upload was answered with.
pub fn stored_at(id: MediaId) -> Option<i64> {
    let uuid = id.as_uuid();
    // The first 48 bits of a version 7 UUID.
    let unix_ms = i64::try_from(uuid.as_u128() >> 80).ok()?;
    (uuid.get_version() == Some(Version::SortRand)).then_some(unix_ms)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_id_of_another_kind_says_no_time() {
        let id = "bb4a9f86-dbbb-4464-a669-650da94fbad6".parse().unwrap();
        assert_eq!(stored_at(id), None);
    }

    proptest! {
        #[test]
        fn an_id_says_when_its_file_was_stored(unix_ms in 0..(1_i64 << 47)) {
            prop_assert_eq!(stored_at(new_at(unix_ms)), Some(unix_ms));
            prop_assert_eq!(stored_at(named_at(unix_ms, [7; 10])), Some(unix_ms));
        }
    }
}
