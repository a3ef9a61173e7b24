//! Everything that can be done to a body of JSON, one thing at a time.

use bytes::Bytes;
use serde_json::{Value, json};

use super::Attack;
use super::door::{Door, Manner};
use super::values::{LITERALS, MALFORMED, NAUGHTY, PLACEHOLDER, of_every_kind};

/// More than any reader should follow.
const BOMB_DEPTH: usize = 5_000;
/// One more than a body may have of anything.
const TOO_MANY: usize = 1_001;

/// What a door has to say to a body of JSON that is not as it should be.
#[derive(Clone, Copy)]
enum Verdict {
    /// It is no JSON as we take it.
    Malformed,
    /// A member that nobody knows.
    Unknown,
    /// It may fit or not; if not, it is the content that is at fault.
    Content,
}

/// All calls that can be made of the door's valid body.
pub fn attacks(door: &Door) -> Vec<Attack> {
    let Some(valid) = door.json() else {
        return Vec::new();
    };
    let mut attacks = Attacks {
        door,
        valid,
        all: Vec::new(),
    };
    for place in places(valid, "") {
        attacks.replace(&place);
        attacks.change_members(&place);
    }
    attacks.truncate();
    attacks.spoil();
    attacks.all
}

struct Attacks<'a> {
    door: &'a Door,
    valid: &'a Value,
    all: Vec<Attack>,
}

impl Attacks<'_> {
    /// Another value at this place.
    fn replace(&mut self, place: &str) {
        for (name, value) in of_every_kind() {
            let body = self.with(place, value).to_string();
            self.add(format!("{place} is {name}"), body, Verdict::Content);
        }
        let template = self.with(place, json!(PLACEHOLDER)).to_string();
        let hole = json!(PLACEHOLDER).to_string();
        for (name, literal) in LITERALS {
            let body = template.replace(&hole, literal);
            self.add(format!("{place} is {name}"), body, Verdict::Content);
        }
        for (name, literal) in MALFORMED {
            let body = template.replace(&hole, literal);
            self.add(format!("{place} is {name}"), body, Verdict::Malformed);
        }
        if self.valid.pointer(place).is_some_and(Value::is_string) {
            for text in NAUGHTY {
                let body = self.with(place, json!(text)).to_string();
                self.add(format!("{place} is {text:?}"), body, Verdict::Content);
            }
        }
    }

    /// Another number of members or items at this place.
    fn change_members(&mut self, place: &str) {
        let value = self.valid.pointer(place).cloned().unwrap_or_default();
        if let Value::Array(items) = &value {
            let first = items.first().cloned().unwrap_or_default();
            let body = self.with(place, json!(vec![first; TOO_MANY])).to_string();
            self.add(format!("{place} has {TOO_MANY}"), body, Verdict::Content);
        }
        let Value::Object(members) = &value else {
            return;
        };
        for (name, member) in members {
            let mut fewer = members.clone();
            fewer.remove(name);
            let body = self.with(place, json!(fewer)).to_string();
            self.add(format!("{place} lacks {name}"), body, Verdict::Content);
            let mut twice = members.clone();
            twice.insert(PLACEHOLDER.to_owned(), member.clone());
            let body = self.with(place, json!(twice)).to_string();
            let first = name.chars().next().unwrap();
            let escaped = format!("\\u{:04x}{}", u32::from(first), &name[first.len_utf8()..]);
            for again in [name, &escaped] {
                let body = body.replace(PLACEHOLDER, again);
                self.add(
                    format!("{place} has {again} twice"),
                    body,
                    Verdict::Malformed,
                );
            }
        }
        for name in [
            "unknownMember",
            "__proto__",
            "",
            "a/b~c",
            &"x".repeat(5_000),
        ] {
            let mut more = members.clone();
            more.insert(name.to_owned(), json!(1));
            let body = self.with(place, json!(more)).to_string();
            let name: String = name.chars().take(20).collect();
            self.add(format!("{place} has {name:?} too"), body, Verdict::Unknown);
        }
    }

    /// The body ends early, at every place where something could end.
    fn truncate(&mut self) {
        let text = self.valid.to_string();
        for (at, byte) in text.bytes().enumerate().skip(1) {
            if b"{}[],:\"".contains(&byte) {
                let what = format!("the body ends before byte {at}");
                self.add(what, text.as_bytes()[..at].to_vec(), Verdict::Malformed);
            }
        }
    }

    /// The body as a whole is something else.
    fn spoil(&mut self) {
        let text = self.valid.to_string();
        let bomb =
            |open: &str, close: &str| [open.repeat(BOMB_DEPTH), close.repeat(BOMB_DEPTH)].join("1");
        let spoiled: [(&str, Vec<u8>); 11] = [
            (
                "a byte order mark goes before it",
                format!("\u{feff}{text}").into(),
            ),
            ("it is there twice", format!("{text}{text}").into()),
            ("something follows", format!("{text}x").into()),
            (
                "it is UTF-16",
                text.encode_utf16().flat_map(u16::to_le_bytes).collect(),
            ),
            (
                "it ends in half a character",
                [text.as_bytes(), b"\xc3"].concat(),
            ),
            (
                "a character is written too long",
                [b"{\"\xc0\xaf\":1,", &text.as_bytes()[1..]].concat(),
            ),
            (
                "it has a surrogate in UTF-8",
                [b"{\"\xed\xa0\x80\":1,", &text.as_bytes()[1..]].concat(),
            ),
            ("arrays lie deep", bomb("[", "]").into()),
            ("objects lie deep", bomb("{\"a\":", "}").into()),
            (
                "arrays are opened and left open",
                "[".repeat(100_000).into(),
            ),
            (
                "a member holds deep arrays",
                text.replacen('{', &format!("{{\"deep\":{},", bomb("[", "]")), 1)
                    .into(),
            ),
        ];
        for (what, body) in spoiled {
            self.add(what.to_owned(), body, Verdict::Malformed);
        }
    }

    fn with(&self, place: &str, value: Value) -> Value {
        let mut body = self.valid.clone();
        *body.pointer_mut(place).unwrap() = value;
        body
    }

    fn add(&mut self, what: String, body: impl Into<Bytes>, verdict: Verdict) {
        let answers = match (verdict, self.door.manner) {
            (Verdict::Malformed, _) => Some(vec![400]),
            (Verdict::Unknown, Manner::Own) => Some(vec![422]),
            (Verdict::Unknown, Manner::ThirdParty) => Some(self.door.answers.to_vec()),
            (Verdict::Content, Manner::Own) => Some([self.door.answers, &[409, 422]].concat()),
            (Verdict::Content, Manner::ThirdParty) => {
                Some([self.door.answers, &[400, 409]].concat())
            }
        };
        self.all.push(Attack {
            what,
            body: body.into(),
            answers,
            ..self.door.valid()
        });
    }
}

/// JSON pointers to every value, the document itself first.
fn places(value: &Value, place: &str) -> Vec<String> {
    let mut found = vec![place.to_owned()];
    match value {
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                found.extend(places(item, &format!("{place}/{index}")));
            }
        }
        Value::Object(members) => {
            for (name, member) in members {
                let name = name.replace('~', "~0").replace('/', "~1");
                found.extend(places(member, &format!("{place}/{name}")));
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
    found
}
