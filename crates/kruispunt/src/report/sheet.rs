//! A table of cells with heads, rules and a note, in the forms that papers and notebooks take.

use super::text::escape;
use std::fmt::Write as _;

/// One line: a label, one cell a column, and whether a rule stands above it.
#[derive(Clone, Debug)]
pub(super) struct Line {
    pub(super) label: String,
    pub(super) cells: Vec<String>,
    pub(super) rule: bool,
}

/// What a table holds, whatever form it takes.
#[derive(Clone, Debug)]
pub(super) struct Sheet {
    /// Lines of text over the columns.
    pub(super) heads: Vec<Vec<String>>,
    pub(super) lines: Vec<Line>,
    pub(super) note: String,
    pub(super) columns: usize,
}

impl Sheet {
    pub(super) fn text(&self) -> String {
        let length = |text: &String| text.chars().count();
        let first = self.lines.iter().map(|line| length(&line.label)).max().unwrap_or(0);
        let width = |at: usize| {
            let cells = self.lines.iter().map(|line| length(&line.cells[at]));
            cells.chain(self.heads.iter().map(|head| length(&head[at]))).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..self.columns).map(width).collect();
        let total = first + widths.iter().map(|width| width + 2).sum::<usize>();
        let row = |label: &str, cells: &[String]| {
            let mut out = format!("{label}{}", " ".repeat(first - label.chars().count()));
            for (cell, width) in cells.iter().zip(&widths) {
                let _ = write!(out, "  {}{cell}", " ".repeat(width - length(cell)));
            }
            out.truncate(out.trim_end().len());
            out.push('\n');
            out
        };
        let rule = "-".repeat(total) + "\n";
        let mut out: String = self.heads.iter().map(|head| row("", head)).collect();
        for line in &self.lines {
            if line.rule {
                out.push_str(&rule);
            }
            out.push_str(&row(&line.label, &line.cells));
        }
        out.push_str(&rule);
        if self.note.is_empty() { out } else { out + &self.note + "\n" }
    }

    pub(super) fn markdown(&self) -> String {
        let clean = |text: &str| text.replace('|', "\\|").replace('*', "\\*").replace('\n', "<br>");
        let row = |label: &str, cells: &[String]| {
            let cells: Vec<String> = cells.iter().map(|cell| clean(cell)).collect();
            format!("| {} | {} |\n", clean(label), cells.join(" | "))
        };
        let head = |at: usize| {
            let words = self.heads.iter().map(|head| head[at].as_str());
            words.filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
        };
        let mut out = row("", &(0..self.columns).map(head).collect::<Vec<_>>());
        out.push_str("|:--|");
        out.push_str(&"--:|".repeat(self.columns));
        out.push('\n');
        for line in &self.lines {
            out.push_str(&row(&line.label, &line.cells));
        }
        if self.note.is_empty() { out } else { out + "\n" + &clean(&self.note) + "\n" }
    }

    pub(super) fn html(&self) -> String {
        let row = |tag: &str, label: &str, cells: &[String], rule: bool| {
            let style = if rule { " style=\"border-top:1px solid\"" } else { "" };
            let mut out = format!("<tr{style}><th scope=\"row\" style=\"text-align:left\">");
            let _ = write!(out, "{}</th>", escape(label));
            for cell in cells {
                let _ = write!(out, "<{tag} class=\"n\" style=\"text-align:right\">");
                let _ = write!(out, "{}</{tag}>", escape(cell));
            }
            out + "</tr>"
        };
        let mut out = String::from("<table style=\"border-collapse:collapse\"><thead>");
        for head in &self.heads {
            out.push_str(&row("th", "", head, false));
        }
        out.push_str("</thead><tbody>");
        for line in &self.lines {
            out.push_str(&row("td", &line.label, &line.cells, line.rule));
        }
        out.push_str("</tbody></table>");
        if !self.note.is_empty() {
            let _ = write!(out, "<p class=\"note\">{}</p>", escape(&self.note));
        }
        out
    }

    pub(super) fn latex(&self) -> String {
        let row = |label: &str, cells: &[String]| {
            let cells: Vec<String> = cells.iter().map(|cell| latex_escape(cell)).collect();
            format!("{} & {} \\\\\n", latex_escape(label), cells.join(" & "))
        };
        let mut out = format!("\\begin{{tabular}}{{l{}}}\n\\toprule\n", "r".repeat(self.columns));
        for head in &self.heads {
            out.push_str(&row("", head));
        }
        for line in &self.lines {
            if line.rule {
                out.push_str("\\midrule\n");
            }
            out.push_str(&row(&line.label, &line.cells));
        }
        out.push_str("\\bottomrule\n");
        if !self.note.is_empty() {
            let _ = writeln!(
                out,
                "\\multicolumn{{{}}}{{l}}{{\\footnotesize {}}}",
                self.columns + 1,
                latex_escape(&self.note)
            );
        }
        out + "\\end{tabular}\n"
    }
}

fn latex_escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' | '%' | '$' | '#' | '_' | '{' | '}' => {
                out.push('\\');
                out.push(c);
            }
            '\\' => out.push_str("\\textbackslash{}"),
            '~' => out.push_str("\\textasciitilde{}"),
            '^' => out.push_str("\\textasciicircum{}"),
            '<' => out.push_str("$<$"),
            '>' => out.push_str("$>$"),
            '²' => out.push_str("$^2$"),
            c => out.push(c),
        }
    }
    out
}
