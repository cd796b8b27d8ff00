//! Escaping, wrapping and numbers as a reader expects them.

/// Escapes text for HTML and SVG.
pub(super) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            // control characters are not allowed in XML, not even escaped
            c if c.is_control() && c != '\n' && c != '\t' => out.push(' '),
            c => out.push(c),
        }
    }
    out
}

/// A count with thousands separated by commas.
pub(super) fn count(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A whole number with sign and separated thousands.
pub(super) fn whole(n: i64) -> String {
    let sign = if n < 0 { "\u{2212}" } else { "" };
    format!("{sign}{}", count(n.unsigned_abs()))
}

/// A real number with `digits` decimals, a true minus sign and separated thousands.
pub(super) fn real(x: f64, digits: usize) -> String {
    if x.is_nan() {
        return "NaN".to_owned();
    }
    if x.is_infinite() {
        return if x > 0.0 { "\u{221e}" } else { "\u{2212}\u{221e}" }.to_owned();
    }
    let plain = format!("{:.*}", digits, x.abs());
    let negative = x < 0.0 && plain.chars().any(|c| ('1'..='9').contains(&c));
    let (head, tail) = plain.split_once('.').map_or((plain.as_str(), None), |(h, t)| (h, Some(t)));
    let head = head.parse::<u64>().map_or_else(|_| head.to_owned(), count);
    let sign = if negative { "\u{2212}" } else { "" };
    tail.map_or_else(|| format!("{sign}{head}"), |tail| format!("{sign}{head}.{tail}"))
}

/// Breaks text into lines of at most `width` characters, at spaces where there are any.
pub(super) fn wrap(text: &str, width: usize) -> Vec<String> {
    let width = width.max(4);
    let mut lines = Vec::new();
    let mut line = String::new();
    let mut used = 0;
    for word in text.split_whitespace() {
        let mut word = word;
        let mut len = word.chars().count();
        if used > 0 && used + 1 + len > width {
            lines.push(std::mem::take(&mut line));
            used = 0;
        }
        while len > width {
            let cut = word.char_indices().nth(width).map_or(word.len(), |(at, _)| at);
            lines.push(word[..cut].to_owned());
            word = &word[cut..];
            len = word.chars().count();
        }
        if used > 0 {
            line.push(' ');
            used += 1;
        }
        line.push_str(word);
        used += len;
    }
    if used > 0 || lines.is_empty() {
        lines.push(line);
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_as_in_print() {
        assert_eq!(count(1_234_567), "1,234,567");
        assert_eq!(count(7), "7");
        assert_eq!(whole(-12_000), "\u{2212}12,000");
        assert_eq!(real(-1234.5678, 2), "\u{2212}1,234.57");
        assert_eq!(real(-0.0001, 2), "0.00");
        assert_eq!(real(0.5, 0), "0");
        assert_eq!(real(f64::NAN, 2), "NaN");
    }

    #[test]
    fn wrapping_keeps_every_character_within_the_width() {
        for text in
            ["", "short", "a sentence of several words to break", "Verwerkingsinrichtingsnummer é"]
        {
            let lines = wrap(text, 10);
            assert!(lines.iter().all(|line| line.chars().count() <= 10), "{lines:?}");
            let letters = |s: &str| s.chars().filter(|c| !c.is_whitespace()).collect::<String>();
            assert_eq!(letters(&lines.concat()), letters(text));
        }
    }

    #[test]
    fn escaping_leaves_nothing_that_markup_understands() {
        assert_eq!(escape("a<b> & \"c\" 'd'\u{0}"), "a&lt;b&gt; &amp; &quot;c&quot; &#39;d&#39; ");
    }
}
