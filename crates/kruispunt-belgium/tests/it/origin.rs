//! Forty persons made by hand, and what each rule says of them.

use kruispunt::data::{Column, Register, Table};
use kruispunt_belgium::BelgiumError;
use kruispunt_belgium::generation::{Generations, Roots};
use kruispunt_belgium::origin::{Criterion, Groups, OriginRule, Unknown};

/// `father mother own now born father_born mother_born`; the rules; the generation.
///
/// `-` unknown; countries by ISO code; `?` undetermined.
const PERSONS: &str = "
BE BE BE BE BE BE BE | BE BE BE        BE | 0
MA MA MA MA MA MA MA | MA MA nonEU     MA | 1
MA MA BE BE BE MA MA | MA MA nonEU     MA | 2
MA BE BE BE BE MA BE | MA MA nonEU     MA | 2.5
BE MA BE BE BE BE MA | MA MA nonEU     MA | 2.5
TR MA BE BE BE TR MA | TR TR nonEU     MA | 2
BE BE BE BE CD BE BE | BE BE BE        nonEU | 0
BE BE MA BE BE BE BE | MA MA nonEU     BE | 0
BE BE BE MA BE BE BE | MA MA nonEU     BE | 0
-  BE BE BE BE -  BE | ?  BE BE        ?  | ?
BE -  BE BE BE BE -  | ?  BE BE        ?  | ?
-  -  BE BE BE -  -  | ?  BE BE        ?  | ?
-  -  -  BE BE -  -  | ?  BE BE        ?  | ?
-  -  -  -  -  -  -  | ?  ?  ?         ?  | ?
-  MA BE BE BE -  MA | MA MA nonEU     MA | 2
MA -  BE BE BE MA -  | MA MA nonEU     MA | 2
-  -  MA BE MA -  -  | MA MA nonEU     MA | 1
-  -  -  MA MA -  -  | MA MA nonEU     MA | 1
-  -  BE BE MA -  -  | ?  BE BE        MA | 1
NL NL NL NL NL NL NL | EU14 EU14 neighbour EU14 | 1
FR FR FR BE FR FR FR | EU14 EU14 neighbour EU14 | 1
DE BE BE BE BE DE BE | EU14 EU14 neighbour EU14 | 2.5
LU LU LU LU LU LU LU | EU14 EU14 neighbour EU14 | 1
IT IT BE BE BE IT IT | EU14 EU14 south  EU14 | 2
ES BE BE BE BE BE BE | EU14 EU14 south  BE | 2.5
GR GR GR GR GR GR GR | EU14 EU14 south  EU14 | 1
SE SE SE SE SE SE SE | EU14 EU14 west   EU14 | 1
GB BE BE BE BE BE BE | EU14 EU14 west   BE | 2.5
PL PL PL PL PL PL PL | EU13 EU13 EU28   EU13 | 1
RO RO BE BE BE RO RO | EU13 EU13 EU28   EU13 | 2
BG TR BG BG BG BG TR | EU13 EU13 EU28   EU13 | 1
HR HR HR BE HR HR HR | EU13 EU13 EU28   EU13 | 1
CD BE BE BE BE CD BE | nonEU nonEU nonEU nonEU | 2.5
AF AF AF AF AF AF AF | nonEU nonEU nonEU nonEU | 1
SY SY SY BE SY SY SY | nonEU nonEU nonEU nonEU | 1
BE BE BE BE TR BE BE | BE BE BE        TR | 0
BE BE BE BE BE TR BE | BE BE BE        TR | 0
BE BE BE BE BE BE TR | BE BE BE        TR | 0
RU BE RU BE RU RU BE | nonEU nonEU nonEU nonEU | 1
BE RU RU BE RU BE RU | nonEU nonEU nonEU nonEU | 1
";

const NAMES: [(Criterion, &str); 7] = [
    (Criterion::Father, "father"),
    (Criterion::Mother, "mother"),
    (Criterion::Own, "own"),
    (Criterion::Now, "now"),
    (Criterion::Born, "born"),
    (Criterion::FatherBorn, "father_born"),
    (Criterion::MotherBorn, "mother_born"),
];

struct Case {
    facts: Vec<Option<&'static str>>,
    expected: Vec<Option<&'static str>>,
    generation: Option<&'static str>,
}

fn cases() -> Vec<Case> {
    let word = |blank: &'static str| move |word: &'static str| (word != blank).then_some(word);
    let case = |line: &'static str| {
        let mut parts = line.split('|').map(str::split_whitespace);
        Case {
            facts: parts.next().unwrap().map(word("-")).collect(),
            expected: parts.next().unwrap().map(word("?")).collect(),
            generation: parts.next().unwrap().next().and_then(word("?")),
        }
    };
    PERSONS.lines().filter(|line| !line.is_empty()).map(case).collect()
}

