use super::*;

#[test]
fn every_number_and_switch_of_the_documented_file_can_be_given_by_the_environment() {
    let document: toml::Table = toml::from_str(BUILT_IN).unwrap();
    let mut given = Vec::new();
    for (section, keys) in &document {
        for (key, value) in keys.as_table().unwrap() {
            if value.is_integer() || value.is_float() || value.is_bool() {
                given.push((
                    format!("{section}__{key}").to_uppercase(),
                    value.to_string(),
                ));
            }
        }
    }
    assert!(given.len() > 40, "{given:?}");
    let given: Vec<(&str, &str)> = given
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    with(&given).unwrap();
}
