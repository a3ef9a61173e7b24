//! Names of files: what one may be called, and how it is said in a header.

use std::fmt;
use std::fmt::Write;

/// Longest name, in characters.
const CHARS_MAX: usize = 255;
/// The name of a file that came without one.
const NAMELESS: &str = "file";

/// The name of a file, without any path and without characters that show as others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileName(String);

/// Why a text cannot be the name of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FileNameError {
    #[error("a file name has 1 to {CHARS_MAX} characters")]
    Length,
    #[error("a file name has no path: neither / nor \\, and it is not . or ..")]
    Path,
    #[error(
        "a file name has no control characters, and none that change the direction of the text"
    )]
    Character,
}

impl FileName {
    /// Reads the name that an upload gives its file. Without one it has a name that says nothing.
    pub fn parse(given: Option<&str>) -> Result<Self, FileNameError> {
        let name = given.unwrap_or(NAMELESS).trim();
        if !(1..=CHARS_MAX).contains(&name.chars().count()) {
            return Err(FileNameError::Length);
        }
        if name.contains(['/', '\\']) || matches!(name, "." | "..") {
            return Err(FileNameError::Path);
        }
        if name.contains(is_deceptive) {
            return Err(FileNameError::Character);
        }
        Ok(Self(name.to_owned()))
    }

    /// Takes back what was stored.
    pub fn from_stored(name: String) -> Self {
        Self(name)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The value of `Content-Disposition` (RFC 6266): the name for whoever reads RFC 8187, and one in ASCII beside it.
    pub fn disposition(&self, shows_inline: bool) -> String {
        let manner = if shows_inline { "inline" } else { "attachment" };
        let is_plain = |character: char| {
            character.is_ascii_alphanumeric() || matches!(character, '.' | '-' | '_' | ' ')
        };
        let plain: String = self
            .0
            .chars()
            .map(|character| if is_plain(character) { character } else { '_' })
            .collect();
        let mut encoded = String::new();
        for byte in self.0.bytes() {
            if byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_') {
                encoded.push(char::from(byte));
            } else {
                // Writing to a String cannot fail.
                let _ = write!(encoded, "%{byte:02X}");
            }
        }
        format!("{manner}; filename=\"{plain}\"; filename*=UTF-8''{encoded}")
    }
}

impl fmt::Display for FileName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// Control characters, and the marks that turn the direction of what follows: `gpj.exe` shows as a picture behind one.
fn is_deceptive(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_name_is_kept_as_it_came() {
        for name in [
            "photo.jpg",
            "ein Bild.png",
            "写真.jpg",
            "👩‍👧.png",
            ".hidden",
            "a;b\"c",
        ] {
            assert_eq!(FileName::parse(Some(name)).unwrap().as_str(), name);
        }
        assert_eq!(FileName::parse(None).unwrap().as_str(), "file");
    }

    #[test]
    fn a_name_leads_nowhere_and_shows_what_it_is() {
        let long = "x".repeat(256);
        for (name, fault) in [
            ("", FileNameError::Length),
            ("  ", FileNameError::Length),
            (long.as_str(), FileNameError::Length),
            ("../../etc/passwd", FileNameError::Path),
            ("/etc/passwd", FileNameError::Path),
            (r"C:\fakepath\photo.jpg", FileNameError::Path),
            ("..", FileNameError::Path),
            (".", FileNameError::Path),
            ("a\0b", FileNameError::Character),
            ("a\r\nSet-Cookie: b", FileNameError::Character),
            ("photo\u{202e}gpj.exe", FileNameError::Character),
        ] {
            assert_eq!(FileName::parse(Some(name)), Err(fault), "{name:?}");
        }
    }

    #[test]
    fn a_name_is_said_twice_in_a_header() {
        let name = FileName::parse(Some("Ünïcode \"x\".png")).unwrap();
        assert_eq!(
            name.disposition(true),
            "inline; filename=\"_n_code _x_.png\"; filename*=UTF-8''%C3%9Cn%C3%AFcode%20%22x%22.png"
        );
        assert!(name.disposition(false).starts_with("attachment; "));
    }

    proptest! {
        #[test]
        fn no_name_breaks_out_of_its_header(text in "\\PC{1,60}") {
            if let Ok(name) = FileName::parse(Some(&text)) {
                let value = name.disposition(false);
                prop_assert!(http::HeaderValue::from_str(&value).is_ok());
                prop_assert_eq!(value.matches('"').count(), 2);
                prop_assert_eq!(value.matches(';').count(), 2);
            }
        }
    }
}
