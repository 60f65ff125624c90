//! Bytes that nobody meant: every entry takes them without panic, without much work, and without a match that is none.
//!
//! What is a match is told here by other means than the crate's own: by comparing with the certificates and keys that
//! there were before they were garbled.

use std::time::Duration;

use dane::{
    Digests, EeNames, Match, Matching, Profile, ReferenceIds, Roots, Selection, Selector, Settings,
    TlsaRecord, Transport, Unusable, UsableRecords, UsableTlsa, Usage, VerifyError, leaf_spki, owner_name,
    select, select_rdata, verify_raw_key, verify_with,
};
use rustls_pki_types::{CertificateDer, SubjectPublicKeyInfoDer, UnixTime};

use crate::corpus::{CORPUS, agrees, contains};
use crate::pki::{HOST, data, now};
use crate::random::Random;

/// What has come of some rounds.
#[derive(Debug, Default)]
pub(crate) struct Garbled {
    /// Chains that matched, by usage.
    matched: [u64; 4],
    /// Chains that matched although something in them was garbled.
    matched_garbled: u64,
    refused: u64,
    too_much_work: u64,
    /// Records that counted, in spite of what had become of the RRset.
    usable: u64,
    /// Texts that were still records.
    records: u64,
    /// Texts that were still owner names.
    names: u64,
    /// Raw keys that were refused.
    keys: u64,
}

impl Garbled {
    /// One chain, under some records and roots; any of them may be garbled.
    pub(crate) fn chain(&mut self, seed: u64, round: u64) {
        let mut random = Random::of_round(seed, round);
        let case = Case::new(&mut random);
        let Selection::Usable(usable) = select(&case.records, Profile::Full, &Digests::default()) else {
            return;
        };
        let result = case.verify(&usable);
        match &result {
            Ok(found) => {
                case.check(found, &usable);
                self.matched[usize::from(found.usage.octet())] += 1;
                self.matched_garbled += u64::from(case.is_garbled);
            }
            Err(VerifyError::TooMuchWork { .. }) => self.too_much_work += 1,
            Err(error) => {
                assert!(!error.to_string().is_empty());
                assert!(!case.is_named_leaf(&usable), "a record names the leaf: {error}");
                self.refused += 1;
            }
        }

        // No order decides, only the work that is too much may be so in one order and not in another.
        let mut other = case.clone();
        random.shuffle(&mut other.chain[1..]);
        random.shuffle(&mut other.records);
        let Selection::Usable(usable) = select(&other.records, Profile::Full, &Digests::default()) else {
            panic!("the order of the records made them unusable")
        };
        let again = other.verify(&usable);
        let gave_up =
            |result: &Result<Match, VerifyError>| matches!(result, Err(VerifyError::TooMuchWork { .. }));
        if !gave_up(&result) && !gave_up(&again) {
            assert_eq!(result.is_ok(), again.is_ok(), "{result:?}, in another order {again:?}");
        }
    }

    /// One RRset as it came, each record garbled or not, beside the honest chain.
    pub(crate) fn rdata(&mut self, seed: u64, round: u64) {
        let mut random = Random::of_round(seed, round);
        let mut rdata: Vec<_> = CORPUS.records.iter().map(TlsaRecord::to_wire).collect();
        random.shuffle(&mut rdata);
        rdata.truncate(1 + random.below(12));
        for record in &mut rdata {
            if !random.once_in(4) {
                random.garble(record);
            }
        }
        let profile = if random.once_in(2) { Profile::Smtp } else { Profile::Full };
        let selection = select_rdata(&rdata, profile, &Digests::default());
        let reasons = selection.reasons();
        assert_eq!(reasons.len(), rdata.len(), "one word for each record");
        for (rdata, reason) in rdata.iter().zip(&reasons) {
            match TlsaRecord::from_wire(rdata) {
                Ok(record) => assert_eq!(record.to_wire(), *rdata),
                Err(error) => assert!(rdata.len() < 3, "{error}"),
            }
            match reason {
                None => assert_ne!(usability(rdata, profile), Usability::Never, "{rdata:02x?} is usable"),
                Some(Unusable::WeakerDigest { .. }) => {
                    assert_eq!(usability(rdata, profile), Usability::Digest, "{rdata:02x?} is a digest")
                }
                Some(reason) => {
                    assert_ne!(usability(rdata, profile), Usability::Digest, "{rdata:02x?}: {reason}")
                }
            }
        }
        let Selection::Usable(usable) = &selection else { return };
        self.usable += usable.len() as u64;
        for record in usable.iter() {
            assert_eq!(reasons[record.index()], None);
            assert_eq!(record.data(), &rdata[record.index()][3..]);
        }
        let case = Case {
            chain: vec![CORPUS.leaf.clone(), CORPUS.middle.clone(), CORPUS.root.clone()],
            roots: vec![CORPUS.root.clone()],
            records: rdata
                .iter()
                .filter(|rdata| rdata.len() >= 3)
                .map(|rdata| TlsaRecord::from_wire(rdata).unwrap())
                .collect(),
            ..Case::honest()
        };
        match case.verify(usable) {
            Ok(found) => case.check(&found, usable),
            Err(error) => assert!(!case.is_named_leaf(usable), "a record names the leaf: {error}"),
        }
    }

