//! Names as people read them.

use std::fmt;

use hickory_proto::rr::Name;

/// Shows a name in A-labels, without its final dot; the root stays `.`.
///
/// `Display` of the name itself would turn `xn--` labels into Unicode, and let control characters that a zone
/// hides in them through; the ASCII form escapes those.
pub(crate) struct Shown<'a>(pub(crate) &'a Name);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut name = self.0.clone();
        // A relative name is written without the dot; taking it off the text could hit an escaped one.
        name.set_fqdn(name.iter().len() == 0);
        f.write_str(&name.to_ascii())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        let labels = |labels: &[&[u8]]| Name::from_labels(labels.iter().copied()).unwrap();
        for (name, shown, why) in [
            (Name::root(), ".", "the root is its dot"),
            (Name::new(), ".", "also when it was built as relative"),
            (labels(&[b"_25", b"_tcp", b"Mail", b"example"]), "_25._tcp.Mail.example", "case is kept"),
            (Name::from_ascii("mail.example").unwrap(), "mail.example", "a relative name"),
            (labels(&[b"*", b"example"]), "*.example", "a wildcard"),
            (labels(&[b"example."]), "example\\.", "a dot within the last label stays"),
            (labels(&[b"xn--mnchen-3ya", b"example"]), "xn--mnchen-3ya.example", "A-labels stay"),
            (
                labels(&[b"xn--m\x1bnchen-3ya", b"x\ny"]),
                "xn--m\\033nchen-3ya.x\\012y",
                "nothing for a terminal",
            ),
        ] {
            assert_eq!(Shown(&name).to_string(), shown, "{why}");
        }
    }
}
