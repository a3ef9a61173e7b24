//! One look over the bytes of a body before anything reads them as JSON.

use super::ApiError;

/// How deep arrays and objects may lie within each other.
pub const DEPTH_MAX: usize = 64;

/// Why bytes are not taken as JSON. `at` counts bytes from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum JsonFault {
    #[error("the body is not UTF-8 from byte {at} on")]
    NotUtf8 { at: usize },
    #[error("the body is not JSON at byte {at}")]
    Syntax { at: usize },
    #[error("the body ends before its JSON does")]
    Incomplete,
    #[error("the member name at byte {at} is there twice in its object")]
    DuplicateMember { at: usize },
    #[error("arrays and objects may lie at most {DEPTH_MAX} deep; byte {at} is deeper")]
    TooDeep { at: usize },
    #[error("a text may not have the character U+0000, as at byte {at}")]
    Nul { at: usize },
    #[error("a text may not have half a surrogate pair, as at byte {at}")]
    LoneSurrogate { at: usize },
}

impl From<JsonFault> for ApiError {
    fn from(fault: JsonFault) -> Self {
        Self::bad_request(fault.to_string())
    }
}

/// Refuses what is no JSON, and JSON that two readers could understand differently or that cannot be stored.
///
/// Takes exactly what RFC 8259 calls a JSON text in UTF-8, less objects with a name twice (escapes resolved), U+0000,
/// halves of surrogate pairs, and more than [`DEPTH_MAX`] levels. Time and space grow with the length of the body
/// alone (names are sorted, `n log n`), whatever is in it.
pub fn check(bytes: &[u8]) -> Result<(), JsonFault> {
    std::str::from_utf8(bytes).map_err(|fault| JsonFault::NotUtf8 {
        at: fault.valid_up_to(),
    })?;
    Scan::new(bytes).run()
}

struct Scan<'a> {
    bytes: &'a [u8],
    /// The byte that is looked at next.
    at: usize,
    depth: usize,
    open: [Frame; DEPTH_MAX],
    /// The names of all open objects, the outermost first.
    names: Vec<Name>,
    /// What the names that are written with escapes stand for, one behind the other.
    unescaped: Vec<u8>,
}

/// An array or object that has not been closed yet.
#[derive(Clone, Copy)]
struct Frame {
    is_object: bool,
    /// Where its names begin in [`Scan::names`].
    names_from: usize,
    /// Where they begin in [`Scan::unescaped`].
    unescaped_from: usize,
}

/// Where the text of a member name is.
#[derive(Clone, Copy)]
struct Name {
    from: usize,
    to: usize,
    is_unescaped: bool,
    /// Where it stands in the body.
    at: usize,
}

impl<'a> Scan<'a> {
    fn new(bytes: &'a [u8]) -> Self {
        let frame = Frame {
            is_object: false,
            names_from: 0,
            unescaped_from: 0,
        };
        Self {
            bytes,
            at: 0,
            depth: 0,
            open: [frame; DEPTH_MAX],
            names: Vec::new(),
            unescaped: Vec::new(),
        }
    }

    /// Goes over the text: a value begins, and when one has ended, what it ended in decides what may follow.
    fn run(mut self) -> Result<(), JsonFault> {
        loop {
            if self.begin_value()? {
                continue;
            }
            loop {
                let Some(frame) = self.innermost() else {
                    return self.end();
                };
                match (self.token()?, frame.is_object) {
                    (b',', false) => break,
                    (b',', true) => {
                        self.name()?;
                        break;
                    }
                    (b']', false) => self.depth -= 1,
                    (b'}', true) => self.close_object(frame)?,
                    _ => return Err(self.syntax_before()),
                }
            }
        }
    }

    /// Reads a value that is no array or object, or one of these that is empty. True: one was opened, and its first
    /// value is next.
    fn begin_value(&mut self) -> Result<bool, JsonFault> {
        match self.token()? {
            opening @ (b'{' | b'[') => return self.open(opening == b'{'),
            b'"' => {
                self.string()?;
            }
            first @ (b'-' | b'0'..=b'9') => self.number(first)?,
            b't' => self.word(b"rue")?,
            b'f' => self.word(b"alse")?,
            b'n' => self.word(b"ull")?,
            _ => return Err(self.syntax_before()),
        }
        Ok(false)
    }

    fn innermost(&self) -> Option<Frame> {
        self.depth.checked_sub(1).map(|index| self.open[index])
    }

    /// Goes into an array or object, behind its first name. True: there is something in it.
    fn open(&mut self, is_object: bool) -> Result<bool, JsonFault> {
        let Some(frame) = self.open.get_mut(self.depth) else {
            return Err(JsonFault::TooDeep { at: self.at - 1 });
        };
        *frame = Frame {
            is_object,
            names_from: self.names.len(),
            unescaped_from: self.unescaped.len(),
        };
        self.skip_space();
        let closing = if is_object { b'}' } else { b']' };
        if self.peek() == Some(closing) {
            self.at += 1;
            return Ok(false);
        }
        self.depth += 1;
        if is_object {
            self.name()?;
        }
        Ok(true)
    }

    /// Ends an object: no two of its names may be the same.
    fn close_object(&mut self, frame: Frame) -> Result<(), JsonFault> {
        let (bytes, unescaped) = (self.bytes, &self.unescaped);
        let text = |name: &Name| {
            let within = if name.is_unescaped {
                unescaped.as_slice()
            } else {
                bytes
            };
            &within[name.from..name.to]
        };
        let names = &mut self.names[frame.names_from..];
        names.sort_unstable_by(|one, other| text(one).cmp(text(other)));
        let twice = names
            .windows(2)
            .find(|pair| text(&pair[0]) == text(&pair[1]));
        if let Some(pair) = twice {
            let at = pair[0].at.max(pair[1].at);
            return Err(JsonFault::DuplicateMember { at });
        }
        self.names.truncate(frame.names_from);
        self.unescaped.truncate(frame.unescaped_from);
        self.depth -= 1;
        Ok(())
    }

