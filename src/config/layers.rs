//! The layers of the configuration over each other, before their values are read.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use super::ConfigError;
use super::given::{self, Given};
use super::section::{KnownKeys, Section};

/// Names in the environment that are meant for us. One underscore fewer is not: Kubernetes puts
/// `NEXUS_GATEWAY_PORT` and the like there for a service of that name.
const PREFIX: &str = "NEXUS_GATEWAY__";

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    BuiltIn,
    File(PathBuf),
    Environment(String),
    /// The file that the key of the same name with `_file` names.
    KeyFile(PathBuf),
}

impl fmt::Display for Origin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BuiltIn => formatter.write_str("built in"),
            Self::File(path) => write!(formatter, "file {}", path.display()),
            Self::Environment(variable) => write!(formatter, "environment {variable}"),
            Self::KeyFile(path) => write!(formatter, "content of {}", path.display()),
        }
    }
}

/// Where the values of `section.key` come from.
pub(super) type Origins = BTreeMap<(String, String), Origin>;

/// What is given for each `section.key`; a later layer goes over an earlier one.
#[derive(Debug, Default)]
pub(super) struct Layers(BTreeMap<(String, String), (Given, Origin)>);

impl Layers {
    pub(super) fn add_built_in(&mut self, document: &str) -> Result<(), ConfigError> {
        self.add_document(document, &Origin::BuiltIn)
    }

    pub(super) fn add_file(&mut self, path: &Path) -> Result<(), ConfigError> {
        let document = fs::read_to_string(path).map_err(|cause| ConfigError::Unreadable {
            path: path.to_owned(),
            cause,
        })?;
        self.add_document(&document, &Origin::File(path.to_owned()))
    }

    /// Takes the variables that are meant for us. An empty one is as if it were not there, but for lists, which it
    /// empties.
    pub(super) fn add_environment(&mut self, environment: impl Iterator<Item = (String, String)>) {
        for (variable, value) in environment {
            let Some(name) = variable.strip_prefix(PREFIX) else {
                continue;
            };
            let name = name.to_ascii_lowercase();
            let (section, key) = name.split_once("__").unwrap_or((&name, ""));
            let place = (section.to_owned(), key.to_owned());
            let before = self.0.get(&place).map(|(given, _)| given);
            let is_list = matches!(before, Some(Given::Toml(toml::Value::Array(_))));
            if is_list || !value.is_empty() {
                let origin = Origin::Environment(variable);
                self.0.insert(place, (Given::Text(value), origin));
            }
        }
    }

    pub(super) fn refuse_unknown(&self, known: &KnownKeys) -> Result<(), ConfigError> {
        let mut given = self.0.iter();
        let unknown = given.find(|((section, key), _)| !known.has(section, key));
        let Some(((section, key), (_, origin))) = unknown else {
            return Ok(());
        };
        Err(ConfigError::UnknownKey {
            key: dotted(section, key),
            origin: origin.clone(),
            near: known.near(section, key),
        })
    }

    /// Puts the content of the file that `<key>_file` names where `<key>` would be. Both at once are refused, in
    /// whichever layers they are: one of them is a mistake, and it might be the one that holds.
    pub(super) fn read_key_files(&mut self, known: &KnownKeys) -> Result<(), ConfigError> {
        for (section, file_key) in known.all() {
            let Some(key) = file_key.strip_suffix("_file") else {
                continue;
            };
            let Some((given, file_origin)) = self.given(section, file_key) else {
                continue;
            };
            if let Some((_, key_origin)) = self.given(section, key) {
                return Err(ConfigError::BothForms {
                    key: dotted(section, key),
                    key_origin: key_origin.clone(),
                    file_origin: file_origin.clone(),
                });
            }
            let Some(path) = given.clone().into_text().map(PathBuf::from) else {
                // Reading the section says what is wrong with it.
                continue;
            };
            let content = read_key_file(&dotted(section, file_key), &path)?;
            let place = (section.to_owned(), key.to_owned());
            self.0
                .insert(place, (Given::Text(content), Origin::KeyFile(path)));
        }
        Ok(())
    }

    pub(super) fn section<T: Section>(&self) -> Result<T, ConfigError> {
        let of_section = self.0.iter().filter(|((section, _), _)| section == T::NAME);
        let given = of_section.map(|((_, key), (given, _))| (key.clone(), given.clone()));
        let section: T = given::read(given).map_err(|fault| {
            // An entry of a list is written behind its key.
            let key = fault.key.split('[').next().unwrap_or_default();
            let place = (T::NAME.to_owned(), key.to_owned());
            let origin = self
                .0
                .get(&place)
                .map_or(Origin::BuiltIn, |(_, origin)| origin.clone());
            ConfigError::Value {
                key: dotted(T::NAME, &fault.key),
                origin,
                problem: fault.problem,
            }
        })?;
        section.check()?;
        Ok(section)
    }

    pub(super) fn origins(self) -> Origins {
        let origin = |(place, (_, origin))| (place, origin);
        self.0.into_iter().map(origin).collect()
    }

    fn add_document(&mut self, document: &str, origin: &Origin) -> Result<(), ConfigError> {
        let table: toml::Table = toml::from_str(document).map_err(|fault| {
            let before = fault.span().and_then(|span| document.get(..span.start));
            ConfigError::Syntax {
                origin: origin.clone(),
                line: before.unwrap_or_default().matches('\n').count() + 1,
                problem: fault.message().to_owned(),
            }
        })?;
        for (section, value) in table {
            // A value that is in no section is an unknown key without a section.
            let toml::Value::Table(keys) = value else {
                self.0.insert(
                    (section, String::new()),
                    (Given::Toml(value), origin.clone()),
                );
                continue;
            };
            for (key, value) in keys {
                self.0
                    .insert((section.clone(), key), (Given::Toml(value), origin.clone()));
            }
        }
        Ok(())
    }

    fn given(&self, section: &str, key: &str) -> Option<&(Given, Origin)> {
        self.0.get(&(section.to_owned(), key.to_owned()))
    }
}

fn read_key_file(key: &str, path: &Path) -> Result<String, ConfigError> {
    let content = fs::read_to_string(path).map_err(|cause| ConfigError::KeyFile {
        key: key.to_owned(),
        path: path.to_owned(),
        cause,
    })?;
    let content = content.trim();
    if content.is_empty() {
        return Err(ConfigError::EmptyKeyFile {
            key: key.to_owned(),
            path: path.to_owned(),
        });
    }
    Ok(content.to_owned())
}

fn dotted(section: &str, key: &str) -> String {
    if key.is_empty() {
        section.to_owned()
    } else {
        format!("{section}.{key}")
    }
}
