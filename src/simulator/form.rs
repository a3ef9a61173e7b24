//! Forms as providers read and write them.

use form_urlencoded::Serializer;
use hyper::Method;

use super::callback::Callback;

/// The first field of this name.
pub(super) fn member(form: &[u8], wanted: &str) -> Option<String> {
    let mut members = form_urlencoded::parse(form);
    let found = members.find(|(name, _)| name == wanted);
    found.map(|(_, value)| value.into_owned())
}

/// A callback with these fields as its body.
pub(super) fn post(fields: &[(&str, &str)]) -> Callback {
    Callback {
        method: Method::POST,
        path: "",
        query: String::new(),
        headers: vec![(
            "content-type",
            "application/x-www-form-urlencoded".to_owned(),
        )],
        body: written(fields).into(),
    }
}

/// A callback with these fields behind the `?`.
pub(super) fn get(fields: &[(&str, &str)]) -> Callback {
    Callback {
        method: Method::GET,
        path: "",
        query: written(fields),
        headers: Vec::new(),
        body: bytes::Bytes::new(),
    }
}

fn written(fields: &[(&str, &str)]) -> String {
    Serializer::new(String::new()).extend_pairs(fields).finish()
}
