//! What a demo shows: each exchange as it went over the wire, then what was verified about it.

use std::fmt::Display;
use std::io::{self, Write};

use serde_json::Value;

use super::DemoError;

const BOLD: &str = "1";
const GREEN: &str = "32";
const RED: &str = "31";
const CYAN: &str = "36";

#[derive(Debug)]
pub(super) struct Transcript<Out> {
    out: Out,
    colour: bool,
    verified: usize,
}

impl<Out: Write> Transcript<Out> {
    pub(super) fn new(out: Out, colour: bool) -> Self {
        Self {
            out,
            colour,
            verified: 0,
        }
    }

    pub(super) fn heading(&mut self, text: &str) -> io::Result<()> {
        let text = self.painted(BOLD, text);
        writeln!(self.out, "\n{text}")
    }

    pub(super) fn paragraph(&mut self, text: &str) -> io::Result<()> {
        writeln!(self.out, "{text}")?;
        self.out.flush()
    }

    /// How much was verified; said when all of it was right.
    pub(super) fn sum(&mut self) -> io::Result<()> {
        let text = format!("All {} checks are as the contract says.", self.verified);
        let text = self.painted(GREEN, &text);
        self.paragraph(&format!("\n{text}"))
    }

    /// A request or an answer: its first line, the headers that matter, and its body.
    pub(super) fn wire(
        &mut self,
        first_line: &str,
        headers: &[(&str, &str)],
        body: &Value,
    ) -> io::Result<()> {
        let first_line = self.painted(CYAN, first_line);
        writeln!(self.out, "   {first_line}")?;
        for (name, value) in headers {
            writeln!(self.out, "   {name}: {value}")?;
        }
        if !body.is_null() {
            for line in format!("{body:#}").lines() {
                writeln!(self.out, "   {line}")?;
            }
        }
        self.out.flush()
    }

    /// Shows that `got` is what was expected, or ends the demo with both.
    pub(super) fn expect(
        &mut self,
        what: &str,
        expected: impl Into<Value>,
        got: impl Into<Value>,
    ) -> Result<(), DemoError> {
        let (expected, got) = (expected.into(), got.into());
        self.expect_that(what, expected == got, expected, got)
    }

    /// Shows that something holds, or ends the demo with what was expected and what came.
    pub(super) fn expect_that(
        &mut self,
        what: &str,
        holds: bool,
        expected: impl Display,
        got: impl Display,
    ) -> Result<(), DemoError> {
        if holds {
            let tick = self.painted(GREEN, "✓");
            self.verified += 1;
            writeln!(self.out, "   {tick} {what}")?;
            return Ok(());
        }
        let (expected, got) = (expected.to_string(), got.to_string());
        let cross = self.painted(RED, "✗");
        writeln!(
            self.out,
            "   {cross} {what}: expected {expected}, got {got}"
        )?;
        self.out.flush()?;
        Err(DemoError::Differs {
            what: what.to_owned(),
            expected,
            got,
        })
    }

    fn painted(&self, code: &str, text: &str) -> String {
        if self.colour {
            format!("\x1b[{code}m{text}\x1b[0m")
        } else {
            text.to_owned()
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn shown(colour: bool, show: impl FnOnce(&mut Transcript<&mut Vec<u8>>)) -> String {
        let mut out = Vec::new();
        show(&mut Transcript::new(&mut out, colour));
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn an_exchange_reads_as_it_went_over_the_wire() {
        let text = shown(false, |transcript| {
            transcript
                .wire(
                    "POST /webhook",
                    &[("x-ccid", "1")],
                    &json!({ "type": "Text" }),
                )
                .unwrap();
            transcript.expect("the status is 200", 200, 200).unwrap();
        });

        assert_eq!(
            text,
            "   POST /webhook\n   x-ccid: 1\n   {\n     \"type\": \"Text\"\n   }\n   ✓ the status is 200\n"
        );
    }

    #[test]
    fn a_difference_is_shown_with_both_sides_and_ends_the_demo() {
        let text = shown(false, |transcript| {
            let differs = transcript.expect("the status", 200, 503).unwrap_err();
            assert_eq!(differs.to_string(), "the status: expected 200, got 503");
        });

        assert_eq!(text, "   ✗ the status: expected 200, got 503\n");
    }

    #[test]
    fn colours_appear_only_when_asked_for() {
        let show =
            |transcript: &mut Transcript<&mut Vec<u8>>| transcript.heading("1. Message").unwrap();

        assert!(shown(true, show).contains("\x1b[1m"));
        assert!(!shown(false, show).contains('\x1b'));
    }
}
