//! Verbs and reasons as sentences, in two languages.

use super::Call;
use serde_json::Value;

/// A language of reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Language {
    English,
    Dutch,
}

impl Language {
    pub(super) fn of(code: &str) -> Option<Self> {
        match code {
            "en" => Some(Self::English),
            "nl" => Some(Self::Dutch),
            _ => None,
        }
    }
}

/// Sentences by verb. `{option}` is its value; what stands in brackets goes when an option in it
/// has none.
const SENTENCES: &[(&str, &str, &str)] = &[
    ("key_link", "Rows were linked on the key {on}.", "Rijen werden gekoppeld op de sleutel {on}."),
    (
        "Linker",
        "A Fellegi-Sunter model was set up[ with blocking on {blocking}].",
        "Een Fellegi-Sunter-model werd opgezet[ met blokken op {blocking}].",
    ),
    (
        "train",
        "Its probabilities were learned without labels, by expectation-maximisation on counts of agreement patterns[ (dependence: {dependence})].",
        "De kansen ervan werden zonder labels geleerd, met expectation-maximisation op tellingen van overeenkomstpatronen[ (afhankelijkheid: {dependence})].",
    ),
    (
        "link",
        "Links were chosen[ by {assignment} assignment][ at the threshold {threshold}][ at a false discovery rate of {fdr}].",
        "Koppelingen werden gekozen[ met toewijzing {assignment}][ bij de drempel {threshold}][ bij een aandeel foute koppelingen van {fdr}].",
    ),
    (
        "dedupe",
        "Rows of one table that are one person were linked[ at the threshold {threshold}].",
        "Rijen van een tabel die dezelfde persoon zijn, werden gekoppeld[ bij de drempel {threshold}].",
    ),
    (
        "draws",
        "{n} linkages were drawn from the posterior.",
        "{n} koppelingen werden uit de a-posterioriverdeling getrokken.",
    ),
    ("attach", "Linked columns were attached.", "Gekoppelde kolommen werden toegevoegd."),
    (
        "Spells",
        "Spells were read from {start} to {end}[ of each {person}].",
        "Periodes werden gelezen van {start} tot {end}[ per {person}].",
    ),
    ("clip", "Spells were clipped to the calendar.", "Periodes werden tot de kalender ingekort."),
    (
        "merge",
        "Spells that follow each other were merged[ (gaps up to {gap} days)][ within {by}].",
        "Opeenvolgende periodes werden samengevoegd[ (onderbrekingen tot {gap} dagen)][ binnen {by}].",
    ),
    (
        "resolve",
        "Overlapping spells were resolved by the order of {order}.",
        "Overlappende periodes werden opgelost volgens de volgorde {order}.",
    ),
    (
        "to_panel",
        "A person-period panel was made[; its state is that of {state}][; sums of {sum}].",
        "Een panel van persoon en periode werd gemaakt[; de toestand is die van {state}][; sommen van {sum}].",
    ),
    (
        "attach_person",
        "Attributes of persons were attached.",
        "Kenmerken van personen werden toegevoegd.",
    ),
    (
        "as_of",
        "What held on the reference day was attached.",
        "Wat op de referentiedag gold, werd toegevoegd.",
    ),
    ("with_column", "The column {name} was added.", "De kolom {name} werd toegevoegd."),
    (
        "identify",
        "Spells were given their persons by the linkage.",
        "Periodes kregen hun persoon via de koppeling.",
    ),
    (
        "Panel",
        "A panel was read: {person} by {period}.",
        "Een panel werd gelezen: {person} naar {period}.",
    ),
    ("Table", "A table was read.", "Een tabel werd gelezen."),
    (
        "tidy",
        "The estimates were laid out as a table.",
        "De schattingen werden in een tabel gezet.",
    ),
    (
        "posterior_weighted",
        "Least squares over all candidate pairs, weighted by their posterior: {fml}.",
        "Kleinste kwadraten over alle kandidaat-paren, gewogen met hun a-posteriorikans: {fml}.",
    ),
    ("filter", "The panel was filtered.", "Het panel werd gefilterd."),
    (
        "event_time",
        "Time since the event {event} was counted.",
        "De tijd sinds {event} werd geteld.",
    ),
    (
        "feols",
        "Least squares: {fml}[, weighted by {weights}].",
        "Kleinste kwadraten: {fml}[, gewogen met {weights}].",
    ),
    (
        "fepois",
        "Poisson regression: {fml}[, weighted by {weights}].",
        "Poissonregressie: {fml}[, gewogen met {weights}].",
    ),
    (
        "feglm",
        "A generalised linear model ({family}): {fml}[, weighted by {weights}].",
        "Een veralgemeend lineair model ({family}): {fml}[, gewogen met {weights}].",
    ),
    ("clogit", "Conditional logit: {fml}.", "Conditionele logit: {fml}."),
    ("panel_ols", "A panel model ({model}): {fml}.", "Een panelmodel ({model}): {fml}."),
    (
        "hazard",
        "A discrete-time hazard model ({link}): {fml}.",
        "Een hazardmodel in discrete tijd ({link}): {fml}.",
    ),
    (
        "cox",
        "Cox's proportional hazards (ties: {ties}): {fml}.",
        "Proportionele hazards van Cox (gelijke tijden: {ties}): {fml}.",
    ),
    (
        "survival",
        "Survival in {time} was estimated by Kaplan and Meier[, by {by}].",
        "Overleving in {time} werd geschat volgens Kaplan en Meier[, naar {by}].",
    ),
    (
        "cumulative_incidence",
        "The incidence of {event} in {time} was estimated by Aalen and Johansen[, by {by}].",
        "De incidentie van {event} in {time} werd geschat volgens Aalen en Johansen[, naar {by}].",
    ),
    (
        "did",
        "Difference-in-differences of {outcome} (method {method})[, cohorts by {cohort}][, controls: {controls}][, covariates {covariates}].",
        "Verschil-in-verschillen van {outcome} (methode {method})[, cohorten naar {cohort}][, controlegroep: {controls}][, covariaten {covariates}].",
    ),
    (
        "compare_did",
        "Difference-in-differences of {outcome} by several methods[, cohorts by {cohort}].",
        "Verschil-in-verschillen van {outcome} met verschillende methodes[, cohorten naar {cohort}].",
    ),
    (
        "dose_response",
        "Effects of {dose} on {outcome} by dose[, cohorts by {cohort}].",
        "Effecten van {dose} op {outcome} naar dosis[, cohorten naar {cohort}].",
    ),
    (
        "rd_in_time",
        "A discontinuity of {outcome} in {running} at {cutoff}.",
        "Een discontinu\u{ef}teit van {outcome} in {running} bij {cutoff}.",
    ),
    (
        "dynamic_matching",
        "Dynamic matching in risk sets on {outcome}[; treatment {treatment}][, against {against}].",
        "Dynamische matching in risicogroepen op {outcome}[; behandeling {treatment}][, tegenover {against}].",
    ),
    (
        "att",
        "The effect on those with {treated} by {method}: {fml}.",
        "Het effect op wie {treated} heeft, met {method}: {fml}.",
    ),
    (
        "gap",
        "The gap in {outcome} between groups of {group} was taken apart (method {method})[, reference {reference}][, adjusted for {adjust}].",
        "De kloof in {outcome} tussen groepen van {group} werd ontleed (methode {method})[, referentie {reference}][, gecorrigeerd voor {adjust}].",
    ),
    (
        "after_linkage",
        "Estimates were corrected for wrong links ({weighting}): {fml}.",
        "Schattingen werden gecorrigeerd voor foute koppelingen ({weighting}): {fml}.",
    ),
    (
        "mismatch_mixture",
        "A mixture of right and wrong links was fitted: {fml}.",
        "Een mengsel van juiste en foute koppelingen werd geschat: {fml}.",
    ),
    (
        "pool",
        "Estimates over several linkages were pooled by Rubin's rules.",
        "Schattingen over verschillende koppelingen werden samengevoegd met de regels van Rubin.",
    ),
    (
        "over_draws",
        "The analysis was repeated over {n} drawn linkages and pooled by Rubin's rules.",
        "De analyse werd herhaald over {n} getrokken koppelingen en samengevoegd met de regels van Rubin.",
    ),
    (
        "Sequences",
        "Careers were read as sequences of {state}.",
        "Loopbanen werden gelezen als reeksen van {state}.",
    ),
    (
        "sequences",
        "Careers were read as sequences of {state}[, since {since}][, {length} periods long].",
        "Loopbanen werden gelezen als reeksen van {state}[, sinds {since}][, {length} periodes lang].",
    ),
    (
        "distances",
        "Distances between careers: {measure}[, costs {costs}].",
        "Afstanden tussen loopbanen: {measure}[, kosten {costs}].",
    ),
    (
        "pam",
        "Careers were grouped around medoids[ ({k} types)].",
        "Loopbanen werden rond medo\u{ef}den gegroepeerd[ ({k} types)].",
    ),
    (
        "clara",
        "Careers were grouped around medoids in samples[ ({k} types)].",
        "Loopbanen werden in steekproeven rond medo\u{ef}den gegroepeerd[ ({k} types)].",
    ),
    ("aggregate", "Effects were averaged by {by}.", "Effecten werden gemiddeld naar {by}."),
    (
        "select",
        "Cases were chosen: {kind}[, {n} of them].",
        "Gevallen werden gekozen: {kind}[, {n} ervan].",
    ),
    (
        "registers",
        "The registers are synthetic (scale {scale}, seed {seed}).",
        "De registers zijn synthetisch (schaal {scale}, toevalsgetal {seed}).",
    ),
    (
        "protect",
        "The table was protected against disclosure.",
        "De tabel werd tegen onthulling beschermd.",
    ),
    (
        "tabulate",
        "Persons were counted by {by}, and the table protected against disclosure.",
        "Personen werden geteld naar {by}, en de tabel werd tegen onthulling beschermd.",
    ),
];

