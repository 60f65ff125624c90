use crate::budget::{Budget, TooMuch};
use crate::certificate::Certificate;
use crate::der::{DerError, Reader, Value, single, tag};
use crate::error::Work;
use crate::extensions::Extensions;

/// Which names a CA may certify (RFC 5280 §4.2.1.10).
#[derive(Debug)]
pub(crate) struct NameConstraints<'a> {
    permitted: Vec<Value<'a>>,
    excluded: Vec<Value<'a>>,
}

impl<'a> NameConstraints<'a> {
    pub(crate) fn parse(value: &'a [u8]) -> Result<Self, DerError> {
        let mut fields = Reader::new(single(value, tag::SEQUENCE)?.content);
        let permitted = subtrees(fields.optional(tag::context_constructed(0))?)?;
        let excluded = subtrees(fields.optional(tag::context_constructed(1))?)?;
        fields.end()?;
        Ok(Self { permitted, excluded })
    }

    /// Whether the subject and the alternative names of a certificate below are all within the constraints.
    pub(crate) fn allow(
        &self,
        certificate: &Certificate<'_>,
        extensions: &Extensions<'_>,
        budget: &mut Budget,
    ) -> Result<bool, TooMuch> {
        const EMPTY_NAME: &[u8] = &[tag::SEQUENCE, 0];
        let subject = Value { tag: DIRECTORY_NAME, content: certificate.subject, raw: certificate.subject };
        let subject = Some(subject).filter(|_| certificate.subject != EMPTY_NAME);
        for name in subject.iter().chain(extensions.alternative_names.iter().flatten()) {
            if !self.allows_name(name, budget)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn allows_name(&self, name: &Value<'_>, budget: &mut Budget) -> Result<bool, TooMuch> {
        let mut permitted = None;
        for base in self.permitted.iter().filter(|base| base.tag == name.tag) {
            budget.spend(Work::NameComparisons)?;
            permitted = Some(permitted == Some(true) || is_permitted(name, base.content));
        }
        let mut excluded = false;
        for base in self.excluded.iter().filter(|base| base.tag == name.tag) {
            budget.spend(Work::NameComparisons)?;
            excluded |= is_excluded(name, base.content);
        }
        // A form of name of which no subtree is permitted is not constrained.
        Ok(permitted != Some(false) && !excluded)
    }
}

const DNS_NAME: u8 = tag::context(2);
const DIRECTORY_NAME: u8 = tag::context_constructed(4);
const IP_ADDRESS: u8 = tag::context(7);

fn subtrees(field: Option<Value<'_>>) -> Result<Vec<Value<'_>>, DerError> {
    let Some(field) = field else { return Ok(Vec::new()) };
    let mut list = Reader::new(field.content);
    let mut bases = Vec::new();
    while !list.is_at_end() {
        let mut subtree = Reader::new(list.expect(tag::SEQUENCE)?.content);
        bases.push(subtree.any()?);
        // §4.2.1.10: minimum is 0, the default, and there is no maximum.
        subtree.end()?;
    }
    Ok(bases)
}

/// Whether a name lies within a permitted subtree of its form. Forms that are not understood never do.
fn is_permitted(name: &Value<'_>, base: &[u8]) -> bool {
    match name.tag {
        DNS_NAME => is_dns_subtree(name.content, base),
        DIRECTORY_NAME => is_directory_subtree(name.content, base),
        IP_ADDRESS => is_in_network(name.content, base),
        _ => false,
    }
}

/// Whether a name lies within an excluded subtree of its form. Forms that are not understood always do.
fn is_excluded(name: &Value<'_>, base: &[u8]) -> bool {
    match name.tag {
        DNS_NAME => is_dns_subtree(name.content, base) || wildcard_covers(name.content, base),
        DIRECTORY_NAME => is_directory_subtree(name.content, base),
        IP_ADDRESS => is_in_network(name.content, base),
        _ => true,
    }
}

/// The base itself and everything below it; with a leading dot, which is not in the RFC but in use, only the latter.
fn is_dns_subtree(name: &[u8], base: &[u8]) -> bool {
    let Some(split) = name.len().checked_sub(base.len()) else { return false };
    let Some((below, tail)) = name.split_at_checked(split) else { return false };
    tail.eq_ignore_ascii_case(base)
        && (below.is_empty() || base.is_empty() || base.starts_with(b".") || below.ends_with(b"."))
}

/// Whether `*.example.com` stands for `base`, or for a name below it: then an exclusion of the base strikes it.
fn wildcard_covers(name: &[u8], base: &[u8]) -> bool {
    let base = match base.strip_prefix(b".") {
        Some(base) => base,
        None => base,
    };
    let Some(parent) = name.strip_prefix(b"*.") else { return false };
    let Some(dot) = base.iter().position(|&b| b == b'.') else { return false };
    base.get(dot + 1..).is_some_and(|base_parent| base_parent.eq_ignore_ascii_case(parent))
}

/// Whether the base's relative names are the first of the name's (§4.2.1.10, §7.1). Both are a Name in DER.
///
/// Folding case over the whole encoding is harmless: tags and lengths that differ in that bit alone do not fit.
fn is_directory_subtree(name: &[u8], base: &[u8]) -> bool {
    let (Ok(name), Ok(base)) = (single(name, tag::SEQUENCE), single(base, tag::SEQUENCE)) else {
        return false;
    };
    name.content.get(..base.content.len()).is_some_and(|head| head.eq_ignore_ascii_case(base.content))
}

/// An address, and a network as address and mask.
fn is_in_network(address: &[u8], base: &[u8]) -> bool {
    let Some((network, mask)) = base.split_at_checked(address.len()) else { return false };
    mask.len() == address.len()
        && address
            .iter()
            .zip(network)
            .zip(mask)
            .all(|((address, network), mask)| address & mask == network & mask)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dns_subtrees() {
        for (name, base, expected, why) in [
            ("example.com", "example.com", true, "the base itself"),
            ("MX.Example.com", "example.COM", true, "below it, case folded"),
            ("notexample.com", "example.com", false, "not at a label's edge"),
            ("example.com", "mx.example.com", false, "above the base"),
            ("anything.test", "", true, "the empty base is every name"),
            ("mx.example.com", ".example.com", true, "a leading dot: below"),
            ("example.com", ".example.com", false, "a leading dot: not the base"),
        ] {
            assert_eq!(is_dns_subtree(name.as_bytes(), base.as_bytes()), expected, "{why}: {name} {base}");
        }
    }

    #[test]
    fn an_excluded_name_is_not_smuggled_in_by_a_wildcard() {
        for (name, base, expected) in [
            ("*.example.com", "mx.example.com", true),
            ("*.example.com", ".mx.example.com", true),
            ("*.example.com", "a.mx.example.com", false),
            ("mx.example.com", "mx.example.com", false),
        ] {
            assert_eq!(wildcard_covers(name.as_bytes(), base.as_bytes()), expected, "{name} {base}");
        }
    }

    #[test]
    fn networks() {
        assert!(is_in_network(&[192, 0, 2, 7], &[192, 0, 2, 0, 255, 255, 255, 0]));
        assert!(!is_in_network(&[192, 0, 3, 7], &[192, 0, 2, 0, 255, 255, 255, 0]));
        assert!(!is_in_network(&[192, 0, 2, 7], &[0; 32]), "another family");
        assert!(!is_in_network(&[192, 0, 2, 7], &[192, 0, 2, 0, 255]), "a mask cut short");
    }

    #[test]
    fn directory_names_are_compared_from_the_front() {
        let rdn =
            |text: &str| [&[0x31, 2 + text.len() as u8, 0x0c, text.len() as u8], text.as_bytes()].concat();
        let name = |rdns: &[&str]| {
            let content = rdns.iter().flat_map(|text| rdn(text)).collect::<Vec<_>>();
            [&[tag::SEQUENCE, content.len() as u8], content.as_slice()].concat()
        };
        assert!(is_directory_subtree(&name(&["org", "unit"]), &name(&["ORG"])));
        assert!(is_directory_subtree(&name(&["org"]), &name(&[])));
        assert!(!is_directory_subtree(&name(&["org"]), &name(&["org", "unit"])));
        assert!(!is_directory_subtree(&name(&["other", "org"]), &name(&["org"])));
    }
}
