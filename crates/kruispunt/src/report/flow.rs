//! The flow diagram of an account.

use super::text::{count, escape, wrap};
use crate::data::{Account, Count, Step};
use std::fmt::Write as _;

/// The flow of rows and persons through the verbs, as CONSORT and RECORD ask for.
///
/// The main column shows the table from its source downwards, one box for each verb that changed
/// the rows; verbs in a row that only added columns share a box. To the right stands what was left
/// out and why; to the left the tables that joined, each drawn where it joins first.
///
/// # References
///
/// - Benchimol, E. I. et al. (2015). The `REporting` of studies Conducted using Observational
///   Routinely-collected health Data (RECORD) statement. *PLOS Medicine* 12(10), e1001885, item
///   13.1.
/// - Schulz, K. F., Altman, D. G. & Moher, D. (2010). CONSORT 2010 statement. *BMJ* 340, c332.
///
/// # Examples
///
/// ```
/// use kruispunt::data::{Account, Count, Step};
/// use kruispunt::report::Flow;
/// let account = Account::new("jobs").then(
///     Step::new("clip", "to 2005Q1-2016Q4", Count::rows(10), Count::rows(8))
///         .exclude("ended before 2005-01-01", Count::rows(2)),
/// );
/// let flow = Flow::new(&account);
/// assert!(flow.text().contains("ended before 2005-01-01"));
/// assert!(flow.svg().starts_with("<svg"));
/// ```
#[derive(Clone, Debug)]
pub struct Flow<'a> {
    account: &'a Account,
}

const LINE: usize = 17;
const PAD: usize = 10;
const GAP: usize = 26;
const MAIN: (usize, usize) = (330, 300);
const SIDE: (usize, usize) = (680, 310);
const LEFT: (usize, usize) = (10, 280);

struct Drawn {
    lines: Vec<(String, bool)>,
    chars: usize,
}

impl Drawn {
    /// An empty box; how many characters fit on a line is reckoned for a wide font.
    fn new((_, width): (usize, usize)) -> Self {
        Self { lines: Vec::new(), chars: (width - 2 * PAD) * 10 / 71 }
    }

    fn bold(mut self, text: &str) -> Self {
        self.lines.extend(wrap(text, self.chars - 4).into_iter().map(|line| (line, true)));
        self
    }

    fn plain(mut self, text: &str) -> Self {
        self.lines.extend(wrap(text, self.chars).into_iter().map(|line| (line, false)));
        self
    }

    fn height(&self) -> usize {
        self.lines.len() * LINE + 2 * PAD
    }

    fn draw(&self, out: &mut String, (x, width): (usize, usize), y: usize, class: &str) {
        let height = self.height();
        let _ = write!(
            out,
            r#"<rect class="{class}" x="{x}" y="{y}" width="{width}" height="{height}" rx="4"/>"#
        );
        for (at, (line, bold)) in self.lines.iter().enumerate() {
            let class = if *bold { "b" } else { "t" };
            let _ = write!(
                out,
                r#"<text class="{class}" x="{}" y="{}">{}</text>"#,
                x + PAD,
                y + PAD + LINE * at + 13,
                escape(line)
            );
        }
    }
}

fn amount(count_: Count) -> String {
    let rows = format!("{} {}", count(count_.rows), if count_.rows == 1 { "row" } else { "rows" });
    match count_.persons {
        Some(1) => format!("{rows}, 1 person"),
        Some(persons) => format!("{rows}, {} persons", count(persons)),
        None => rows,
    }
}

/// Whether a verb left all rows where they were.
fn is_quiet(step: &Step) -> bool {
    step.before == step.after && step.excluded.is_empty()
}

/// Steps that share a box: one verb that changed rows, or several in a row that did not.
fn groups(steps: &[Step]) -> Vec<&[Step]> {
    steps.chunk_by(|one, next| is_quiet(one) && is_quiet(next)).collect()
}

