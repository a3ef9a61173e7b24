//! Types of files: which are taken, and whether a file is what it claims to be.

/// How many bytes from the beginning of a file its type is judged by.
pub const HEAD_BYTES: usize = 4_096;

/// A type and whether a file that begins so may be one. Of two that fit, the first is meant unless the upload says otherwise.
type Kind = (&'static str, fn(&[u8]) -> bool);

/// Every type that is recognised. None of them runs scripts when a browser shows it.
const KINDS: &[Kind] = &[
    ("image/jpeg", |head| head.starts_with(b"\xff\xd8\xff")),
    ("image/png", |head| head.starts_with(b"\x89PNG\r\n\x1a\n")),
    ("image/gif", |head| {
        head.starts_with(b"GIF87a") || head.starts_with(b"GIF89a")
    }),
    ("image/webp", |head| is_riff(head, b"WEBP")),
    ("image/heic", |head| {
        has_brand(head, &[b"hei", b"hev", b"mif"])
    }),
    ("video/quicktime", |head| has_brand(head, &[b"qt "])),
    ("video/3gpp", |head| has_brand(head, &[b"3gp", b"3g2"])),
    ("video/mp4", |head| {
        has_brand(
            head,
            &[b"mp4", b"iso", b"avc", b"M4V", b"MSN", b"das", b"f4v"],
        )
    }),
    ("audio/mp4", |head| {
        has_brand(head, &[b"M4A", b"M4B", b"mp4", b"iso"])
    }),
    ("video/webm", |head| head.starts_with(b"\x1a\x45\xdf\xa3")),
    ("audio/mpeg", |head| {
        head.starts_with(b"ID3") || matches!(head, [0xff, second, ..] if second & 0xe0 == 0xe0)
    }),
    ("audio/ogg", |head| head.starts_with(b"OggS")),
    ("audio/wav", |head| is_riff(head, b"WAVE")),
    ("audio/amr", |head| head.starts_with(b"#!AMR")),
    ("application/pdf", |head| head.starts_with(b"%PDF-")),
    ("text/vcard", |head| is_text_from(head, "BEGIN:VCARD")),
    ("text/calendar", |head| {
        is_text_from(head, "BEGIN:VCALENDAR")
    }),
    ("text/plain", is_text),
    ("text/csv", is_text),
];

/// Other names of the same types.
const ALIASES: &[(&str, &str)] = &[
    ("image/jpg", "image/jpeg"),
    ("image/heif", "image/heic"),
    ("audio/mp3", "audio/mpeg"),
    ("audio/x-m4a", "audio/mp4"),
    ("audio/m4a", "audio/mp4"),
    ("audio/x-wav", "audio/wav"),
    ("audio/wave", "audio/wav"),
    ("text/x-vcard", "text/vcard"),
];

/// What says nothing about a file.
const ANY_BYTES: &str = "application/octet-stream";

/// A type in the configuration that is not recognised by its content.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("media.types: {name} is not a type that is recognised by its content; these are: {}", names().join(", "))]
pub struct UnknownKind {
    name: String,
}

/// Why a file's type is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WrongKind {
    #[error("files of this type are not taken")]
    NotTaken,
    #[error("the file is not what its Content-Type says")]
    NotAsDeclared,
}

/// The types that this gateway takes.
#[derive(Debug, Clone)]
pub struct Kinds(Vec<&'static Kind>);

impl Kinds {
    /// Reads the configured list.
    pub fn from_names(names: &[String]) -> Result<Self, UnknownKind> {
        for name in names {
            if !KINDS.iter().any(|(known, _)| known == name) {
                return Err(UnknownKind { name: name.clone() });
            }
        }
        let taken = |kind: &&'static Kind| names.iter().any(|name| name == kind.0);
        Ok(Self(KINDS.iter().filter(taken).collect()))
    }

    /// The type of a file that begins with `head` and was declared as `declared`, which is an essence such as `image/png`.
    pub fn judge(&self, declared: Option<&str>, head: &[u8]) -> Result<&'static str, WrongKind> {
        let declared = declared.filter(|declared| *declared != ANY_BYTES);
        let Some(declared) = declared.map(unaliased) else {
            let fitting = self.0.iter().find(|(_, fits)| fits(head));
            return fitting.map(|(name, _)| *name).ok_or(WrongKind::NotTaken);
        };
        let kind = self.0.iter().find(|(name, _)| *name == declared);
        let (name, fits) = kind.ok_or(WrongKind::NotTaken)?;
        if fits(head) {
            Ok(name)
        } else {
            Err(WrongKind::NotAsDeclared)
        }
    }
}

/// Whether a browser may show a file of this type in place of saving it.
pub fn shows_inline(mimetype: &str) -> bool {
    ["image/", "audio/", "video/"]
        .iter()
        .any(|family| mimetype.starts_with(family))
}

fn names() -> Vec<&'static str> {
    KINDS.iter().map(|(name, _)| *name).collect()
}

