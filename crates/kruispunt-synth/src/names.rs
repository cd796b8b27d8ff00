//! Invented names: a syllable grammar per origin group, popular names more often.

use crate::draw::{Draws, Purpose};
use kruispunt::data::Seed;
use rustc_hash::FxHashSet;

struct Grammar {
    /// Before a surname, with the chance that one stands there.
    particles: (&'static [&'static str], f64),
    heads: &'static [&'static str],
    middles: &'static [&'static str],
    tails: &'static [&'static str],
    first_heads: &'static [&'static str],
    first_middles: &'static [&'static str],
    men: &'static [&'static str],
    women: &'static [&'static str],
    /// How many surnames there are, and how fast they get rare.
    surnames: (usize, f64),
    first_names: (usize, f64),
}

const GRAMMARS: [Grammar; 6] = [
    Grammar {
        particles: (&["Van ", "Van den ", "De ", "Van der "], 0.3),
        heads: &[
            "Jan", "Pee", "Maes", "Wil", "Claes", "Goos", "Ver", "Meu", "Smet", "Ja", "Her", "Lam",
            "Wou", "Mer", "Dierc", "Hoe", "Bos", "Cool", "Aer", "Stee",
        ],
        middles: &["", "te", "len", "ma", "lem", "brech", "man", "ve", "ken", "ge"],
        tails: &[
            "s", "sens", "ters", "mans", "ckx", "raet", "len", "beke", "huys", "sen", "voort", "ts",
        ],
        first_heads: &[
            "Jo", "Ma", "Pie", "Lu", "Ka", "Wim", "El", "Bar", "Kris", "Ste", "To", "An", "Ger",
            "Hil", "Di", "Fre",
        ],
        first_middles: &["", "ri", "le", "tri", "de", "na", "be"],
        men: &["n", "ter", "rt", "k", "s", "m", "rik", "ven"],
        women: &["ne", "ke", "lien", "ta", "tje", "lde", "ia", "els"],
        surnames: (4000, 0.7),
        first_names: (500, 0.7),
    },
    Grammar {
        particles: (&["De ", "Di ", "Dos ", "Le "], 0.12),
        heads: &[
            "Ros", "Gar", "Mar", "Fer", "Bian", "Du", "Sil", "Mül", "Schnei", "Rus", "Ro", "Mo",
            "Pe", "Ló", "Ba", "Cos", "Fon", "San",
        ],
        middles: &["", "ci", "ti", "nan", "re", "va", "pon", "de", "ga", "ri"],
        tails: &["si", "a", "n", "dez", "chi", "t", "no", "ler", "der", "so", "tos", "nier", "lli"],
        first_heads: &["Lu", "Ma", "Pao", "Fran", "Car", "Pe", "Ste", "An", "Jo", "Mi", "Al", "Ri"],
        first_middles: &["", "ci", "ri", "ste", "lo", "na", "be", "fa"],
        men: &["o", "no", "sé", "cois", "el", "rto", "dro", "s"],
        women: &["a", "na", "lle", "cia", "ia", "ne", "ella", "rine"],
        surnames: (3000, 0.7),
        first_names: (500, 0.75),
    },
    Grammar {
        particles: (&[""], 0.0),
        heads: &[
            "Ko", "No", "Po", "Iva", "Dimi", "Io", "Wiś", "Lewan", "Stan", "Geor", "Pet", "Mun",
            "Dum", "Krawc", "Zie", "Rad", "Bog", "Tod",
        ],
        middles: &["", "wal", "pes", "tro", "nie", "dow", "ti", "ra", "sze", "ne"],
        tails: &[
            "ski", "wak", "scu", "nov", "escu", "rov", "czyk", "lski", "ev", "ea", "ński", "ić",
        ],
        first_heads: &[
            "Ma", "An", "Pio", "Ste", "Mi", "Ale", "Ion", "Ka", "Jo", "Da", "Geor", "Vi",
        ],
        first_middles: &["", "ri", "dre", "fa", "xan", "ta", "ha", "wi"],
        men: &["n", "sz", "tr", "i", "usz", "dru", "el", "or"],
        women: &["na", "ia", "ela", "rzyna", "ta", "ka", "dra", "wa"],
        surnames: (2500, 0.7),
        first_names: (350, 0.85),
    },
    Grammar {
        particles: (&[""], 0.0),
        heads: &[
            "Yıl", "Ka", "De", "Çe", "Şa", "Öz", "Ars", "Do", "Ay", "Kı", "Er", "Gü", "Tü", "Bul",
            "Ko", "Yal", "Ak", "Uç",
        ],
        middles: &["", "ma", "mi", "li", "tür", "ğa", "do", "lı", "ne", "de"],
        tails: &["z", "ya", "r", "k", "hin", "lan", "n", "ğan", "maz", "ç", "oğlu", "kan", "su"],
        first_heads: &[
            "Meh", "Mus", "Ay", "Fat", "Em", "Has", "Hü", "Ah", "İb", "Zey", "Ay", "El", "Os", "Yu",
        ],
        first_middles: &["", "me", "ta", "şe", "ra", "se", "su"],
        men: &["t", "fa", "an", "met", "him", "yin", "man", "suf"],
        women: &["ma", "ne", "nur", "nep", "gül", "rve", "ife", "tice"],
        surnames: (1200, 0.8),
        first_names: (250, 0.9),
    },
    Grammar {
        particles: (&["El ", "Ben ", "Aït ", "Bou", "Ou"], 0.55),
        heads: &[
            "Am", "Ha", "Ala", "Zer", "Ouah", "Mda", "Bak", "Kad", "Mou", "Cha", "Idri", "Ach",
            "Yous", "Khal", "Sgh", "Tah",
        ],
        middles: &["", "ra", "ji", "ma", "da", "ou", "bou", "li", "ssa"],
        tails: &["ni", "i", "oui", "ali", "bi", "fi", "ri", "di", "ch", "ssi", "iri"],
        first_heads: &["Moha", "Fa", "Ab", "Ha", "Kha", "Ra", "You", "Na", "Sa", "Az", "Mus", "Ou"],
        first_middles: &["", "ti", "del", "li", "chi", "ssi", "mi"],
        men: &["med", "d", "ssan", "kim", "sef", "ssine", "tafa", "lid"],
        women: &["ma", "dija", "ra", "na", "loubna", "kia", "ia", "tima"],
        surnames: (800, 0.9),
        first_names: (200, 1.0),
    },
    Grammar {
        particles: (&["Al ", "Abdul ", ""], 0.2),
        heads: &[
            "Mo", "Ah", "Ka", "Si", "Ngu", "Ab", "Ha", "Kha", "Mba", "Tra", "Che", "Iva", "Dia",
            "Osma", "Rah", "Zha", "Sin", "Hus", "Ba", "Sow",
        ],
        middles: &["", "ma", "bo", "di", "sse", "dul", "la", "man", "no", "ri"],
        tails: &["d", "n", "go", "ngh", "yen", "lah", "ni", "va", "llo", "i", "ov", "zai", "bi"],
        first_heads: &[
            "Moha", "Ah", "Gur", "Thi", "Fat", "Ali", "Grac", "Ka", "Na", "Ja", "Ser", "Am", "Li",
            "Ibra",
        ],
        first_middles: &["", "ma", "preet", "dou", "li", "bi", "ta"],
        men: &["d", "med", "him", "r", "jit", "seph", "gey", "n"],
        women: &["a", "ia", "h", "tou", "kaur", "ce", "na", "ye"],
        surnames: (2000, 0.85),
        first_names: (350, 0.9),
    },
];

