/// The names of which a server's certificate must carry one, where names count (RFC 7672 §3.2.2).
///
/// The first is the primary one: the TLSA base domain. The others are the next-hop domain and its expanded form, where
/// the MX RRset was secure. Names are A-labels; a trailing dot and the case of ASCII letters are dropped.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ReferenceIds(Vec<String>);

impl ReferenceIds {
    /// Names of which `primary` is the only one so far.
    pub fn new(primary: &str) -> Self {
        Self(vec![normalize(primary)])
    }

    /// The same names and one more, unless it is among them.
    #[must_use]
    pub fn and(mut self, name: &str) -> Self {
        let name = normalize(name);
        if !self.0.contains(&name) {
            self.0.push(name);
        }
        self
    }

    /// The first name, which is also the one for SNI (RFC 7672 §8.1).
    pub fn primary(&self) -> &str {
        self.0.first().map_or("", String::as_str)
    }

    /// All names, the primary one first.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// Whether a certificate with this DNS-ID is for one of the names.
    ///
    /// A wildcard is a whole first label and stands for exactly one label (RFC 7672 §3.2.3).
    pub(crate) fn accept(&self, dns_id: &[u8]) -> bool {
        self.iter().map(str::as_bytes).any(|name| match dns_id.strip_prefix(b"*.") {
            Some(parent) => match name.iter().position(|&b| b == b'.') {
                Some(dot) => {
                    dot > 0 && name.get(dot + 1..).is_some_and(|rest| rest.eq_ignore_ascii_case(parent))
                }
                None => false,
            },
            None => !name.is_empty() && name.eq_ignore_ascii_case(dns_id),
        })
    }
}

/// Lower case, without the final dot.
pub(crate) fn normalize(name: &str) -> String {
    match name.strip_suffix('.') {
        Some(relative) => relative.to_ascii_lowercase(),
        None => name.to_ascii_lowercase(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn d72_68_d72_69_wildcards() {
        for (dns_id, name, expected, why) in [
            ("mx1.example.com", "mx1.example.com", true, "the name itself"),
            ("MX1.Example.COM", "mx1.example.com", true, "case does not count"),
            ("mx1.example.com", "MX1.example.com.", true, "nor does the dot at the end of the reference"),
            ("*.example.com", "mx1.example.com", true, "one label"),
            ("*.EXAMPLE.com", "mx1.example.com", true, "one label, whatever the case"),
            ("*.example.com", "a.b.example.com", false, "two labels"),
            ("*.example.com", "example.com", false, "no label"),
            ("*.example.com", ".example.com", false, "an empty label"),
            ("smtp*.example.com", "smtp1.example.com", false, "part of a label"),
            ("*smtp.example.com", "asmtp.example.com", false, "part of a label"),
            ("mx.*.com", "mx.example.com", false, "not the first label"),
            ("*", "com", false, "nothing but a wildcard"),
            ("*.*.com", "a.b.com", false, "two wildcards"),
            ("example.com", "mx1.example.com", false, "a parent"),
            ("mx1.example.com\0.evil.example", "mx1.example.com", false, "NUL is a character like any other"),
            ("", "", false, "the empty name is nobody's"),
        ] {
            assert_eq!(ReferenceIds::new(name).accept(dns_id.as_bytes()), expected, "{why}: {dns_id} {name}");
        }
    }

    #[test]
    fn names_are_kept_once_and_in_order() {
        let names =
            ReferenceIds::new("MX.example.com.").and("example.com").and("mx.example.com").and("example.net");
        assert_eq!(names.primary(), "mx.example.com");
        assert_eq!(names.iter().collect::<Vec<_>>(), ["mx.example.com", "example.com", "example.net"]);
        assert!(names.accept(b"example.net"));
    }
}
