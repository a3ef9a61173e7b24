//! The parts of a mail, taken apart.

use mail_parser::decoders::base64::base64_decode;
use mail_parser::decoders::charsets::map::charset_decoder;
use mail_parser::decoders::quoted_printable::quoted_printable_decode;
use mail_parser::{ContentType, Message, MessageParser, MimeHeaders as _};

use super::{Attached, NAME_CHARS_MAX, Words, storable};

/// Parts within parts.
const DEPTH_MAX: usize = 8;
/// Parts of a mail.
const PARTS_MAX: usize = 200;
/// Bytes of the head of a part that is looked at: it has some few short fields.
const PART_HEAD_BYTES_MAX: usize = 8_192;
/// Characters of a line between parts (RFC 2046).
const BOUNDARY_CHARS_MAX: usize = 70;

/// What was found so far.
#[derive(Debug, Default)]
pub(super) struct Parts {
    pub(super) texts: Vec<Words>,
    pub(super) attachments: Vec<Attached>,
    pub(super) is_cut: bool,
    seen: usize,
}

impl Parts {
    /// Takes a whole mail apart.
    pub(super) fn take_apart(&mut self, bytes: &[u8]) {
        let (head, body) = split(bytes);
        self.part(
            MessageParser::default().parse_headers(head).as_ref(),
            body,
            0,
        );
    }

    fn inner(&mut self, bytes: &[u8], depth: usize) {
        let (head, body) = split(bytes);
        if head.len() > PART_HEAD_BYTES_MAX || self.seen == PARTS_MAX {
            self.is_cut = true;
            return;
        }
        self.part(
            MessageParser::default().parse_headers(head).as_ref(),
            body,
            depth,
        );
    }

    /// A part with its headers; `None`: it has none, and so is plain text.
    fn part(&mut self, headers: Option<&Message<'_>>, body: &[u8], depth: usize) {
        self.seen += 1;
        let kind = headers.and_then(|headers| headers.content_type());
        if let Some(boundary) = kind.and_then(boundary) {
            if depth == DEPTH_MAX {
                self.is_cut = true;
                return;
            }
            for inner in between(body, boundary) {
                self.inner(inner, depth + 1);
            }
            return;
        }
        self.leaf(headers, kind, body);
    }

    fn leaf(&mut self, headers: Option<&Message<'_>>, kind: Option<&ContentType<'_>>, body: &[u8]) {
        let bytes = decoded(headers, body);
        let name = headers.and_then(|headers| headers.attachment_name());
        let is_apart = headers
            .and_then(|headers| headers.content_disposition())
            .is_some_and(ContentType::is_attachment);
        let essence = kind.map_or_else(|| "text/plain".to_owned(), essence);
        let words: fn(String) -> Words = match essence.as_str() {
            "text/plain" => Words::Plain,
            "text/html" => Words::Html,
            _ => return self.attach(name, essence, bytes),
        };
        if is_apart || name.is_some() {
            return self.attach(name, essence, bytes);
        }
        let text = text(&bytes, kind.and_then(|kind| kind.attribute("charset")));
        if !text.trim().is_empty() {
            self.texts.push(words(text));
        }
    }

    fn attach(&mut self, name: Option<&str>, essence: String, bytes: Vec<u8>) {
        if bytes.is_empty() {
            return;
        }
        let name = name.map(|name| storable(name).take(NAME_CHARS_MAX).collect());
        self.attachments.push(Attached {
            name,
            declared: Some(essence),
            bytes,
        });
    }
}

/// Head and body: they are divided by the first empty line.
pub(super) fn split(bytes: &[u8]) -> (&[u8], &[u8]) {
    let mut at = 0;
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        let next = at + line.len();
        if matches!(line, b"\n" | b"\r\n") {
            return (&bytes[..at], &bytes[next..]);
        }
        at = next;
    }
    (bytes, &[])
}

/// What divides the parts of a part; `None` where it has none.
fn boundary<'a>(kind: &'a ContentType<'_>) -> Option<&'a str> {
    let boundary = kind
        .attribute("boundary")
        .filter(|_| kind.ctype() == "multipart")?;
    (1..=BOUNDARY_CHARS_MAX)
        .contains(&boundary.len())
        .then_some(boundary)
}

/// What stands between the dividing lines; what is before the first or behind the last is for nobody.
fn between<'a>(body: &'a [u8], boundary: &str) -> Vec<&'a [u8]> {
    let mut parts = Vec::new();
    let (mut at, mut begins) = (0, None);
    for line in body.split_inclusive(|byte| *byte == b'\n') {
        let next = at + line.len();
        if let Some(is_last) = divides(line, boundary) {
            parts.extend(begins.map(|begins: usize| without_line_end(&body[begins..at])));
            if is_last {
                return parts;
            }
            begins = Some(next);
        }
        at = next;
    }
    // The last line may be missing.
    parts.extend(begins.map(|begins| &body[begins..]));
    parts
}

/// Whether a line divides parts, and then whether it is the last.
fn divides(line: &[u8], boundary: &str) -> Option<bool> {
    let rest = line
        .strip_prefix(b"--")?
        .strip_prefix(boundary.as_bytes())?;
    match rest.trim_ascii() {
        b"" => Some(false),
        b"--" => Some(true),
        _ => None,
    }
}

/// The line end before a dividing line belongs to that.
fn without_line_end(part: &[u8]) -> &[u8] {
    let part = part.strip_suffix(b"\n").unwrap_or(part);
    part.strip_suffix(b"\r").unwrap_or(part)
}

/// The bytes as they were before they were made fit to travel. What cannot be read so stays as it is.
fn decoded(headers: Option<&Message<'_>>, body: &[u8]) -> Vec<u8> {
    let encoding = headers.and_then(|headers| headers.content_transfer_encoding());
    let encoding = encoding.map(|word| word.trim().to_ascii_lowercase());
    let decoded = match encoding.as_deref() {
        Some("base64") => base64_decode(body),
        Some("quoted-printable") => quoted_printable_decode(body),
        Some(_) | None => None,
    };
    decoded.unwrap_or_else(|| body.to_vec())
}

fn text(bytes: &[u8], charset: Option<&str>) -> String {
    let decoder = charset.and_then(|name| charset_decoder(name.trim().as_bytes()));
    let text = match decoder {
        Some(decode) => decode(bytes),
        None => String::from_utf8_lossy(bytes).into_owned(),
    };
    storable(&text).collect()
}

/// Such as `text/plain`.
fn essence(kind: &ContentType<'_>) -> String {
    let subtype = kind.subtype().unwrap_or("plain");
    let essence = format!("{}/{subtype}", kind.ctype());
    storable(&essence.to_ascii_lowercase())
        .take(NAME_CHARS_MAX)
        .collect()
}
