//! Cases from types of careers.

use super::paired::{Pairing, Wanted};
use super::spread::{farthest, middle};
use super::table::{SPREAD, identified, plain, remedy};
use super::{Candidates, Kind};
use crate::CasesError;
use crate::groups::Unlike;
use kruispunt::data::{Table, Ticket};
use kruispunt::trajectory::{Distances, Typology};
use rustc_hash::FxHashMap;

/// Cases from a typology: `typical`, `deviant`, `medoid` and `boundary` by distances, `extreme`,
/// `diverse`, `most-similar` and `most-different` by columns of `people`, `random` by a draw.
///
/// `people` has one row a sequence, in the order of the sequences, with the identifier `id` and
/// the column `type`. With distances `a_i` to the own and `b_i` to the nearest other type on
/// average, the silhouette is `(b_i - a_i) / max(a_i, b_i)` (Rousseeuw 1987, *Journal of
/// Computational and Applied Mathematics* 20, 53-65); sequences count once each, without weights.
/// Where only distances to medoids are known (types from samples), a and b are those: the
/// simplified silhouette (Hruschka, de Castro & Campello 2004, *ICDM '04*, 403-406).
///
/// # Errors
///
/// [`CasesError::Undefined`], [`CasesError::Argument`] or [`CasesError::Data`].
pub fn of_typology(
    people: Table,
    id: &str,
    typology: &Typology,
    distances: Option<&Distances>,
    kind: Kind,
    on: &[String],
    ticket: &Ticket,
) -> Result<Candidates, CasesError> {
    let types = typology.types();
    if people.n_rows() != types.len() {
        let expected = format!("{} rows, one a sequence", types.len());
        return Err(CasesError::argument("data", expected, people.n_rows().to_string()));
    }
    let near = || {
        distances.ok_or(CasesError::Undefined {
            kind: kind.name(),
            source_kind: "a typology without all distances",
            remedy: "make the types by `Distances.pam` or `Tree.cut`",
        })
    };
    let (scores, definition) = match kind {
        Kind::Typical => (
            match distances {
                Some(distances) => silhouettes(distances, types, typology.k(), ticket)?,
                None => to_medoid(distances, typology)?.into_iter().map(simplified).collect(),
            },
            if distances.is_some() {
                "high silhouette: near its own type and far from the next"
            } else {
                "high simplified silhouette: near its own medoid and far from the next"
            },
        ),
        Kind::Medoid => (
            to_medoid(distances, typology)?.into_iter().map(|(own, _)| Some(-own)).collect(),
            "nearest to the medoid of its type",
        ),
        Kind::Deviant => (
            to_medoid(distances, typology)?.into_iter().map(|(own, _)| Some(own)).collect(),
            "farthest from the medoid of its type",
        ),
        Kind::Boundary => (
            boundaries(distances, typology)?,
            "as near to the medoid of another type as to that of its own",
        ),
        Kind::Diverse if on.is_empty() => {
            let distances = near()?;
            let far = |a, b| distances.get(a, b);
            let n = types.len();
            (
                farthest(n, SPREAD, middle(n, far), far, ticket)?,
                "the middle career first, then each time the one farthest from all before",
            )
        }
        Kind::MostSimilar | Kind::MostDifferent => {
            return compared(people, id, typology, kind, on, ticket);
        }
        Kind::Influential | Kind::Pathway => {
            let source_kind = "a typology";
            return Err(CasesError::Undefined {
                kind: kind.name(),
                source_kind,
                remedy: remedy(kind),
            });
        }
        Kind::Extreme | Kind::Diverse | Kind::Random => {
            let mut found = plain(people, id, kind, on, None, ticket, "a typology")?;
            found.group = Some("type".to_owned());
            found.account = Some(typology.account().clone());
            return Ok(found);
        }
    };
    let group = (kind != Kind::Diverse).then(|| "type".to_owned());
    Ok(Candidates {
        table: people,
        id: id.to_owned(),
        kind,
        scores,
        group,
        definition: definition.to_owned(),
        unscored: "no score",
        pairs: None,
        account: Some(typology.account().clone()),
        notes: Vec::new(),
    })
}

/// Pairs across types, or within one.
fn compared(
    people: Table,
    id: &str,
    typology: &Typology,
    kind: Kind,
    on: &[String],
    ticket: &Ticket,
) -> Result<Candidates, CasesError> {
    if on.is_empty() {
        let expected = "the columns of `data` in which pairs are alike or unlike";
        return Err(CasesError::argument("on", expected, "none"));
    }
    let unlike = Unlike::of(&people, "on", on)?;
    let contrast: Vec<Option<u32>> = typology.types().iter().copied().map(Some).collect();
    let (wanted, words) = match kind {
        Kind::MostSimilar => (Wanted::Similar, "alike on {}, of different types"),
        _ => (Wanted::Different, "unlike on {}, of one type"),
    };
    let found = Pairing::new(contrast, wanted, unlike, ticket);
    let n = people.n_rows();
    Ok(Candidates {
        table: people,
        id: id.to_owned(),
        kind,
        scores: vec![Some(0.0); n],
        group: Some("type".to_owned()),
        definition: format!("pairs {}", words.replace("{}", &on.join(", "))),
        unscored: "no score",
        pairs: Some(found),
        account: Some(typology.account().clone()),
        notes: Vec::new(),
    })
}

