//! Regression tables.

use super::text::{count, escape};
use crate::data::Fit;
use std::fmt::Write as _;

/// Several fits side by side: coefficients over their standard errors, effects, observations, fit.
///
/// | builder | meaning | default |
/// |---|---|---|
/// | [`labels`](Self::labels) | text for names of coefficients, outcomes and effects | the names |
/// | [`heads`](Self::heads) | text over each fit | (1), (2), ... |
/// | [`keep`](Self::keep) | the coefficients to show, in this order | all |
/// | [`digits`](Self::digits) | decimals | 3 |
/// | [`stars`](Self::stars) | p values below which stars are added | 0.05, 0.01, 0.001, as pyfixest |
///
/// ```
/// use kruispunt::data::{Column, Table};
/// use kruispunt::estimate::FeOls;
/// use kruispunt::report::RegressionTable;
/// let panel = Table::new([
///     ("person", Column::int(vec![7, 7, 9, 9])),
///     ("trained", Column::int(vec![0, 1, 0, 1])),
///     ("wage", Column::float(vec![10.0, 12.0, 20.0, 24.0])),
/// ])?;
/// let fit = FeOls::new("wage ~ trained | person")?.fit(&panel)?;
/// let table = RegressionTable::new(&[&fit]).labels(&[("trained", "Trained")]).text();
/// assert!(table.contains("Trained"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct RegressionTable<'a> {
    fits: Vec<&'a Fit>,
    labels: Vec<(String, String)>,
    heads: Vec<String>,
    keep: Vec<String>,
    digits: usize,
    stars: Vec<f64>,
}

/// One line: a label, one cell a fit, and whether a rule stands above it.
struct Line {
    label: String,
    cells: Vec<String>,
    rule: bool,
}

impl<'a> RegressionTable<'a> {
    /// A table of fits.
    pub fn new(fits: &[&'a Fit]) -> Self {
        Self {
            fits: fits.to_vec(),
            labels: Vec::new(),
            heads: Vec::new(),
            keep: Vec::new(),
            digits: 3,
            stars: vec![0.05, 0.01, 0.001],
        }
    }

    /// Text to show for names of coefficients, outcomes and effects; parts of interactions are
    /// replaced one by one.
    pub fn labels(mut self, labels: &[(&str, &str)]) -> Self {
        let own = |(name, label): &(&str, &str)| ((*name).to_owned(), (*label).to_owned());
        self.labels = labels.iter().map(own).collect();
        self
    }

    /// Text over each fit.
    pub fn heads(mut self, heads: &[&str]) -> Self {
        self.heads = heads.iter().map(|head| (*head).to_owned()).collect();
        self
    }

    /// The coefficients to show, in this order; none for all.
    pub fn keep(mut self, names: &[&str]) -> Self {
        self.keep = names.iter().map(|name| (*name).to_owned()).collect();
        self
    }

    /// Decimals.
    pub fn digits(mut self, digits: usize) -> Self {
        self.digits = digits.min(15);
        self
    }

    /// The p values below which one star more is added; none for no stars.
    pub fn stars(mut self, below: &[f64]) -> Self {
        self.stars = below.to_vec();
        self.stars.sort_by(|a, b| b.total_cmp(a));
        self
    }

    fn label(&self, name: &str) -> String {
        let find = |name: &str| self.labels.iter().find(|(own, _)| own == name);
        if let Some((_, label)) = find(name) {
            return label.clone();
        }
        let mut parts = vec![String::new()];
        let mut rest = name.chars().peekable();
        while let Some(c) = rest.next() {
            if c == ':'
                && rest.peek() != Some(&':')
                && !parts.last().is_some_and(|p| p.ends_with(':'))
            {
                parts.push(String::new());
            } else if let Some(part) = parts.last_mut() {
                part.push(c);
            }
        }
        let part = |part: &String| find(part).map_or_else(|| part.clone(), |(_, l)| l.clone());
        parts.iter().map(part).collect::<Vec<_>>().join(":")
    }

    fn number(&self, value: f64) -> String {
        if value.is_nan() {
            return String::new();
        }
        format!("{:.*}", self.digits, value)
    }

    fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        for name in self.fits.iter().flat_map(|fit| fit.names()) {
            if !names.contains(name) {
                names.push(name.clone());
            }
        }
        // the intercept last, as readers expect it
        let (mut intercept, mut others): (Vec<_>, Vec<_>) =
            names.into_iter().partition(|name| name == "Intercept");
        others.append(&mut intercept);
        if self.keep.is_empty() {
            return others;
        }
        self.keep.iter().filter(|name| others.contains(name)).cloned().collect()
    }

