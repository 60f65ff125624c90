use std::time::Duration;

use dane::{
    Digests, EeNames, Match, Profile, ReferenceIds, Roots, Selection, Settings, TlsaRecord, UsableRecords,
    VerifyError, leaf_spki, select, verify, verify_with,
};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    date_time_ymd,
};
use ring::digest::{SHA256, SHA512, digest};
use rustls_pki_types::{CertificateDer, UnixTime};

/// The name of the server in every test.
pub(crate) const HOST: &str = "mx.example.com";

/// The year in which all tests happen.
pub(crate) const YEAR: i32 = 2033;

/// The first second of [`YEAR`].
pub(crate) fn now() -> UnixTime {
    UnixTime::since_unix_epoch(Duration::from_secs(1_988_150_400))
}

/// Extensions that tests write by hand (RFC 5280 §4.2.1).
pub(crate) struct Oids {
    pub(crate) basic_constraints: [u64; 4],
    pub(crate) authority_key_id: [u64; 4],
}

pub(crate) const OIDS: Oids = Oids { basic_constraints: [2, 5, 29, 19], authority_key_id: [2, 5, 29, 35] };

/// A CA with its key.
pub(crate) struct Ca {
    pub(crate) params: CertificateParams,
    pub(crate) key: KeyPair,
    pub(crate) certificate: CertificateDer<'static>,
}

impl Ca {
    /// A self-signed CA.
    pub(crate) fn root(name: &str) -> Self {
        Self::root_with(name, |_| {})
    }

    /// A self-signed CA, changed before it is signed.
    pub(crate) fn root_with(name: &str, change: impl FnOnce(&mut CertificateParams)) -> Self {
        Self::root_of(KeyPair::generate().unwrap(), name, change)
    }

    /// A self-signed CA of this key, changed before it is signed.
    pub(crate) fn root_of(key: KeyPair, name: &str, change: impl FnOnce(&mut CertificateParams)) -> Self {
        let params = ca_params(name, change);
        let certificate = params.self_signed(&key).unwrap().der().clone();
        Self { params, key, certificate }
    }

    /// A CA below this one.
    pub(crate) fn ca(&self, name: &str) -> Self {
        self.ca_with(name, |_| {})
    }

    /// A CA below this one, changed before it is signed.
    pub(crate) fn ca_with(&self, name: &str, change: impl FnOnce(&mut CertificateParams)) -> Self {
        self.ca_of(KeyPair::generate().unwrap(), name, change)
    }

    /// A CA of this key below this one, changed before it is signed.
    pub(crate) fn ca_of(
        &self,
        key: KeyPair,
        name: &str,
        change: impl FnOnce(&mut CertificateParams),
    ) -> Self {
        let params = ca_params(name, change);
        let certificate = params.signed_by(&key, &self.issuer()).unwrap().der().clone();
        Self { params, key, certificate }
    }

    /// Another certificate for the name and key of this CA, issued by `issuer`.
    pub(crate) fn cross_signed_by(&self, issuer: &Ca, change: impl FnOnce(&mut CertificateParams)) -> Self {
        let key = self.same_key();
        let mut params = self.params.clone();
        change(&mut params);
        let certificate = params.signed_by(&key, &issuer.issuer()).unwrap().der().clone();
        Self { params, key, certificate }
    }

    /// A leaf for [`HOST`].
    pub(crate) fn leaf(&self) -> CertificateDer<'static> {
        self.leaf_with(|_| {})
    }

    /// A leaf for [`HOST`], changed before it is signed.
    pub(crate) fn leaf_with(&self, change: impl FnOnce(&mut CertificateParams)) -> CertificateDer<'static> {
        self.leaf_of(&KeyPair::generate().unwrap(), change)
    }

    /// A leaf of this key for [`HOST`], changed before it is signed.
    pub(crate) fn leaf_of(
        &self,
        key: &KeyPair,
        change: impl FnOnce(&mut CertificateParams),
    ) -> CertificateDer<'static> {
        let mut params = leaf_params();
        change(&mut params);
        params.signed_by(key, &self.issuer()).unwrap().der().clone()
    }

    /// The key once more.
    pub(crate) fn same_key(&self) -> KeyPair {
        KeyPair::try_from(self.key.serialized_der()).unwrap()
    }

    fn issuer(&self) -> Issuer<'_, &KeyPair> {
        Issuer::from_params(&self.params, &self.key)
    }
}

/// A self-signed leaf for [`HOST`], changed before it is signed.
pub(crate) fn self_signed(change: impl FnOnce(&mut CertificateParams)) -> CertificateDer<'static> {
    let mut params = leaf_params();
    change(&mut params);
    params.self_signed(&KeyPair::generate().unwrap()).unwrap().der().clone()
}

/// Valid only in the years before [`YEAR`].
pub(crate) fn expired(params: &mut CertificateParams) {
    params.not_after = date_time_ymd(YEAR - 1, 1, 1);
}

