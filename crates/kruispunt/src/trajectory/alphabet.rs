use super::TrajectoryError;
use super::error::bad;
use serde::{Deserialize, Serialize};

/// Codes from here on are no states.
pub(super) const MOST: usize = 250;
/// The code of a position without a known state.
pub(super) const MISSING: u8 = 254;
/// The code of a position after the end of a sequence.
pub(super) const VOID: u8 = 255;

/// One state a person can be in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// As the data write it.
    pub name: String,
    /// As readers see it.
    pub label: String,
    /// `#rrggbb`.
    pub colour: String,
}

/// The states, in order.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Alphabet {
    states: Vec<State>,
}

/// Colours that readers with a colour-vision deficiency can tell apart: Okabe & Ito (2008), then
/// Tol's light and dark tones.
const COLOURS: [&str; 16] = [
    "#0072b2", "#e69f00", "#009e73", "#d55e00", "#cc79a7", "#56b4e9", "#f0e442", "#332288",
    "#999999", "#882255", "#44aa99", "#ddcc77", "#661100", "#aa4499", "#117733", "#88ccee",
];

impl Alphabet {
    /// States by name, with labels and colours of choice (the name and a colour that colour-blind
    /// readers can tell apart, where none are given).
    ///
    /// # Errors
    ///
    /// [`TrajectoryError::TooManyStates`]; [`TrajectoryError::BadArgument`] without states, for a
    /// name that comes twice, another number of labels or colours, and a colour that is not
    /// `#rrggbb`.
    pub fn new(
        names: &[String],
        labels: Option<&[String]>,
        colours: Option<&[String]>,
    ) -> Result<Self, TrajectoryError> {
        if names.is_empty() {
            return Err(bad("states", "at least one state", "none"));
        }
        if names.len() > MOST {
            return Err(TrajectoryError::TooManyStates { got: names.len(), most: MOST });
        }
        if (1..names.len()).any(|at| names[..at].contains(&names[at])) {
            return Err(bad("states", "each state once", "a state that comes twice"));
        }
        for (argument, given) in [("labels", labels), ("colours", colours)] {
            if given.is_some_and(|given| given.len() != names.len()) {
                let got = given.map_or(0, <[String]>::len);
                return Err(bad(argument, "one a state", got));
            }
        }
        let hex = |colour: &&String| {
            colour.len() == 7
                && colour.starts_with('#')
                && colour[1..].bytes().all(|byte| byte.is_ascii_hexdigit())
        };
        if let Some(wrong) = colours.unwrap_or_default().iter().find(|colour| !hex(colour)) {
            return Err(bad("colours", "colours as #rrggbb", wrong));
        }
        let states = names.iter().enumerate().map(|(at, name)| State {
            name: name.clone(),
            label: labels.map_or_else(|| name.clone(), |labels| labels[at].clone()),
            colour: colours
                .map_or_else(|| COLOURS[at % COLOURS.len()].to_owned(), |own| own[at].clone()),
        });
        Ok(Self { states: states.collect() })
    }

    /// The states, in order.
    #[must_use]
    pub fn states(&self) -> &[State] {
        &self.states
    }

    /// How many.
    #[must_use]
    pub fn len(&self) -> usize {
        self.states.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.states.is_empty()
    }

    /// The code of a state.
    #[must_use]
    pub fn code(&self, name: &str) -> Option<u8> {
        self.states.iter().position(|state| state.name == name).map(|at| at as u8)
    }

    /// The names, in order.
    #[must_use]
    pub fn names(&self) -> Vec<&str> {
        self.states.iter().map(|state| state.name.as_str()).collect()
    }
}