/// What stands right of a box: exclusions, ties and, where one verb stands alone, its notes.
fn side(steps: &[Step]) -> Option<Drawn> {
    let mut drawn = Drawn::new(SIDE);
    for step in steps {
        drawn = beside(drawn, step, steps.len() == 1);
    }
    (!drawn.lines.is_empty()).then_some(drawn)
}

fn beside(mut drawn: Drawn, step: &Step, with_notes: bool) -> Drawn {
    if !step.excluded.is_empty() {
        drawn = drawn.bold("Left out");
        for exclusion in &step.excluded {
            drawn = drawn.plain(&format!("{}: {}", exclusion.reason, amount(exclusion.count)));
        }
    }
    let notes = if with_notes { step.notes.as_slice() } else { &[] };
    if !step.ties.is_empty() || !notes.is_empty() {
        drawn = drawn.bold("Noted");
    }
    for ties in &step.ties {
        let text =
            format!("Ties, {}: {}, settled by {}", ties.what, count(ties.met), ties.settled_by);
        drawn = drawn.plain(&text);
    }
    notes.iter().fold(drawn, |drawn, note| drawn.plain(note))
}

/// What stands left of a box: the tables that joined and are not drawn yet, each with what it lost
/// on the way, those first that joined it.
fn left<'a>(steps: &'a [Step], drawn_before: &mut Vec<&'a Account>) -> Option<Drawn> {
    let drawn = steps
        .iter()
        .flat_map(|step| &step.joined)
        .fold(Drawn::new(LEFT), |drawn, account| joining(drawn, account, drawn_before));
    (!drawn.lines.is_empty()).then_some(drawn)
}

fn joining<'a>(drawn: Drawn, account: &'a Account, drawn_before: &mut Vec<&'a Account>) -> Drawn {
    if drawn_before.contains(&account) {
        return drawn;
    }
    drawn_before.push(account);
    let nested = account.steps().iter().flat_map(|step| &step.joined);
    let mut drawn = nested
        .fold(drawn, |drawn, nested| joining(drawn, nested, drawn_before))
        .bold(account.source());
    if let Some(first) = account.steps().first().filter(|first| !is_quiet(first)) {
        drawn = drawn.plain(&amount(first.before));
    }
    for step in account.steps() {
        // What follows the first semicolon is for those who look at the account itself.
        let detail = step.detail.split("; ").next().unwrap_or_default();
        let mut head = step.verb.clone();
        if !detail.is_empty() {
            let _ = write!(head, " ({detail})");
        }
        for account in &step.joined {
            let _ = write!(head, ", with {}", account.source());
        }
        drawn = drawn.plain(&format!("{head}: {}", amount(step.after)));
        for exclusion in &step.excluded {
            let text = format!("\u{2013} {}: {}", exclusion.reason, amount(exclusion.count));
            drawn = drawn.plain(&text);
        }
    }
    drawn
}

impl<'a> Flow<'a> {
    /// The flow of `account`.
    #[must_use]
    pub const fn new(account: &'a Account) -> Self {
        Self { account }
    }

    fn start(&self) -> Drawn {
        let drawn = Drawn::new(MAIN).bold(if self.account.source().is_empty() {
            "table"
        } else {
            self.account.source()
        });
        match self.account.steps().first() {
            Some(first) => drawn.plain(&amount(first.before)),
            None => drawn.plain("nothing was done yet"),
        }
    }

    fn main(steps: &[Step]) -> Drawn {
        let mut drawn = Drawn::new(MAIN);
        let mut last = "";
        for step in steps {
            if step.verb != last {
                drawn = drawn.bold(&step.verb);
                last = &step.verb;
            }
            if !step.detail.is_empty() {
                drawn = drawn.plain(&step.detail);
            }
        }
        steps.last().into_iter().fold(drawn, |drawn, step| drawn.plain(&amount(step.after)))
    }