    /// One raw key (RFC 7250), of a leaf or of an RSA root.
    pub(crate) fn raw_key(&mut self, seed: u64, round: u64) {
        let mut random = Random::of_round(seed, round);
        let [leaf, rsa] = [CORPUS.leaf.clone(), data("rsa-root.der")];
        let original = leaf_spki(if random.once_in(2) { &leaf } else { &rsa }).unwrap();
        let mut changed = original.to_vec();
        random.garble(&mut changed);
        let spki = SubjectPublicKeyInfoDer::from(changed.clone());
        let record = |usage, matching, spki| TlsaRecord::from_spki(usage, matching, spki);
        let matching = *random.pick(&[Matching::Full, Matching::Sha256, Matching::Sha512]);
        let usable_by = |record: TlsaRecord| match select(&[record], Profile::Full, &Digests::default()) {
            Selection::Usable(usable) => Some(usable),
            Selection::AllUnusable(_) | Selection::Empty => None,
        };
        for usage in [Usage::PkixTa, Usage::PkixEe, Usage::DaneTa, Usage::DaneEe] {
            let usable = usable_by(record(usage, matching, &original).unwrap()).unwrap();
            let expected = usage == Usage::DaneEe && changed == original.as_ref();
            assert_eq!(verify_raw_key(&spki, &usable).is_ok(), expected, "{usage} {matching}");
            self.keys += u64::from(!expected);
        }
        // RFC 6698 §4.1: what is no key is no record either.
        let full = TlsaRecord { usage: 3, selector: 1, matching: 0, data: changed };
        match (record(Usage::DaneEe, Matching::Full, &spki), usable_by(full.clone())) {
            (Ok(made), Some(usable)) => {
                assert_eq!(made, full);
                assert!(verify_raw_key(&spki, &usable).is_ok(), "a key matches itself");
            }
            (Err(_), Some(_)) => panic!("what is no key is usable"),
            (Ok(_) | Err(_), None) => {}
        }
    }

    /// One text: a record in either form, a host name, a list of digests.
    pub(crate) fn text(&mut self, seed: u64, round: u64) {
        let mut random = Random::of_round(seed, round);
        let record = random.pick(&CORPUS.records);
        let mut bytes = match random.below(6) {
            0 => "3 1 1 ( e3b0c442 98fc1c14 )".to_owned(),
            1 => record.to_unknown_form(),
            2 => record.to_string(),
            3 => "\\# ( 7\n0301 01 E3B0\tc442 )".to_owned(),
            4 => "mx.example.com".to_owned(),
            _ => "sha512,sha256".to_owned(),
        }
        .into_bytes();
        if random.once_in(2) {
            random.garble(&mut bytes);
        } else {
            // What the syntax turns on.
            let at = random.below(bytes.len());
            bytes.insert(at, *random.pick(b"()\\# \t\r\n,.-_+0f\"\0"));
        }
        let text = String::from_utf8_lossy(&bytes);
        match text.parse::<TlsaRecord>() {
            Ok(record) => {
                let data = text.replace(['(', ')', ' ', '\t', '\n', '\r', '\x0c'], "").to_ascii_lowercase();
                assert!(data.ends_with(&record.data_hex()), "{text:?}: {record}");
                assert_eq!(record.to_string().parse(), Ok(record.clone()), "{text:?}");
                assert_eq!(record.to_unknown_form().parse(), Ok(record.clone()), "{text:?}");
                assert_eq!(TlsaRecord::from_wire(&record.to_wire()), Ok(record), "{text:?}");
                self.records += 1;
            }
            Err(error) => assert!(!error.to_string().is_empty()),
        }
        if let Ok(name) = owner_name(25, Transport::Tcp, &text) {
            let host = name.strip_prefix("_25._tcp.").unwrap();
            assert!(host.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.')), "{text:?}");
            assert!(
                name.len() <= 253 && host.split('.').all(|label| (1..64).contains(&label.len())),
                "{text:?}"
            );
            self.names += 1;
        }
        if let Ok(digests) = text.parse::<Digests>() {
            assert!(digests.iter().all(|digest| digest != Matching::Full), "{text:?}");
        }
    }
}

/// One question put to the crate.
#[derive(Clone, Debug)]
struct Case {
    chain: Vec<CertificateDer<'static>>,
    roots: Vec<CertificateDer<'static>>,
    records: Vec<TlsaRecord>,
    host: &'static str,
    now: UnixTime,
    ee_names: EeNames,
    is_garbled: bool,
}

impl Case {
    fn honest() -> Self {
        Self {
            chain: Vec::new(),
            roots: Vec::new(),
            records: Vec::new(),
            host: HOST,
            now: now(),
            ee_names: EeNames::Ignore,
            is_garbled: false,
        }
    }