/// Names by falling frequency.
#[derive(Clone, Debug)]
struct Stock {
    names: Vec<String>,
    cumulated: Vec<f64>,
}

impl Stock {
    fn new(names: Vec<String>, exponent: f64) -> Self {
        let mut sum = 0.0;
        let cumulate = |rank: usize| {
            sum += (rank as f64 + 3.0).powf(-exponent);
            sum
        };
        let cumulated = (0..names.len()).map(cumulate).collect();
        Self { names, cumulated }
    }

    fn at(&self, u: f64) -> &str {
        let target = u * self.cumulated.last().copied().unwrap_or_default();
        let place = self.cumulated.partition_point(|sum| *sum <= target);
        self.names.get(place).or(self.names.last()).map_or("", String::as_str)
    }
}

/// The names of all groups.
#[derive(Clone, Debug)]
pub(crate) struct Names {
    surnames: Vec<Stock>,
    men: Vec<Stock>,
    women: Vec<Stock>,
}

fn coin(want: usize, make: impl Fn(u64) -> String) -> Vec<String> {
    let mut known = FxHashSet::default();
    let mut names = Vec::with_capacity(want);
    for attempt in 0..want as u64 * 20 {
        if names.len() == want {
            break;
        }
        let name = make(attempt);
        if known.insert(name.clone()) {
            names.push(name);
        }
    }
    names
}

