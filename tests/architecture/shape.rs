//! What every file has in common.

use crate::sources::{Source, file, files};

const LINES_MAX: usize = 400;

/// Names that say nothing about what is inside.
const VAGUE: &[&str] = &[
    "base",
    "common",
    "core",
    "general",
    "helper",
    "helpers",
    "inner",
    "legacy",
    "manager",
    "misc",
    "new",
    "old",
    "shared",
    "stuff",
    "temp",
    "things",
    "types",
    "util",
    "utilities",
    "utils",
    "v2",
];

#[test]
fn files_are_short() {
    for source in all() {
        let lines = source.text.lines().count();
        assert!(lines <= LINES_MAX, "{} has {lines} lines", source.path);
    }
}

#[test]
fn names_say_what_is_inside() {
    for source in all() {
        for name in source.names() {
            assert!(
                !VAGUE.contains(&name),
                "{}: {name} says nothing",
                source.path
            );
        }
    }
}

#[test]
fn every_folder_says_what_it_owns() {
    for source in all() {
        if source.path.ends_with("/mod.rs") {
            let first = source.text.lines().next().unwrap_or_default();
            assert!(
                first.starts_with("//! "),
                "{} does not begin with what it owns",
                source.path
            );
            let lines = source
                .text
                .lines()
                .filter(|line| line.starts_with("//!"))
                .count();
            let is_test = source.path.starts_with("tests/");
            assert!(is_test || lines > 1, "{} says too little", source.path);
        }
    }
}

/// A metric that is named but not counted, or counted under a name of its own, would be looked for in vain.
#[test]
fn every_metric_of_the_catalogue_is_recorded() {
    let catalogue = "src/platform/telemetry/metric.rs";
    let sources = files("src", "rs");
    let text = file(catalogue);
    let names = text.lines().filter_map(|line| {
        let (name, rest) = line.trim().split_once(" = ")?;
        rest.ends_with("\";").then_some(name)
    });
    let mut count = 0;
    for name in names {
        let recorded = format!("metric::{name}");
        let elsewhere = sources.iter().filter(|source| source.path != catalogue);
        // In telemetry itself the panics are counted.
        assert!(
            elsewhere
                .into_iter()
                .any(|source| source.code().contains(&recorded)),
            "{name} is never recorded"
        );
        count += 1;
    }
    assert!(count > 20, "the catalogue was not read");
    for source in &sources {
        for call in ["counter!(\"", "gauge!(\"", "histogram!(\""] {
            assert!(
                !source.code().contains(call),
                "{}: a metric that is not in the catalogue",
                source.path
            );
        }
    }
}

#[test]
fn the_readme_maps_every_module() {
    let readme = file("README.md");
    let library = file("src/lib.rs");
    for module in library
        .lines()
        .filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';'))
    {
        let (as_folder, as_file) = (format!("{module}/"), format!("{module}.rs"));
        assert!(
            readme.contains(&as_folder) || readme.contains(&as_file),
            "the README does not mention {module}"
        );
    }
}

fn all() -> impl Iterator<Item = Source> {
    files("src", "rs").into_iter().chain(files("tests", "rs"))
}
