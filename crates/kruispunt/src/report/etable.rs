//! Regression tables.

use super::ReportError;
use super::cell::{CellFormat, Digits, Piece, Statistic};
use super::sheet::{Line, Sheet};
use super::text::count;
use crate::data::Fit;

/// What cells show unless told otherwise: the estimate with stars over its standard error.
pub(super) const CELL: &str = "b*\n(se)";

/// What stands over the columns, from the top.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TableHead {
    /// The outcome, then the head of each fit (its number if it has none).
    #[default]
    OutcomeFirst,
    /// The head of each fit, then the outcome.
    HeadFirst,
    /// The outcome, then the number of each fit.
    Outcome,
    /// The head of each fit.
    Head,
    /// The number of each fit.
    Number,
}

/// What a caller has to say of a coefficient.
#[derive(Clone, Debug, PartialEq)]
pub enum OwnCell {
    /// A number, written with the table's decimals unless its format says how.
    Number(f64),
    /// Text, as it is.
    Text(String),
}

/// A statistic of the caller's: fit by fit, one cell a coefficient in the order of
/// [`Fit::names`](crate::data::Fit::names).
#[derive(Clone, Debug, PartialEq)]
pub struct Own {
    /// Its name in the format.
    pub name: String,
    /// The cells.
    pub cells: Vec<Vec<OwnCell>>,
}

/// Several fits side by side: coefficients over their standard errors, effects, observations, fit.
///
/// | builder | meaning | default |
/// |---|---|---|
/// | [`labels`](Self::labels) | text for names of coefficients, outcomes and effects | the names |
/// | [`category`](Self::category) | how a level of a category is named | as the coefficient |
/// | [`heads`](Self::heads) | text over each fit | (1), (2), ... |
/// | [`head_order`](Self::head_order) | what stands over the columns | outcome, then head |
/// | [`keep`](Self::keep) | the coefficients to show, in this order | all |
/// | [`cells`](Self::cells) | what a cell shows | `b*\n(se)` |
/// | [`digits`](Self::digits) | decimals | 3 |
/// | [`stars`](Self::stars) | p values below which stars are added | 0.05, 0.01, 0.001, as pyfixest |
/// | [`effects`](Self::effects) | whether effects are listed, and with which marks | `x`, `-` |
/// | [`effect_labels`](Self::effect_labels) | text for names of effects | "name effects" |
/// | [`below`](Self::below) | a line of the caller's under the table | none |
/// | [`note`](Self::note) | the text under the table | what is in brackets, what stars mean |
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
/// let table = RegressionTable::new(&[&fit]).labels(&[("trained", "Trained")]);
/// assert!(table.text().contains("Trained"));
/// let table = table.cells("b:.1f [ci95l:.1f; ci95u:.1f]", &[])?;
/// assert!(table.text().contains("3.0 ["));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct RegressionTable<'a> {
    fits: Vec<&'a Fit>,
    labels: Vec<(String, String)>,
    category: Option<String>,
    heads: Vec<String>,
    head_order: TableHead,
    keep: Vec<String>,
    cells: Vec<Vec<Piece>>,
    own: Vec<Own>,
    note: Option<String>,
    /// What cells hold, in words, and whether they have stars.
    said: (String, bool),
    digits: usize,
    stars: Vec<f64>,
    marks: Option<(String, String)>,
    effect_labels: Vec<(String, String)>,
    below: Vec<(String, Vec<String>)>,
}

/// The statistics of a fit's coefficients.
struct Statistics {
    b: Vec<f64>,
    se: Vec<f64>,
    t: Vec<f64>,
    p: Vec<f64>,
    bounds: Vec<(f64, f64)>,
}

impl Statistics {
    fn of(fit: &Fit) -> Self {
        Self {
            b: fit.coef().to_vec(),
            se: fit.std_errors(),
            t: fit.t_values(),
            p: fit.p_values(),
            bounds: fit.confint(0.05).unwrap_or_default(),
        }
    }

    fn value(&self, of: Statistic, at: usize) -> f64 {
        let found = match of {
            Statistic::Estimate => self.b.get(at),
            Statistic::StdError => self.se.get(at),
            Statistic::T => self.t.get(at),
            Statistic::P => self.p.get(at),
            Statistic::Low => self.bounds.get(at).map(|(low, _)| low),
            Statistic::High => self.bounds.get(at).map(|(_, high)| high),
            Statistic::Own(_) => None,
        };
        found.copied().unwrap_or(f64::NAN)
    }
}