    fn new(random: &mut Random) -> Self {
        let mut case = Self::honest();
        let mut is_garbled = false;
        let above = [&CORPUS.middle, &CORPUS.root, &CORPUS.cross, &CORPUS.other_root];
        let mut maybe = |random: &mut Random, certificate: &CertificateDer<'static>, n| {
            if !random.once_in(n) {
                return certificate.clone();
            }
            let mut changed = certificate.to_vec();
            random.garble(&mut changed);
            is_garbled |= changed != certificate.as_ref();
            changed.into()
        };
        case.chain.push(maybe(random, &CORPUS.leaf, 4));
        for certificate in above {
            if !random.once_in(4) {
                case.chain.push(maybe(random, certificate, 4));
            }
        }
        // Now and then so many of one name that paths multiply, and more than are looked at.
        if random.once_in(16) {
            for _ in 0..random.below(75) {
                let certificate = *random.pick(&above);
                case.chain.push(maybe(random, certificate, 2));
            }
        }
        random.shuffle(&mut case.chain[1..]);
        for root in [&CORPUS.root, &CORPUS.other_root, &CORPUS.middle] {
            if random.once_in(2) {
                case.roots.push(maybe(random, root, 3));
            }
        }
        for _ in 0..=random.below(3) {
            let mut record = random.pick(&CORPUS.records).clone();
            if random.once_in(4) {
                random.garble(&mut record.data);
            }
            case.records.push(record);
        }
        if random.once_in(4) {
            case.host = *random.pick(&["mail.example.com", "mx.example.org"]);
        }
        if random.once_in(8) {
            // The leaf is valid for two years.
            const LATER: Duration = Duration::from_secs(3 * 366 * 86_400);
            case.now = UnixTime::since_unix_epoch(Duration::from_secs(now().as_secs()) + LATER);
        }
        if random.once_in(4) {
            case.ee_names = EeNames::Check;
        }
        case.is_garbled = is_garbled;
        case
    }

    fn verify(&self, usable: &UsableRecords) -> Result<Match, VerifyError> {
        let mut roots = Roots::new();
        for root in &self.roots {
            if roots.add(root.clone()).is_ok() {
                assert!(leaf_spki(root).is_ok(), "a root is a certificate");
            }
        }
        let settings = Settings { roots: &roots, ee_names: self.ee_names };
        verify_with(&self.chain, usable, &ReferenceIds::new(self.host), self.now, &settings)
    }

    /// Whether DANE-EE(3) is bound to match.
    fn is_named_leaf(&self, usable: &UsableRecords) -> bool {
        let named = |record: &UsableTlsa| match record.selector() {
            Selector::Cert => agrees(record.matching().octet(), &self.chain[0], record.data()),
            Selector::Spki => {
                self.chain[0] == CORPUS.leaf
                    && agrees(record.matching().octet(), &CORPUS.keys(0)[0], record.data())
            }
        };
        self.ee_names == EeNames::Ignore
            && usable.iter().any(|record| record.usage() == Usage::DaneEe && named(record))
    }

    /// Panics where what was found cannot be.
    fn check(&self, found: &Match, usable: &UsableRecords) {
        let record = usable.iter().find(|record| record.index() == found.index);
        let record = record.unwrap_or_else(|| panic!("{found:?} is no usable record"));
        assert_eq!(
            (record.usage(), record.selector(), record.matching()),
            (found.usage, found.selector, found.matching)
        );
        assert!(self.is_named(found, record), "{found:?} in {self:?}");
        if found.usage == Usage::DaneEe && self.ee_names == EeNames::Ignore {
            return;
        }
        // The names of the leaf end like this, and the issuer's signature covers the rest.
        assert!(self.host.ends_with(".example.com"), "{found:?} is for another host");
        if found.usage == Usage::DaneEe {
            return;
        }
        assert_eq!(self.chain[0], CORPUS.leaf, "{found:?}: what signatures cover cannot be changed");
        assert_eq!(self.now, now(), "{found:?} has expired");
        if found.usage != Usage::DaneTa {
            assert!(self.leads_to(&self.roots), "{found:?}: no path to a root in {self:?}");
        }
    }