    /// Reads a member name and its colon.
    fn name(&mut self) -> Result<(), JsonFault> {
        if self.token()? != b'"' {
            return Err(self.syntax_before());
        }
        let (at, from) = (self.at - 1, self.at);
        let has_escapes = self.string()?;
        let to = self.at - 1;
        let name = if has_escapes {
            let unescaped_from = self.unescaped.len();
            self.unescape(from, to)?;
            Name {
                from: unescaped_from,
                to: self.unescaped.len(),
                is_unescaped: true,
                at,
            }
        } else {
            Name {
                from,
                to,
                is_unescaped: false,
                at,
            }
        };
        self.names.push(name);
        if self.token()? == b':' {
            Ok(())
        } else {
            Err(self.syntax_before())
        }
    }

    /// Reads a text up to its closing quote, which `at` is behind then. True: there were escapes in it.
    fn string(&mut self) -> Result<bool, JsonFault> {
        let mut has_escapes = false;
        loop {
            // Bytes over 0x7f are parts of UTF-8 characters, which have been checked.
            let rest = &self.bytes[self.at..];
            let plain = rest
                .iter()
                .position(|&byte| byte < b' ' || byte == b'"' || byte == b'\\');
            self.at += plain.unwrap_or(rest.len());
            match self.next_byte()? {
                b'"' => return Ok(has_escapes),
                b'\\' => {
                    has_escapes = true;
                    self.escape()?;
                }
                0 => return Err(JsonFault::Nul { at: self.at - 1 }),
                _ => return Err(self.syntax_before()),
            }
        }
    }

    /// Reads what follows a backslash and says which character it stands for.
    fn escape(&mut self) -> Result<char, JsonFault> {
        let at = self.at - 1;
        let character = match self.next_byte()? {
            plain @ (b'"' | b'\\' | b'/') => char::from(plain),
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => return self.escaped_unit(at),
            _ => return Err(self.syntax_before()),
        };
        Ok(character)
    }

    fn escaped_unit(&mut self, at: usize) -> Result<char, JsonFault> {
        let first = self.four_digits()?;
        let lone = JsonFault::LoneSurrogate { at };
        match first {
            0 => Err(JsonFault::Nul { at }),
            0xd800..=0xdbff => {
                if !self.bytes[self.at..].starts_with(b"\\u") {
                    return Err(lone);
                }
                self.at += 2;
                let second = self.four_digits()?;
                let pair = char::decode_utf16([first, second]).next();
                pair.and_then(Result::ok).ok_or(lone)
            }
            unit => char::from_u32(u32::from(unit)).ok_or(lone),
        }
    }

    fn four_digits(&mut self) -> Result<u16, JsonFault> {
        let mut unit = 0;
        for _ in 0..4 {
            let digit = char::from(self.next_byte()?).to_digit(16);
            let digit = digit.and_then(|digit| u16::try_from(digit).ok());
            unit = unit << 4 | digit.ok_or_else(|| self.syntax_before())?;
        }
        Ok(unit)
    }

    /// Appends what a text that has been read before stands for.
    fn unescape(&mut self, from: usize, to: usize) -> Result<(), JsonFault> {
        let behind = std::mem::replace(&mut self.at, from);
        while self.at < to {
            let byte = self.next_byte()?;
            if byte == b'\\' {
                let character = self.escape()?;
                self.unescaped
                    .extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
            } else {
                self.unescaped.push(byte);
            }
        }
        self.at = behind;
        Ok(())
    }

    fn number(&mut self, first: u8) -> Result<(), JsonFault> {
        let leading = if first == b'-' {
            self.next_byte()?
        } else {
            first
        };
        match leading {
            b'0' => {}
            b'1'..=b'9' => self.digits(),
            _ => return Err(self.syntax_before()),
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.one_digit_or_more()?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.one_digit_or_more()?;
        }
        Ok(())
    }

    fn one_digit_or_more(&mut self) -> Result<(), JsonFault> {
        if !self.next_byte()?.is_ascii_digit() {
            return Err(self.syntax_before());
        }
        self.digits();
        Ok(())
    }

    fn digits(&mut self) {
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
    }

    fn word(&mut self, rest: &[u8]) -> Result<(), JsonFault> {
        for expected in rest {
            if self.next_byte()? != *expected {
                return Err(self.syntax_before());
            }
        }
        Ok(())
    }

    /// Nothing but space may follow the value.
    fn end(mut self) -> Result<(), JsonFault> {
        self.skip_space();
        if self.at == self.bytes.len() {
            Ok(())
        } else {
            Err(JsonFault::Syntax { at: self.at })
        }
    }

    /// The next byte that is no space, which `at` is behind then.
    fn token(&mut self) -> Result<u8, JsonFault> {
        self.skip_space();
        self.next_byte()
    }

    fn skip_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn next_byte(&mut self) -> Result<u8, JsonFault> {
        let byte = self.peek().ok_or(JsonFault::Incomplete)?;
        self.at += 1;
        Ok(byte)
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    /// The byte that was read last does not belong there.
    fn syntax_before(&self) -> JsonFault {
        JsonFault::Syntax { at: self.at - 1 }
    }
}

#[cfg(test)]
#[path = "scan_tests.rs"]
mod tests;