fn owned(labels: &[(&str, &str)]) -> Vec<(String, String)> {
    labels.iter().map(|(name, label)| ((*name).to_owned(), (*label).to_owned())).collect()
}

/// Parts of an interaction: a colon parts them, unless it is one of two or stands in brackets.
fn parts(name: &str) -> Vec<&str> {
    let bytes = name.as_bytes();
    let (mut found, mut from, mut depth) = (Vec::new(), 0, 0_i32);
    for (at, byte) in bytes.iter().enumerate() {
        match byte {
            b'[' | b'(' => depth += 1,
            b']' | b')' => depth -= 1,
            b':' if depth <= 0
                && bytes.get(at + 1) != Some(&b':')
                && (at == 0 || bytes[at - 1] != b':') =>
            {
                found.push(&name[from..at]);
                from = at + 1;
            }
            _ => {}
        }
    }
    found.push(&name[from..]);
    found
}

/// The variable and the level of `C(variable)[T.level]`, `C(variable)[level]` or `variable::level`.
fn level(part: &str) -> Option<(&str, &str)> {
    if let Some(rest) = part.strip_prefix("C(") {
        let (variable, level) = rest.strip_suffix(']')?.split_once(")[")?;
        // A contrast such as C(f, Treatment(2)) names its variable first.
        let variable = variable.split_once(',').map_or(variable, |(variable, _)| variable);
        return Some((variable.trim(), level.strip_prefix("T.").unwrap_or(level)));
    }
    part.split_once("::")
}

