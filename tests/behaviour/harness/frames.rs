//! The frames of Postgres' wire protocol, version 3, as far as a proxy has to know them ("Message Formats" in the
//! PostgreSQL manual).

use std::collections::HashMap;

use bytes::{Buf, Bytes, BytesMut};

/// One frame of a client.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) bytes: Bytes,
    /// Whether the server answers it, with "ready for query" at the end: a simple query, or the end of a row of frames.
    pub(super) asks: bool,
    /// What was asked for, where this asks: a simple query's text, or that of the statement that was bound last.
    pub(super) statement: String,
    /// The parameters of a connection's first frame.
    pub(super) opening: Option<String>,
}

/// Cuts what a client sends into frames.
#[derive(Debug, Default)]
pub(super) struct Requests {
    read: BytesMut,
    is_open: bool,
    /// Text of prepared statements by name.
    prepared: HashMap<Bytes, String>,
    bound: String,
}

impl Requests {
    /// Where the next bytes go.
    pub(super) fn room(&mut self) -> &mut BytesMut {
        &mut self.read
    }

    /// The next whole frame.
    pub(super) fn next(&mut self) -> Option<Request> {
        // The first frame has no type.
        let head = usize::from(self.is_open);
        let length = self.read.get(head..head + 4)?;
        let length = u32::from_be_bytes(length.try_into().ok()?);
        let whole = head + usize::try_from(length).ok()?;
        if self.read.len() < whole {
            return None;
        }
        let bytes = self.read.split_to(whole).freeze();
        if !self.is_open {
            self.is_open = true;
            let opening = String::from_utf8_lossy(&bytes[8..]).replace('\0', " ");
            return Some(Request {
                bytes,
                asks: true,
                statement: String::new(),
                opening: Some(opening),
            });
        }
        let body = bytes.slice(5..);
        let asks = matches!(bytes[0], b'Q' | b'S');
        match bytes[0] {
            b'Q' => self.bound = text(&body),
            b'P' => {
                let name = until_nul(&body);
                let statement = text(&body.slice(name.len() + 1..));
                self.bound.clear();
                self.prepared.insert(name, statement);
            }
            b'B' => {
                let portal = until_nul(&body);
                let name = until_nul(&body.slice(portal.len() + 1..));
                self.bound = self.prepared.get(&name).cloned().unwrap_or_default();
            }
            _ => {}
        }
        let statement = if asks {
            std::mem::take(&mut self.bound)
        } else {
            String::new()
        };
        Some(Request {
            bytes,
            asks,
            statement,
            opening: None,
        })
    }
}

/// Counts what a server has answered.
#[derive(Debug, Default)]
pub(super) struct Responses {
    read: BytesMut,
    /// Requests without their "ready for query".
    unanswered: usize,
}

impl Responses {
    pub(super) fn room(&mut self) -> &mut BytesMut {
        &mut self.read
    }

    pub(super) fn expect(&mut self, request: &Request) {
        self.unanswered += usize::from(request.asks);
    }

    pub(super) fn is_all_answered(&self) -> bool {
        self.unanswered == 0
    }

    /// The whole frames that have come.
    pub(super) fn take(&mut self) -> Bytes {
        let mut end = 0;
        while let Some(length) = self.read.get(end + 1..end + 5) {
            let mut length = length;
            let whole = end + 1 + usize::try_from(length.get_u32()).unwrap_or(usize::MAX - end - 1);
            if self.read.len() < whole {
                break;
            }
            if self.read[end] == b'Z' {
                self.unanswered = self.unanswered.saturating_sub(1);
            }
            end = whole;
        }
        self.read.split_to(end).freeze()
    }
}

fn until_nul(bytes: &Bytes) -> Bytes {
    let end = bytes.iter().position(|byte| *byte == 0);
    bytes.slice(..end.unwrap_or(bytes.len()))
}

fn text(bytes: &Bytes) -> String {
    String::from_utf8_lossy(&until_nul(bytes)).into_owned()
}
