//! Lanes, bars and letters.

use super::lane::Axis;
use super::{Life, Picture};
use kruispunt::data::{Day, Period, Unit};
use std::fmt::Write as _;

/// Okabe & Ito (2008), black last; told apart with any kind of colour vision.
const COLOURS: [&str; 8] =
    ["#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442", "#4D4D4D"];
const HIDDEN: &str = "#BBBBBB";
const WIDTH: f64 = 1120.0;
const LEFT: f64 = 132.0;
const RIGHT: f64 = 28.0;
const BAR: f64 = 20.0;
/// Width of a letter of the size of labels, about.
const LETTER: f64 = 6.2;

/// A page, ready to be written.
pub(super) struct Page<'a> {
    picture: &'a Picture,
    axis: &'a Axis,
    lives: &'a [Life],
    notes: &'a [String],
    /// States in the order in which they appear, by lane, then time.
    states: Vec<String>,
    /// Those that are drawn.
    legend: Vec<String>,
    from: i32,
    to: i32,
}

impl<'a> Page<'a> {
    pub(super) fn new(
        picture: &'a Picture,
        axis: &'a Axis,
        lives: &'a [Life],
        notes: &'a [String],
    ) -> Self {
        // The colour of a state is that of its place in the source, whoever is drawn.
        let mut states: Vec<String> = Vec::new();
        for lane in &picture.lanes {
            let mut own: Vec<&String> = lane.bars.iter().map(|(_, bar)| &bar.state).collect();
            own.sort();
            own.dedup();
            for state in own {
                if !states.contains(state) {
                    states.push(state.clone());
                }
            }
        }
        let drawn = |state: &String| {
            lives.iter().flat_map(|life| life.bars.iter().flatten()).any(|bar| &bar.state == state)
        };
        let mut legend: Vec<String> = states.iter().filter(|state| drawn(state)).cloned().collect();
        let other = "other".to_owned();
        if drawn(&other) && !legend.contains(&other) {
            legend.push(other);
        }
        let bars = || lives.iter().flat_map(|life| life.bars.iter().flatten());
        let marks = || lives.iter().flat_map(|life| &life.marks).map(|mark| mark.day);
        let from = bars().map(|bar| bar.start).chain(marks()).min().unwrap_or(0);
        let to = bars().map(|bar| bar.end).chain(marks().map(|day| day + 1)).max();
        let to = to.unwrap_or(from + 1).max(from.saturating_add(1));
        Self { picture, axis, lives, notes, states, legend, from, to }
    }

    fn x(&self, day: i32) -> f64 {
        let day = day.clamp(self.from, self.to);
        let share = f64::from(day - self.from) / f64::from((self.to - self.from).max(1));
        LEFT + share * (WIDTH - LEFT - RIGHT)
    }

    fn colour(&self, state: &str) -> (String, bool) {
        if let Some((_, colour)) = self.picture.colours.iter().find(|(own, _)| own == state) {
            return (colour.clone(), false);
        }
        if state == "other" {
            return (HIDDEN.to_owned(), false);
        }
        let at = self.states.iter().filter(|own| *own != "other").position(|own| own == state);
        let at = at.unwrap_or_default();
        (COLOURS[at % COLOURS.len()].to_owned(), at >= COLOURS.len())
    }

    fn label<'b>(&'b self, state: &'b str) -> &'b str {
        let own = self.picture.labels.iter().find(|(from, _)| from == state);
        own.map_or(state, |(_, to)| to.as_str())
    }

