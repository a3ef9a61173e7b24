//! Arrows between modules point one way: down.

use std::collections::BTreeSet;

use crate::map::{MAY_IMPORT, ONLY};
use crate::sources::{Source, file, files};

/// Which crates only some may name, with who may: the beginnings of paths below `src`.
const CRATES: &[(&str, &[&str])] = &[
    (
        "axum",
        &[
            "platform/http/",
            "router.rs",
            "router/",
            "media/upload.rs",  // takes a body as it comes
            "auth/caller.rs",   // the extractors that say who calls
            "auth/basic.rs",    // and one more for those who know only HTTP Basic
            "auth/guessing.rs", // what becomes of their refusals
            "health.rs",        // too small for a folder: its routes are all there is
            "app/listeners.rs", // hands routers to sockets
        ],
    ),
    (
        "hyper",
        &[
            "platform/http/",
            "platform/outbound/",
            "simulator/",
            "demo/",
        ],
    ),
    ("chacha20poly1305", &["platform/vault/"]),
    ("clap", &["cli/", "main.rs"]),
    ("metrics_exporter_prometheus", &["platform/telemetry/"]),
    ("tracing_subscriber", &["platform/telemetry/"]),
];

/// A path that begins with `crate::`.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Import {
    module: String,
    part: String,
}

#[test]
fn modules_import_only_what_the_map_allows() {
    let mut wrong = Vec::new();
    for source in files("src", "rs") {
        let module = source.module();
        let of_module = MAY_IMPORT.iter().find(|(name, _)| *name == module);
        let allowed: &[&str] = of_module.map_or(&[], |(_, allowed)| allowed);
        for import in imports(&source) {
            let fine = import.module == module || allowed.contains(&import.module.as_str());
            let parts: Vec<&str> = ONLY
                .iter()
                .filter(|(by, of, _)| *by == module && *of == import.module)
                .map(|(_, _, part)| *part)
                .collect();
            if !fine || !(parts.is_empty() || parts.contains(&import.part.as_str())) {
                wrong.push(format!(
                    "{} imports crate::{}::{}",
                    source.path, import.module, import.part
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// So there is no circle, and the reading order of lib.rs is the order of the arrows.
#[test]
fn every_module_imports_only_what_is_declared_before_it() {
    let declared: Vec<String> = file("src/lib.rs")
        .lines()
        .filter_map(|line| Some(line.strip_prefix("pub mod ")?.strip_suffix(';')?.to_owned()))
        .collect();
    let mapped: Vec<&str> = MAY_IMPORT.iter().map(|(module, _)| *module).collect();
    assert_eq!(declared, mapped, "lib.rs and the map differ");
    for (place, (module, allowed)) in MAY_IMPORT.iter().enumerate() {
        for target in *allowed {
            let found = mapped.iter().position(|name| name == target).unwrap();
            assert!(found < place, "{module} is declared before {target}");
        }
    }
}

#[test]
fn nothing_is_allowed_that_nobody_does() {
    let mut used = BTreeSet::new();
    for source in files("src", "rs") {
        for import in imports(&source) {
            used.insert((source.module().to_owned(), import.module));
        }
    }
    for (module, allowed) in MAY_IMPORT {
        for target in *allowed {
            let arrow = ((*module).to_owned(), (*target).to_owned());
            assert!(used.contains(&arrow), "{module} no longer imports {target}");
        }
    }
}

#[test]
fn a_crate_is_named_only_where_it_belongs() {
    let mut wrong = Vec::new();
    for source in files("src", "rs") {
        let code = source.code();
        let below = source.path.strip_prefix("src/").unwrap();
        for (name, places) in CRATES {
            let is_routes = *name == "axum" && source.names().any(|part| part == "routes");
            let may = is_routes || places.iter().any(|place| below.starts_with(place));
            if !may
                && (code.contains(&format!("{name}::")) || code.contains(&format!("use {name};")))
            {
                wrong.push(format!("{} names {name}", source.path));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Every `crate::module::part` of a file, those of grouped imports among them.
fn imports(source: &Source) -> BTreeSet<Import> {
    let code = source.code();
    let mut found = BTreeSet::new();
    for (at, _) in code.match_indices("crate::") {
        let is_path = at == 0
            || !code[..at].ends_with(|before: char| before.is_alphanumeric() || before == '_');
        let path = &code[at + "crate::".len()..];
        if !is_path {
            continue;
        }
        match path.strip_prefix('{') {
            Some(group) => found.extend(members(group).iter().map(|member| import(member))),
            None => {
                found.insert(import(path));
            }
        }
    }
    found.retain(|import| !import.module.is_empty());
    found
}

fn import(path: &str) -> Import {
    let mut names = path.split("::").map(name);
    Import {
        module: names.next().unwrap_or_default(),
        part: names.next().unwrap_or_default(),
    }
}

/// The name that a text begins with.
fn name(text: &str) -> String {
    text.trim_start()
        .chars()
        .take_while(|character| character.is_alphanumeric() || *character == '_')
        .collect()
}

/// The members of a group up to its closing brace.
fn members(group: &str) -> Vec<String> {
    let mut members = vec![String::new()];
    let mut depth = 0;
    for character in group.chars() {
        match character {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                members.push(String::new());
                continue;
            }
            _ => {}
        }
        members.last_mut().unwrap().push(character);
    }
    members
}
