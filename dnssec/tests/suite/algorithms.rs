//! The signatures that the RFCs of the algorithms print, and the RSA keys at the bounds of what verifies.

use std::{
    collections::HashMap,
    sync::{Arc, LazyLock},
};

use dnssec::{
    AnchorFault, Failure, Limits, Outcome, Question, Reason, SignatureFault, Status, TrustAnchors, Verdict,
};
use hickory_proto::{
    dnssec::rdata::{DNSKEY, RRSIG},
    rr::{Record, RecordData, RecordType},
};

use crate::{
    listing::{Listing, base64, covered, listed, message, time},
    world::{Key, NOW, Signature, drive, name, question},
};

/// Judges an RRset that a key of the RFC has signed. That key stands in the zone beside a test key, which is the
/// anchor and vouches for both.
fn judge(apex: &str, dnskey: &Record, set: &[Record], now: u32) -> Result<Verdict, Failure> {
    let key = Key::new(1);
    let anchors = Arc::new(TrustAnchors::parse(&format!("{apex} DNSKEY {}", key.dnskey)).unwrap());
    let keys = vec![key.dnskey_record(apex), dnskey.clone()];
    let (inception, expiration) = (now.wrapping_sub(1000), now.wrapping_add(1000));
    let signature = Signature { inception, expiration, ..Signature::by(&key, apex) }.over(&keys);
    let keys = message([keys, vec![signature]].concat(), vec![]);
    let asked = Question::new(set[0].name.clone(), set[0].record_type());
    let (end, _) = drive(asked.clone(), &anchors, now, Limits::default(), |q| match *q == asked {
        true => Ok(message(set.to_vec(), vec![])),
        false => Ok(keys.clone()),
    });
    end
}

fn tag(dnskey: &Record) -> u16 {
    DNSKEY::try_borrow(&dnskey.data).unwrap().calculate_key_tag().unwrap()
}