    /// Where lines stand, and what stands there.
    fn ticks(&self) -> Vec<(i32, String)> {
        match self.axis {
            Axis::Positions(names) => {
                every(names.len(), 14).map(|at| (at as i32, names[at].clone())).collect()
            }
            Axis::Days => {
                let unit = if self.to - self.from > 800 { Unit::Year } else { Unit::Quarter };
                let first = Period::of(Day(self.from), unit);
                let count = Period::of(Day(self.to), unit).number - first.number + 1;
                round(first.number, count.max(1), 16)
                    .map(|number| Period { unit, number })
                    .filter(|period| (self.from..=self.to).contains(&period.first_day().0))
                    .map(|period| (period.first_day().0, period.to_string()))
                    .collect()
            }
            Axis::Since(inner) if **inner == Axis::Days => {
                let year = |day: i32| f64::from(day) / 365.25;
                let first = year(self.from).ceil() as i32;
                let count = (year(self.to).floor() as i32 - first + 1).max(1);
                round(first, count, 16)
                    .map(|at| ((f64::from(at) * 365.25).round() as i32, at.to_string()))
                    .collect()
            }
            Axis::Since(_) => every((self.to - self.from) as usize, 14)
                .map(|at| (self.from + at as i32, (self.from + at as i32).to_string()))
                .collect(),
        }
    }

