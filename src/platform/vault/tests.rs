use proptest::prelude::*;
use uuid::Uuid;

use super::*;

const PLAINTEXT: &[u8] =
    br#"{"channels":[{"channelId":"0123456789","webhook":{"secret":"hush"}}]}"#;

fn tenant(number: u128) -> Ccid {
    Ccid::from_uuid(Uuid::from_u128(number))
}

fn async_service() -> SealContext<'static> {
    SealContext {
        ccid: tenant(1),
        table: "services",
        row: "Async",
    }
}

#[test]
fn a_sealed_value_opens_in_its_place() {
    let vault = Vault::new(MasterKey::generate());
    let sealed = vault.seal(&async_service(), PLAINTEXT);
    assert_eq!(&*vault.open(&async_service(), &sealed).unwrap(), PLAINTEXT);
}

#[test]
fn the_same_value_sealed_twice_looks_different() {
    let vault = Vault::new(MasterKey::generate());
    assert_ne!(
        vault.seal(&async_service(), PLAINTEXT),
        vault.seal(&async_service(), PLAINTEXT)
    );
}

#[test]
fn a_sealed_value_shows_nothing_of_its_plaintext() {
    let sealed = Vault::new(MasterKey::generate()).seal(&async_service(), PLAINTEXT);
    for word in PLAINTEXT.windows(4) {
        let shown = sealed.windows(4).any(|window| window == word);
        assert!(!shown, "{word:?} can be read in the sealed value");
    }
}

#[test]
fn every_truncation_is_refused() {
    let vault = Vault::new(MasterKey::generate());
    let sealed = vault.seal(&async_service(), PLAINTEXT);
    for length in 0..sealed.len() {
        let refused = vault.open(&async_service(), &sealed[..length]).unwrap_err();
        let expected = if length < SHORTEST {
            VaultError::TooShort {
                length,
                shortest: SHORTEST,
            }
        } else {
            VaultError::Refused
        };
        assert_eq!(refused, expected, "cut to {length} bytes");
    }
}

#[test]
fn every_flipped_bit_is_refused() {
    let vault = Vault::new(MasterKey::generate());
    let sealed = vault.seal(&async_service(), PLAINTEXT);
    for bit in 0..sealed.len() * 8 {
        let mut changed = sealed.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        let refused = vault.open(&async_service(), &changed).unwrap_err();
        let as_expected = match bit / 8 {
            0 => matches!(refused, VaultError::UnknownFormat(_)),
            1..NONCE_START => matches!(refused, VaultError::UnknownKey(_)),
            _ => refused == VaultError::Refused,
        };
        assert!(as_expected, "bit {bit}: {refused}");
    }
}

#[test]
fn bytes_added_at_the_end_are_refused() {
    let vault = Vault::new(MasterKey::generate());
    let mut sealed = vault.seal(&async_service(), PLAINTEXT);
    sealed.push(0);
    assert_eq!(
        vault.open(&async_service(), &sealed).unwrap_err(),
        VaultError::Refused
    );
}

#[test]
fn a_value_moved_to_another_tenant_table_or_row_does_not_open() {
    let vault = Vault::new(MasterKey::generate());
    let sealed = vault.seal(&async_service(), PLAINTEXT);
    let elsewhere = [
        SealContext {
            ccid: tenant(2),
            ..async_service()
        },
        SealContext {
            table: "subscriptions",
            ..async_service()
        },
        SealContext {
            row: "SMS",
            ..async_service()
        },
        // The same letters, divided differently between table and row.
        SealContext {
            table: "service",
            row: "sAsync",
            ..async_service()
        },
    ];
    for context in elsewhere {
        assert_eq!(
            vault.open(&context, &sealed).unwrap_err(),
            VaultError::Refused,
            "{context:?}"
        );
    }
}

#[test]
fn a_value_of_another_master_key_is_refused_and_names_that_key() {
    let other = MasterKey::generate();
    let other_id = other.id();
    let sealed = Vault::new(other).seal(&async_service(), PLAINTEXT);

    let vault = Vault::new(MasterKey::generate());
    let refused = vault.open(&async_service(), &sealed).unwrap_err();
    assert_eq!(refused, VaultError::UnknownKey(other_id));
    assert!(refused.to_string().contains(&other_id.to_string()));
}

