use crate::budget::{Budget, TooMuch};
use crate::chain::ChainCertificate;
use crate::der::{DerError, Reader, Value, single, tag};
use crate::error::Work;
use crate::general_name::GeneralName;
use crate::name::Name;

/// Which names a CA may certify (RFC 5280 §4.2.1.10).
#[derive(Debug)]
pub(crate) struct NameConstraints<'a> {
    permitted: Vec<GeneralName<'a>>,
    excluded: Vec<GeneralName<'a>>,
}

impl<'a> NameConstraints<'a> {
    pub(crate) fn parse(value: &'a [u8]) -> Result<Self, DerError> {
        let mut fields = Reader::new(single(value, tag::SEQUENCE)?.content);
        let permitted = subtrees(fields.optional(tag::context_constructed(0))?)?;
        let excluded = subtrees(fields.optional(tag::context_constructed(1))?)?;
        fields.end()?;
        Ok(Self { permitted, excluded })
    }

    /// Of the subject and the alternative names of a certificate below, the first that is not within the constraints.
    pub(crate) fn first_outside(
        &self,
        certificate: &ChainCertificate<'_>,
        budget: &mut Budget,
    ) -> Result<Option<String>, TooMuch> {
        let subject = &certificate.fields.subject;
        if !subject.is_empty() && !self.allow(|base| directory_relation(subject, base), budget)? {
            return Ok(Some(format!("directory {subject}")));
        }
        for name in certificate.extensions.alternative_names.iter().flatten() {
            if !self.allow(|base| relation(name, base), budget)? {
                return Ok(Some(name.to_string()));
            }
        }
        Ok(None)
    }

    fn allow(
        &self,
        relation: impl Fn(&GeneralName<'_>) -> Option<Relation>,
        budget: &mut Budget,
    ) -> Result<bool, TooMuch> {
        // Bases of other forms cost a look, too.
        budget.spend_many(Work::NameComparisons, 1 + self.permitted.len() + self.excluded.len())?;
        let mut permitted = None;
        for relation in self.permitted.iter().filter_map(&relation) {
            permitted = Some(permitted == Some(true) || relation == Relation::Within);
        }
        let excluded =
            self.excluded.iter().filter_map(&relation).any(|relation| relation != Relation::Outside);
        // A form of name of which no subtree is permitted is not constrained.
        Ok(permitted != Some(false) && !excluded)
    }
}

/// How a name stands to a subtree of its form.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Relation {
    Within,
    Outside,
    /// In part within, or not understood: it cannot be permitted by the subtree, and is excluded by it.
    Unclear,
}

impl Relation {
    fn new(is_within: bool) -> Self {
        if is_within { Self::Within } else { Self::Outside }
    }
}

fn subtrees(field: Option<Value<'_>>) -> Result<Vec<GeneralName<'_>>, DerError> {
    let Some(field) = field else { return Ok(Vec::new()) };
    let mut list = Reader::new(field.content);
    let mut bases = Vec::new();
    while !list.is_at_end() {
        let mut subtree = Reader::new(list.expect(tag::SEQUENCE)?.content);
        bases.push(GeneralName::new(subtree.any()?)?);
        // §4.2.1.10: minimum is 0, and there is no maximum. An encoded default is no DER, but easily read.
        match subtree.optional(tag::context(0))? {
            None | Some(Value { content: [0], .. }) => subtree.end()?,
            Some(_) => return Err(DerError),
        }
    }
    Ok(bases)
}

/// `None` where the two are of different forms.
fn relation(name: &GeneralName<'_>, base: &GeneralName<'_>) -> Option<Relation> {
    match (name, base) {
        (GeneralName::Dns(name), GeneralName::Dns(base)) if wildcard_covers(name, base) => {
            Some(Relation::Unclear)
        }
        (GeneralName::Dns(name), GeneralName::Dns(base)) => Some(Relation::new(is_dns_subtree(name, base))),
        (GeneralName::Directory(name), _) => directory_relation(name, base),
        (GeneralName::Ip(address), GeneralName::Ip(base)) => {
            Some(Relation::new(is_in_network(address, base)))
        }
        (GeneralName::Other(name), GeneralName::Other(base)) if name.tag == base.tag => {
            Some(Relation::Unclear)
        }
        (GeneralName::Dns(_) | GeneralName::Ip(_) | GeneralName::Other(_), _) => None,
    }
}

fn directory_relation(name: &Name<'_>, base: &GeneralName<'_>) -> Option<Relation> {
    match base {
        GeneralName::Directory(base) => Some(match name.is_below(base) {
            Ok(is_below) => Relation::new(is_below),
            Err(DerError) => Relation::Unclear,
        }),
        GeneralName::Dns(_) | GeneralName::Ip(_) | GeneralName::Other(_) => None,
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
    fn subtrees_are_read_with_their_defaults_alone() {
        let permitted = |subtree: &[u8]| {
            let list = [&[0x30, subtree.len() as u8], subtree].concat();
            let field = [&[0xa0, list.len() as u8], &*list].concat();
            NameConstraints::parse(&[&[0x30, field.len() as u8], &*field].concat())
                .map(|read| read.permitted.len())
        };
        for (subtree, expected, why) in [
            (&b"\x82\x02mx"[..], Ok(1), "no minimum"),
            (b"\x82\x02mx\x80\x01\x00", Ok(1), "the default, encoded"),
            (b"\x82\x02mx\x80\x01\x01", Err(DerError), "another minimum"),
            (b"\x82\x02mx\x81\x01\x00", Err(DerError), "a maximum"),
            (b"\xa2\x02mx", Err(DerError), "a form that there is not"),
        ] {
            assert_eq!(permitted(subtree), expected, "{why}");
        }
    }

    #[test]
    fn networks() {
        assert!(is_in_network(&[192, 0, 2, 7], &[192, 0, 2, 0, 255, 255, 255, 0]));
        assert!(!is_in_network(&[192, 0, 3, 7], &[192, 0, 2, 0, 255, 255, 255, 0]));
        assert!(!is_in_network(&[192, 0, 2, 7], &[0; 32]), "another family");
        assert!(!is_in_network(&[192, 0, 2, 7], &[192, 0, 2, 0, 255]), "a mask cut short");
    }
}