/// Valid only in the years after [`YEAR`].
pub(crate) fn not_yet_valid(params: &mut CertificateParams) {
    params.not_before = date_time_ymd(YEAR + 1, 1, 1);
}

pub(crate) fn common_name(name: &str) -> DistinguishedName {
    let mut distinguished = DistinguishedName::new();
    distinguished.push(DnType::CommonName, name);
    distinguished
}

/// The record of these three numbers that names a certificate.
pub(crate) fn tlsa(usage: u8, selector: u8, matching: u8, certificate: &CertificateDer<'_>) -> TlsaRecord {
    let part = match selector {
        0 => certificate.to_vec(),
        1 => leaf_spki(certificate).unwrap().to_vec(),
        _ => panic!("selector {selector}"),
    };
    let data = match matching {
        0 => part,
        1 => digest(&SHA256, &part).as_ref().to_vec(),
        2 => digest(&SHA512, &part).as_ref().to_vec(),
        _ => panic!("matching type {matching}"),
    };
    TlsaRecord { usage, selector, matching, data }
}

pub(crate) fn usable(records: &[TlsaRecord]) -> UsableRecords {
    usable_under(Profile::Smtp, records)
}

pub(crate) fn usable_under(profile: Profile, records: &[TlsaRecord]) -> UsableRecords {
    match select(records, profile, &Digests::default()) {
        Selection::Usable(records) => records,
        none @ (Selection::Empty | Selection::AllUnusable(_)) => panic!("expected usable records: {none:?}"),
    }
}

/// Verifies for [`HOST`] at [`now`].
pub(crate) fn check(
    chain: &[&CertificateDer<'static>],
    records: &[TlsaRecord],
) -> Result<Match, VerifyError> {
    check_at(chain, records, now())
}

pub(crate) fn check_at(
    chain: &[&CertificateDer<'static>],
    records: &[TlsaRecord],
    now: UnixTime,
) -> Result<Match, VerifyError> {
    let chain: Vec<_> = chain.iter().copied().cloned().collect();
    verify(&chain, &usable(records), &ReferenceIds::new(HOST), now)
}

/// Verifies for [`HOST`] at [`now`], with all four usages and these roots.
pub(crate) fn check_full(
    chain: &[&CertificateDer<'static>],
    records: &[TlsaRecord],
    roots: &[&CertificateDer<'static>],
) -> Result<Match, VerifyError> {
    check_full_for(HOST, EeNames::Ignore, chain, records, roots)
}

pub(crate) fn check_full_for(
    host: &str,
    ee_names: EeNames,
    chain: &[&CertificateDer<'static>],
    records: &[TlsaRecord],
    roots: &[&CertificateDer<'static>],
) -> Result<Match, VerifyError> {
    let chain: Vec<_> = chain.iter().copied().cloned().collect();
    let roots = trusted(roots);
    let settings = Settings { roots: &roots, ee_names };
    let records = usable_under(Profile::Full, records);
    verify_with(&chain, &records, &ReferenceIds::new(host), now(), &settings)
}

pub(crate) fn trusted(certificates: &[&CertificateDer<'static>]) -> Roots {
    let mut roots = Roots::new();
    for root in certificates {
        roots.add(CertificateDer::clone(root)).unwrap();
    }
    roots
}

/// Depth and place of the record, or the error, without the records that it lists.
pub(crate) fn found(result: Result<Match, VerifyError>) -> Result<(usize, usize), VerifyError> {
    match result {
        Ok(matched) => Ok((matched.depth, matched.index)),
        Err(VerifyError::NoMatch { records, certificates, .. }) => Err(no_match(records, certificates)),
        Err(error) => Err(error),
    }
}

/// So many usable records, none of which matches any of so many certificates; which they were is left out.
pub(crate) fn no_match(records: usize, certificates: usize) -> VerifyError {
    VerifyError::NoMatch { records, certificates, expected: vec![], found: vec![] }
}

/// These records, of which `certificates` certificates have others.
pub(crate) fn expected_found(
    expected: &[TlsaRecord],
    certificates: usize,
    found: &[TlsaRecord],
) -> VerifyError {
    let (records, expected, found) = (expected.len(), expected.to_vec(), found.to_vec());
    VerifyError::NoMatch { records, certificates, expected, found }
}

/// A certificate of `tests/data`.
pub(crate) fn data(name: &str) -> CertificateDer<'static> {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name);
    std::fs::read(path).unwrap().into()
}

fn ca_params(name: &str, change: impl FnOnce(&mut CertificateParams)) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = common_name(name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    params.use_authority_key_identifier_extension = true;
    change(&mut params);
    params
}

fn leaf_params() -> CertificateParams {
    let mut params = CertificateParams::new([HOST.to_owned()]).unwrap();
    params.distinguished_name = common_name("leaf");
    params.use_authority_key_identifier_extension = true;
    params
}
