//! What the house looks like inside, as data: who may import whom, who owns which table, which files may do what.
//!
//! To allow something new, change the data here and say in the commit why.
#![expect(
    clippy::unwrap_used,
    reason = "a source that cannot be read has failed the test"
)]

mod imports;
mod map;
mod shape;
mod sources;
mod tables;