    /// Whether the record names what stands at the depth that was found.
    fn is_named(&self, found: &Match, record: &UsableTlsa) -> bool {
        let agrees = |part: &[u8]| agrees(record.matching().octet(), part, record.data());
        let is_above = match found.usage {
            Usage::PkixTa | Usage::DaneTa => true,
            Usage::PkixEe | Usage::DaneEe => false,
        };
        let is_named_at = |depth| {
            let keys = CORPUS.keys(depth);
            let is_issued = depth < 2 || self.known().any(|certificate| CORPUS.is_issued_middle(certificate));
            let is_sound = |certificate: &[u8]| keys.iter().any(|key| contains(certificate, key));
            match found.selector {
                _ if is_above != (depth > 0) => false,
                Selector::Cert if depth == 0 => agrees(&self.chain[0]),
                Selector::Spki if depth == 0 => {
                    keys.iter().any(|key| agrees(key)) && is_sound(&self.chain[0])
                }
                Selector::Cert => self.known().any(|other| agrees(other) && is_sound(other)) && is_issued,
                Selector::Spki => keys.iter().any(|key| agrees(key)) && is_issued,
            }
        };
        // A bare key from DNS counts as the certificate that it signed.
        let is_bare_key = is_above && (found.selector, found.matching) == (Selector::Spki, Matching::Full);
        is_named_at(found.depth) || (is_bare_key && is_named_at(found.depth + 1))
    }

    /// Everything that may be in a path: sent, trusted, or in a record.
    fn known(&self) -> impl Iterator<Item = &[u8]> {
        let sent = self.chain[1..].iter().map(AsRef::as_ref);
        sent.chain(self.roots.iter().map(AsRef::as_ref))
            .chain(self.records.iter().map(|record| record.data.as_slice()))
    }

    /// Whether one of these can be the root of the leaf, by its key.
    fn leads_to(&self, roots: &[CertificateDer<'static>]) -> bool {
        let has = |depth| {
            let keys = CORPUS.keys(depth);
            roots.iter().any(move |root| keys.iter().any(|key| contains(root, key)))
        };
        has(1) || (has(2) && self.known().any(|certificate| CORPUS.is_issued_middle(certificate)))
    }
}

/// What can become of one record by itself (RFC 6698 §4.1, RFC 7672 §3.1.3).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Usability {
    Never,
    /// Usable if its data is a certificate or a key.
    Full,
    /// Usable, unless a stronger digest stands beside it.
    Digest,
}

fn usability(rdata: &[u8], profile: Profile) -> Usability {
    let first = if profile == Profile::Smtp { 2 } else { 0 };
    match rdata {
        [usage, 0 | 1, matching, data @ ..] if (first..4).contains(usage) => match (matching, data.len()) {
            (0, 1..) => Usability::Full,
            (1, 32) | (2, 64) => Usability::Digest,
            _ => Usability::Never,
        },
        _ => Usability::Never,
    }
}

#[test]
fn garbled_chains_match_nothing_that_they_are_not() {
    let mut garbled = Garbled::default();
    (0..6_000).for_each(|round| garbled.chain(6698, round));
    let Garbled { matched, matched_garbled, refused, too_much_work, .. } = garbled;
    assert!(matched.iter().all(|matched| *matched > 50), "{matched:?} matched, by usage");
    assert!(matched_garbled > 500, "{matched_garbled} were garbled where it did not count");
    assert!(refused > 500 && too_much_work > 5, "{refused} refused, {too_much_work} too much work");
}

#[test]
fn garbled_rdata_is_usable_or_has_a_reason() {
    let mut garbled = Garbled::default();
    (0..3_000).for_each(|round| garbled.rdata(7671, round));
    assert!(garbled.usable > 1_000, "{} records were usable", garbled.usable);
}

#[test]
fn garbled_raw_keys_match_no_record() {
    let mut garbled = Garbled::default();
    (0..3_000).for_each(|round| garbled.raw_key(7250, round));
    assert!(garbled.keys > 9_000, "{} times a key was refused", garbled.keys);
}

#[test]
fn garbled_texts_are_read_or_refused() {
    let mut garbled = Garbled::default();
    (0..15_000).for_each(|round| garbled.text(3597, round));
    let Garbled { records, names, .. } = garbled;
    assert!(records > 1_000 && names > 100, "{records} records, {names} names");
}
