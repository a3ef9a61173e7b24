//! The document of the API: complete, sound, kept, true, and there to be read.

mod kept;
mod sound;
mod visible;
