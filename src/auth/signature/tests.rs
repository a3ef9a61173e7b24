use http::HeaderValue;
use proptest::prelude::*;

use super::*;

const API_SECRET: &str = "test-api-secret";
const BODY: &[u8] = br#"{"messages":[{"channel":{"from":{"id":"16504661149"},"to":{"id":"0123456789"},"messageId":"m-1"},"type":"Text","text":"Hi"}]}"#;
const SHA1: &str = "sha1=f5eb9ada14c42190413344890a9ca783239e729a";

fn secret(text: &str) -> Secret {
    Secret::new(text.to_owned())
}

fn headers(values: &[(&HeaderName, &str)]) -> HeaderMap {
    let pairs = values
        .iter()
        .map(|(name, value)| ((*name).clone(), HeaderValue::from_str(value).unwrap()));
    let mut headers = HeaderMap::new();
    for (name, value) in pairs {
        headers.append(name, value);
    }
    headers
}

fn verify_with(
    values: &[(&HeaderName, &str)],
    body: &[u8],
    secrets: &[&str],
) -> Result<(), SignatureRefused> {
    let secrets: Vec<Secret> = secrets.iter().copied().map(secret).collect();
    let policy = SignaturePolicy::default();
    let mut verifier = Verifier::begin(&headers(values), secrets.iter(), policy)?;
    verifier.update(body);
    verifier.finish()
}

/// Computed with OpenSSL.
#[test]
fn signatures_are_those_that_openssl_makes() {
    assert_eq!(BODY.len(), 125);
    assert_eq!(sign_sha1(API_SECRET.as_bytes(), BODY), SHA1);
    let answer = br#"{"messageId":"1613474523265-0"}"#;
    assert_eq!(
        sign_sha1(b"test-webhook-secret", answer),
        "sha1=3239c5a26432c5959116d07c972583f10703a3de"
    );
    assert_eq!(
        sign_sha1(API_SECRET.as_bytes(), b""),
        "sha1=03bd7f422457a48e248e2b5fd52a267dbecbbed5"
    );
}

