use super::{
    HkdfSha256, HmacSha256, HmacSha512, OneTimeKey, Sha256Prefix, constant_time_eq,
    length_prefixed, sha256,
};

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn hmac_as_in_rfc_4231_case_2() {
    let message = b"what do ya want for nothing?";
    assert_eq!(
        hex(&HmacSha256::new(b"Jefe").tag(message)),
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    );
    let (head, rest) = message.split_at(7);
    assert_eq!(
        hex(HmacSha512::new(b"Jefe").tag(&[head, rest]).as_slice()),
        "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea250554\
         9758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737"
    );
}

#[test]
fn hkdf_as_in_rfc_5869_case_1() {
    let salt: Vec<u8> = (0..=0x0c).collect();
    let info: Vec<u8> = (0xf0..=0xf9).collect();
    let okm = HkdfSha256::extract(&salt, &[0x0b; 22]).expand::<42>(&info);
    assert_eq!(
        hex(okm.as_slice()),
        "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865"
    );
}

#[test]
fn gcm_opens_what_it_sealed_and_wipes_what_it_did_not() {
    let mut message = *b"attack at dawn";
    let tag = OneTimeKey::new([3; 32]).seal(b"aad", &mut message).unwrap();
    let mut plaintext = [0; 14];
    let open = |aad: &[u8], plaintext: &mut [u8]| {
        OneTimeKey::new([3; 32]).open(aad, &message, &tag, plaintext)
    };
    open(b"aad", &mut plaintext).unwrap();
    assert_eq!(&plaintext, b"attack at dawn");
    assert!(open(b"axd", &mut plaintext).is_err());
    assert_eq!(plaintext, [0; 14]);
}

#[test]
fn the_kept_prefix_changes_nothing() {
    let prefix = [5; 64];
    let whole = [prefix.as_slice(), b"id"].concat();
    assert_eq!(Sha256Prefix::new(&prefix).digest(b"id"), sha256(&whole));
}

#[test]
fn s06_equality_looks_at_every_byte() {
    assert!(constant_time_eq(b"same", b"same"));
    assert!(!constant_time_eq(b"same", b"samf"));
    assert!(!constant_time_eq(b"same", b"same "));
}

#[test]
fn nothing_variable_is_concatenated_without_its_length() {
    assert_ne!(
        length_prefixed(&[b"ab", b"c"]),
        length_prefixed(&[b"a", b"bc"])
    );
    assert_eq!(length_prefixed(&[b"a"]), [0, 0, 0, 1, b'a']);
}
