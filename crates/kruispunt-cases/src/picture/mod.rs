//! Lives as lines: one page of timelines, as SVG or a page of HTML that needs no network.
//!
//! A [`Lane`] is one register of spells; persons stand one under another with the same lanes. With
//! [`Privacy`] dates are coarsened or shifted and rare states are hidden before anything is drawn,
//! so that the file does not hold what it does not show.

mod draw;
mod lane;
mod privacy;

pub use lane::{Events, Lane};
pub use privacy::Privacy;

use crate::CasesError;
use kruispunt::data::{Account, Count, Day, Step};
use lane::{Axis, Bar, Mark};
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

/// Where the time of each person begins.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Align {
    /// One calendar for all.
    #[default]
    Calendar,
    /// The first day of each person's first spell.
    Start,
    /// A day of each person, by identifier.
    Days(Vec<(String, i32)>),
}

/// What is drawn, and how.
#[derive(Clone, Debug, Default)]
pub struct Picture {
    title: String,
    lanes: Vec<Lane>,
    events: Option<Events>,
    people: Option<Vec<(String, String)>>,
    align: Align,
    privacy: Option<Privacy>,
    labels: Vec<(String, String)>,
    colours: Vec<(String, String)>,
    window: Option<(i32, i32)>,
}

/// A page of timelines.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drawing {
    /// The drawing as one SVG element.
    pub svg: String,
    /// A page with the drawing that needs no network and runs no code.
    pub html: String,
    /// What was done to it, one sentence each.
    pub notes: Vec<String>,
    /// Spells in and out.
    pub account: Account,
}

/// One person, ready to draw.
pub(crate) struct Life {
    shown: String,
    bars: Vec<Vec<Bar>>,
    marks: Vec<Mark>,
    /// The day from which time is counted; the first spell without one.
    zero: Option<i32>,
}

/// More persons than this are no page.
const MOST: usize = 40;

impl Picture {
    /// A page under a title.
    #[must_use]
    pub fn new(title: impl Into<String>) -> Self {
        Self { title: title.into(), ..Self::default() }
    }

    /// One more lane under the others.
    #[must_use]
    pub fn lane(mut self, lane: Lane) -> Self {
        self.lanes.push(lane);
        self
    }

    /// Days that are marked; none at first.
    #[must_use]
    pub fn events(mut self, events: Events) -> Self {
        self.events = Some(events);
        self
    }

    /// Which persons, by identifier, and what they are called on the page; all at first, called
    /// `Case 1`, `Case 2`.
    #[must_use]
    pub fn people(mut self, people: Vec<(String, String)>) -> Self {
        self.people = Some(people);
        self
    }

    /// Where time begins; one calendar at first.
    #[must_use]
    pub fn align(mut self, align: Align) -> Self {
        self.align = align;
        self
    }

    /// What is hidden; nothing at first.
    #[must_use]
    pub const fn privacy(mut self, privacy: Privacy) -> Self {
        self.privacy = Some(privacy);
        self
    }

    /// What states are called; as they are at first.
    #[must_use]
    pub fn labels(mut self, labels: Vec<(String, String)>) -> Self {
        self.labels = labels;
        self
    }

    /// The colours of states, `#rrggbb`; those of Okabe & Ito at first.
    #[must_use]
    pub fn colours(mut self, colours: Vec<(String, String)>) -> Self {
        self.colours = colours;
        self
    }

    /// First day and the day after the last that are drawn; all at first.
    #[must_use]
    pub const fn window(mut self, from: i32, to: i32) -> Self {
        self.window = Some((from, to));
        self
    }

    /// Draws the page.
    ///
    /// # Errors
    ///
    /// [`CasesError::Argument`] when there is no lane, a person has no spell, lanes have different
    /// clocks, there are too many persons for a page, or a colour is none.
    pub fn draw(&self) -> Result<Drawing, CasesError> {
        let axis = self.axis()?;
        for (_, colour) in &self.colours {
            let hex = colour.strip_prefix('#').unwrap_or_default();
            if hex.len() != 6 || !hex.chars().all(|c| c.is_ascii_hexdigit()) {
                return Err(CasesError::argument(
                    "colours",
                    "colours such as #0072B2",
                    "another text",
                ));
            }
        }
        let people = self.persons()?;
        let mut lives = self.lives(&people)?;
        let spells = |lives: &[Life]| -> usize {
            lives.iter().flat_map(|life| &life.bars).map(Vec::len).sum()
        };
        let before = spells(&lives);
        let mut notes = self.close(&mut lives, &axis)?;
        let seen = spells(&lives);
        let mut axis = axis;
        if let Some(privacy) = &self.privacy {
            let rare = privacy.rare_states(&self.lanes);
            let events = privacy.rare_events(self.events.as_ref());
            notes.extend(privacy.apply(&mut lives, &rare, &events, &axis)?);
        }
        if self.align != Align::Calendar {
            shift(&mut lives);
            axis = Axis::Since(Box::new(axis));
            let words = match &self.align {
                Align::Days(_) => "Time is counted from a day of each person.",
                _ => "Time is counted from the first spell of each person.",
            };
            notes.push(words.to_owned());
        }
        let after = spells(&lives);
        let n = people.len();
        let mut step =
            Step::new("timeline", self.title.clone(), Count::of(before, n), Count::of(after, n))
                .exclude("outside the window", Count::rows(before - seen))
                .exclude("too short for the coarsened calendar", Count::rows(seen - after));
        for note in &notes {
            step = step.note(note.clone());
        }
        let page = draw::Page::new(self, &axis, &lives, &notes);
        let svg = page.svg();
        let html = page.html(&svg);
        Ok(Drawing { svg, html, notes, account: Account::new("spells").then(step) })
    }