    fn coefficient(&self, fit: &Fit, name: &str) -> (String, String) {
        let Some(at) = fit.names().iter().position(|own| own == name) else {
            return (String::new(), String::new());
        };
        let p = fit.p_values()[at];
        let stars = "*".repeat(self.stars.iter().filter(|&&below| p < below).count());
        let estimate = format!("{}{stars}", self.number(fit.coef()[at]));
        (estimate, format!("({})", self.number(fit.std_errors()[at])))
    }

    fn lines(&self) -> Vec<Line> {
        let mut lines = Vec::new();
        let mut push = |label: String, cells: Vec<String>, rule: bool| {
            lines.push(Line { label, cells, rule });
        };
        for (at, name) in self.names().iter().enumerate() {
            let (top, below) = self.fits.iter().map(|fit| self.coefficient(fit, name)).unzip();
            push(self.label(name), top, at == 0);
            push(String::new(), below, false);
        }
        let mut effects: Vec<&str> = Vec::new();
        for effect in self.fits.iter().flat_map(|fit| fit.effects()) {
            if !effects.contains(&effect.name.as_str()) {
                effects.push(&effect.name);
            }
        }
        for (at, name) in effects.iter().enumerate() {
            let has = |fit: &&Fit| {
                if fit.effects().iter().any(|own| own.name == *name) { "x" } else { "-" }.to_owned()
            };
            push(
                format!("{} effects", self.label(name)),
                self.fits.iter().map(has).collect(),
                at == 0,
            );
        }
        let each = |f: &dyn Fn(&Fit) -> String| self.fits.iter().map(|fit| f(fit)).collect();
        push("Observations".to_owned(), each(&|fit| count(fit.n_obs() as u64)), true);
        push("R²".to_owned(), each(&|fit| self.number(fit.goodness().r2)), false);
        if !effects.is_empty() {
            push("R² within".to_owned(), each(&|fit| self.number(fit.goodness().within_r2)), false);
        }
        push("Std. errors".to_owned(), each(&|fit| fit.vcov_text().to_owned()), false);
        lines
    }

    fn head(&self) -> (Vec<String>, Vec<String>) {
        let outcomes = self.fits.iter().map(|fit| self.label(fit.outcome())).collect();
        let head =
            |at: usize| self.heads.get(at).cloned().unwrap_or_else(|| format!("({})", at + 1));
        (outcomes, (0..self.fits.len()).map(head).collect())
    }

    /// What the stars mean.
    fn note(&self) -> String {
        let mark = |(at, below): (usize, &f64)| format!("{} p < {below}", "*".repeat(at + 1));
        let stars = self.stars.iter().enumerate().map(mark).collect::<Vec<_>>().join(", ");
        let note = "Standard errors in parentheses.";
        if stars.is_empty() { note.to_owned() } else { format!("{note} {stars}.") }
    }

    /// As plain text.
    #[must_use]
    pub fn text(&self) -> String {
        let (outcomes, heads) = self.head();
        let lines = self.lines();
        let length = |text: &String| text.chars().count();
        let first = lines.iter().map(|line| length(&line.label)).max().unwrap_or(0);
        let width = |at: usize| {
            let cells = lines.iter().map(|line| length(&line.cells[at]));
            cells.chain([length(&outcomes[at]), length(&heads[at])]).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..self.fits.len()).map(width).collect();
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
        let mut out = row("", &outcomes) + &row("", &heads);
        for line in &lines {
            if line.rule {
                out.push_str(&"-".repeat(total));
                out.push('\n');
            }
            out.push_str(&row(&line.label, &line.cells));
        }
        out.push_str(&"-".repeat(total));
        out.push('\n');
        out + &self.note() + "\n"
    }

    /// As a Markdown table.
    #[must_use]
    pub fn markdown(&self) -> String {
        let (outcomes, heads) = self.head();
        let clean = |text: &str| text.replace('|', "\\|").replace('*', "\\*");
        let row = |label: &str, cells: &[String]| {
            let cells: Vec<String> = cells.iter().map(|cell| clean(cell)).collect();
            format!("| {} | {} |\n", clean(label), cells.join(" | "))
        };
        let both: Vec<String> = outcomes
            .iter()
            .zip(&heads)
            .map(|(outcome, head)| format!("{outcome} {head}"))
            .collect();
        let mut out = row("", &both);
        out.push_str("|:--|");
        out.push_str(&"--:|".repeat(self.fits.len()));
        out.push('\n');
        for line in self.lines() {
            out.push_str(&row(&line.label, &line.cells));
        }
        out + "\n" + &clean(&self.note()) + "\n"
    }