/// Distances to the medoid of the own type and to the nearest other medoid.
fn to_medoid(
    distances: Option<&Distances>,
    typology: &Typology,
) -> Result<Vec<(f64, f64)>, CasesError> {
    let (medoids, k) = (typology.medoids(), typology.k());
    let kept = typology.to_medoids();
    let apart = |row: usize, at: usize| match (distances, kept) {
        (Some(distances), _) => Some(distances.get(row, medoids[at] as usize)),
        (None, Some(kept)) => Some(f64::from(kept[row * k + at])),
        (None, None) => None,
    };
    let of = |(row, &own): (usize, &u32)| {
        let mut other = f64::INFINITY;
        for at in (0..k).filter(|&at| at != own as usize) {
            other = other.min(apart(row, at)?);
        }
        Some((apart(row, own as usize)?, other))
    };
    let found: Option<Vec<(f64, f64)>> = typology.types().iter().enumerate().map(of).collect();
    found.ok_or(CasesError::Undefined {
        kind: "by distance",
        source_kind: "a typology without distances",
        remedy: "make the types by `Distances.pam`, `Tree.cut` or `Sequences.clara`",
    })
}

fn boundaries(
    distances: Option<&Distances>,
    typology: &Typology,
) -> Result<Vec<Option<f64>>, CasesError> {
    let near = to_medoid(distances, typology)?.into_iter();
    Ok(near.map(|(own, other)| other.is_finite().then_some(-(other - own).abs())).collect())
}

/// The silhouette with distances to medoids.
fn simplified((own, other): (f64, f64)) -> Option<f64> {
    let most = own.max(other);
    other.is_finite().then_some(if most > 0.0 { (other - own) / most } else { 0.0 })
}

/// The silhouette of each sequence; 0 for a type of one.
fn silhouettes(
    distances: &Distances,
    types: &[u32],
    k: usize,
    ticket: &Ticket,
) -> Result<Vec<Option<f64>>, CasesError> {
    let (unique, n) = (distances.unique_of(), distances.n_unique());
    let mut first = vec![usize::MAX; n];
    let mut count = vec![0.0; n];
    let mut size = vec![0.0; k];
    for (row, &at) in unique.iter().enumerate() {
        if first[at as usize] == usize::MAX {
            first[at as usize] = row;
        }
        count[at as usize] += 1.0;
        size[types[row] as usize] += 1.0;
    }
    let mut score = vec![0.0; n];
    let mut sums = vec![0.0; k];
    for one in 0..n {
        if one % 64 == 0 && ticket.is_cancelled() {
            return Err(CasesError::Cancelled);
        }
        sums.fill(0.0);
        for other in 0..n {
            sums[types[first[other]] as usize] +=
                count[other] * distances.get(first[one], first[other]);
        }
        let own = types[first[one]] as usize;
        if size[own] <= 1.0 {
            continue;
        }
        let a = sums[own] / (size[own] - 1.0);
        let others = (0..k).filter(|&other| other != own && size[other] > 0.0);
        let b = others.map(|other| sums[other] / size[other]).fold(f64::INFINITY, f64::min);
        score[one] = if b.is_finite() && a.max(b) > 0.0 { (b - a) / a.max(b) } else { 0.0 };
    }
    Ok(unique.iter().map(|&at| Some(score[at as usize])).collect())
}

/// One row a sequence, in order: the identifier, `type`, and the columns of `data` for it.
///
/// # Errors
///
/// [`CasesError::Identifier`] when a sequence has no row in `data` or a row of `data` occurs twice;
/// [`CasesError::Data`] when there is no column of that name.
pub fn people(typology: &Typology, data: Option<&Table>) -> Result<(Table, String), CasesError> {
    let mut table = typology.table("type")?;
    let id = table.names()[0].clone();
    let Some(data) = data else { return Ok((table, id)) };
    identified(data, &id)?;
    let own = data.column("data", &id)?;
    let mut rows: FxHashMap<String, u32> = FxHashMap::default();
    for row in 0..data.n_rows() {
        rows.insert(own.label(row).unwrap_or_default(), row as u32);
    }
    let ids = table.column("source", &id)?;
    let mut places = Vec::with_capacity(table.n_rows());
    for row in 0..table.n_rows() {
        let found = ids.label(row).and_then(|label| rows.get(&label).copied());
        let problem = "of the sequences has no row in this table";
        places.push(found.ok_or(CasesError::Identifier { argument: "data", row, problem })?);
    }
    let matched = data.take(&places);
    for (name, column) in matched.names().iter().zip(matched.columns()) {
        if name != &id && name != "type" {
            table.push(name.clone(), column.clone())?;
        }
    }
    Ok((table, id))
}
