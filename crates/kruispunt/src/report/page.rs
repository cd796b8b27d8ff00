//! One self-contained page.

use super::text::escape;
use super::{Flow, HtmlTable, ReportError};
use crate::data::Account;
use std::fmt::Write as _;

/// A report in one HTML file that opens without network and runs no code.
///
/// ```
/// use kruispunt::report::Page;
/// let html = Page::new("From registers to an effect")
///     .lead("Synthetic registers; no person in it exists.")
///     .section("Sample")
///     .paragraph("48 quarters, 2005Q1 to 2016Q4.")
///     .html();
/// assert!(html.starts_with("<!doctype html>") && html.contains("48 quarters"));
/// ```
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct Page {
    title: String,
    language: &'static str,
    body: String,
    contents: Vec<String>,
}

const STYLE: &str = include_str!("page.css");

impl Page {
    /// An empty page.
    pub fn new(title: impl Into<String>) -> Self {
        Self { title: title.into(), language: "en", ..Self::default() }
    }

    /// A paragraph under the title that says what the page is about.
    pub fn lead(mut self, text: &str) -> Self {
        let _ = write!(self.body, "<p class=\"lead\">{}</p>", escape(text));
        self
    }

    /// Starts a section; sections are numbered and listed at the top.
    pub fn section(mut self, heading: &str) -> Self {
        self.contents.push(heading.to_owned());
        let n = self.contents.len();
        let _ = write!(self.body, "<h2 id=\"s{n}\">{n}. {}</h2>", escape(heading));
        self
    }

    /// A paragraph.
    pub fn paragraph(mut self, text: &str) -> Self {
        let _ = write!(self.body, "<p>{}</p>", escape(text));
        self
    }

    /// A remark set apart: what a number means, what it must not be read as.
    pub fn remark(mut self, text: &str) -> Self {
        let _ = write!(self.body, "<p class=\"remark\">{}</p>", escape(text));
        self
    }

    /// A table.
    pub fn table(mut self, table: &HtmlTable<'_>) -> Self {
        let _ = write!(self.body, "<div class=\"wide\">{}</div>", table.html());
        self
    }

    /// The flow diagram of an account.
    pub fn flow(mut self, account: &Account, caption: &str) -> Self {
        let _ = write!(
            self.body,
            "<figure>{}<figcaption>{}</figcaption></figure>",
            Flow::new(account).svg(),
            escape(caption)
        );
        self
    }

    /// A drawing in SVG, with the caption that explains it.
    ///
    /// # Errors
    ///
    /// [`ReportError::NotSvg`] when `svg` holds no drawing, [`ReportError::NotSelfContained`] when
    /// it would run code or fetch something.
    pub fn figure(mut self, svg: &str, caption: &str) -> Result<Self, ReportError> {
        let drawing = drawing(svg, caption)?;
        let _ = write!(
            self.body,
            "<figure>{drawing}<figcaption>{}</figcaption></figure>",
            escape(caption)
        );
        Ok(self)
    }

    /// A ready-made fragment, for example the HTML of a regression table.
    ///
    /// # Errors
    ///
    /// [`ReportError::NotSelfContained`] when it would run code or fetch something.
    pub fn fragment(mut self, html: &str, caption: &str) -> Result<Self, ReportError> {
        check(html, caption)?;
        let _ = write!(self.body, "<div class=\"wide\">{html}</div>");
        if !caption.is_empty() {
            let _ = write!(self.body, "<p class=\"note\">{}</p>", escape(caption));
        }
        Ok(self)
    }

    /// The page.
    #[must_use]
    pub fn html(&self) -> String {
        let title = escape(&self.title);
        let mut contents = String::new();
        for (at, heading) in self.contents.iter().enumerate() {
            let _ = write!(contents, "<li><a href=\"#s{}\">{}</a></li>", at + 1, escape(heading));
        }
        if !contents.is_empty() {
            contents = format!("<nav><ol>{contents}</ol></nav>");
        }
        let (lead, rest) = match self.body.strip_prefix("<p class=\"lead\">") {
            Some(tail) => tail.split_once("</p>").map_or(("", tail), |(lead, rest)| (lead, rest)),
            None => ("", self.body.as_str()),
        };
        let lead =
            if lead.is_empty() { String::new() } else { format!("<p class=\"lead\">{lead}</p>") };
        format!(
            concat!(
                "<!doctype html><html lang=\"{}\"><head><meta charset=\"utf-8\">",
                "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">",
                "<title>{}</title><style>{}</style></head><body><main><h1>{}</h1>{}{}{}</main></body></html>\n"
            ),
            self.language, title, STYLE, title, lead, contents, rest
        )
    }
}

/// The `<svg>` element alone, with what it might share with other drawings renamed.
fn drawing(svg: &str, caption: &str) -> Result<String, ReportError> {
    let not_svg = || ReportError::NotSvg { caption: caption.to_owned() };
    let start = svg.find("<svg").ok_or_else(not_svg)?;
    let end = svg.rfind("</svg>").ok_or_else(not_svg)? + "</svg>".len();
    let inner = svg.get(start..end).ok_or_else(not_svg)?;
    check(inner, caption)?;
    Ok(inner.to_owned())
}

fn check(markup: &str, caption: &str) -> Result<(), ReportError> {
    let compact: String =
        markup.chars().filter(|c| !c.is_whitespace()).collect::<String>().to_ascii_lowercase();
    let forbidden = [
        ("<script", "a script"),
        ("javascript:", "a script"),
        ("<iframe", "a frame"),
        ("<object", "an embedded object"),
        ("<embed", "an embedded object"),
        ("<link", "a link to a style sheet"),
        ("@import", "an imported style sheet"),
        ("src=\"http", "something from another address"),
        ("src='http", "something from another address"),
        ("href=\"http", "something from another address"),
        ("href='http", "something from another address"),
        ("href=\"//", "something from another address"),
        ("src=\"//", "something from another address"),
        ("url(http", "something from another address"),
        ("url(\"http", "something from another address"),
        ("url('http", "something from another address"),
        ("onload=", "a script"),
        ("onerror=", "a script"),
        ("onclick=", "a script"),
    ];
    match forbidden.iter().find(|(mark, _)| compact.contains(mark)) {
        Some((_, found)) => {
            Err(ReportError::NotSelfContained { caption: caption.to_owned(), found })
        }
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_fetches_nothing_and_runs_nothing() {
        let page = Page::new("a & b").lead("<lead>").section("One <two>").paragraph("x < y");
        let page = page
            .figure("<?xml version=\"1.0\"?><svg xmlns=\"http://www.w3.org/2000/svg\"></svg>", "c")
            .unwrap();
        let html = page.html();
        assert!(check(&html, "page").is_ok());
        assert!(
            html.contains("&lt;lead&gt;")
                && html.contains("x &lt; y")
                && html.contains("a &amp; b")
        );
        assert!(html.contains("href=\"#s1\""));
    }

    #[test]
    fn scripts_and_addresses_are_refused_by_name() {
        let page = || Page::new("t");
        assert_eq!(
            page().figure("<svg><script>1</script></svg>", "f").unwrap_err().to_string(),
            "\"f\" holds a script; a report opens without network and runs no code"
        );
        assert!(page().figure("<svg><image href=\"https://a\"/></svg>", "f").is_err());
        assert!(page().figure("<svg ONLOAD = \"x\"></svg>", "f").is_err());
        assert!(page().figure("not a drawing", "f").is_err());
        assert!(page().fragment("<link rel=stylesheet>", "f").is_err());
        assert!(page().fragment("<table></table>", "f").is_ok());
    }
}