    fn unit(&self) -> &'static str {
        match self.axis {
            Axis::Since(inner) if **inner == Axis::Days => "years since the start",
            Axis::Since(_) => "positions since the start",
            Axis::Positions(_) => "position",
            Axis::Days => "",
        }
    }

    fn events(&self, life: &Life) -> Vec<String> {
        let mut lines = vec![String::new()];
        for (at, mark) in life.marks.iter().enumerate() {
            let what = format!("{} {} ({})", at + 1, self.label(&mark.what), self.when(mark.day));
            let line = lines.last_mut().map_or(0, |line| line.chars().count());
            if line > 0 && line + what.chars().count() > 150 {
                lines.push(String::new());
            }
            if let Some(line) = lines.last_mut() {
                if !line.is_empty() {
                    line.push_str("  \u{b7}  ");
                }
                line.push_str(&what);
            }
        }
        if life.marks.is_empty() { Vec::new() } else { lines }
    }

    fn when(&self, day: i32) -> String {
        match self.axis {
            Axis::Days => match self.picture.privacy.and_then(|privacy| privacy.unit()) {
                Some(unit) => Period::of(Day(day), unit).to_string(),
                None => Day(day).to_string(),
            },
            Axis::Since(inner) if **inner == Axis::Days => {
                match format!("{:+.1} years", f64::from(day) / 365.25) {
                    zero if zero.ends_with("0.0 years") && day.abs() < 19 => "start".to_owned(),
                    years => years,
                }
            }
            _ => day.to_string(),
        }
    }

    pub(super) fn svg(&self) -> String {
        let legend = self.legend();
        let mut y = 40.0;
        let mut body = String::new();
        let top = y;
        for life in self.lives {
            y = self.life(&mut body, life, y);
        }
        let bottom = y - 8.0;
        let mut grid = String::new();
        for (day, text) in self.ticks() {
            let x = self.x(day);
            let _ = write!(
                grid,
                "<line x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{top:.1}\" y2=\"{bottom:.1}\" stroke=\"#DDDDDD\"/><text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\" fill=\"#444444\">{}</text>",
                bottom + 16.0,
                escape(&text)
            );
        }
        let unit = self.unit();
        if !unit.is_empty() {
            let _ = write!(
                grid,
                "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\" fill=\"#444444\">{unit}</text>",
                WIDTH - RIGHT,
                bottom + 32.0
            );
        }
        let mut y = bottom + 44.0;
        let mut foot = String::new();
        for line in &legend {
            let _ = write!(foot, "<g transform=\"translate(0 {y:.1})\">{line}</g>");
            y += 20.0;
        }
        for note in self.notes {
            let _ = write!(
                foot,
                "<text x=\"12\" y=\"{:.1}\" fill=\"#444444\">{}</text>",
                y + 6.0,
                escape(note)
            );
            y += 16.0;
        }
        let height = y + 8.0;
        let title = escape(&self.picture.title);
        let persons = self.lives.len();
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" role=\"img\" aria-label=\"{title}\" viewBox=\"0 0 {WIDTH} {height:.0}\" width=\"{WIDTH}\" height=\"{height:.0}\" font-family=\"system-ui, 'DejaVu Sans', Arial, sans-serif\" font-size=\"11\"><desc>Timelines of {persons} persons, time from left to right.</desc><defs><pattern id=\"kp-hatch\" width=\"6\" height=\"6\" patternUnits=\"userSpaceOnUse\" patternTransform=\"rotate(45)\"><rect width=\"2\" height=\"6\" fill=\"#FFFFFF\" fill-opacity=\"0.55\"/></pattern></defs><rect width=\"{WIDTH}\" height=\"{height:.0}\" fill=\"#FFFFFF\"/><text x=\"12\" y=\"22\" font-size=\"15\" font-weight=\"600\">{title}</text>{grid}{body}{foot}</svg>"
        )
    }

    /// One person from `y` down; gives the `y` below.
    fn life(&self, body: &mut String, life: &Life, y: f64) -> f64 {
        let mut y = y + 14.0;
        let _ = write!(
            body,
            "<text x=\"12\" y=\"{y:.1}\" font-size=\"12.5\" font-weight=\"600\">{}</text>",
            escape(&life.shown)
        );
        let head = y;
        y += if life.marks.is_empty() { 6.0 } else { 10.0 };
        for (lane, bars) in self.picture.lanes.iter().zip(&life.bars) {
            let _ = write!(
                body,
                "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\" fill=\"#222222\">{}</text>",
                LEFT - 10.0,
                y + 14.0,
                escape(&shorten(&lane.name, 18))
            );
            let _ = write!(
                body,
                "<line x1=\"{LEFT}\" x2=\"{:.1}\" y1=\"{:.1}\" y2=\"{:.1}\" stroke=\"#BBBBBB\" stroke-dasharray=\"1 3\"/>",
                WIDTH - RIGHT,
                y + BAR / 2.0,
                y + BAR / 2.0
            );
            for bar in bars {
                self.bar(body, bar, y);
            }
            y += BAR + 4.0;
        }
        for (at, mark) in life.marks.iter().enumerate() {
            let x = self.x(mark.day);
            let near = life.marks[..at].iter().filter(|other| (self.x(other.day) - x).abs() < 13.0);
            let lift = 13.0 * near.count().min(2) as f64;
            let (cx, cy) = (x + lift, head - 1.0);
            let _ = write!(
                body,
                "<line x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{:.1}\" y2=\"{:.1}\" stroke=\"#000000\" stroke-width=\"1.2\"/><circle cx=\"{cx:.1}\" cy=\"{cy:.1}\" r=\"6.5\" fill=\"#FFFFFF\" stroke=\"#000000\"/><text x=\"{cx:.1}\" y=\"{:.1}\" text-anchor=\"middle\" font-size=\"9\">{}</text>",
                head + 5.5,
                y - 4.0,
                cy + 3.2,
                at + 1
            );
        }
        for line in self.events(life) {
            y += 12.0;
            let _ = write!(
                body,
                "<text x=\"{LEFT}\" y=\"{y:.1}\" fill=\"#222222\" xml:space=\"preserve\">{}</text>",
                escape(&line)
            );
        }
        y + 14.0
    }

    fn bar(&self, body: &mut String, bar: &super::Bar, y: f64) {
        let (from, to) = (self.x(bar.start), self.x(bar.end));
        let (colour, hatched) = self.colour(&bar.state);
        let label = self.label(&bar.state);
        let wide = (to - from).max(1.0);
        let hover = if self.picture.privacy.is_some() || !matches!(self.axis, Axis::Days) {
            String::new()
        } else {
            let (first, last) = (Day(bar.start), Day(bar.end - 1));
            format!("<title>{}, {first} to {last}</title>", escape(label))
        };
        let _ = write!(
            body,
            "<g>{hover}<rect x=\"{from:.1}\" y=\"{y:.1}\" width=\"{wide:.1}\" height=\"{BAR}\" fill=\"{colour}\" stroke=\"#FFFFFF\" stroke-width=\"0.6\"/>"
        );
        if hatched {
            let _ = write!(
                body,
                "<rect x=\"{from:.1}\" y=\"{y:.1}\" width=\"{wide:.1}\" height=\"{BAR}\" fill=\"url(#kp-hatch)\"/>"
            );
        }
        if label.chars().count() as f64 * LETTER + 8.0 <= wide {
            let _ = write!(
                body,
                "<text x=\"{:.1}\" y=\"{:.1}\" fill=\"{}\"{}>{}</text>",
                from + 4.0,
                y + 14.0,
                ink(&colour),
                if hatched { " font-weight=\"600\"" } else { "" },
                escape(label)
            );
        }
        body.push_str("</g>");
    }

    /// The states, as many in a line as fit.
    fn legend(&self) -> Vec<String> {
        let mut lines = vec![String::new()];
        let mut x = 12.0;
        for state in &self.legend {
            let label = self.label(state);
            let wide = 24.0 + label.chars().count() as f64 * (LETTER + 0.6) + 14.0;
            if x + wide > WIDTH - RIGHT && x > 12.0 {
                lines.push(String::new());
                x = 12.0;
            }
            let (colour, hatched) = self.colour(state);
            let hatch = if hatched {
                format!(
                    "<rect x=\"{x:.1}\" y=\"0\" width=\"16\" height=\"12\" fill=\"url(#kp-hatch)\"/>"
                )
            } else {
                String::new()
            };
            if let Some(line) = lines.last_mut() {
                let _ = write!(
                    line,
                    "<rect x=\"{x:.1}\" y=\"0\" width=\"16\" height=\"12\" fill=\"{colour}\"/>{hatch}<text x=\"{:.1}\" y=\"10\">{}</text>",
                    x + 21.0,
                    escape(label)
                );
            }
            x += wide;
        }
        lines
    }

    pub(super) fn html(&self, svg: &str) -> String {
        let title = escape(&self.picture.title);
        format!(
            "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\"><title>{title}</title><style>@page{{size:A4 landscape;margin:10mm}}body{{margin:0;background:#fff}}svg{{display:block;max-width:100%;height:auto}}@media print{{svg{{max-height:185mm}}}}</style></head><body>{svg}</body></html>\n"
        )
    }
}

