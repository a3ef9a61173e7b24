//! All SQL over messages, their states and their de-duplication keys. Which of them stand is judged in `verdict`; the
//! deliveries that an accept writes beside them belong to `lanes`.

pub mod accept;
pub mod cancel;
pub mod context;
pub mod conversation;
pub mod dead_letters;
pub mod erasure;
pub mod keys;
pub mod nameless;
pub mod outbound;
pub mod read;
pub mod restored;
pub mod retention;
pub mod search;
pub mod sent;
