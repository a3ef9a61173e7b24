//! `data.send`: how a request is written.

use std::collections::BTreeMap;

use reqwest::Method;
use reqwest::header::HeaderName;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::connectors::document::{self, Object, SettingsFault, member};
use crate::connectors::http_sms::template::{Names, Stand, Template, Value as Placeholder};
use crate::connectors::third_party::headers::parse_header_option;

const PLACE: &str = "/data/send";
/// Members of the query, of the headers, and fields of a form.
const PAIRS_MAX: usize = 50;
/// Values in a JSON body.
const VALUES_MAX: usize = 200;
const DEPTH_MAX: usize = 10;
/// What is said of credentials in `data`, which is shown to whoever may read it.
const NEEDS_SECRET: &str = "must name a secret, such as {{secret.token}}";

/// How a request is written.
#[derive(Debug, Clone)]
pub struct RequestRules {
    /// POST or PUT: a GET would carry the text in its head, which waits for no gate and is written into logs.
    pub method: Method,
    /// Segments below the path of the service's `url`.
    pub path: Vec<Template>,
    pub query: Vec<(String, Template)>,
    pub headers: Vec<(HeaderName, Template)>,
    pub authentication: Option<Authentication>,
    pub body: BodyTemplate,
    pub encodings: Encodings,
    /// Whether the provider takes our id as idempotency key.
    pub repeats_safe: bool,
}

/// The header `Authorization`.
#[derive(Debug, Clone)]
pub enum Authentication {
    Basic {
        username: Template,
        password: Template,
    },
    Bearer(Template),
}

#[derive(Debug, Clone)]
pub enum BodyTemplate {
    Form(Vec<(String, Template)>),
    Json(JsonTemplate),
}

/// JSON whose texts are templates.
#[derive(Debug, Clone)]
pub enum JsonTemplate {
    /// A number, a truth value, or `null`.
    Fixed(Value),
    Text(Template),
    List(Vec<JsonTemplate>),
    Object(Vec<(String, JsonTemplate)>),
}

/// The provider's words for how the characters of a text travel.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Encodings {
    pub gsm7: String,
    pub ucs2: String,
}

