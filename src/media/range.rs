//! Which part of a file a request asks for (RFC 9110, section 14). Pure.

use super::model::MediaFile;
use crate::values::MediaId;

/// A part of a file: both are places of bytes, the last one included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    pub first: u64,
    pub last: u64,
}

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    Whole,
    Part(Part),
    /// Nothing that there is.
    Beyond,
}

/// What a request says of the part it wants: the values of `Range` and `If-Range`, where it has them.
#[derive(Debug, Clone, Copy, Default)]
pub struct Wish<'a> {
    pub range: Option<&'a str>,
    pub if_range: Option<&'a str>,
}

/// The tag of a file. It is strong: a file never changes.
pub fn entity_tag(id: MediaId) -> String {
    format!("\"{id}\"")
}

/// Whether an `If-None-Match` names the file.
pub fn is_named(if_none_match: &str, id: MediaId) -> bool {
    let tag = entity_tag(id);
    let mut tags = if_none_match.split(',').map(str::trim);
    tags.any(|given| given == "*" || given.strip_prefix("W/").unwrap_or(given) == tag)
}

impl Wish<'_> {
    /// What is asked for of a file. What is malformed or in another unit is ignored, and so are several ranges at once:
    /// a whole answers them too. `If-Range` with anything but the file's own tag asks for the whole.
    pub fn of(&self, file: &MediaFile) -> Asked {
        let is_of_another = |tag: &str| tag.trim() != entity_tag(file.id);
        match self.range {
            Some(range) if !self.if_range.is_some_and(is_of_another) => {
                asked(range, file.facts.length).unwrap_or(Asked::Whole)
            }
            _ => Asked::Whole,
        }
    }
}

impl Part {
    /// In bytes.
    pub fn length(self) -> u64 {
        self.last - self.first + 1
    }

    /// The value of `Content-Range`, of a file of a length.
    pub fn of_file(self, length: u64) -> String {
        format!("bytes {}-{}/{length}", self.first, self.last)
    }
}

/// `None` for what is to be ignored.
fn asked(range: &str, length: u64) -> Option<Asked> {
    let (unit, set) = range.split_once('=')?;
    if !unit.trim().eq_ignore_ascii_case("bytes") {
        return None;
    }
    let mut ranges = set.split(',').map(str::trim).filter(|one| !one.is_empty());
    let (one, None) = (ranges.next()?, ranges.next()) else {
        return None;
    };
    let (first, last) = one.split_once('-')?;
    let end = length.checked_sub(1);
    let part = match (first, last) {
        ("", suffix) => {
            let wanted = number(suffix)?.min(length);
            let end = end.filter(|_| wanted > 0);
            end.map(|last| (length - wanted, last))
        }
        (first, last) => {
            let first = number(first)?;
            let last = if last.is_empty() {
                u64::MAX
            } else {
                number(last)?
            };
            if last < first {
                return None;
            }
            let end = end.filter(|end| first <= *end);
            end.map(|end| (first, last.min(end)))
        }
    };
    Some(part.map_or(Asked::Beyond, |(first, last)| {
        Asked::Part(Part { first, last })
    }))
}

/// A number that is too long for us is beyond every file.
fn number(digits: &str) -> Option<u64> {
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| digits.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::media::file_name::FileName;
    use crate::media::id::new_at;
    use crate::media::model::FileFacts;

    fn file(length: u64) -> MediaFile {
        MediaFile {
            id: new_at(1_800_000_000_000),
            facts: FileFacts {
                file_name: FileName::parse(None).unwrap(),
                mimetype: "image/png".to_owned(),
                length,
            },
        }
    }

    fn wish(range: &str) -> Asked {
        let wish = Wish {
            range: Some(range),
            if_range: None,
        };
        wish.of(&file(1_000))
    }

    #[test]
    fn one_range_is_one_part() {
        for (range, first, last) in [
            ("bytes=0-0", 0, 0),
            ("bytes=0-499", 0, 499),
            ("Bytes = 500-", 500, 999),
            ("bytes=999-999", 999, 999),
            ("bytes=900-5000", 900, 999),
            ("bytes=-1", 999, 999),
            ("bytes=-5000", 0, 999),
            ("bytes= , 1-2 ,", 1, 2),
            ("bytes=1-99999999999999999999999", 1, 999),
        ] {
            assert_eq!(wish(range), Asked::Part(Part { first, last }), "{range}");
        }
    }

    #[test]
    fn what_lies_behind_the_end_is_nothing() {
        for range in [
            "bytes=1000-",
            "bytes=1000-1001",
            "bytes=-0",
            "bytes=99999999999999999999999-",
        ] {
            assert_eq!(wish(range), Asked::Beyond, "{range}");
        }
    }

    #[test]
    fn what_is_malformed_or_several_is_answered_with_the_whole() {
        for range in [
            "",
            "bytes",
            "bytes=",
            "bytes=-",
            "bytes=a-b",
            "bytes=5-4",
            "bytes=+1-2",
            "bytes=1",
            "lines=0-1",
            "bytes=0-1,3-4",
        ] {
            assert_eq!(wish(range), Asked::Whole, "{range:?}");
        }
    }

    #[test]
    fn a_part_is_of_the_file_that_was_meant() {
        let file = file(1_000);
        let of = |if_range: &str| {
            let wish = Wish {
                range: Some("bytes=0-1"),
                if_range: Some(if_range),
            };
            wish.of(&file)
        };
        let tag = entity_tag(file.id);
        assert_eq!(of(&tag), Asked::Part(Part { first: 0, last: 1 }));
        for other in [
            format!("W/{tag}"),
            "\"another\"".to_owned(),
            "Sat, 29 Oct 1994 19:43:31 GMT".to_owned(),
        ] {
            assert_eq!(of(&other), Asked::Whole, "{other}");
        }
    }

    #[test]
    fn a_file_is_known_by_its_tag() {
        let file = file(1);
        let tag = entity_tag(file.id);
        for named in [tag.clone(), "*".to_owned(), format!("\"a\", W/{tag}")] {
            assert!(is_named(&named, file.id), "{named}");
        }
        assert!(!is_named("\"a\"", file.id) && !is_named("", file.id));
    }

    proptest! {
        #[test]
        fn whatever_is_asked_for_is_in_the_file(range in "bytes=[0-9]{0,4}-[0-9]{0,4}", length in 0_u64..2_000) {
            let wish = Wish { range: Some(&range), if_range: None };
            if let Asked::Part(part) = wish.of(&file(length)) {
                prop_assert!(part.first <= part.last && part.last < length);
                prop_assert!((1..=length).contains(&part.length()));
            }
        }
    }
}
