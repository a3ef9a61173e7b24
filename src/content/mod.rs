//! What messages say, as JSON: read with every fault named in its place, and written the same way on every wire and in
//! the store.
//!
//! Who may send what to whom is decided elsewhere; so is where an uploaded medium can be had: whoever writes a content
//! brings a function that turns its reference into a link.

pub mod document;
pub mod members;
pub mod read;
mod read_parts;
pub mod rules;
#[cfg(test)]
pub mod testing;
#[cfg(test)]
mod tests;