impl Default for Encodings {
    fn default() -> Self {
        Self {
            gsm7: "gsm7".to_owned(),
            ucs2: "ucs2".to_owned(),
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Wire {
    method: Option<String>,
    path: Option<String>,
    #[serde(default)]
    query: BTreeMap<String, String>,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    authentication: Option<Object<AuthenticationWire>>,
    form: Option<BTreeMap<String, String>>,
    json: Option<Value>,
    encodings: Option<Object<Encodings>>,
    #[serde(default)]
    repeats_safe: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct AuthenticationWire {
    basic: Option<Object<Basic>>,
    bearer: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Basic {
    username: String,
    password: String,
}

/// Reads the section; `names` has the secrets, and is told what of them is used.
pub(super) fn read(section: &Value, names: &mut Names) -> Result<RequestRules, Vec<SettingsFault>> {
    let wire: Wire = document::read(section, PLACE).map_err(|fault| vec![fault])?;
    let mut reader = Reader {
        names,
        faults: Vec::new(),
    };
    let rules = reader.rules(wire);
    let faults = reader.faults;
    match rules {
        Some(rules) if faults.is_empty() => Ok(rules),
        _ => Err(faults),
    }
}

/// Reads templates, and gathers what is wrong with them.
struct Reader<'a> {
    names: &'a mut Names,
    faults: Vec<SettingsFault>,
}

impl Reader<'_> {
    fn rules(&mut self, wire: Wire) -> Option<RequestRules> {
        let method = self.method(wire.method.as_deref());
        let path = self.path(wire.path.as_deref().unwrap_or_default());
        let query = self.pairs(wire.query, "query", Stand::Query);
        let headers = self.headers(wire.headers, wire.authentication.is_some());
        let authentication = wire
            .authentication
            .and_then(|Object(wire)| self.authentication(wire));
        let body = self.body(wire.form, wire.json);
        self.names_what_is_needed(wire.repeats_safe);
        Some(RequestRules {
            method: method?,
            path,
            query,
            headers,
            authentication,
            body: body?,
            encodings: wire
                .encodings
                .map_or_else(Encodings::default, |Object(words)| words),
            repeats_safe: wire.repeats_safe,
        })
    }

    fn method(&mut self, name: Option<&str>) -> Option<Method> {
        match name.unwrap_or("POST") {
            "POST" => Some(Method::POST),
            "PUT" => Some(Method::PUT),
            _ => {
                self.fault("/method", "must be POST or PUT");
                None
            }
        }
    }

    /// Segments are templates each, so that no value can add one.
    fn path(&mut self, path: &str) -> Vec<Template> {
        if path.contains(['?', '#', '\\']) || path.contains(char::is_control) {
            self.fault(
                "/path",
                "may have none of ?, # and \\, nor control characters",
            );
        }
        let segments = path.split('/').filter(|segment| !segment.is_empty());
        let segments: Vec<&str> = segments.collect();
        if segments
            .iter()
            .any(|segment| matches!(*segment, "." | ".."))
        {
            self.fault("/path", "may not go up");
        }
        let templates = segments.into_iter().filter_map(|segment| {
            let place = format!("{PLACE}/path");
            self.template(segment, Stand::Path, &place)
        });
        templates.collect()
    }

    fn pairs(
        &mut self,
        pairs: BTreeMap<String, String>,
        section: &str,
        stand: Stand,
    ) -> Vec<(String, Template)> {
        self.count(pairs.len(), section);
        let pairs = pairs.into_iter().filter_map(|(name, text)| {
            let place = member(&format!("{PLACE}/{section}"), &name);
            if name.is_empty() || name.contains("{{") || name.contains(char::is_control) {
                let message = "must have a name, without placeholders and control characters";
                self.faults.push(SettingsFault::new(place, message));
                return None;
            }
            let template = self.template(&text, stand, &place)?;
            Some((name, template))
        });
        pairs.collect()
    }

    fn count(&mut self, count: usize, section: &str) {
        if count > PAIRS_MAX {
            let message = format!("must have at most {PAIRS_MAX} members");
            self.fault(&format!("/{section}"), message);
        }
    }

    fn headers(
        &mut self,
        headers: BTreeMap<String, String>,
        authenticates: bool,
    ) -> Vec<(HeaderName, Template)> {
        let pairs = self.pairs(headers, "headers", Stand::Header);
        let mut known: Vec<(HeaderName, Template)> = Vec::new();
        for (name, template) in pairs {
            let place = member(&format!("{PLACE}/headers"), &name);
            // What stands between placeholders is checked as a value; an id or a secret breaks no header.
            let literal = template.literal().unwrap_or_default();
            let refused = match parse_header_option(&name, literal) {
                Ok((name, _)) if known.iter().any(|(earlier, _)| *earlier == name) => {
                    "is there twice".to_owned()
                }
                Ok((name, _)) if authenticates && name == "authorization" => {
                    "is written by /data/send/authentication".to_owned()
                }
                Ok((name, _)) if name == "authorization" && !template.is_secret() => {
                    NEEDS_SECRET.to_owned()
                }
                Ok((name, _)) => {
                    known.push((name, template));
                    continue;
                }
                Err(refused) => refused.to_string(),
            };
            self.faults.push(SettingsFault::new(place, refused));
        }
        known
    }

    fn authentication(&mut self, wire: AuthenticationWire) -> Option<Authentication> {
        let place = format!("{PLACE}/authentication");
        match (wire.basic, wire.bearer) {
            (Some(Object(basic)), None) => {
                let mut credential = |text: &str, name| {
                    let place = format!("{place}/basic/{name}");
                    self.template(text, Stand::Credential, &place)
                };
                let username = credential(&basic.username, "username");
                let password = credential(&basic.password, "password");
                // HTTP Basic ends the name at the first colon (RFC 7617).
                if basic.username.contains(':') {
                    self.fault("/authentication/basic/username", "must have no colon");
                }
                if password
                    .as_ref()
                    .is_some_and(|password| !password.is_secret())
                {
                    self.fault("/authentication/basic/password", NEEDS_SECRET);
                }
                Some(Authentication::Basic {
                    username: username?,
                    password: password?,
                })
            }
            (None, Some(token)) => {
                let place = format!("{place}/bearer");
                let token = self.template(&token, Stand::Credential, &place)?;
                if !token.is_secret() {
                    self.fault("/authentication/bearer", NEEDS_SECRET);
                }
                Some(Authentication::Bearer(token))
            }
            _ => {
                self.fault("/authentication", "must have either basic or bearer");
                None
            }
        }
    }

    fn body(
        &mut self,
        form: Option<BTreeMap<String, String>>,
        json: Option<Value>,
    ) -> Option<BodyTemplate> {
        match (form, json) {
            (Some(form), None) => Some(BodyTemplate::Form(self.pairs(form, "form", Stand::Body))),
            (None, Some(json)) => {
                let mut left = VALUES_MAX;
                let tree = self.json(json, &format!("{PLACE}/json"), (0, &mut left))?;
                Some(BodyTemplate::Json(tree))
            }
            _ => {
                self.fault("", "must have either form or json");
                None
            }
        }
    }

    fn json(
        &mut self,
        value: Value,
        place: &str,
        (depth, left): (usize, &mut usize),
    ) -> Option<JsonTemplate> {
        let Some(fewer) = left.checked_sub(1).filter(|_| depth < DEPTH_MAX) else {
            let message = format!("must have at most {VALUES_MAX} values, {DEPTH_MAX} deep");
            self.faults.push(SettingsFault::new(place, message));
            return None;
        };
        *left = fewer;
        Some(match value {
            Value::Null | Value::Bool(_) | Value::Number(_) => JsonTemplate::Fixed(value),
            Value::String(text) => JsonTemplate::Text(self.template(&text, Stand::Body, place)?),
            Value::Array(items) => {
                let items = items.into_iter().enumerate().map(|(index, item)| {
                    self.json(item, &format!("{place}/{index}"), (depth + 1, &mut *left))
                });
                JsonTemplate::List(items.collect::<Option<_>>()?)
            }
            Value::Object(members) => {
                let members: Map<String, Value> = members;
                let members = members.into_iter().map(|(name, value)| {
                    let tree = self.json(value, &member(place, &name), (depth + 1, &mut *left))?;
                    Some((name, tree))
                });
                JsonTemplate::Object(members.collect::<Option<_>>()?)
            }
        })
    }

    fn template(&mut self, text: &str, stand: Stand, place: &str) -> Option<Template> {
        let is_one_line = stand == Stand::Body || !text.contains(char::is_control);
        let parsed = if is_one_line {
            Template::parse(text, stand, self.names)
        } else {
            Err("may have no control characters".to_owned())
        };
        let note = |message| self.faults.push(SettingsFault::new(place, message));
        parsed.map_err(note).ok()
    }

    /// A provider has to be told whom a text is for and what it says.
    fn names_what_is_needed(&mut self, repeats_safe: bool) {
        if !self.faults.is_empty() {
            return;
        }
        let used = &self.names.used_values;
        let has = |values: &[Placeholder]| values.iter().any(|value| used.contains(value));
        let has_recipient = has(&[Placeholder::To, Placeholder::PlusTo]);
        let (has_text, has_id) = (has(&[Placeholder::Text]), has(&[Placeholder::Id]));
        if !has_text {
            self.fault("", "names {{text}} nowhere in its body");
        }
        if !has_recipient {
            self.fault("", "names neither {{to}} nor {{+to}}");
        }
        if repeats_safe && !has_id {
            self.fault("/repeatsSafe", "needs {{id}}, by which repeats are known");
        }
    }

    fn fault(&mut self, below: &str, message: impl Into<String>) {
        let fault = SettingsFault::new(format!("{PLACE}{below}"), message);
        self.faults.push(fault);
    }
}
