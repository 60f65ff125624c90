//! Placeholders in the texts of scenarios: `{word}` or `{word argument…}`, the word in lower case.

/// Replaces each placeholder by what `value` has for its word and arguments. A brace that no word follows, as in JSON, stays.
///
/// # Errors
/// What `value` says, with the placeholder.
pub(crate) fn expand(
    text: &str,
    value: impl Fn(&str, &[&str]) -> Result<String, String>,
) -> Result<String, String> {
    let mut expanded = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        expanded.push_str(before);
        match placeholder(after) {
            None => {
                expanded.push('{');
                rest = after;
            }
            Some((word, arguments, after)) => {
                let arguments: Vec<&str> = arguments.split_whitespace().collect();
                let of = |message| format!("{{{word} {}}}: {message}", arguments.join(" "));
                expanded.push_str(&value(word, &arguments).map_err(of)?);
                rest = after;
            }
        }
    }
    expanded.push_str(rest);
    Ok(expanded)
}

/// The word, the arguments, and what follows the closing brace.
fn placeholder(text: &str) -> Option<(&str, &str, &str)> {
    let (inside, after) = text.split_once('}')?;
    let (word, arguments) = inside.split_once(' ').unwrap_or((inside, ""));
    let is_word = !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase() || b == b'-');
    is_word.then_some((word, arguments, after))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_arguments_and_other_braces() {
        let value = |word: &str, arguments: &[&str]| match word {
            "domain" => Ok("a.lab".to_owned()),
            "tlsa" => Ok(arguments.join("-")),
            _ => Err("no such placeholder".to_owned()),
        };
        for (text, expected) in [
            ("mx.{domain}.", Ok("mx.a.lab.")),
            ("{tlsa mx1 3 1 1}", Ok("mx1-3-1-1")),
            ("[{mail: 'a@{domain}'}, { }, {}]", Ok("[{mail: 'a@a.lab'}, { }, {}]")),
            ("{domain", Ok("{domain")),
            ("{ipp mx1}", Err("{ipp mx1}: no such placeholder")),
        ] {
            assert_eq!(expand(text, value).as_deref().map_err(String::as_str), expected);
        }
    }
}
