//! The sources as text: good enough to see imports, SQL and names, and independent of any compiler.

use std::fs;
use std::path::{Path, PathBuf};

/// One file of the project.
#[derive(Debug)]
pub struct Source {
    /// From the project's root, such as `src/lanes/store/mod.rs`.
    pub path: String,
    pub text: String,
}

/// All files below a folder that end in `extension`, sorted by path.
pub fn files(folder: &str, extension: &str) -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut paths = Vec::new();
    collect(&root.join(folder), extension, &mut paths);
    paths.sort();
    let sources: Vec<_> = paths
        .into_iter()
        .map(|path| Source {
            text: fs::read_to_string(&path).unwrap(),
            path: path.strip_prefix(root).unwrap().display().to_string(),
        })
        .collect();
    assert!(!sources.is_empty(), "{folder} has no .{extension} files");
    sources
}

/// One file by its path from the project's root.
pub fn file(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

fn collect(folder: &Path, extension: &str, paths: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, extension, paths);
        } else if path.extension().is_some_and(|found| found == extension) {
            paths.push(path);
        }
    }
}

impl Source {
    /// The file without its comments.
    pub fn code(&self) -> String {
        let lines = self.text.lines().map(|line| {
            let is_comment = line.trim_start().starts_with("//");
            if is_comment { "" } else { line }
        });
        lines.collect::<Vec<_>>().join("\n")
    }

    /// The file's or folder's name directly below `src`, without its ending: the module of the crate that it belongs to.
    pub fn module(&self) -> &str {
        let below = self.path.strip_prefix("src/").unwrap_or(&self.path);
        let first = below.split('/').next().unwrap_or(below);
        first.strip_suffix(".rs").unwrap_or(first)
    }

    /// The name of the file and of each folder that it is in, without endings.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.path
            .split('/')
            .map(|name| name.rsplit_once('.').map_or(name, |(stem, _)| stem))
    }
}
