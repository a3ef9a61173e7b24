//! Validated value types: parsed once at the edge, trusted afterwards.
//!
//! Each type can only be made from text or parts that are right, and each refusal is a closed error whose sentence
//! says what would have been accepted. Nothing here does I/O, reads the time, or knows HTTP, SQL or JSON.

mod address;
mod ccid;
mod channel_id;
mod content;
mod domain;
mod id;
mod phone;
mod priority;
mod reason_code;
mod secret;
mod section_name;
mod segments;
mod trace;

pub use address::{Address, AddressError};
pub use ccid::{Ccid, CcidError};
pub use channel_id::{ChannelId, ChannelIdError, ChannelType};
pub use content::{
    Content, ContentKind, Email, EmailPart, Media, MediaId, MediaIdError, MediaKind, MediaPart,
    MediaUrl, MediaUrlError, Party, RichMedia, StoredFile,
};
pub use domain::DomainError;
pub use id::{ConversationId, ErasureId, HistoryId, IdError, MessageId, ReplayId};
pub use phone::PhoneError;
pub use priority::{Priority, PriorityError};
pub use reason_code::ReasonCode;
pub use secret::Secret;
pub use section_name::{SectionName, SectionNameError, SectionPrefix};
pub use segments::{Encoding, Segments};
pub use trace::TraceContext;
