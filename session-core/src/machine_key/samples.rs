//! Keys that everybody can look up, and that are therefore no keys.

/// `validationKey` and `decryptionKey` values from vendors' documentation, from articles, and
/// from products that shipped one key to every customer. Upper case.
const ASPNET: [&str; 14] = [
    // Articles on session state in a web farm.
    "1234567890123456789012345678901234567890AAAAAAAAAA",
    "123456789012345678901234567890123456789012345678",
    // "How To: Configure MachineKey in ASP.NET 2.0".
    "21F090935F6E49C2C797F69BBAAD8402ABD2EE0B667A8B44EA7DD4374267A75D\
     7AD972A119482D15A4127461DB1DC347C1A63AE5F1CCFAACFF1B72A7F0A281B",
    "ABAA84D7EC4BB56D75D217CECFFB9628809BDB8BF91CFCD64568A145BE59719F",
    // The membership provider samples.
    "C50B3C89CB21F4F1422FF158A5B42D0E8DB8CB5CDA1742572A487D9401E34002\
     67682B202B746511891C1BAF47F8D25C07F6C39A104696DB51F17C529AD3CABE",
    "8A9BE8FD67AF6979E7D20198CFEA50DD3D3799C77AF2B72F",
    // One key in every Exchange Server (CVE-2020-0688).
    "CB2721ABDAF8E9DC516D621D8B8BF13A2C9E8689A25303BF",
    "E9D2490BD0075B51D1BA5288514514AF",
    // A deployment guide that was followed to the letter (CVE-2025-53690).
    "BDDFE367CD36AAA81E195761BEFB073839549FF7B8E34E42C0DEA4600851B006\
     5856B211719ADEFC76F3F3A556BC61A5FC8C9F28F958CB1D3BD8EF9518143DB6",
    "0DAC68D020B8193DF0FCEE1BAF7A07B4B0D40DCD3E5BA90D",
    // Keys that malware scanners look for in web.config.
    "32E35872597989D14CC1D5D9F5B1E94238D0EE32CF10AA2D2059533DF6035F4F",
    "287C5D125D6B7E7223E1F719E3D58D17BB967703017E1BBE28618FAC6C4501E9\
     10C7E59800B5D4C2EDD5B0ED98874A3E952D60BAF260D9D374A74C76CB741803",
    "395BB0DAFA02BA520EDB43E7EDF06BBFD72FC13A5209243270539E01074B0EA4",
    // The all-digits pair of a security course.
    "12345678901234567890123456789012345678901234567890",
];

/// Digits below which a shared run says nothing.
const RECOGNISABLE: usize = 16;

/// Ring keys by their kid: the one in this library's documentation, and those of its test
/// vectors.
const KIDS: [u64; 7] = [
    0x30e1_5135_253c_863e,
    0x0680_7892_c6ec_7e8f,
    0x94cc_4dee_fb5e_1d0c,
    0x877b_6d11_bf42_da71,
    0x3bf6_5030_9b35_4f29,
    0xa3e5_9d12_8689_9fd6,
    0x2e2a_c068_836b_607b,
];

/// Whether hexadecimal digits are a published key, a piece of one, or one with more around it.
pub(super) fn is_published_hex(digits: &str) -> bool {
    let digits = digits.to_ascii_uppercase();
    digits.len() >= RECOGNISABLE
        && ASPNET
            .iter()
            .any(|sample| sample.contains(&digits) || digits.contains(sample))
}

/// Whether a ring key is published, judged by its kid.
pub(super) fn is_published_kid(kid: &[u8; 8]) -> bool {
    KIDS.contains(&u64::from_be_bytes(*kid))
}
