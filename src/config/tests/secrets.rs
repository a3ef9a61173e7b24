//! Secrets are given in one of their forms, and shown in none.

use super::*;

#[test]
fn a_secret_is_given_itself_or_by_a_file_that_holds_it() {
    let secret = file("c2VjcmV0\n");
    let path = secret.path().to_str().unwrap();
    for (name, value) in [
        ("SECURITY__MASTER_KEY", "c2VjcmV0"),
        ("SECURITY__MASTER_KEY_FILE", path),
    ] {
        let config = with(&[(name, value)]).unwrap();
        assert_eq!(
            config.security.master_key.unwrap().expose(),
            "c2VjcmV0",
            "{name}"
        );
    }
    let config = with(&[("DATABASE__URL_FILE", path)]).unwrap();
    assert_eq!(config.database.url.unwrap().expose(), "c2VjcmV0");
}

#[test]
fn both_forms_of_a_key_are_refused_in_whichever_layers_they_are() {
    let secret = file("c2VjcmV0");
    let document = format!("[security]\nmaster_key_file = {:?}\n", secret.path());
    let file = file(&document);
    let error = over(Some(file.path()), &[("SECURITY__MASTER_KEY", "b3RoZXI=")]).unwrap_err();
    let sentence = error.to_string();
    let start = "security.master_key (environment NEXUS_GATEWAY__SECURITY__MASTER_KEY) and security.master_key_file (file";
    assert!(sentence.starts_with(start), "{sentence}");
    assert!(!sentence.contains("b3RoZXI"), "{sentence}");
}

#[test]
fn a_master_key_that_is_given_and_printed_by_a_program_is_refused() {
    for key in ["master_key", "other_master_keys"] {
        let name = format!("SECURITY__{}", key.to_uppercase());
        let command = format!("{name}_COMMAND");
        let sentence = refused(&[(&name, "hunter2"), (&command, "print,hunter2")]);
        let expected = format!("security.{key} and security.{key}_command are both given");
        assert!(sentence.starts_with(&expected), "{sentence}");
        assert!(!sentence.contains("hunter2"), "{sentence}");
    }
}

#[test]
fn a_key_file_that_is_not_there_or_empty_is_refused() {
    let sentence = refused(&[("SECURITY__BOOTSTRAP_API_KEY_FILE", "/nowhere/key")]);
    assert!(
        sentence.starts_with("the file that security.bootstrap_api_key_file names, /nowhere/key"),
        "{sentence}"
    );
    let empty = file("\n");
    let sentence = refused(&[(
        "SECURITY__BOOTSTRAP_API_KEY_FILE",
        empty.path().to_str().unwrap(),
    )]);
    assert!(sentence.ends_with("is empty"), "{sentence}");
}

#[test]
fn a_secret_of_another_kind_is_refused_without_being_shown() {
    for value in ["12345678", "1234.5678", "true"] {
        let file = file(&format!("[security]\nmaster_key = {value}\n"));
        let sentence = over(Some(file.path()), &[]).unwrap_err().to_string();
        assert!(
            sentence.starts_with("security.master_key (file "),
            "{sentence}"
        );
        assert!(!sentence.contains(value), "{sentence}");
    }
}