    /// As an HTML table, with nothing that needs a network.
    #[must_use]
    pub fn html(&self) -> String {
        let (outcomes, heads) = self.head();
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
        out.push_str(&row("th", "", &outcomes, false));
        out.push_str(&row("th", "", &heads, false));
        out.push_str("</thead><tbody>");
        for line in self.lines() {
            out.push_str(&row("td", &line.label, &line.cells, line.rule));
        }
        let _ = write!(out, "</tbody></table><p class=\"note\">{}</p>", escape(&self.note()));
        out
    }

    /// As a LaTeX `tabular` with the rules of `booktabs`.
    #[must_use]
    pub fn latex(&self) -> String {
        let (outcomes, heads) = self.head();
        let row = |label: &str, cells: &[String]| {
            let cells: Vec<String> = cells.iter().map(|cell| latex_escape(cell)).collect();
            format!("{} & {} \\\\\n", latex_escape(label), cells.join(" & "))
        };
        let mut out =
            format!("\\begin{{tabular}}{{l{}}}\n\\toprule\n", "r".repeat(self.fits.len()));
        out.push_str(&row("", &outcomes));
        out.push_str(&row("", &heads));
        for line in self.lines() {
            if line.rule {
                out.push_str("\\midrule\n");
            }
            out.push_str(&row(&line.label, &line.cells));
        }
        let _ = write!(
            out,
            "\\bottomrule\n\\multicolumn{{{}}}{{l}}{{\\footnotesize {}}}\n\\end{{tabular}}\n",
            self.fits.len() + 1,
            latex_escape(&self.note())
        );
        out
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{Column, Table};
    use crate::estimate::{FeOls, Vcov};

    fn fits() -> (Fit, Fit) {
        let n = 60;
        let panel = Table::new([
            ("person", Column::int((0..n).map(|row| row / 6).collect())),
            ("quarter", Column::int((0..n).map(|row| row % 6).collect())),
            ("trained_now", Column::int((0..n).map(|row| (row * row / 7) % 2).collect())),
            ("age", Column::float((0..n).map(|row| f64::from((row * 13 % 31) as i32)).collect())),
            ("wage", Column::float((0..n).map(|row| f64::from((row * 29 % 53) as i32)).collect())),
        ])
        .unwrap();
        let fit = |formula: &str| {
            FeOls::new(formula).unwrap().vcov(Vcov::cluster("person")).fit(&panel).unwrap()
        };
        (fit("wage ~ trained_now + age"), fit("wage ~ trained_now*age | person + quarter"))
    }

    #[test]
    fn every_form_shows_the_same_cells() {
        let (one, two) = fits();
        let table = RegressionTable::new(&[&one, &two]).labels(&[("trained_now", "Trained")]);
        let number = format!("{:.3}", two.coef()[2]);
        for form in [table.text(), table.markdown(), table.html(), table.latex()] {
            for cell in ["Trained:age", "Intercept", &number, "60", "person", "CRV1 by person"] {
                assert!(form.contains(cell), "{cell} is not in\n{form}");
            }
            assert!(!form.contains("trained_now"));
        }
        let text = table.text();
        let widest = text
            .lines()
            .take_while(|line| !line.starts_with("Standard"))
            .map(|line| line.chars().count());
        assert_eq!(widest.max(), text.lines().find(|line| line.starts_with("---")).map(str::len));
        assert!(table.latex().matches("\\midrule").count() == 3);
    }

    #[test]
    fn stars_can_be_left_out_and_markup_is_escaped() {
        let (one, _) = fits();
        let table = RegressionTable::new(&[&one]).stars(&[]).keep(&["age"]).heads(&["<b>&_"]);
        assert!(!table.text().contains('*'));
        assert!(table.html().contains("&lt;b&gt;&amp;_"));
        assert!(table.latex().contains("$<$b$>$\\&\\_"));
        assert!(!table.text().contains("trained_now"));
        assert!(RegressionTable::new(&[]).text().contains("Observations"));
    }
}