    /// The diagram as one SVG element: no script, no font and no image from elsewhere.
    #[must_use]
    pub fn svg(&self) -> String {
        let steps = groups(self.account.steps());
        let sides: Vec<_> = steps.iter().map(|steps| side(steps)).collect();
        let mut joined = Vec::new();
        let lefts: Vec<_> = steps.iter().map(|steps| left(steps, &mut joined)).collect();
        let has_left = lefts.iter().any(Option::is_some);
        let has_side = sides.iter().any(Option::is_some);
        let mut body = String::new();
        let start = self.start();
        start.draw(&mut body, MAIN, 10, "m");
        let mut y = 10 + start.height();
        let last = steps.len().saturating_sub(1);
        for (at, ((steps, side), left)) in steps.iter().zip(&sides).zip(&lefts).enumerate() {
            let main = Self::main(steps);
            let beside =
                side.as_ref().map_or(0, Drawn::height).max(left.as_ref().map_or(0, Drawn::height));
            let band = beside.max(main.height());
            let (top, middle) = (y + GAP, y + GAP + band / 2);
            let box_top = middle - main.height() / 2;
            let centre = MAIN.0 + MAIN.1 / 2;
            arrow(&mut body, (centre, y), (centre, box_top));
            main.draw(&mut body, MAIN, box_top, "m");
            if let Some(side) = side {
                let at = top + (band - side.height()) / 2;
                arrow(&mut body, (MAIN.0 + MAIN.1, middle), (SIDE.0, middle));
                side.draw(&mut body, SIDE, at, "s");
            }
            if let Some(left) = left {
                let at = top + (band - left.height()) / 2;
                arrow(&mut body, (LEFT.0 + LEFT.1, middle), (MAIN.0, middle));
                left.draw(&mut body, LEFT, at, "j");
            }
            y = box_top + main.height();
            if at == last {
                y = y.max(top + band);
            } else if y < top + band {
                let _ = write!(body, r#"<path class="a" d="M{centre} {y}V{}"/>"#, top + band);
                y = top + band;
            }
        }
        let x = if has_left { 0 } else { MAIN.0 - 10 };
        let right = if has_side { SIDE.0 + SIDE.1 + 10 } else { MAIN.0 + MAIN.1 + 10 };
        let (width, height) = (right - x, y + 10);
        format!(
            concat!(
                r#"<svg xmlns="http://www.w3.org/2000/svg" class="kpf" viewBox="{x} 0 {width} {height}" "#,
                r#"width="{width}" height="{height}" role="img" aria-label="Flow of rows and persons">"#,
                "<style>.kpf .m{{fill:#fff;stroke:#1f4e79;stroke-width:1.4}}.kpf .s{{fill:#fdf3ea;stroke:#b35900}}",
                ".kpf .j{{fill:#eef4f0;stroke:#2d6a4f}}.kpf .a{{fill:none;stroke:#444;stroke-width:1.2}}",
                ".kpf .t,.kpf .b{{font:12.5px system-ui,'DejaVu Sans',sans-serif;fill:#1a1a1a}}.kpf .b{{font-weight:600}}</style>",
                r#"<defs><marker id="kp-arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" "#,
                r##"markerHeight="7" orient="auto"><path d="M0 0L8 4L0 8Z" fill="#444"/></marker></defs>"##,
                "{body}</svg>"
            ),
            x = x,
            width = width,
            height = height,
            body = body
        )
    }

    /// The diagram as indented text.
    #[must_use]
    pub fn text(&self) -> String {
        let mut out = String::new();
        write_account(&mut out, self.account, 0);
        out
    }
}

fn arrow(out: &mut String, from: (usize, usize), to: (usize, usize)) {
    let _ = write!(
        out,
        r#"<path class="a" marker-end="url(#kp-arrow)" d="M{} {}L{} {}"/>"#,
        from.0, from.1, to.0, to.1
    );
}

fn write_account(out: &mut String, account: &Account, depth: usize) {
    let indent = "  ".repeat(depth);
    let read =
        account.steps().first().map_or_else(String::new, |s| format!(": {}", amount(s.before)));
    let _ = writeln!(out, "{indent}{}{read}", account.source());
    for step in account.steps() {
        for joined in &step.joined {
            let _ = writeln!(out, "{indent}  + joined");
            write_account(out, joined, depth + 2);
        }
        let detail =
            if step.detail.is_empty() { String::new() } else { format!(" ({})", step.detail) };
        let _ = writeln!(out, "{indent}  {}{detail}: {}", step.verb, amount(step.after));
        for exclusion in &step.excluded {
            let _ =
                writeln!(out, "{indent}    - {}: {}", exclusion.reason, amount(exclusion.count));
        }
        for ties in &step.ties {
            let _ = writeln!(
                out,
                "{indent}    = {}: {}, settled by {}",
                ties.what,
                count(ties.met),
                ties.settled_by
            );
        }
        for note in &step.notes {
            let _ = writeln!(out, "{indent}    . {note}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account() -> Account {
        let permits = Account::new("permits").then(
            Step::new("link", "names and birth date", Count::rows(900), Count::rows(850))
                .exclude("no pair above the threshold", Count::rows(50)),
        );
        Account::new("jobs & <contracts>")
            .then(
                Step::new(
                    "clip",
                    "to 2005Q1-2016Q4",
                    Count::of(10_000, 700),
                    Count::of(8_000, 690),
                )
                .exclude("ended before 2005-01-01", Count::of(2_000, 10))
                .tied("same wage and tenure", 12, "row number"),
            )
            .then(
                Step::new("attach", "permits", Count::of(8_000, 690), Count::of(8_000, 690))
                    .join(permits),
            )
    }

    /// The words of a drawing, without its markup.
    fn words(svg: &str) -> String {
        let lines = svg.split("<text").skip(1);
        let inner = lines.filter_map(|line| line.split_once('>')?.1.split_once("</text>"));
        inner.map(|(words, _)| words).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn every_number_of_the_account_stands_in_the_text_and_in_the_drawing() {
        let account = account();
        let (text, svg) = (Flow::new(&account).text(), words(&Flow::new(&account).svg()));
        for part in [
            "10,000 rows, 700 persons",
            "2,000 rows, 10 persons",
            "850 rows",
            "50 rows",
            "12, settled by",
        ] {
            assert!(text.contains(part), "{part} in\n{text}");
            assert!(svg.contains(part), "{part} in\n{svg}");
        }
        assert!(svg.contains("jobs &amp; &lt;contracts&gt;"));
    }

    #[test]
    fn what_joined_a_register_that_joins_is_drawn_before_it() {
        let links = Account::new("clients").then(
            Step::new("link", "by name; 12 pairs compared", Count::rows(90), Count::rows(85))
                .exclude("no candidate", Count::rows(5)),
        );
        let courses = Account::new("courses").then(
            Step::new("identify", "pid", Count::rows(40), Count::rows(39))
                .exclude("not in the crosswalk", Count::rows(1))
                .join(links),
        );
        let panel = Account::new("panel")
            .then(Step::new("event_time", "", Count::rows(7), Count::rows(7)).join(courses));
        let svg = words(&Flow::new(&panel).svg());
        let joined = "clients 90 rows link (by name): 85 rows \u{2013} no candidate: 5 rows courses \
                      40 rows identify (pid), with clients: 39 rows \u{2013} not in the crosswalk: 1 row";
        let plain = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(plain(&svg).contains(&plain(joined)), "{svg}");
    }

    #[test]
    fn verbs_that_only_add_columns_share_a_box() {
        let quiet = |verb: &str, detail: &str| {
            Step::new(verb, detail, Count::rows(5), Count::rows(5)).join(Account::new("permits"))
        };
        let account = Account::new("jobs")
            .then(quiet("attach", "first column"))
            .then(quiet("attach", "second column"))
            .then(quiet("lag", "third column"));
        let svg = Flow::new(&account).svg();
        assert_eq!(svg.matches("class=\"m\"").count(), 2);
        assert_eq!(
            words(&svg),
            "jobs 5 rows attach first column second column lag third column 5 rows permits"
        );
    }

    #[test]
    fn an_empty_account_still_draws() {
        let account = Account::default();
        assert!(Flow::new(&account).svg().contains("nothing was done yet"));
        assert_eq!(Flow::new(&account).text(), "\n");
    }
}
