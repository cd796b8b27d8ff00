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
    let error = Formula::parse("y ~ poly(a, 2) | f").unwrap_err();
    assert!(matches!(error, EstimateError::NotSupported { column: 4, .. }));
}

#[test]
fn slopes_by_level_stand_with_their_effects() {
    let formula = Formula::parse("y ~ a | f[x, log(z)] + g[[x]] + h^f[w] + g").unwrap();
    let labels = ["f", "f[[x]]", "f[[log(z)]]", "g", "g[[x]]", "h^f", "h^f[[w]]"];
    assert_eq!(formula.effects(), labels);
    assert_eq!(formula.columns(), ["y", "a", "f", "x", "z", "g", "h", "w"]);
    for (text, at) in [("y ~ a[x]", 4), ("y ~ a | f[x]^g", 8), ("y ~ a | f[x", 11)] {
        let error = Formula::parse(text).unwrap_err();
        let EstimateError::Formula { column, .. } = error else { panic!("{error}") };
        assert_eq!(column, at, "{text}");
    }
}

#[test]
fn panel_operators_expand_to_numbers() {
    assert_eq!(
        labels("y ~ l(x) + f(x, 2) + d(x) + l(log(z), 0:2)"),
        ["1", "l(x, 1)", "f(x, 2)", "d(x, 1)", "log(z)", "l(log(z), 1)", "l(log(z), 2)"]
    );
    let formula = Formula::parse("d(y) ~ l(x) | l").unwrap();
    assert_eq!(formula.outcome(), "d(y, 1)");
    assert_eq!(formula.columns(), ["y", "x", "l"]);
    assert_eq!(formula.columns_of_the_row(), ["y", "l"]);
    assert!(formula.has_lags() && !Formula::parse("y ~ d").unwrap().has_lags());
}

#[test]
fn instruments_stand_after_the_last_bar() {
    let formula = Formula::parse("y ~ a | f | b + log(c) ~ z + w + v").unwrap();
    assert_eq!((formula.endogenous().len(), formula.instruments().len()), (2, 3));
    assert_eq!(formula.columns(), ["y", "a", "b", "c", "z", "w", "v", "f"]);
    assert_eq!(Formula::parse("y ~ 1 | b ~ z").unwrap().effects().len(), 0);
}

#[test]
fn several_estimations_are_written_out_in_the_order_of_pyfixest() {
    let texts = |text: &str| -> Vec<String> {
        Formula::several(text).unwrap().iter().map(|own| own.text().to_owned()).collect()
    };
    assert_eq!(texts("y ~ a"), ["y ~ a"]);
    assert_eq!(
        texts("y + log(z) ~ sw(a, b:c) | csw0(f, g^h)"),
        [
            "y ~ a | 1",
            "y ~ b:c | 1",
            "log(z) ~ a | 1",
            "log(z) ~ b:c | 1",
            "y ~ a | f",
            "y ~ b:c | f",
            "log(z) ~ a | f",
            "log(z) ~ b:c | f",
            "y ~ a | f + g^h",
            "y ~ b:c | f + g^h",
            "log(z) ~ a | f + g^h",
            "log(z) ~ b:c | f + g^h",
        ]
    );
    assert_eq!(texts("c(y, z) ~ a"), ["y ~ a", "z ~ a"]);
    assert_eq!(texts("y ~ mvsw(a, b)"), ["y ~ 1", "y ~ a", "y ~ b", "y ~ a + b"]);
    assert_eq!(texts("y ~ d + csw0(i(a, ref=1), b)").len(), 3);
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
        ("y ~ sw(a, b) | f", 4),
        ("y + z ~ a", 0),
        ("c(y, z) ~ a", 0),
        ("y ~ a | f | ~ z", 12),
        ("y ~ a | f | b + c ~ z", 12),
        ("y ~ a | f | b ~ b + z", 12),
        ("y ~ l(a, x)", 9),
        ("y ~ l(a, 3:1)", 9),
        ("y ~ l(a, 0.5)", 9),
    ] {
        match Formula::parse(text) {
            Err(EstimateError::Formula { column: at, .. }) => assert_eq!(at, column, "{text}"),
            other => panic!("{text}: {other:?}"),
        }
    }
    for (text, column) in [("y ~ sw(a)", 4), ("y ~ sw(a, )", 4), ("y ~ mvsw()", 4)] {
        match Formula::several(text) {
            Err(EstimateError::Formula { column: at, .. }) => assert_eq!(at, column, "{text}"),
            other => panic!("{text}: {other:?}"),
        }
    }
}

proptest! {
    #[test]
    fn no_text_panics(text in "[a-c0-9~|+*:^()\\[\\],='\"` .éI-]{0,40}") {
        let _ = Formula::parse(&text).map(|formula| formula.columns());
        let _ = Formula::several(&text).map(|all| all.len());
        let _ = Formula::several(&format!("y ~ csw({text})")).map(|all| all.len());
    }
}