impl Names {
    /// The lists are the same in every world: the seed only chooses who bears which name.
    pub(crate) fn new() -> Self {
        let of = |build: &dyn Fn(usize, &Grammar) -> Stock| {
            GRAMMARS.iter().enumerate().map(|(group, grammar)| build(group, grammar)).collect()
        };
        let draws = |group: usize, what: u64| Draws::new(Seed::new(0), group as u64 * 10 + what);
        let any = |draws: Draws, attempt: u64, at: u64, list: &[&'static str]| -> &'static str {
            list[draws.below(Purpose::Name, attempt, at, list.len())]
        };
        let first = |group: usize, grammar: &Grammar, what: u64, ends: &[&'static str]| {
            let draws = draws(group, what);
            let names = coin(grammar.first_names.0, |attempt| {
                let head = any(draws, attempt, 0, grammar.first_heads);
                let middle = any(draws, attempt, 1, grammar.first_middles);
                format!("{head}{middle}{}", any(draws, attempt, 2, ends))
            });
            Stock::new(names, grammar.first_names.1)
        };
        Self {
            surnames: of(&|group, grammar| {
                let draws = draws(group, 0);
                let names = coin(grammar.surnames.0, |attempt| {
                    let (particles, share) = grammar.particles;
                    let has = draws.chance(Purpose::Name, attempt, 3, share);
                    let particle = if has { any(draws, attempt, 4, particles) } else { "" };
                    let head = any(draws, attempt, 0, grammar.heads);
                    let middle = any(draws, attempt, 1, grammar.middles);
                    let tail = any(draws, attempt, 2, grammar.tails);
                    capital(&format!("{particle}{head}{middle}{tail}"))
                });
                Stock::new(names, grammar.surnames.1)
            }),
            men: of(&|group, grammar| first(group, grammar, 1, grammar.men)),
            women: of(&|group, grammar| first(group, grammar, 2, grammar.women)),
        }
    }

    /// Surname and first name of a person.
    pub(crate) fn of(&self, draws: Draws, origin: usize, woman: bool) -> (String, String) {
        let first = if woman { &self.women[origin] } else { &self.men[origin] };
        let mut surname = self.surnames[origin].at(draws.unit(Purpose::Name, 0, 0)).to_owned();
        // Two surnames: common in the south of Europe, some in Morocco and elsewhere.
        let double = [0.01, 0.15, 0.01, 0.02, 0.06, 0.06][origin];
        if draws.chance(Purpose::Name, 1, 0, double) {
            surname.push('-');
            surname.push_str(self.surnames[origin].at(draws.unit(Purpose::Name, 2, 0)));
        }
        (surname, first.at(draws.unit(Purpose::Name, 3, 0)).to_owned())
    }
}

/// One capital per word, the rest small.
pub(crate) fn capital(name: &str) -> String {
    let mut start = true;
    name.chars()
        .flat_map(|c| {
            let shown: Vec<char> = if start { vec![c] } else { c.to_lowercase().collect() };
            start = matches!(c, ' ' | '-' | '\'');
            shown
        })
        .collect()
}
