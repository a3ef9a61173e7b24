//! One cell: a call, and what has to become of it.

use std::collections::BTreeSet;

use bytes::Bytes;
use reqwest::Method;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};

use super::who::{Side, Who};
use super::world::World;
use crate::input::door::Door;

pub const TENANT: HeaderName = HeaderName::from_static("x-ccid");
pub const KEY: HeaderName = HeaderName::from_static("x-api-key");

/// What a call says of its tenant in one place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Claim {
    Absent,
    Of(Side),
    Malformed,
    Twice,
}

impl Claim {
    pub const ALL: [Self; 6] = [
        Self::Absent,
        Self::Of(Side::Ours),
        Self::Of(Side::Theirs),
        Self::Of(Side::Nobodys),
        Self::Malformed,
        Self::Twice,
    ];

    /// What is put to the test in a header: of someone who is nobody, what may make a difference.
    pub fn of(who: Who) -> &'static [Self] {
        if who.is_live() {
            &Self::ALL
        } else {
            &Self::ALL[..3]
        }
    }
}

/// What has to become of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expected {
    /// One of these statuses, and nothing changes.
    Refused(BTreeSet<u16>),
    /// The answer that there is no such thing: the same, byte for byte, whoever else has it.
    Missing,
    /// It is done for this tenant; what that comes to is one of these.
    Done(Side, Vec<u16>),
    /// It is let in, whatever it comes to, by someone who may see all tenants.
    LetIn,
}

#[derive(Debug, Clone)]
pub struct Call {
    /// Such as `GET /nexus/v3/messages/{id}`.
    pub operation: String,
    /// All that is said but whose things it is about: of calls that are the same in this, those that find nothing are
    /// answered the same.
    pub said: String,
    /// Whose things it is about.
    pub about: Side,
    pub method: Method,
    pub target: String,
    pub headers: HeaderMap,
    pub body: Bytes,
    pub expected: Expected,
}

impl Call {
    /// The call of a door without any credentials.
    pub fn of(door: &Door, about: Side) -> Self {
        let mut headers = HeaderMap::new();
        if let Some(content_type) = door.content_type() {
            headers.insert("content-type", HeaderValue::from_static(content_type));
        }
        Self {
            operation: format!("{} {}", door.method, door.template),
            said: String::new(),
            about,
            method: door.method.clone(),
            target: door.target(),
            headers,
            body: door.body(),
            expected: Expected::LetIn,
        }
    }

    pub fn with_key(mut self, world: &World, who: Who, permission: &str) -> Self {
        for value in world.rings.values(who, permission) {
            self.headers.append(KEY, value);
        }
        self
    }

    pub fn with_claim(mut self, world: &World, claim: Claim) -> Self {
        let value = |text: &str| HeaderValue::from_str(text).unwrap();
        let ours = value(&world.ccid(Side::Ours).to_string());
        let values = match claim {
            Claim::Absent => Vec::new(),
            Claim::Of(side) => vec![value(&world.ccid(side).to_string())],
            Claim::Malformed => vec![value("main")],
            Claim::Twice => vec![ours.clone(), ours],
        };
        for value in values {
            self.headers.append(TENANT, value);
        }
        self
    }

    pub fn saying(mut self, said: impl std::fmt::Debug) -> Self {
        self.said = format!("{said:?}");
        self
    }

    pub fn expecting(mut self, expected: Expected) -> Self {
        self.expected = expected;
        self
    }

    /// As failures call it.
    pub fn name(&self) -> String {
        format!("{} about {:?}, {}", self.operation, self.about, self.said)
    }
}

/// Refused with the first status alone if that holds, or else with any of those that hold; `None`: not refused.
pub fn refused(is_live: bool, faults: &[(bool, u16)]) -> Option<Expected> {
    if !is_live {
        return Some(Expected::Refused(BTreeSet::from([401])));
    }
    let statuses: BTreeSet<u16> = faults
        .iter()
        .filter(|(holds, _)| *holds)
        .map(|(_, status)| *status)
        .collect();
    (!statuses.is_empty()).then_some(Expected::Refused(statuses))
}