fn table(cases: &[Case]) -> Table {
    let n = i64::try_from(cases.len()).unwrap();
    let mut table = Table::new([("pid", Column::int((0..n).collect()))]).unwrap();
    for (at, (_, name)) in NAMES.iter().enumerate() {
        table.push(*name, Column::text(cases.iter().map(|case| case.facts[at]))).unwrap();
    }
    table
}

fn texts(table: &Table, name: &str) -> Vec<Option<String>> {
    let column = table.get(name).unwrap();
    (0..table.n_rows()).map(|row| column.label(row)).collect()
}

#[test]
fn four_rules_on_forty_persons() {
    let cases = cases();
    assert_eq!(cases.len(), 40);
    let table = table(&cases);
    let rules = [
        OriginRule::monitoring(),
        OriginRule::statbel(),
        OriginRule::arvastat(),
        OriginRule::country_of_birth(),
    ];
    for (at, rule) in rules.iter().enumerate() {
        let found = rule.apply(&table, "pid", &NAMES).unwrap();
        let groups = texts(found.table(), "origin_group");
        let reasons = texts(found.table(), "origin_reason");
        for (row, case) in cases.iter().enumerate() {
            assert_eq!(groups[row].as_deref(), case.expected[at], "rule {at}, person {row}");
            assert_eq!(reasons[row].is_some(), groups[row].is_none(), "rule {at}, person {row}");
        }
        assert!(found.account().unwrap().last().unwrap().adds_up());
    }
}

#[test]
fn every_answer_says_what_decided() {
    let cases = cases();
    let found = OriginRule::monitoring().apply(&table(&cases), "pid", &NAMES).unwrap();
    let by = texts(found.table(), "origin_by");
    let reasons = texts(found.table(), "origin_reason");
    let said = |row: usize| (by[row].as_deref(), reasons[row].as_deref());
    assert_eq!(said(0), (Some("all"), None));
    assert_eq!(said(3), (Some("father"), None));
    assert_eq!(said(4), (Some("mother"), None));
    assert_eq!(said(7), (Some("own"), None));
    assert_eq!(said(8), (Some("now"), None));
    assert_eq!(said(9), (None, Some("father unknown")));
    assert_eq!(said(10), (None, Some("mother unknown")));
    assert_eq!(said(11), (None, Some("both parents unknown")));
    assert_eq!(said(13), (None, Some("nothing known")));
}

#[test]
fn what_is_unknown_and_how_countries_are_grouped_is_the_users_choice() {
    let cases = cases();
    let table = table(&cases);
    let belgian = OriginRule::monitoring().unknown(Unknown::Belgian);
    let groups = texts(belgian.apply(&table, "pid", &NAMES).unwrap().table(), "origin_group");
    let statbel =
        texts(OriginRule::statbel().apply(&table, "pid", &NAMES).unwrap().table(), "origin_group");
    assert_eq!(groups, statbel);

    let own = Groups::Own([("150".to_owned(), "here".to_owned())].into_iter().collect());
    let found = OriginRule::monitoring().groups(own).apply(&table, "pid", &NAMES).unwrap();
    let groups = texts(found.table(), "origin_group");
    let reasons = texts(found.table(), "origin_reason");
    assert_eq!(groups[0].as_deref(), Some("here"));
    assert_eq!(
        (groups[1].as_deref(), texts(found.table(), "origin")[1].as_deref()),
        (None, Some("354"))
    );
    assert!(reasons[1].as_deref().unwrap().contains("list of groups"));

    let custom = OriginRule::custom(&[Criterion::Own]).unwrap();
    let groups = texts(
        custom.apply(&table, "pid", &[(Criterion::Own, "own")]).unwrap().table(),
        "origin_group",
    );
    assert_eq!(groups[2].as_deref(), Some("BE"));
    assert!(OriginRule::custom(&[]).is_err());
    assert!(OriginRule::custom(&[Criterion::Own, Criterion::Own]).is_err());
}

#[test]
fn register_codes_and_numbers_read_as_iso_codes_do() {
    let text = Table::new([
        ("pid", Column::int(vec![1, 2, 3])),
        ("own", Column::text([Some("354"), Some("150"), Some("")])),
        ("number", Column::ints(&[Some(354), Some(150), None])),
    ])
    .unwrap();
    let rule = OriginRule::custom(&[Criterion::Own]).unwrap();
    let one = rule.apply(&text, "pid", &[(Criterion::Own, "own")]).unwrap();
    let other = rule.apply(&text, "pid", &[(Criterion::Own, "number")]).unwrap();
    assert_eq!(one.table(), other.table());
    assert_eq!(texts(one.table(), "origin_group"), [Some("MA".into()), Some("BE".into()), None]);
}

