use utoipa::openapi::schema::{Object, ObjectBuilder, Type};

/// The schema of a text that is one of these words.
pub fn words(words: &[&str]) -> Object {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .enum_values(Some(words.iter().copied()))
        .build()
}
