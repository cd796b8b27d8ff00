//! Faults of real registers, each behind a switch.

use crate::SynthError;

macro_rules! imperfections {
    ($($variant:ident $name:literal $text:literal,)*) => {
        /// One fault of real registers.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[derive(serde::Serialize, serde::Deserialize)]
        #[non_exhaustive]
        pub enum Imperfection { $(#[doc = $text] $variant,)* }

        impl Imperfection {
            /// All that are generated.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// Its name.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// What it does, in one line.
            #[must_use]
            pub const fn description(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }
        }
    };
}

imperfections! {
    NameErrors "name_errors" "Surnames and first names in secondary files are misspelt, swapped or cut, more often for some origin groups.",
    BirthDateErrors "birth_date_errors" "Birth dates in secondary files have slips and swapped day and month.",
    InszErrors "insz_errors" "The INSZ in secondary files is missing or has a slip of one digit or a swap of two.",
    JanuaryFirst "january_first" "Unknown birth days are registered as 1 January or as `YYYY-00-00`.",
    BisToNr "bis_to_nr" "Three in ten of the foreign-born start with a BIS number, replaced 2 to 6 quarters after arrival.",
    DupBis "dup_bis" "1.5 % of the other non-EU group hold a second BIS number that nobody has connected.",
    WachtregisterMissing "wachtregister_missing_before_2011" "Asylum seekers are missing from the residence file before 2011 until six quarters after arrival.",
    It202Blank "it202_blank" "The reason of stay is blank, mostly before 2010 and for half of the children.",
    AnnualAttributes "annual_attributes" "Moves show up on the next 1 January only.",
    EstabOnlyQ2Q4 "estab_only_q2q4" "The establishment is known in the second and fourth quarter only, until 2014.",
    DoubleDeath "double_death" "Some deaths are recorded twice, with different dates.",
    SeveralLines "several_lines_same_job" "One job in one quarter is reported on two lines.",
    JobLineSplit "job_line_split_on_contract_change" "A change of contract inside the quarter splits the line of a job.",
    DaysOver65 "days_over_65" "Paid days above 65 in a quarter.",
    NegativeCorrection "neg_correction_wage" "Lines that correct an earlier wage downwards, without days.",
    OpenVdabSpells "open_vdab_spells" "Registrations that ended were never closed.",
    PlannedEnd "planned_end_used_as_actual" "The planned end of an action stands as its end, though it stopped earlier.",
    KbiStatusEmpty "kbi_status_empty" "The status of a dossier without parts is empty.",
    Nt2WithoutTraject "nt2_without_traject" "Dutch lessons without a trajectory: no contract, no certificate.",
    SilentExit "silent_exit" "A third of departures are not declared: the person looks resident and inactive until struck off.",
    EuStaff "eu_staff_as_inactive" "Staff of EU institutions look inactive.",
    CrossBorder "crossborder_workers_as_inactive" "Workers across the border look inactive.",
    Dibiss "dibiss_break_2017" "Jobs that go on are delivered for 2017Q1 too, when local government has joined the file of the national office.",
    StatSec "statsec_recode_2009" "Stays that began before 2009 carry statistical sectors of the old division.",
    NisRecode "nis_recode" "The residence file is delivered with the municipality codes of 2019; other files keep those of their time.",
    KbiRenumber "kbi_renumber_allis" "Dossiers that were open when the application changed, on 1 January 2015, stand twice, under an old and a new number, with later parts under the new one.",
    InformalWork "informal_work_hidden" "A quarter of the jobs that newcomers from outside the European Union begin in their first three years is not declared: their position is unknown.",
    StudentJobs "student_jobs_in_dmfa" "Summer jobs of pupils and students stand among the job lines.",
}

/// Which faults a world has.
#[derive(Clone, Debug, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
pub struct Imperfections(Vec<Imperfection>);

impl Imperfections {
    /// All that are generated.
    #[must_use]
    pub fn all() -> Self {
        Self(Imperfection::ALL.to_vec())
    }

    /// None: registers as they should be.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// Those of the given names.
    ///
    /// # Errors
    ///
    /// [`SynthError::UnknownImperfection`].
    pub fn list<S: AsRef<str>>(names: impl IntoIterator<Item = S>) -> Result<Self, SynthError> {
        let mut chosen = Vec::new();
        for name in names {
            let name = name.as_ref();
            match Imperfection::ALL.iter().find(|known| known.name() == name) {
                Some(known) => chosen.push(*known),
                None => {
                    return Err(SynthError::UnknownImperfection {
                        name: name.to_owned(),
                        known: Imperfection::ALL.iter().map(|known| known.name()).collect(),
                    });
                }
            }
        }
        chosen.sort_unstable();
        chosen.dedup();
        Ok(Self(chosen))
    }

    /// Whether `one` is switched on.
    #[must_use]
    pub fn has(&self, one: Imperfection) -> bool {
        self.0.contains(&one)
    }

    /// Those switched on.
    pub fn iter(&self) -> impl Iterator<Item = Imperfection> {
        self.0.iter().copied()
    }
}
