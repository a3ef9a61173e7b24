//! How much a message may say, and how strictly it is read.

/// How much one message may say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ContentLimits {
    /// Parts of a mail, or media of a message.
    pub parts_max: usize,
    /// Bytes of everything that it says, its links and file names included.
    pub bytes_max: usize,
}

/// Who wrote what is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Writer {
    /// Somebody outside. Unknown members are ignored, and it is taken however little it says: it has been written.
    Consumer,
    /// Somebody who calls our own API. A typo is named, and what nobody could make sense of is refused.
    ContactCentre,
}

/// By what a content is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ContentRules {
    pub limits: ContentLimits,
    pub writer: Writer,
}

impl ContentLimits {
    pub const fn of(self, writer: Writer) -> ContentRules {
        ContentRules {
            limits: self,
            writer,
        }
    }
}

impl ContentRules {
    pub(super) fn is_strict(&self) -> bool {
        self.writer == Writer::ContactCentre
    }
}
