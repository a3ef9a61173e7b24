//! What the fuzzer starts from, on every build: each seed, and each beginning of it, at its door.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[path = "../../.ci/fuzz/src/doors.rs"]
mod doors;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

fn seeds() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(".ci/fuzz/seeds")
}

fn names(directory: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(directory).unwrap();
    entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect()
}

#[test]
fn every_door_has_seeds_and_every_seed_a_door() {
    let known: BTreeSet<String> = doors::ALL
        .iter()
        .map(|(name, _)| (*name).to_owned())
        .collect();
    assert_eq!(names(&seeds()), known);
    for name in known {
        let count = names(&seeds().join(&name)).len();
        assert!(count >= 4, "{name} has {count}");
    }
}

#[test]
fn no_seed_and_no_beginning_of_one_breaks_a_law_of_its_door() {
    for (name, door) in doors::ALL {
        let directory = seeds().join(name);
        for file in names(&directory) {
            let bytes = fs::read(directory.join(file)).unwrap();
            let step = bytes.len().div_ceil(200).max(1);
            for end in (0..bytes.len()).step_by(step) {
                door(&bytes[..end]);
            }
            door(&bytes);
        }
    }
}