#[test]
fn the_signatures_of_the_rfcs() {
    const NET: &str = "www.example.net. A 192.0.2.91";
    const MX: &str = "example.com. MX 10 mail.example.com.";
    use SignatureFault::{Labels, UnknownKey};
    for (why, dnskey, key_tag, data, signature, expected) in [
        (
            "RFC 5702 §6.1, RSA/SHA-256: 512 bits are no key",
            "example.net. DNSKEY 256 3 8 AwEAAcFcGsaxxdgiuuGmCkVImy4h99CqT7jwY3pexPGcnUFtR2Fh36BponcwtkZ4cAgtvd4Qs8P\
             kxUdp6p/DlUmObdk=",
            9033,
            NET,
            "A 8 3 3600 20300101000000 20000101000000 9033 example.net. kRCOH6u7l0QGy9qpC9l1sLncJcOKFLJ7GhiUOibu4te\
             Yp5VE9RncriShZNz85mwlMgNEacFYK/lPtPiVYP4bwg==",
            Err(UnknownKey { key_tag: 9033 }),
        ),
        (
            "RFC 5702 §6.2, RSA/SHA-512",
            "example.net. DNSKEY 256 3 10 AwEAAdHoNTOW+et86KuJOWRDp1pndvwb6Y83nSVXXyLA3DLroROUkN6X0O6pnWnjJQujX/Ayh\
             qFDxj13tOnD9u/1kTg7cV6rklMrZDtJCQ5PCl/D7QNPsgVsMu1J2Q8gpMpztNFLpPBz1bWXjDtaR7ZQBlZ3PFY12ZTSncorffcGmhOL",
            3740,
            NET,
            "A 10 3 3600 20300101000000 20000101000000 3740 example.net. tsb4wnjRUDnB1BUi+t6TMTXThjVnG+eCkWqjvvjhzQ\
             L1d0YRoOe0CbxrVDYd0xDtsuJRaeUw1ep94PzEWzr0iGYgZBWm/zpq+9fOuagYJRfDqfReKBzMweOLDiNa8iP5g9vMhpuv6OPlvpXw\
             m9Sa9ZXIbNl1MBGk0fthPgxdDLw=",
            Ok(()),
        ),
        (
            "RFC 8080 §6.1, the first, as its erratum 4935 has it",
            "example.com. DNSKEY 257 3 15 l02Woi0iS8Aa25FQkUd9RMzZHJpBoRQwAQEX1SxZJA4=",
            3613,
            MX,
            "MX 15 2 3600 20150819220000 20150729220000 3613 example.com. oL9krJun7xfBOIWcGHi7mag5/hdZrKWw15jPGrHpjQ\
             eRAvTdszaPD+QLs3fx8A4M3e23mRZ9VrbpMngwcrqNAg==",
            Ok(()),
        ),
        (
            "RFC 8080 §6.1, the second, as its erratum 4935 has it",
            "example.com. DNSKEY 257 3 15 zPnZ/QwEe7S8C5SPz2OfS5RR40ATk2/rYnE9xHIEijs=",
            35217,
            MX,
            "MX 15 2 3600 20150819220000 20150729220000 35217 example.com. zXQ0bkYgQTEFyfLyi9QoiY6D8ZdYo4wyUhVioYZXF\
             dT410QPRITQSqJSnzQoSm5poJ7gD7AQR0O7KuI5k2pcBg==",
            Ok(()),
        ),
        (
            "RFC 8080 §6.1, the first as printed: three labels are more than example.com. has",
            "example.com. DNSKEY 257 3 15 l02Woi0iS8Aa25FQkUd9RMzZHJpBoRQwAQEX1SxZJA4=",
            3613,
            MX,
            "MX 15 3 3600 20150819220000 20150729220000 3613 example.com. Edk+IB9KNNWg0HAjm7FazXyrd5m3Rk8zNZbvNpAcM+\
             eysqcUOMIjWoevFkjH5GaMWeG96GUVZu6ECKOQmemHDg==",
            Err(Labels),
        ),
        (
            "RFC 8080 §6.2, Ed448 is not supported",
            "example.com. DNSKEY 257 3 16 3kgROaDjrh0H2iuixWBrc8g2EpBBLCdGzHmn+G2MpTPhpj/OiBVHHSfPodx1FYYUcJKm1MDpJ\
             tIA",
            9713,
            MX,
            "MX 16 2 3600 20150819220000 20150729220000 9713 example.com. Nmc0rgGKpr3GKYXcB1JmqqS4NYwhmechvJTqVzt3jR\
             +Qy/lSLFoIk1L+9e39GPL+5tVzDPN3f9kAwiu8KCuPPjtl227ayaCZtRKZuJax7n9NuYlZJIusX0SOIOKBGzG+yWYtz1/jjbzl5GGkW\
             vREUCUA",
            Err(UnknownKey { key_tag: 9713 }),
        ),
    ] {
        let dnskey = listed(dnskey);
        assert_eq!(tag(&dnskey), key_tag, "{why}: the tag that the RFC states");
        let apex = dnskey.name.to_ascii();
        let data = listed(data);
        let signature = listed(&format!("{} RRSIG {signature}", data.name));
        let now = RRSIG::try_borrow(&signature.data).unwrap().input().sig_inception.get() + 100;
        let result = judge(&apex, &dnskey, &[data.clone(), signature.clone()], now);
        match (result, expected) {
            (Ok(verdict), Ok(())) => {
                assert_eq!(verdict.status, Status::Secure, "{why}");
                assert_eq!(verdict.outcome, Outcome::Records(vec![data.clone()]), "{why}");
                // The same signature under another name, or over other data, holds no more.
                for other in ["www.example.net. A 192.0.2.92", "example.com. MX 11 mail.example.com."] {
                    let other = listed(other);
                    if (&other.name, other.record_type()) == (&data.name, data.record_type()) {
                        let result = judge(&apex, &dnskey, &[other, signature.clone()], now);
                        let expected = Reason::BadSignature(SignatureFault::Invalid { key_tag });
                        assert_eq!(result.unwrap_err().reason, expected, "{why}, other data");
                    }
                }
            }
            (Err(failure), Err(fault)) => {
                assert_eq!(failure.reason, Reason::BadSignature(fault), "{why}: {failure}");
            }
            (found, expected) => panic!("{why}: {found:?}, expected {expected:?}"),
        }
    }
}