/// RFC 4231, section 4.3.
#[test]
fn sha256_signatures_are_those_of_the_standard() {
    assert_eq!(
        sign_sha256(b"Jefe", b"what do ya want for nothing?"),
        "sha256=5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    );
}

#[test]
fn a_body_is_taken_under_either_scheme_and_in_either_case_of_hex() {
    let sha256 = sign_sha256(API_SECRET.as_bytes(), BODY);
    let upper = format!("sha1={}", SHA1["sha1=".len()..].to_uppercase());
    assert_eq!(
        verify_with(&[(&SHA1_HEADER, SHA1)], BODY, &[API_SECRET]),
        Ok(())
    );
    assert_eq!(
        verify_with(&[(&SHA1_HEADER, &upper)], BODY, &[API_SECRET]),
        Ok(())
    );
    assert_eq!(
        verify_with(&[(&SHA256_HEADER, &sha256)], BODY, &[API_SECRET]),
        Ok(())
    );
    assert_eq!(
        verify_with(
            &[(&SHA1_HEADER, SHA1), (&SHA256_HEADER, &sha256)],
            BODY,
            &[API_SECRET]
        ),
        Ok(())
    );
}

#[test]
fn every_secret_in_force_verifies() {
    assert_eq!(
        verify_with(&[(&SHA1_HEADER, SHA1)], BODY, &[API_SECRET, "next"]),
        Ok(())
    );
    assert_eq!(
        verify_with(&[(&SHA1_HEADER, SHA1)], BODY, &["last", API_SECRET]),
        Ok(())
    );
    let other = sign_sha256(b"next", BODY);
    let both = [(&SHA1_HEADER, SHA1), (&SHA256_HEADER, other.as_str())];
    assert_eq!(verify_with(&both, BODY, &[API_SECRET, "next"]), Ok(()));
}

#[test]
fn a_wrong_signature_beside_a_right_one_is_refused() {
    let wrong = sign_sha256(b"other", BODY);
    let right = sign_sha256(API_SECRET.as_bytes(), BODY);
    let wrong_sha1 = sign_sha1(b"other", BODY);
    let refused = Err(SignatureRefused::Wrong);
    assert_eq!(
        verify_with(
            &[(&SHA1_HEADER, SHA1), (&SHA256_HEADER, &wrong)],
            BODY,
            &[API_SECRET]
        ),
        refused
    );
    assert_eq!(
        verify_with(
            &[(&SHA1_HEADER, &wrong_sha1), (&SHA256_HEADER, &right)],
            BODY,
            &[API_SECRET]
        ),
        refused
    );
}

#[test]
fn a_policy_is_met_by_its_own_signature_and_by_no_other() {
    let sha256 = sign_sha256(API_SECRET.as_bytes(), BODY);
    let wrong = sign_sha1(b"other", BODY);
    let (by_sha1, by_sha256) = ((&SHA1_HEADER, SHA1), (&SHA256_HEADER, sha256.as_str()));
    let by_wrong_sha1 = (&SHA1_HEADER, wrong.as_str());
    let meets = |policy, values: &[(&HeaderName, &str)]| {
        let secrets = [secret(API_SECRET)];
        let mut verifier = Verifier::begin(&headers(values), secrets.iter(), policy).unwrap();
        verifier.update(BODY);
        verifier.finish().is_ok()
    };
    for (policy, values, expected) in [
        (SignaturePolicy::Either, &[by_sha1][..], true),
        (SignaturePolicy::Either, &[by_sha256], true),
        (SignaturePolicy::Sha1, &[by_sha1], true),
        (SignaturePolicy::Sha1, &[by_sha256], false),
        (SignaturePolicy::Sha1, &[by_sha1, by_sha256], true),
        (SignaturePolicy::Sha256, &[by_sha1], false),
        (SignaturePolicy::Sha256, &[by_sha256], true),
        (SignaturePolicy::Sha256, &[by_sha1, by_sha256], true),
        (SignaturePolicy::Sha256, &[by_wrong_sha1, by_sha256], false),
    ] {
        assert_eq!(meets(policy, values), expected, "{policy:?} {values:?}");
    }
}

#[test]
fn a_malformed_header_beside_a_right_one_is_refused() {
    let refused = Err(SignatureRefused::Malformed);
    assert_eq!(
        verify_with(
            &[(&SHA1_HEADER, SHA1), (&SHA256_HEADER, "")],
            BODY,
            &[API_SECRET]
        ),
        refused
    );
    let right = sign_sha256(API_SECRET.as_bytes(), BODY);
    assert_eq!(
        verify_with(
            &[(&SHA1_HEADER, "sha1"), (&SHA256_HEADER, &right)],
            BODY,
            &[API_SECRET]
        ),
        refused
    );
}

#[test]
fn a_repeated_header_is_refused_even_if_both_are_right() {
    let twice = [(&SHA1_HEADER, SHA1), (&SHA1_HEADER, SHA1)];
    assert_eq!(
        verify_with(&twice, BODY, &[API_SECRET]),
        Err(SignatureRefused::Repeated)
    );
    let right = sign_sha256(API_SECRET.as_bytes(), BODY);
    let twice = [
        (&SHA256_HEADER, right.as_str()),
        (&SHA256_HEADER, right.as_str()),
    ];
    assert_eq!(
        verify_with(&twice, BODY, &[API_SECRET]),
        Err(SignatureRefused::Repeated)
    );
}

#[test]
fn without_a_signature_or_a_secret_nothing_is_taken() {
    assert_eq!(
        verify_with(&[], BODY, &[API_SECRET]),
        Err(SignatureRefused::Missing)
    );
    assert_eq!(
        verify_with(&[(&SHA1_HEADER, SHA1)], BODY, &[]),
        Err(SignatureRefused::Wrong)
    );
    let stand_in = sign_sha1(STAND_IN, BODY);
    assert_eq!(
        verify_with(&[(&SHA1_HEADER, &stand_in)], BODY, &[]),
        Err(SignatureRefused::Wrong)
    );
    let by_nobody = sign_sha1(b"", BODY);
    assert_eq!(
        verify_with(&[(&SHA1_HEADER, &by_nobody)], BODY, &[""]),
        Err(SignatureRefused::Wrong)
    );
}

#[test]
fn whatever_is_not_exactly_sha1_and_its_hex_is_refused() {
    let hex = &SHA1["sha1=".len()..];
    let base64 = "9eua2hTEIZBBM0SJCpyng5+ucpo=";
    let hex256 = hex.repeat(2)[..64].to_owned();
    let malformed_sha1 = [
        String::new(),
        hex.to_owned(),
        "sha1".to_owned(),
        "sha1=".to_owned(),
        "=".to_owned(),
        format!("={hex}"),
        format!("SHA1={hex}"),
        format!("Sha1={hex}"),
        format!("sha-1={hex}"),
        format!("sha1:{hex}"),
        format!("sha1 {hex}"),
        format!("sha1 ={hex}"),
        format!("sha1= {hex}"),
        format!(" sha1={hex}"),
        format!("sha1={hex} "),
        format!("\tsha1={hex}"),
        format!("sha1=={hex}"),
        format!("sha1=0x{hex}"),
        format!("sha1=\"{hex}\""),
        format!("\"sha1={hex}\""),
        format!("sha1={}", &hex[1..]),
        format!("sha1={}", &hex[2..]),
        format!("sha1={hex}0"),
        format!("sha1={hex}00"),
        format!("sha1=g{}", &hex[1..]),
        format!("sha1=-{}", &hex[1..]),
        format!("sha1={}:{}", &hex[..20], &hex[21..]),
        format!("sha1={base64}"),
        format!("sha1={hex},sha1={hex}"),
        format!("sha1={hex};"),
        format!("sha1={hex256}"),
        format!("sha256={hex256}"),
        format!("sha256={hex}"),
        format!("sha512={hex}"),
        format!("md5={}", &hex[..32]),
        format!("{hex}=sha1"),
    ];
    for value in &malformed_sha1 {
        let refused = HubSignature::from_sha1_header(value.as_bytes());
        assert_eq!(refused, Err(SignatureRefused::Malformed), "{value:?}");
    }
}

#[test]
fn whatever_is_not_exactly_sha256_and_its_hex_is_refused() {
    let right = sign_sha256(API_SECRET.as_bytes(), BODY);
    let hex = &right["sha256=".len()..];
    for value in [
        SHA1,
        hex,
        &format!("SHA256={hex}"),
        &format!("sha256={}", &hex[2..]),
        &format!("sha1={hex}"),
    ] {
        let refused = HubSignature::from_sha256_header(value.as_bytes());
        assert_eq!(refused, Err(SignatureRefused::Malformed), "{value:?}");
    }
}

#[test]
fn bytes_that_are_no_text_are_refused() {
    for bytes in [&b"sha1=\xff\xfe"[..], &[0; 45], "sha1=ａｂ".as_bytes()] {
        assert_eq!(
            HubSignature::from_sha1_header(bytes),
            Err(SignatureRefused::Malformed),
            "{bytes:?}"
        );
    }
}

proptest! {
    #[test]
    fn a_signature_verifies_what_it_signed(key in "\\PC{1,80}", body in any::<Vec<u8>>()) {
        let (sha1, sha256) = (sign_sha1(key.as_bytes(), &body), sign_sha256(key.as_bytes(), &body));
        let both = [(&SHA1_HEADER, sha1.as_str()), (&SHA256_HEADER, sha256.as_str())];
        prop_assert_eq!(verify_with(&both, &body, &[&key]), Ok(()));
    }

    #[test]
    fn a_signature_verifies_nothing_else(
        key in "[a-z]{1,40}",
        body in any::<Vec<u8>>(),
        other_key in "[a-z]{1,40}",
        other_body in any::<Vec<u8>>(),
    ) {
        for signature in [(&SHA1_HEADER, sign_sha1(key.as_bytes(), &body)), (&SHA256_HEADER, sign_sha256(key.as_bytes(), &body))] {
            let given = [(signature.0, signature.1.as_str())];
            prop_assert_eq!(verify_with(&given, &other_body, &[&key]).is_ok(), body == other_body);
            prop_assert_eq!(verify_with(&given, &body, &[&other_key]).is_ok(), key == other_key);
        }
    }

    #[test]
    fn a_body_in_pieces_is_the_body_as_a_whole(pieces in prop::collection::vec(any::<Vec<u8>>(), 0..6), changed in any::<bool>()) {
        let body = pieces.concat();
        let signed = sign_sha256(API_SECRET.as_bytes(), &body);
        let headers = HeaderMap::from_iter([(SHA256_HEADER, signed.parse().unwrap())]);
        let secret = Secret::new(API_SECRET.to_owned());
        let mut verifier = Verifier::begin(&headers, [&secret].into_iter(), SignaturePolicy::Either).unwrap();
        for piece in &pieces {
            verifier.update(piece);
        }
        if changed {
            verifier.update(b"and more");
        }
        prop_assert_eq!(verifier.finish().is_ok(), !changed);
    }

    #[test]
    fn one_flipped_bit_of_a_signature_is_refused(bit in 0usize..160, body in any::<Vec<u8>>()) {
        let signed = sign_sha1(API_SECRET.as_bytes(), &body);
        let mut bytes = hex::decode(&signed["sha1=".len()..]).unwrap();
        bytes[bit / 8] ^= 1 << (bit % 8);
        let flipped = format!("sha1={}", hex::encode(bytes));
        prop_assert_eq!(verify_with(&[(&SHA1_HEADER, &flipped)], &body, &[API_SECRET]), Err(SignatureRefused::Wrong));
    }

    #[test]
    fn no_header_is_too_strange_to_be_refused(value in any::<Vec<u8>>()) {
        prop_assert!(HubSignature::from_sha1_header(&value).is_err());
        prop_assert!(HubSignature::from_sha256_header(&value).is_err());
    }
}