/// At most `most` of `count` places, evenly.
fn every(count: usize, most: usize) -> impl Iterator<Item = usize> {
    (0..count).step_by(count.div_ceil(most).max(1))
}

/// Round numbers among `count` from `first`, at most `most` of them.
fn round(first: i32, count: i32, most: i32) -> impl Iterator<Item = i32> {
    let step = [1, 2, 4, 5, 10, 20, 50, 100].into_iter().find(|step| count / step < most);
    let step = step.unwrap_or(1000);
    (first..first.saturating_add(count)).filter(move |number| number.rem_euclid(step) == 0)
}

/// Black or white, whichever is read better on a colour (relative luminance of WCAG 2).
fn ink(colour: &str) -> &'static str {
    let part = |at: usize| {
        let value = u8::from_str_radix(colour.get(at..at + 2).unwrap_or("00"), 16).unwrap_or(0);
        let value = f64::from(value) / 255.0;
        if value <= 0.040_45 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
    };
    let light = 0.2126 * part(1) + 0.7152 * part(3) + 0.0722 * part(5);
    if light > 0.179 { "#000000" } else { "#FFFFFF" }
}

fn shorten(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    text.chars().take(most - 1).chain(['\u{2026}']).collect()
}

/// Text for XML; control characters, which XML cannot hold, are left out.
pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            letter if letter.is_control() && letter != '\n' && letter != '\t' => {}
            letter => escaped.push(letter),
        }
    }
    escaped
}