/// RFC 8080 §6.1 prints its private keys and DS records, too: enough for a whole chain.
#[test]
fn the_ds_records_of_rfc_8080() {
    let now = time("20150801000000");
    for (private, key_tag, digest) in [
        (
            "ODIyNjAzODQ2MjgwODAxMjI2NDUxOTAyMDQxNDIyNjI=",
            3613,
            "3aa5ab37efce57f737fc1627013fee07bdf241bd10f3b1964ab55c78e79a304b",
        ),
        (
            "DSSF3o0s0f+ElWzj9E/Osxw8hLpk55chkmx0LYN5WiY=",
            35217,
            "401781b934e392de492ec77ae2e15d70f6575a1c0bc59c5275c04ebe80c6614c",
        ),
    ] {
        let key = Key::from_seed(&base64(private), 257);
        assert_eq!(key.tag, key_tag);
        let (inception, expiration) = (now - 10, now + 10);
        let sign = |set: Vec<Record>| {
            let times = Signature { inception, expiration, ..Signature::by(&key, "example.com.") };
            let signature = times.over(&set);
            message([set, vec![signature]].concat(), vec![])
        };
        let (keys, mx) = (
            sign(vec![key.dnskey_record("example.com.")]),
            sign(vec![listed("example.com. MX 10 mail.example.com.")]),
        );
        for (digest, holds) in [(digest.to_owned(), true), (digest.replace('7', "8"), false)] {
            let text = format!("example.com. DS {key_tag} 15 2 {digest}");
            let anchors = Arc::new(TrustAnchors::parse(&text).unwrap());
            let asked = question("example.com.", RecordType::MX);
            let (end, _) = drive(asked.clone(), &anchors, now, Limits::default(), |q| match *q == asked {
                true => Ok(mx.clone()),
                false => Ok(keys.clone()),
            });
            match end {
                Ok(verdict) => assert!(holds && verdict.status == Status::Secure, "{text}"),
                Err(failure) => {
                    assert!(!holds && failure.reason == Reason::UntrustedDnskey, "{text}: {failure}");
                }
            }
        }
    }
}

static RSA: LazyLock<Listing> = LazyLock::new(|| Listing::new(include_str!("rsa.zone")));

#[test]
fn rsa_keys_that_ring_cannot_verify_with_are_no_keys() {
    let keys: HashMap<u16, &Record> =
        RSA.records.iter().filter(|r| r.record_type() == RecordType::DNSKEY).map(|r| (tag(r), r)).collect();
    let mut seen = 0;
    for (owner, unfit, why) in [
        ("rsa-8192", None, "the longest modulus"),
        ("rsa-8193", Some(("an RSA modulus of at most 8192 bits", "8193 bits")), "one bit more"),
        ("exponent-33", None, "2^32 + 1, which some zones use"),
        ("exponent-34", Some(("an RSA exponent of at most 33 bits", "34 bits")), "2^33 + 1"),
        (
            "leading-zero",
            Some(("RSA numbers without leading zeros", "257 octets of modulus")),
            "RFC 3110 §2: leading zeros are prohibited",
        ),
    ] {
        let set = RSA.set(&format!("{owner}.example."), RecordType::A);
        let signature = set.iter().find(|record| covered(record).is_some()).unwrap();
        let key_tag = RRSIG::try_borrow(&signature.data).unwrap().input().key_tag;
        let dnskey = keys[&key_tag];
        let text = format!("example. DNSKEY {}", dnskey.data);
        let anchors = TrustAnchors::parse(&text);
        let result = judge("example.", dnskey, &set, NOW);
        match unfit {
            None => {
                assert_eq!(result.unwrap().status, Status::Secure, "{why}");
                assert_eq!(anchors.unwrap().zones(), [&name("example.")], "{why}");
            }
            Some((expected, found)) => {
                let fault = AnchorFault::Field { expected, found: found.into() };
                assert_eq!(anchors.unwrap_err().fault, fault, "{why}");
                // No signature is tried with it, so that none counts as one that failed.
                let reason = Reason::BadSignature(SignatureFault::UnknownKey { key_tag });
                assert_eq!(result.unwrap_err().reason, reason, "{why}");
            }
        }
        seen += 1;
    }
    assert_eq!(seen, keys.len(), "all the keys of the listing");
}