#[test]
fn a_rule_without_its_columns_says_which() {
    let table = table(&cases());
    let error = OriginRule::monitoring().apply(&table, "pid", &NAMES[..3]).unwrap_err();
    assert_eq!(
        error,
        BelgiumError::Unnamed { argument: "now", what: "the person's present nationality" }
    );
    let error = OriginRule::monitoring().apply(&table, "nobody", &NAMES).unwrap_err();
    assert!(error.to_string().contains("nobody"));
    let floats =
        Table::new([("pid", Column::int(vec![1])), ("own", Column::float(vec![1.5]))]).unwrap();
    let rule = OriginRule::custom(&[Criterion::Own]).unwrap();
    let error = rule.apply(&floats, "pid", &[(Criterion::Own, "own")]).unwrap_err();
    assert!(error.to_string().contains("country codes"));
}

/// Born abroad at 30, the parents' nationalities as roots.
#[test]
fn generations_of_the_forty() {
    let cases = cases();
    let mut table = table(&cases);
    let n = cases.len();
    table.push("birth", Column::text(vec![Some("1970-05-00"); n])).unwrap();
    table.push("arrival", Column::text(vec![Some("2000-06-01"); n])).unwrap();
    let roots = Roots {
        born: "born",
        birth_date: "birth",
        arrival: "arrival",
        father: "father",
        mother: "mother",
        ..Roots::default()
    };
    let found = Generations::default().apply(&table, "pid", &roots).unwrap();
    let generations = texts(found.table(), "generation");
    for (row, case) in cases.iter().enumerate() {
        assert_eq!(generations[row].as_deref(), case.generation, "person {row}");
    }
}

#[test]
fn bands_schooling_and_grandparents() {
    let table = Table::new([
        ("pid", Column::int((0..8).collect())),
        ("born", Column::text(["MA", "MA", "MA", "MA", "MA", "BE", "BE", "MA"].map(Some))),
        (
            "birth",
            Column::text([
                Some("1990-03-15"),
                Some("1990-03-15"),
                Some("1990-03-15"),
                Some("1990-00-00"),
                None,
                Some("1990-01-01"),
                Some("1990-01-01"),
                Some("1990-03-15"),
            ]),
        ),
        (
            "arrival",
            Column::text(
                [
                    "1996-03-14",
                    "1996-03-15",
                    "2008-03-15",
                    "2002-08-01",
                    "2000-01-01",
                    "1990-01-01",
                    "1990-01-01",
                    "1980-01-01",
                ]
                .map(Some),
            ),
        ),
        ("father", Column::text(["MA", "MA", "MA", "MA", "MA", "BE", "BE", "MA"].map(Some))),
        ("mother", Column::text(["MA", "MA", "MA", "MA", "MA", "BE", "BE", "MA"].map(Some))),
        ("ff", Column::text([None, None, None, None, None, Some("IT"), Some("BE"), None])),
        ("school", Column::ints(&[Some(1), None, Some(1), Some(1), Some(1), None, None, Some(1)])),
    ])
    .unwrap();
    let roots = Roots {
        born: "born",
        birth_date: "birth",
        arrival: "arrival",
        father: "father",
        mother: "mother",
        grandparents: &["ff"],
        schooled: None,
    };
    let of = |bands: &[(&str, u32)], roots: &Roots<'_>| {
        let bands = bands.iter().map(|(label, below)| ((*label).to_owned(), *below)).collect();
        let found = Generations::new(bands).unwrap().apply(&table, "pid", roots).unwrap();
        texts(found.table(), "generation")
    };
    let text = |words: [&str; 8]| words.map(|word| (word != "?").then(|| word.to_owned())).to_vec();
    // 5, 6, 18 and 12 years at arrival; unknown; third; none; a registration before birth
    assert_eq!(of(&[("1.5", 6)], &roots), text(["1.5", "1", "1", "1", "?", "3", "0", "1.5"]));
    assert_eq!(of(&[("1.5", 18)], &roots), text(["1.5", "1.5", "1", "1.5", "?", "3", "0", "1.5"]));
    let fine = [("1.75", 6), ("1.5", 13), ("1.25", 18)];
    assert_eq!(of(&fine, &roots), text(["1.75", "1.5", "1", "1.5", "?", "3", "0", "1.75"]));
    let schooled = Roots { schooled: Some("school"), ..roots };
    assert_eq!(of(&[("1.5", 18)], &schooled), text(["1.5", "1", "1", "1.5", "?", "3", "0", "1.5"]));
    assert!(Generations::new(vec![]).is_err());
    assert!(Generations::new(vec![("a".into(), 6), ("b".into(), 6)]).is_err());
}