impl<'a> RegressionTable<'a> {
    /// A table of fits.
    pub fn new(fits: &[&'a Fit]) -> Self {
        let value = |of, stars| Piece::Value { of, digits: None, stars };
        let text = |text: &str| Piece::Text(text.to_owned());
        Self {
            fits: fits.to_vec(),
            labels: Vec::new(),
            category: None,
            heads: Vec::new(),
            head_order: TableHead::default(),
            keep: Vec::new(),
            cells: vec![
                vec![value(Statistic::Estimate, true)],
                vec![text("("), value(Statistic::StdError, false), text(")")],
            ],
            own: Vec::new(),
            note: None,
            said: ("Standard errors in parentheses.".to_owned(), true),
            digits: 3,
            stars: vec![0.05, 0.01, 0.001],
            marks: Some(("x".to_owned(), "-".to_owned())),
            effect_labels: Vec::new(),
            below: Vec::new(),
        }
    }

    /// Text to show for names of coefficients, outcomes and effects; parts of interactions are
    /// replaced one by one.
    pub fn labels(mut self, labels: &[(&str, &str)]) -> Self {
        self.labels = owned(labels);
        self
    }

    /// How a level of a category is named, such as `{variable}: {value}`: the coefficients
    /// `C(region)[T.Brussels]` and `region::Brussels` become `region: Brussels`.
    pub fn category(mut self, template: &str) -> Self {
        self.category = Some(template.to_owned());
        self
    }

    /// Text over each fit.
    pub fn heads(mut self, heads: &[&str]) -> Self {
        self.heads = heads.iter().map(|head| (*head).to_owned()).collect();
        self
    }

    /// What stands over the columns.
    pub const fn head_order(mut self, order: TableHead) -> Self {
        self.head_order = order;
        self
    }

    /// The coefficients to show, in this order; none for all.
    pub fn keep(mut self, names: &[&str]) -> Self {
        self.keep = names.iter().map(|name| (*name).to_owned()).collect();
        self
    }

    /// What a cell shows: `b`, `se`, `t`, `p`, `ci95l`, `ci95u` and the caller's own statistics,
    /// with text between them. `\n` starts a line, `*` after a statistic adds the stars, `:.2f`,
    /// `:,.2f`, `:.2e` and `:d` say how a number is written; a backslash takes the next character
    /// as it is.
    ///
    /// # Errors
    /// [`ReportError::Format`] for what cannot be read or an unknown statistic;
    /// [`ReportError::Length`] if a statistic of the caller's has not one cell a coefficient.
    pub fn cells(mut self, format: &str, own: &[Own]) -> Result<Self, ReportError> {
        for statistic in own {
            let refused = |got, expected, of| ReportError::Length {
                argument: "custom_stats",
                name: statistic.name.clone(),
                got,
                expected,
                of,
            };
            if statistic.cells.len() != self.fits.len() {
                return Err(refused(statistic.cells.len(), self.fits.len(), "models"));
            }
            for (cells, fit) in statistic.cells.iter().zip(&self.fits) {
                if cells.len() != fit.names().len() {
                    return Err(refused(cells.len(), fit.names().len(), "coefficients"));
                }
            }
        }
        let names: Vec<String> = own.iter().map(|statistic| statistic.name.clone()).collect();
        let read = CellFormat::read(format, &names)?;
        let said = if read.is_default() {
            "Standard errors in parentheses.".to_owned()
        } else {
            format!("Cells: {}.", read.words(&names))
        };
        self.said = (said, read.starred());
        self.cells = read.lines;
        self.own = own.to_vec();
        Ok(self)
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

    /// The marks of fits with and without an effect; `None` lists no effects.
    pub fn effects(mut self, marks: Option<(&str, &str)>) -> Self {
        self.marks = marks.map(|(present, absent)| (present.to_owned(), absent.to_owned()));
        self
    }

    /// Text to show for effects, in place of "name effects".
    pub fn effect_labels(mut self, labels: &[(&str, &str)]) -> Self {
        self.effect_labels = owned(labels);
        self
    }

    /// One more line under the others, one cell a fit.
    ///
    /// # Errors
    /// [`ReportError::Length`] if there is not one cell a fit.
    pub fn below(mut self, label: &str, cells: &[&str]) -> Result<Self, ReportError> {
        if cells.len() != self.fits.len() {
            return Err(ReportError::Length {
                argument: "custom_model_stats",
                name: label.to_owned(),
                got: cells.len(),
                expected: self.fits.len(),
                of: "models",
            });
        }
        self.below.push((label.to_owned(), cells.iter().map(|cell| (*cell).to_owned()).collect()));
        Ok(self)
    }

    /// The text under the table, in place of what cells hold and what stars mean.
    pub fn note(mut self, text: &str) -> Self {
        self.note = Some(text.to_owned());
        self
    }

    fn labelled(&self, name: &str) -> Option<&str> {
        self.labels.iter().find(|(own, _)| own == name).map(|(_, label)| label.as_str())
    }

    fn label(&self, name: &str) -> String {
        if let Some(label) = self.labelled(name) {
            return label.to_owned();
        }
        let part = |part: &str| match (self.labelled(part), &self.category, level(part)) {
            (Some(label), ..) => label.to_owned(),
            (None, Some(template), Some((variable, value))) => {
                let variable = self.labelled(variable).unwrap_or(variable);
                // One pass, so that a value that looks like a placeholder stays what it is.
                let mut pieces =
                    template.split("{value}").map(|own| own.replace("{variable}", variable));
                let first = pieces.next().unwrap_or_default();
                pieces.fold(first, |all, own| all + value + &own)
            }
            _ => part.to_owned(),
        };
        parts(name).into_iter().map(part).collect::<Vec<_>>().join(":")
    }

    fn number(&self, value: f64, digits: Option<Digits>) -> String {
        digits.unwrap_or_else(|| Digits::plain(self.digits)).write(value)
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

    /// The lines of one coefficient in one fit.
    fn coefficient(&self, fit: usize, of: &Statistics, name: &str) -> Vec<String> {
        let Some(at) = self.fits[fit].names().iter().position(|own| own == name) else {
            return vec![String::new(); self.cells.len()];
        };
        let piece = |piece: &Piece| match piece {
            Piece::Text(text) => text.clone(),
            Piece::Value { of: Statistic::Own(own), digits, stars } => {
                let text = match &self.own[*own].cells[fit][at] {
                    OwnCell::Number(value) => self.number(*value, *digits),
                    OwnCell::Text(text) => text.clone(),
                };
                text + &self.starred(*stars, of, at)
            }
            Piece::Value { of: which, digits, stars } => {
                self.number(of.value(*which, at), *digits) + &self.starred(*stars, of, at)
            }
        };
        self.cells.iter().map(|line| line.iter().map(piece).collect()).collect()
    }

    fn starred(&self, stars: bool, of: &Statistics, at: usize) -> String {
        let below = |below: &&f64| stars && of.p[at] < **below;
        "*".repeat(self.stars.iter().filter(below).count())
    }

    fn effect_label(&self, name: &str) -> String {
        let own = self.effect_labels.iter().find(|(own, _)| own == name);
        own.map_or_else(|| format!("{} effects", self.label(name)), |(_, label)| label.clone())
    }

    fn lines(&self) -> Vec<Line> {
        let mut lines = Vec::new();
        let mut push = |label: String, cells: Vec<String>, rule: bool| {
            lines.push(Line { label, cells, rule });
        };
        let of: Vec<Statistics> = self.fits.iter().map(|fit| Statistics::of(fit)).collect();
        for (at, name) in self.names().iter().enumerate() {
            let cells: Vec<Vec<String>> =
                of.iter().enumerate().map(|(fit, of)| self.coefficient(fit, of, name)).collect();
            for line in 0..self.cells.len() {
                let label = if line == 0 { self.label(name) } else { String::new() };
                let own = cells.iter().map(|own| own[line].clone()).collect();
                push(label, own, at == 0 && line == 0);
            }
        }
        let mut effects: Vec<&str> = Vec::new();
        for effect in self.fits.iter().flat_map(|fit| fit.effects()) {
            if !effects.contains(&effect.name.as_str()) {
                effects.push(&effect.name);
            }
        }
        if let Some((present, absent)) = &self.marks {
            for (at, name) in effects.iter().enumerate() {
                let has = |fit: &&Fit| fit.effects().iter().any(|own| own.name == *name);
                let mark = |fit: &&Fit| if has(fit) { present } else { absent }.clone();
                push(self.effect_label(name), self.fits.iter().map(mark).collect(), at == 0);
            }
        }
        let each = |f: &dyn Fn(&Fit) -> String| self.fits.iter().map(|fit| f(fit)).collect();
        push("Observations".to_owned(), each(&|fit| count(fit.n_obs() as u64)), true);
        push("R²".to_owned(), each(&|fit| self.number(fit.goodness().r2, None)), false);
        if !effects.is_empty() {
            push(
                "R² within".to_owned(),
                each(&|fit| self.number(fit.goodness().within_r2, None)),
                false,
            );
        }
        push("Std. errors".to_owned(), each(&|fit| fit.vcov_text().to_owned()), false);
        for (at, (label, cells)) in self.below.iter().enumerate() {
            push(label.clone(), cells.clone(), at == 0);
        }
        lines
    }

    fn over(&self) -> Vec<Vec<String>> {
        let outcomes = || self.fits.iter().map(|fit| self.label(fit.outcome())).collect();
        let number = |at: usize| format!("({})", at + 1);
        let numbers = || (0..self.fits.len()).map(number).collect();
        let head = |at: usize| self.heads.get(at).cloned().unwrap_or_else(|| number(at));
        let heads = || (0..self.fits.len()).map(head).collect();
        match self.head_order {
            TableHead::OutcomeFirst => vec![outcomes(), heads()],
            TableHead::HeadFirst => vec![heads(), outcomes()],
            TableHead::Outcome => vec![outcomes(), numbers()],
            TableHead::Head => vec![heads()],
            TableHead::Number => vec![numbers()],
        }
    }

    /// What cells hold and what the stars mean.
    fn under(&self) -> String {
        if let Some(note) = &self.note {
            return note.clone();
        }
        let (cells, starred) = &self.said;
        let mark = |(at, below): (usize, &f64)| format!("{} p < {below}", "*".repeat(at + 1));
        let stars = self.stars.iter().enumerate().map(mark).collect::<Vec<_>>().join(", ");
        if stars.is_empty() || !starred { cells.clone() } else { format!("{cells} {stars}.") }
    }

    fn sheet(&self) -> Sheet {
        Sheet {
            heads: self.over(),
            lines: self.lines(),
            note: self.under(),
            columns: self.fits.len(),
        }
    }

    /// As plain text.
    #[must_use]
    pub fn text(&self) -> String {
        self.sheet().text()
    }

    /// As a Markdown table.
    #[must_use]
    pub fn markdown(&self) -> String {
        self.sheet().markdown()
    }

    /// As an HTML table, with nothing that needs a network.
    #[must_use]
    pub fn html(&self) -> String {
        self.sheet().html()
    }

    /// As a LaTeX `tabular` with the rules of `booktabs`.
    #[must_use]
    pub fn latex(&self) -> String {
        self.sheet().latex()
    }

    /// The lines, each with its label and one cell a fit: without heads and note.
    #[must_use]
    pub fn rows(&self) -> Vec<(String, Vec<String>)> {
        self.lines().into_iter().map(|line| (line.label, line.cells)).collect()
    }
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

    #[test]
    fn cells_show_what_is_asked_for() {
        let (one, two) = fits();
        let own = Own {
            name: "moves".to_owned(),
            cells: vec![
                vec![OwnCell::Number(1234.5); one.names().len()],
                vec![OwnCell::Text("few".to_owned()); two.names().len()],
            ],
        };
        let table = RegressionTable::new(&[&one, &two]).keep(&["age"]);
        let format = "b:.2e* [t]\\n(p:.2f; moves:,.1f)";
        let asked = table.clone().cells(format, std::slice::from_ref(&own)).unwrap();
        let at = one.names().iter().position(|name| name == "age").unwrap();
        let p = format!("({:.2}; 1,234.5)", one.p_values()[at]);
        let rows = asked.rows();
        assert_eq!((rows[0].0.as_str(), rows[1].0.as_str()), ("age", ""));
        assert_eq!(rows[1].1[0], p);
        assert!(rows[1].1[1].ends_with("; few)"));
        assert!(rows[0].1[0].ends_with(&format!("[{:.3}]", one.t_values()[at])));
        assert!(asked.text().contains("Cells: estimate [t value], below (p value; moves)."));
        let said = table.clone().cells("b*\n(se)", &[]).unwrap();
        assert_eq!(said.text(), table.text());
        let (low, high) = one.confint(0.05).unwrap()[at];
        let bounds = table.clone().cells("ci95l:.4f to ci95u:.4f", &[]).unwrap_err();
        assert!(bounds.to_string().contains("\"to\""));
        let bounds = table.clone().cells("ci95l:.4f \\t\\o ci95u:.4f", &[]).unwrap();
        assert_eq!(bounds.rows()[0].1[0], format!("{low:.4} to {high:.4}"));
        let short = Own { name: "moves".to_owned(), cells: vec![Vec::new(), Vec::new()] };
        let error = table.clone().cells("moves", &[short]).unwrap_err().to_string();
        assert!(error.contains("\"moves\" has 0 entries"), "{error}");
        assert!(table.below("F", &["1"]).is_err());
    }

    #[test]
    fn heads_effects_and_notes_are_as_asked() {
        let (one, two) = fits();
        let table = RegressionTable::new(&[&one, &two]).heads(&["plain"]);
        let first = |order| {
            let text = table.clone().head_order(order).text();
            let words = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
            text.lines().take(2).map(words).collect::<Vec<_>>()
        };
        let two_rows = first(TableHead::HeadFirst);
        assert_eq!(two_rows, [["plain", "(2)"], ["wage", "wage"]]);
        assert_eq!(first(TableHead::Outcome)[1], ["(1)", "(2)"]);
        assert_eq!(first(TableHead::Number)[0], ["(1)", "(2)"]);
        assert!(first(TableHead::Head)[1][0].starts_with("---"));
        let asked = table
            .effects(Some(("yes", "no")))
            .effect_labels(&[("person", "Own level")])
            .below("Source", &["survey", "register"])
            .unwrap()
            .note("Quarters.");
        let text = asked.text();
        assert!(text.contains("Own level"));
        assert!(text.contains("quarter effects"));
        assert!(text.contains("yes") && text.contains("no"));
        assert!(text.contains("register") && text.ends_with("Quarters.\n"));
        let without = asked.effects(None).note("").text();
        assert!(!without.contains("Own level"));
        assert!(without.ends_with("--\n"));
    }

    #[test]
    fn levels_are_named_by_a_template() {
        let table = RegressionTable::new(&[])
            .labels(&[("region", "Region"), ("C(sex)[T.f]", "Women")])
            .category("{variable} = {value}");
        for (name, expected) in [
            ("C(region)[T.a:b]", "Region = a:b"),
            ("region::{variable}", "Region = {variable}"),
            ("quarter::-1:region::North", "quarter = -1:Region = North"),
            ("C(region, Treatment(2))[T.3]:age", "Region = 3:age"),
            ("C(sex)[T.f]", "Women"),
            ("age", "age"),
        ] {
            assert_eq!(table.label(name), expected);
        }
        assert_eq!(RegressionTable::new(&[]).label("C(a)[T.b:c]:d"), "C(a)[T.b:c]:d");
    }
}
