//! Finds the Postgres programs that are installed, and picks those that fit the data.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::{EmbeddedError, EmbeddedSettings};

/// The oldest Postgres that the project's SQL is written for.
pub(super) const MAJOR_MIN: u16 = 14;

/// Directories whose children are one installation each, with what lies between the child and its programs.
const INSTALLATIONS: &[(&str, &str, &str)] = &[
    // Debian, Ubuntu
    ("/usr/lib/postgresql", "", "bin"),
    // Fedora, Red Hat, from the packages of postgresql.org
    ("/usr", "pgsql-", "bin"),
    // Homebrew on Apple silicon and on Intel
    ("/opt/homebrew/opt", "postgresql", "bin"),
    ("/usr/local/opt", "postgresql", "bin"),
];

/// One installed Postgres.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Binaries {
    pub(super) directory: PathBuf,
    pub(super) major: u16,
}

impl Binaries {
    /// The installation that made `data` (its `PG_VERSION` says so), or the newest where there is no data.
    pub(super) fn find(settings: &EmbeddedSettings, data: &Path) -> Result<Self, EmbeddedError> {
        let found = match &settings.binaries_directory {
            Some(named) => {
                vec![Self::at(named).ok_or_else(|| EmbeddedError::NoBinariesIn(named.clone()))?]
            }
            None => installed(settings.search_path.as_deref()),
        };
        choose(found, made_by(data)?, data)
    }

    pub(super) fn program(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    fn at(directory: &Path) -> Option<Self> {
        // A link in PATH may point to a single program; the others lie beside the program itself.
        let postgres = directory.join("postgres").canonicalize().ok()?;
        let directory = postgres.parent()?.to_path_buf();
        if !directory.join("initdb").exists() {
            return None;
        }
        let major = major_of(&postgres)?;
        Some(Self { directory, major })
    }
}

/// The major version that made the cluster in `data`; `None` where there is no cluster.
pub(super) fn made_by(data: &Path) -> Result<Option<u16>, EmbeddedError> {
    let file = data.join("PG_VERSION");
    match fs::read_to_string(&file) {
        Ok(text) => match text.trim().parse() {
            Ok(major) => Ok(Some(major)),
            Err(_) => Err(EmbeddedError::UnreadableVersion(file)),
        },
        Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(cause) => Err(EmbeddedError::io(format!("reading {}", file.display()))(
            cause,
        )),
    }
}

fn choose(
    mut found: Vec<Binaries>,
    needed: Option<u16>,
    data: &Path,
) -> Result<Binaries, EmbeddedError> {
    found.sort_by_key(|binaries| binaries.major);
    let versions: Vec<String> = found
        .iter()
        .map(|binaries| binaries.major.to_string())
        .collect();
    let newest = found.last().cloned().ok_or(EmbeddedError::NoBinaries)?;
    let chosen = match needed {
        None => newest,
        Some(needed) => found
            .into_iter()
            .find(|binaries| binaries.major == needed)
            .ok_or_else(|| EmbeddedError::OtherVersion {
                directory: data.to_path_buf(),
                needed,
                found: versions.join(", "),
            })?,
    };
    if chosen.major < MAJOR_MIN {
        return Err(EmbeddedError::TooOld {
            found: chosen.major,
        });
    }
    Ok(chosen)
}

fn installed(search_path: Option<&OsStr>) -> Vec<Binaries> {
    let on_path = search_path.map(|path| std::env::split_paths(path).collect::<Vec<_>>());
    let mut found = Vec::new();
    for directory in on_path
        .unwrap_or_default()
        .into_iter()
        .chain(usual_places())
    {
        if let Some(binaries) = Binaries::at(&directory)
            && !found.contains(&binaries)
        {
            found.push(binaries);
        }
    }
    found
}

fn usual_places() -> Vec<PathBuf> {
    let mut places = Vec::new();
    for (parent, prefix, programs) in INSTALLATIONS {
        for child in fs::read_dir(parent).into_iter().flatten().flatten() {
            if child.file_name().to_string_lossy().starts_with(prefix) {
                places.push(child.path().join(programs));
            }
        }
    }
    places
}

/// The major version that the program itself names: "postgres (`PostgreSQL`) 15.14 (Debian ...)" is 15.
fn major_of(postgres: &Path) -> Option<u16> {
    let output = Command::new(postgres)
        .arg("--version")
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let version = text
        .split_whitespace()
        .find(|word| word.starts_with(|first: char| first.is_ascii_digit()))?;
    let digits = version
        .split(|character: char| !character.is_ascii_digit())
        .next()?;
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn installed_majors(majors: &[u16]) -> Vec<Binaries> {
        let at = |major: &u16| Binaries {
            directory: PathBuf::from(format!("/pg/{major}")),
            major: *major,
        };
        majors.iter().map(at).collect()
    }

    #[test]
    fn without_any_postgres_one_line_says_what_to_install() {
        let refused = choose(installed_majors(&[]), None, Path::new("data"))
            .unwrap_err()
            .to_string();
        assert!(refused.contains("apt-get install postgresql"), "{refused}");
        assert_eq!(refused.lines().count(), 1);
    }

    #[test]
    fn without_data_the_newest_is_chosen() {
        let chosen = choose(installed_majors(&[15, 17, 16]), None, Path::new("data"));
        assert_eq!(chosen.unwrap().major, 17);
    }

    #[test]
    fn the_version_that_made_the_data_decides() {
        let chosen = choose(installed_majors(&[15, 17, 16]), Some(15), Path::new("data"));
        assert_eq!(chosen.unwrap().major, 15);
    }

    #[test]
    fn data_of_a_version_that_is_not_installed_is_refused_naming_both() {
        let refused = choose(installed_majors(&[15, 16]), Some(17), Path::new("data"))
            .unwrap_err()
            .to_string();
        assert_eq!(
            refused,
            "the data in data was made by Postgres 17, and only 15, 16 was found: install Postgres 17"
        );
    }

    #[test]
    fn a_version_older_than_our_sql_is_refused() {
        let refused = choose(installed_majors(&[MAJOR_MIN - 1]), None, Path::new("data"));
        assert!(matches!(refused, Err(EmbeddedError::TooOld { .. })));
    }
}
