//! A route of the contract with a call that it takes.

use bytes::Bytes;
use nexus_gateway::simulator::FORM_TYPE;
use reqwest::Method;
use serde_json::Value;

use super::Attack;
use super::site::file_form;

/// How a call shows who makes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Credentials {
    Nobody,
    Signature,
    Key,
    /// The cluster's API key, for the tenant that is there to be provisioned.
    Operator,
    Basic,
    /// A token in the path, of whoever provisioned the address.
    Address,
    /// A token in the path, of whoever was sent the link.
    Link,
    /// The signature of the platform where agents work.
    Agents,
}

/// What becomes of members that nobody knows, and of JSON of the wrong kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manner {
    /// Both are 422.
    Own,
    /// The first are ignored, the second is 400.
    ThirdParty,
}

#[derive(Debug, Clone)]
pub enum Takes {
    Nothing,
    Json(Value),
    Form(&'static [(&'static str, &'static str)]),
    File,
}

/// A route and a call that it takes.
#[derive(Debug, Clone)]
pub struct Door {
    pub method: Method,
    pub template: &'static str,
    /// With everything that the template names.
    pub path: String,
    /// The parameters that it knows, each with a good value.
    pub query: &'static str,
    pub credentials: Credentials,
    pub manner: Manner,
    pub takes: Takes,
    /// What the call may be answered with.
    pub answers: &'static [u16],
}

impl Door {
    pub(super) fn own(method: Method, template: &'static str) -> Self {
        Self {
            method,
            template,
            path: String::new(),
            query: "",
            credentials: Credentials::Key,
            manner: Manner::Own,
            takes: Takes::Nothing,
            answers: &[200],
        }
    }

    pub(super) fn get(template: &'static str) -> Self {
        Self::own(Method::GET, template)
    }

    pub(super) fn post(template: &'static str) -> Self {
        Self::own(Method::POST, template)
    }

    pub(super) fn takes(self, body: Value) -> Self {
        Self {
            takes: Takes::Json(body),
            ..self
        }
    }

    pub(super) fn query(self, query: &'static str) -> Self {
        Self { query, ..self }
    }

    pub(super) fn answers(self, answers: &'static [u16]) -> Self {
        Self { answers, ..self }
    }

    pub(super) fn of(self, credentials: Credentials) -> Self {
        let manner = match credentials {
            Credentials::Signature
            | Credentials::Basic
            | Credentials::Address
            | Credentials::Link
            | Credentials::Agents => Manner::ThirdParty,
            Credentials::Nobody | Credentials::Key | Credentials::Operator => Manner::Own,
        };
        Self {
            credentials,
            manner,
            ..self
        }
    }

    /// Puts these where the template has its parameters, in their order.
    pub(super) fn at(mut self, parameters: &[&str]) -> Self {
        let mut parameters = parameters.iter();
        let segments = self.template.split('/').map(|segment| match segment {
            name if name.starts_with('{') => *parameters.next().unwrap(),
            segment => segment,
        });
        self.path = segments.collect::<Vec<_>>().join("/");
        self
    }

    pub fn json(&self) -> Option<&Value> {
        match &self.takes {
            Takes::Json(body) => Some(body),
            Takes::Nothing | Takes::Form(_) | Takes::File => None,
        }
    }

    pub fn content_type(&self) -> Option<&'static str> {
        match self.takes {
            Takes::Nothing => None,
            Takes::Json(_) => Some("application/json"),
            Takes::Form(_) => Some("application/x-www-form-urlencoded"),
            Takes::File => Some(FORM_TYPE),
        }
    }

    pub fn body(&self) -> Bytes {
        match &self.takes {
            Takes::Nothing => Bytes::new(),
            Takes::Json(body) => body.to_string().into(),
            Takes::Form(members) => {
                let mut form = form_urlencoded::Serializer::new(String::new());
                form.extend_pairs(members.iter()).finish().into()
            }
            Takes::File => file_form(),
        }
    }

    /// The path with the query that it takes.
    pub fn target(&self) -> String {
        match self.query {
            "" => self.path.clone(),
            query => format!("{}?{query}", self.path),
        }
    }

    /// The call as it is taken.
    pub(super) fn valid(&self) -> Attack {
        Attack {
            what: "nothing was done".to_owned(),
            method: self.method.clone(),
            path: self.target(),
            body: self.body(),
            headers: Vec::new(),
            answers: Some(self.answers.to_vec()),
        }
    }
}
