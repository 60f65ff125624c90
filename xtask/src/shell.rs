//! Command lines as one would type them.

/// Words with spaces between them, those quoted that need it.
pub(crate) fn line<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    let words: Vec<_> = words
        .into_iter()
        .map(
            |word| {
                if word.is_empty() || !word.chars().all(is_plain) { quoted(word) } else { word.to_owned() }
            },
        )
        .collect();
    words.join(" ")
}

/// One word for a shell, whatever is in it.
pub(crate) fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}

fn is_plain(c: char) -> bool {
    c.is_ascii_alphanumeric() || "-_./:=@,+%".contains(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted_where_they_must() {
        assert_eq!(line(["check", "--port", "25", "mx.lab"]), "check --port 25 mx.lab");
        assert_eq!(line(["[127.0.0.1]", "", "it's"]), r"'[127.0.0.1]' '' 'it'\''s'");
    }
}
