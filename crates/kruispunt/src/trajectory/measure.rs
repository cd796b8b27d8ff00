use serde::{Deserialize, Serialize};

/// How far apart two sequences are.
///
/// Names, defaults and normalisations are those of `TraMineR`'s `seqdist` (Studer & Ritschard 2016,
/// *Journal of the Royal Statistical Society* A 179(2), 481-511, who compare them).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Measure {
    /// OM: the least cost of turning one into the other by substitution, insertion and deletion.
    Om,
    /// HAM: the sum of substitution costs position by position (1 for two states without costs).
    Hamming,
    /// DHD: Hamming with costs that follow the transition rates at each position (Lesnard 2010).
    DynamicHamming,
    /// LCS: `n + m - 2 L` with L the length of the longest common subsequence.
    Lcs,
    /// LCP: `n + m - 2 P` with P the length of the longest common beginning.
    Prefix,
    /// RLCP: as LCP from the end.
    Suffix,
    /// `OMloc`: an inserted state costs `expansion x dearest + context x` the mean cost of
    /// substituting it by its two neighbours (Hollister 2009, *Sociological Methods & Research*
    /// 38(2), 235-264). Here the neighbours are the two states between which it comes to stand.
    Local {
        /// Cost of lengthening a spell, in dearest substitutions.
        expansion: f64,
        /// Weight of the neighbours; `1 - 2 expansion` is `TraMineR`'s default.
        context: f64,
    },
    /// `OMslen`: costs shrink with the length of the spell a position is in, by `length^-h`
    /// (Halpin 2010, *Sociological Methods & Research* 38(3), 365-388).
    SpellLength {
        /// The exponent.
        h: f64,
        /// How the lengths of two spells are joined in a substitution.
        link: Link,
    },
    /// `OMspell`: OM between spells; to lengthen a spell by one costs `expansion`.
    Spell {
        /// Cost of a position more.
        expansion: f64,
        /// Exponent of the length of spells.
        power: f64,
    },
    /// `OMstran`: OM between transitions; `origin` weighs the state against the move (Biemann
    /// 2011, *Sociological Methodology* 41, 195-221).
    Transitions {
        /// Weight of the state, 0 to 1; the rest weighs the move.
        origin: f64,
    },
    /// TWED: edit distance that stretches time (Marteau 2009, *IEEE PAMI* 31(2), 306-318).
    Twed {
        /// Cost of a shift in time.
        stiffness: f64,
        /// Cost of a gap.
        penalty: f64,
    },
    /// NMS: from the number of matching subsequences (Elzinga 2005, "Combinatorial representations
    /// of token sequences", *Journal of Classification* 22, 87-118).
    Subsequences,
    /// NMSMST: from matching subsequences of spells, each by the time shared in its spells.
    SharedTime,
    /// `SVRspell`: from matching subsequences of spells, each by the time in its spells (Elzinga &
    /// Studer 2015, *Sociological Methods & Research* 44(1), 3-47).
    SpellVectors {
        /// Exponent of the length of spells.
        power: f64,
    },
    /// CHI2: chi-square distance between the shares of states in intervals (Deville & Saporta
    /// 1983).
    ChiSquare {
        /// Positions an interval.
        step: usize,
    },
    /// EUCLID: Euclidean distance between those shares.
    Euclid {
        /// Positions an interval.
        step: usize,
    },
}

/// How the lengths of two spells are joined.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Link {
    /// Their mean.
    Mean,
    /// Their geometric mean.
    Geometric,
}

/// Distances made comparable between pairs of different length; n and m are the lengths (times the
/// cost of insertion where there is one), D the largest distance there could be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Normalisation {
    /// As they are.
    #[default]
    None,
    /// What suits the measure: `Longest` for OM and Hamming distances, `Geometric` for LCS, LCP
    /// and RLCP, `YujianBo` for the others, `1 / sqrt(intervals)` for CHI2 and EUCLID.
    Auto,
    /// `d / max(n, m)` (Abbott).
    Longest,
    /// `1 - (D - d) / (2 sqrt(n m))` (Elzinga).
    Geometric,
    /// `d / D`.
    Largest,
    /// `2 d / (d + n + m)` (Yujian & Bo 2007, *IEEE PAMI* 29(6), 1091-1095).
    YujianBo,
}

/// What missing states in sequences are to a distance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum MissingStates {
    /// An error.
    #[default]
    Refuse,
    /// One more state.
    State,
}

impl Measure {
    /// The measure's short name.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Om => "OM",
            Self::Hamming => "HAM",
            Self::DynamicHamming => "DHD",
            Self::Lcs => "LCS",
            Self::Prefix => "LCP",
            Self::Suffix => "RLCP",
            Self::Local { .. } => "OMloc",
            Self::SpellLength { .. } => "OMslen",
            Self::Spell { .. } => "OMspell",
            Self::Transitions { .. } => "OMstran",
            Self::Twed { .. } => "TWED",
            Self::Subsequences => "NMS",
            Self::SharedTime => "NMSMST",
            Self::SpellVectors { .. } => "SVRspell",
            Self::ChiSquare { .. } => "CHI2",
            Self::Euclid { .. } => "EUCLID",
        }
    }

    /// Whether the measure has no use for costs.
    #[must_use]
    pub const fn without_costs(&self) -> bool {
        matches!(
            self,
            Self::Lcs
                | Self::Prefix
                | Self::Suffix
                | Self::DynamicHamming
                | Self::Subsequences
                | Self::SharedTime
                | Self::SpellVectors { .. }
                | Self::ChiSquare { .. }
                | Self::Euclid { .. }
        )
    }

    /// The normalisation that `Auto` stands for.
    pub(super) const fn usual(&self) -> Normalisation {
        match self {
            Self::Om | Self::Hamming | Self::DynamicHamming => Normalisation::Longest,
            Self::Lcs | Self::Prefix | Self::Suffix => Normalisation::Geometric,
            Self::ChiSquare { .. } | Self::Euclid { .. } => Normalisation::Auto,
            _ => Normalisation::YujianBo,
        }
    }
}

impl Normalisation {
    /// The distance `d` of sequences of length `n` and `m` that could be `most` apart.
    pub(super) fn apply(self, d: f64, most: f64, n: f64, m: f64) -> f64 {
        if d == 0.0 {
            return 0.0;
        }
        match self {
            Self::None | Self::Auto => d,
            Self::Longest => d / n.max(m),
            Self::Geometric if n * m == 0.0 => 1.0,
            Self::Geometric => 1.0 - (most - d) / (2.0 * n.sqrt() * m.sqrt()),
            Self::Largest => d / most,
            Self::YujianBo => 2.0 * d / (d + n + m),
        }
    }
}
