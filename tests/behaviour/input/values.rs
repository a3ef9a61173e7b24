//! What is put in the place of a good value.

use serde_json::{Value, json};

/// Stands for itself in a document until it is written: what no `Value` can hold takes its place then.
pub const PLACEHOLDER: &str = "@@placeholder@@";

/// Values of every kind.
pub fn of_every_kind() -> Vec<(&'static str, Value)> {
    vec![
        ("null", Value::Null),
        ("true", json!(true)),
        ("false", json!(false)),
        ("a number", json!(7)),
        ("a negative number", json!(-1)),
        ("a fraction", json!(0.5)),
        ("a large number", json!(u64::MAX)),
        ("a text", json!("x")),
        ("an empty text", json!("")),
        ("an empty array", json!([])),
        ("an array", json!([null, 1, "x"])),
        ("an empty object", json!({})),
        ("an object", json!({ "a": { "b": 1 } })),
        ("a very long text", json!("x".repeat(20_000))),
        ("many empty objects", json!(vec![json!({}); 1_001])),
    ]
}

/// What is written in the place of [`PLACEHOLDER`], its quotes included: JSON that no `Value` can hold.
pub const LITERALS: [(&str, &str); 5] = [
    ("1e400", "1e400"),
    ("-1e400", "-1e400"),
    ("forty digits", "1234567890123456789012345678901234567890"),
    ("1e-400", "1e-400"),
    ("minus zero", "-0"),
];

/// The same for what is no JSON as we take it: 400 everywhere.
pub const MALFORMED: [(&str, &str); 14] = [
    ("U+0000", r#""a\u0000b""#),
    ("a high surrogate", r#""\ud800""#),
    ("a low surrogate", r#""a\udc00""#),
    ("surrogates the wrong way round", r#""\udc00\ud800""#),
    ("an unknown escape", r#""\x41""#),
    ("a short escape", r#""\u12""#),
    ("a raw control character", "\"a\u{1}b\""),
    ("a raw line", "\"a\nb\""),
    ("single quotes", "'a'"),
    ("a leading zero", "01"),
    ("a bare point", ".5"),
    ("NaN", "NaN"),
    ("a comment", "1 /* one */"),
    ("a comma too many", "[1,]"),
];

/// Texts that have been somebody's trouble.
pub const NAUGHTY: [&str; 26] = [
    " ",
    "\t\r\n",
    "\u{1}\u{8}\u{1b}[31m",
    "\u{7f}\u{85}\u{9f}",
    "\u{feff}x",
    "\u{202e}txet\u{202c}",
    "\u{200b}\u{200d}\u{2060}",
    "\u{fffe}\u{ffff}\u{10ffff}",
    "e\u{301}\u{301}\u{301}\u{301}\u{301}\u{301}\u{301}\u{301}",
    "\u{1f468}\u{200d}\u{1f469}\u{200d}\u{1f467}",
    "\u{fdfa}\u{130}\u{df}",
    "'; drop table messages; --",
    "${jndi:ldap://127.0.0.1/a}",
    "{{7*7}}%s%n%x",
    "../../../../etc/passwd",
    "%00%ff%2e%2e%2f",
    "<script>alert(1)</script>",
    "a\r\nX-Injected: 1",
    "-1",
    "99999999999999999999",
    "NaN",
    "0000-01-01T00:00:00Z",
    "9999-12-31T23:59:60+23:59",
    "javascript:alert(1)",
    "http://[::ffff:169.254.169.254]:99999/",
    "genesys://nexus/",
];