/// What a verb did, as a sentence.
pub(super) fn sentence(call: &Call, language: Language) -> String {
    let name = call.verb.rsplit('.').next().unwrap_or(&call.verb);
    if let Some((_, english, dutch)) = SENTENCES.iter().find(|(verb, ..)| *verb == name) {
        let template = if language == Language::English { english } else { dutch };
        if let Some(text) = filled(template, call) {
            return text;
        }
    }
    let given: Vec<String> = call
        .options
        .iter()
        .filter_map(|(name, value)| Some(format!("{name} = {}", shown(value)?)))
        .collect();
    let given = given.join(", ");
    match (language, given.is_empty()) {
        (Language::English, true) => format!("Then {name}."),
        (Language::Dutch, true) => format!("Daarna {name}."),
        (Language::English, false) => format!("Then {name} ({given})."),
        (Language::Dutch, false) => format!("Daarna {name} ({given})."),
    }
}

/// The template with the call's options; nothing when one that must be there is not.
fn filled(template: &str, call: &Call) -> Option<String> {
    let mut out = String::new();
    let mut rest = template;
    while let Some(at) = rest.find('[') {
        out.push_str(&replaced(&rest[..at], call)?);
        let end = rest[at..].find(']')? + at;
        let part = &rest[at + 1..end];
        if let Some(part) = replaced(part, call) {
            out.push_str(&part);
        }
        rest = &rest[end + 1..];
    }
    out.push_str(&replaced(rest, call)?);
    Some(out)
}