#[test]
fn a_retired_key_opens_what_it_sealed_and_the_value_is_due_to_be_sealed_anew() {
    let retired = MasterKey::generate();
    let retired_text = retired.to_base64();
    let sealed = Vault::new(retired).seal(&async_service(), PLAINTEXT);

    let retired = MasterKey::from_base64(&retired_text).unwrap();
    let vault = Vault::with_others(MasterKey::generate(), [retired]);
    let opened = vault.open(&async_service(), &sealed).unwrap();
    assert_eq!(&*opened, PLAINTEXT);
    assert!(!vault.is_current(&sealed).unwrap());
    let sealed_anew = vault.seal(&async_service(), &opened);
    assert!(vault.is_current(&sealed_anew).unwrap());
}

#[test]
fn a_master_key_survives_being_written_and_read() {
    let key = MasterKey::generate();
    let text = format!("{}\n", *key.to_base64());
    assert_eq!(MasterKey::from_base64(&text).unwrap().id(), key.id());
}

#[test]
fn a_text_that_is_no_master_key_is_refused_without_being_shown() {
    let short = MasterKey::from_base64("c2hvcnQ=").unwrap_err();
    assert_eq!(short, MasterKeyError::WrongLength(5));
    let garbage = MasterKey::from_base64("hush hush").unwrap_err();
    assert_eq!(garbage, MasterKeyError::NotBase64);
    assert!(!garbage.to_string().contains("hush"));
}

#[test]
fn printing_a_key_or_a_vault_shows_its_name_only() {
    let key = MasterKey::generate();
    let text = key.to_base64();
    let bytes_as_hex = hex::encode(key.as_bytes());
    let id = key.id().to_string();
    for printed in [format!("{key:?}"), format!("{:?}", Vault::new(key))] {
        assert!(printed.contains(&id));
        assert!(!printed.contains(text.as_str()));
        assert!(!printed.contains(&bytes_as_hex[..16]));
    }
}

proptest! {
    #[test]
    fn whatever_was_sealed_opens_in_its_place(
        plaintext in proptest::collection::vec(any::<u8>(), 0..500),
        row in ".{0,40}",
        number in any::<u128>(),
    ) {
        let vault = Vault::new(MasterKey::generate());
        let context = SealContext { ccid: tenant(number), table: "services", row: &row };
        let sealed = vault.seal(&context, &plaintext);
        prop_assert_eq!(sealed.len(), SHORTEST + plaintext.len());
        prop_assert_eq!(&*vault.open(&context, &sealed).unwrap(), &plaintext);
    }

    #[test]
    fn a_value_opens_in_no_other_row(row in "[a-c]{0,3}", other in "[a-c]{0,3}") {
        prop_assume!(row != other);
        let vault = Vault::new(MasterKey::generate());
        let sealed = vault.seal(&SealContext { row: &row, ..async_service() }, PLAINTEXT);
        let opened = vault.open(&SealContext { row: &other, ..async_service() }, &sealed);
        prop_assert_eq!(opened.unwrap_err(), VaultError::Refused);
    }

    #[test]
    fn arbitrary_bytes_are_refused_and_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let vault = Vault::new(MasterKey::generate());
        prop_assert!(vault.open(&async_service(), &bytes).is_err());
    }
}

#[test]
fn a_derived_key_belongs_to_one_master_key_and_one_purpose() {
    let (first, second) = (MasterKey::generate(), MasterKey::generate());
    let again = MasterKey::from_base64(&first.to_base64()).unwrap();
    let vault = Vault::with_others(first, [second]);
    let keys = vault.derived_keys("links");
    assert_eq!(keys.len(), 2);
    let same = &Vault::new(again).derived_keys("links")[0];
    assert_eq!(keys[0].as_bytes(), same.as_bytes());
    assert_ne!(keys[0].as_bytes(), keys[1].as_bytes());
    assert_ne!(keys[0].as_bytes(), vault.derived_keys("else")[0].as_bytes());
}