    /// Ends open spells on the last day anybody is seen, and cuts what lies outside the window.
    fn close(&self, lives: &mut [Life], axis: &Axis) -> Result<Vec<String>, CasesError> {
        let own = self.lanes.iter().flat_map(|lane| &lane.bars).map(|(_, bar)| bar);
        let ends = own.map(|bar| if bar.end == Day::OPEN.0 { bar.start + 1 } else { bar.end });
        let marks = self.events.iter().flat_map(|events| &events.marks).map(|(_, mark)| mark.day);
        let last = ends.chain(marks.map(|day| day + 1)).max().unwrap_or_default();
        let (from, to) = self.window.unwrap_or((i32::MIN, last));
        if from >= to || (self.window.is_some() && *axis != Axis::Days) {
            let expected = "a first day before the last, of spells of days";
            return Err(CasesError::argument("window", expected, "something else"));
        }
        let mut open = 0_usize;
        for life in lives {
            for bars in &mut life.bars {
                for bar in bars.iter_mut() {
                    open += usize::from(bar.end == Day::OPEN.0);
                    bar.start = bar.start.max(from);
                    bar.end = bar.end.min(to);
                }
                bars.retain(|bar| bar.start < bar.end);
            }
            life.marks.retain(|mark| (from..to).contains(&mark.day));
        }
        let note = "Spells still open are drawn to the last day of the source or the window.";
        Ok(if open > 0 { vec![note.to_owned()] } else { Vec::new() })
    }

    fn axis(&self) -> Result<Axis, CasesError> {
        let Some(first) = self.lanes.first() else {
            return Err(CasesError::argument("source", "spells or sequences", "none"));
        };
        if self.lanes.iter().any(|lane| lane.axis != first.axis) {
            let expected = "lanes with one clock: days, or the same positions";
            return Err(CasesError::argument("source", expected, "different clocks"));
        }
        Ok(first.axis.clone())
    }

    fn persons(&self) -> Result<Vec<(String, String)>, CasesError> {
        let people = self.people.clone().unwrap_or_else(|| {
            let mut seen: Vec<String> = Vec::new();
            for lane in &self.lanes {
                for person in &lane.persons {
                    if !seen.contains(person) && seen.len() <= MOST {
                        seen.push(person.clone());
                    }
                }
            }
            let name = |(at, id): (usize, String)| (id, format!("Case {}", at + 1));
            seen.into_iter().enumerate().map(name).collect()
        });
        if people.is_empty() || people.len() > MOST {
            let expected = format!("1 to {MOST} persons on a page; choose with `people`");
            let got = if people.is_empty() { "none" } else { "more" };
            return Err(CasesError::argument("people", expected, got));
        }
        Ok(people)
    }

    fn lives(&self, people: &[(String, String)]) -> Result<Vec<Life>, CasesError> {
        let mut at: FxHashMap<&str, usize> = FxHashMap::default();
        for (place, (id, _)) in people.iter().enumerate() {
            if at.insert(id, place).is_some() {
                let expected = "each person once";
                return Err(CasesError::argument("people", expected, "one twice"));
            }
        }
        let empty = || vec![Vec::new(); self.lanes.len()];
        let mut lives: Vec<Life> = people
            .iter()
            .map(|(_, shown)| Life {
                shown: shown.clone(),
                bars: empty(),
                marks: Vec::new(),
                zero: None,
            })
            .collect();
        for (number, lane) in self.lanes.iter().enumerate() {
            for (person, bar) in &lane.bars {
                if let Some(&place) = at.get(lane.persons[*person as usize].as_str()) {
                    lives[place].bars[number].push(bar.clone());
                }
            }
        }
        for (person, mark) in self.events.iter().flat_map(|events| &events.marks) {
            if let Some(&place) = at.get(person.as_str()) {
                lives[place].marks.push(mark.clone());
            }
        }
        for (place, life) in lives.iter_mut().enumerate() {
            if life.bars.iter().all(Vec::is_empty) {
                let got = format!("none for number {} of them", place + 1);
                return Err(CasesError::argument("people", "persons with a spell", got));
            }
            life.marks.sort_by(|a, b| (a.day, &a.what).cmp(&(b.day, &b.what)));
            if let Align::Days(days) = &self.align {
                let own = days.iter().find(|(id, _)| id == &people[place].0);
                life.zero = own.map(|(_, day)| *day);
                if own.is_none() {
                    let got = format!("none for number {} of them", place + 1);
                    return Err(CasesError::argument("align", "a day of each person", got));
                }
            }
        }
        Ok(lives)
    }
}

/// Counts the days of each person from its own beginning.
fn shift(lives: &mut [Life]) {
    for life in lives {
        let first = life.bars.iter().flatten().map(|bar| bar.start).min().unwrap_or_default();
        let zero = life.zero.unwrap_or(first);
        for bar in life.bars.iter_mut().flatten() {
            bar.start -= zero;
            bar.end = bar.end.saturating_sub(zero);
        }
        for mark in &mut life.marks {
            mark.day -= zero;
        }
    }
}