fn replaced(text: &str, call: &Call) -> Option<String> {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('{') {
        out.push_str(&rest[..at]);
        let end = rest[at..].find('}')? + at;
        out.push_str(&shown(call.options.get(&rest[at + 1..end])?)?);
        rest = &rest[end + 1..];
    }
    out.push_str(rest);
    Some(out)
}

/// A value in a sentence; nothing for what is not set.
fn shown(value: &Value) -> Option<String> {
    match value {
        Value::Null | Value::Bool(false) => None,
        Value::Bool(true) => Some("yes".to_owned()),
        Value::String(text) => (!text.is_empty()).then(|| text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Array(values) if values.is_empty() => None,
        Value::Array(values) => {
            Some(values.iter().filter_map(shown).collect::<Vec<_>>().join(", "))
        }
        Value::Object(fields) if fields.is_empty() => None,
        Value::Object(fields) => Some(
            fields
                .iter()
                .filter_map(|(name, value)| Some(format!("{name} {}", shown(value)?)))
                .collect::<Vec<_>>()
                .join(", "),
        ),
    }
}

/// Beginnings of reasons for leaving rows out, in Dutch.
const REASONS: &[(&str, &str)] = &[
    ("ended before", "eindigde voor"),
    ("started after", "begon na"),
    ("a value is missing", "een waarde ontbreekt"),
    ("the key is missing", "de sleutel ontbreekt"),
    ("the cluster is missing", "de cluster ontbreekt"),
    ("a covariate is missing", "een covariaat ontbreekt"),
    ("alone in a level of an effect", "alleen in een niveau van een effect"),
    ("became part of an earlier spell", "werd deel van een eerdere periode"),
    ("never the best on any day", "op geen enkele dag de beste"),
    ("outside the window", "buiten het venster"),
    ("treated before", "eerder behandeld"),
    ("no pair above the threshold", "geen paar boven de drempel"),
    ("more than one link", "meer dan een koppeling"),
    ("not eligible in the period", "kwam in de periode niet in aanmerking"),
    ("not in the crosswalk", "niet in de koppeltabel"),
    ("no day in", "geen dag in"),
];

/// A reason in a language; one without a translation stays as it is.
pub(super) fn reason(text: &str, language: Language) -> String {
    if language == Language::Dutch
        && let Some((english, dutch)) = REASONS.iter().find(|(start, _)| text.starts_with(start))
    {
        return text.replacen(english, dutch, 1);
    }
    text.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_sentence_can_be_filled_and_both_languages_ask_for_the_same() {
        for (verb, english, dutch) in SENTENCES {
            let asked = |text: &str| {
                let mut names: Vec<String> = text
                    .split('{')
                    .skip(1)
                    .filter_map(|part| Some(part.split_once('}')?.0.to_owned()))
                    .collect();
                names.sort();
                names
            };
            assert_eq!(asked(english), asked(dutch), "{verb}");
            let options = asked(english).into_iter().map(|name| (name, Value::from("x"))).collect();
            let call = Call { verb: (*verb).into(), reads: vec![], uses: vec![], options };
            for language in [Language::English, Language::Dutch] {
                let text = sentence(&call, language);
                assert!(text.ends_with('.') && !text.contains(['[', ']', '{', '}']), "{text}");
            }
        }
    }
}