fn unaliased(name: &str) -> &str {
    let alias = ALIASES.iter().find(|(alias, _)| *alias == name);
    alias.map_or(name, |(_, meant)| meant)
}

fn is_riff(head: &[u8], form: &[u8]) -> bool {
    head.starts_with(b"RIFF") && head.get(8..12) == Some(form)
}

/// The container of ISO 14496-12: its first box is `ftyp`, which names the brand. `brands` are beginnings of names.
fn has_brand(head: &[u8], brands: &[&[u8]]) -> bool {
    let brand = head.get(8..12).unwrap_or_default();
    head.get(4..8) == Some(b"ftyp") && brands.iter().any(|name| brand.starts_with(name))
}

fn is_text_from(head: &[u8], start: &str) -> bool {
    let begins = head.get(..start.len());
    begins.is_some_and(|begins| begins.eq_ignore_ascii_case(start.as_bytes())) && is_text(head)
}

/// UTF-8 without control characters, and no markup, which some programs run whatever it is called.
fn is_text(head: &[u8]) -> bool {
    let text = match std::str::from_utf8(head) {
        Ok(text) => text,
        // The last character may be cut off.
        Err(error) if error.error_len().is_none() => {
            std::str::from_utf8(&head[..error.valid_up_to()]).unwrap_or_default()
        }
        Err(_) => return false,
    };
    let is_control =
        |character: char| character.is_control() && !matches!(character, '\t' | '\r' | '\n');
    let begins = text.trim_start_matches('\u{feff}').trim_start();
    !text.contains(is_control) && !begins.starts_with('<')
}

#[cfg(test)]
mod tests {
    use super::*;

    const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR";
    const MP4: &[u8] = b"\0\0\0\x18ftypmp42\0\0\0\0";

    fn all() -> Kinds {
        let names: Vec<String> = names().iter().map(|name| (*name).to_owned()).collect();
        Kinds::from_names(&names).unwrap()
    }

    #[test]
    fn a_file_that_is_what_it_says_is_taken() {
        for (declared, head) in [
            ("image/png", PNG),
            ("image/jpeg", b"\xff\xd8\xff\xe0\0\x10JFIF"),
            ("image/gif", b"GIF89a\x01\0"),
            ("image/webp", b"RIFF\x10\0\0\0WEBPVP8 "),
            ("video/mp4", MP4),
            ("video/3gpp", b"\0\0\0\x18ftyp3gp5\0\0"),
            ("audio/mpeg", b"ID3\x03\0"),
            ("audio/mpeg", b"\xff\xfb\x90\0"),
            ("audio/amr", b"#!AMR\n"),
            ("application/pdf", b"%PDF-1.7"),
            ("text/plain", "Grüße\r\n".as_bytes()),
            ("text/csv", b"a,b\n1,2\n"),
            ("text/vcard", b"BEGIN:VCARD\r\n"),
        ] {
            assert_eq!(all().judge(Some(declared), head), Ok(declared));
        }
        assert_eq!(
            all().judge(Some("image/jpg"), b"\xff\xd8\xff\xdb"),
            Ok("image/jpeg")
        );
    }

    #[test]
    fn a_file_that_says_nothing_is_what_it_looks_like() {
        for declared in [None, Some("application/octet-stream")] {
            assert_eq!(all().judge(declared, PNG), Ok("image/png"));
            assert_eq!(all().judge(declared, b"Hello"), Ok("text/plain"));
            assert_eq!(all().judge(declared, b"MZ\x90\0"), Err(WrongKind::NotTaken));
        }
    }

    #[test]
    fn a_file_that_is_not_what_it_says_is_refused() {
        for (declared, head) in [
            ("image/png", MP4),
            ("image/jpeg", b"<html>".as_slice()),
            ("text/plain", b"MZ\x90\0"),
            ("text/plain", b" \n<!DOCTYPE html>"),
            ("text/plain", "\u{feff}<svg>".as_bytes()),
            ("video/mp4", b"\0\0\0\x18ftypqt  "),
            ("audio/mpeg", b"\xff"),
        ] {
            let judged = all().judge(Some(declared), head);
            assert_eq!(judged, Err(WrongKind::NotAsDeclared), "{declared}");
        }
    }

    #[test]
    fn only_types_of_the_list_are_taken() {
        let kinds = Kinds::from_names(&["image/png".to_owned()]).unwrap();
        assert_eq!(kinds.judge(Some("image/png"), PNG), Ok("image/png"));
        for declared in [
            Some("image/gif"),
            Some("text/html"),
            Some("image/svg+xml"),
            None,
        ] {
            let judged = kinds.judge(declared, b"GIF89a");
            assert_eq!(judged, Err(WrongKind::NotTaken), "{declared:?}");
        }
        assert!(Kinds::from_names(&["text/html".to_owned()]).is_err());
    }

    #[test]
    fn a_character_that_is_cut_off_does_not_make_a_text_none() {
        let text = "Grüße".as_bytes();
        assert!(is_text(&text[..3]));
        assert!(!is_text(b"Gr\xfc\xdfe"), "Latin-1 is not UTF-8");
    }
}
