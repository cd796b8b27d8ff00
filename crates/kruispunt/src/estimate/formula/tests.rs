use super::*;
use proptest::prelude::*;

fn labels(text: &str) -> Vec<String> {
    let name = |factor: &Factor| match factor {
        Factor::Column(column) => column.clone(),
        Factor::Dummies { label, .. } | Factor::Number { label, .. } => label.clone(),
        Factor::Interaction { column, by, .. } => match by {
            Some(by) => format!("i({column},{by})"),
            None => format!("i({column})"),
        },
    };
    let formula = Formula::parse(text).unwrap();
    let join = |term: &Term| term.iter().map(name).collect::<Vec<_>>().join(":");
    formula
        .terms
        .iter()
        .map(|term| if term.is_empty() { "1".to_owned() } else { join(term) })
        .collect()
}

#[test]
fn terms_expand_as_in_r() {
    assert_eq!(labels("y ~ a*b"), ["1", "a", "b", "a:b"]);
    assert_eq!(labels("y ~ a:b + c - 1"), ["c", "a:b"]);
    assert_eq!(labels("y ~ 0 + a"), ["a"]);
    assert_eq!(labels("y ~ (a + b):c"), ["1", "a:c", "b:c"]);
    assert_eq!(labels("y ~ (a + b + c)**2 - a:b"), ["1", "a", "b", "c", "a:c", "b:c"]);
    assert_eq!(labels("y ~ a/b"), ["1", "a", "a:b"]);
    assert_eq!(labels("y ~ a + a + b:a + a:b"), ["1", "a", "b:a"]);
    assert_eq!(labels("y ~ I(x**2)+log(z1+ 2*x)"), ["1", "I(x ** 2)", "log(z1 + 2 * x)"]);
    assert_eq!(labels("y ~ i(f, x, ref=-1) + C(g)"), ["1", "i(f,x)", "C(g)"]);
    assert_eq!(labels("y ~ I((a+b)*c)"), ["1", "I((a + b) * c)"]);
}

#[test]
fn names_may_hold_dots_accents_and_anything_in_backquotes() {
    let formula =
        Formula::parse("`loon (€)` ~ `2nd gen` + naïf.x_1 | `person id`^kwartaal").unwrap();
    assert_eq!(formula.columns(), ["loon (€)", "2nd gen", "naïf.x_1", "person id", "kwartaal"]);
    assert_eq!(formula.effects(), ["person id^kwartaal"]);
}

#[test]
fn what_is_not_there_is_refused_by_name_at_its_place() {
    for (text, what, column) in [
        ("y ~ sw(a, b) | f", "several estimations in one formula (sw, csw)", 4),
        ("y + z ~ a", "several outcomes in one formula", 0),
        ("c(y, z) ~ a", "several outcomes in one formula", 0),
        ("y ~ a | f | b ~ z", "instruments (endogenous ~ instruments)", 12),
        ("y ~ a | f[x]", "varying slopes f[x]", 8),
        ("y ~ a + l(b)", "lags and leads in a formula", 8),
    ] {
        let error = Formula::parse(text).unwrap_err();
        match error {
            EstimateError::NotSupported { what: own, column: at, .. } => {
                assert_eq!((own, at), (what, column), "{text}");
            }
            other => panic!("{text}: {other}"),
        }
    }
}

#[test]
fn faults_point_at_the_token() {
    for (text, column) in [
        ("", 0),
        ("y", 1),
        ("y ~", 3),
        ("y ~ a +", 7),
        ("y ~ log(a", 9),
        ("y ~ a ~ b", 6),
        ("y ~ a | f | g", 12),
        ("y ~ a ; b", 6),
        ("y ~ foo(a)", 4),
        ("y ~ 'a'", 4),
        ("y ~ a^2", 4),
        ("y ~ a | f + log(g)", 12),
        ("y ~ i(f, nope=3)", 14),
        ("y ~ `a", 4),
        ("y ~ a b", 6),
    ] {
        match Formula::parse(text) {
            Err(EstimateError::Formula { column: at, .. }) => assert_eq!(at, column, "{text}"),
            other => panic!("{text}: {other:?}"),
        }
    }
}

proptest! {
    #[test]
    fn no_text_panics(text in "[a-c0-9~|+*:^()\\[\\],='\"` .éI-]{0,40}") {
        let _ = Formula::parse(&text).map(|formula| formula.columns());
    }
}
