//! Clusters of rows beside persons, with intervals that know what hangs together.

use super::interval::{Z, effective};
use crate::data::{Column, Links, Table};
use crate::linkage::links::Groups;
use crate::linkage::{Grouping, LinkageError, Truth};
use crate::math::unionfind::UnionFind;

/// Sums over rows from which every measure is made.
const TERMS: usize = 15;
type Sums = [f64; TERMS];

/// What a measure is, and the interval it takes.
struct Measure {
    name: &'static str,
    of: fn(&Sums) -> f64,
    /// Whether it lies between 0 and 1.
    share: bool,
    /// Whether it has a meaning for the rows of one group.
    groups: bool,
}

const fn share(name: &'static str, of: fn(&Sums) -> f64) -> Measure {
    Measure { name, of, share: true, groups: true }
}

fn harmonic(a: f64, b: f64) -> f64 {
    if a + b > 0.0 { 2.0 * a * b / (a + b) } else { 0.0 }
}

fn adjusted_rand(t: &Sums) -> f64 {
    let (both, found, true_) = (t[0] / 2.0, t[1] / 2.0, t[2] / 2.0);
    let by_chance = found * true_ / (t[5] * (t[5] - 1.0) / 2.0);
    (both - by_chance) / (f64::midpoint(found, true_) - by_chance)
}

const MEASURES: [Measure; 17] = [
    share("pair_precision", |t| t[0] / t[1]),
    share("pair_recall", |t| t[0] / t[2]),
    share("pair_f1", |t| 2.0 * t[0] / (t[1] + t[2])),
    share("b3_precision", |t| t[3] / t[5]),
    share("b3_recall", |t| t[4] / t[5]),
    share("b3_f1", |t| harmonic(t[3] / t[5], t[4] / t[5])),
    share("cluster_precision", |t| t[6] / t[7]),
    share("cluster_recall", |t| t[6] / t[8]),
    share("cluster_f1", |t| 2.0 * t[6] / (t[7] + t[8])),
    share("clusters_of_several_persons", |t| t[9] / t[7]),
    share("persons_in_several_clusters", |t| t[10] / t[8]),
    share("homogeneity", |t| 1.0 - t[11] / t[13]),
    share("completeness", |t| 1.0 - t[12] / t[14]),
    share("v_measure", |t| harmonic(1.0 - t[11] / t[13], 1.0 - t[12] / t[14])),
    Measure {
        name: "variation_of_information",
        of: |t| (t[11] + t[12]) / t[5],
        share: false,
        groups: true,
    },
    Measure { name: "adjusted_rand", of: adjusted_rand, share: true, groups: false },
    Measure { name: "mean_cluster_size", of: |t| t[5] / t[7], share: false, groups: true },
];

impl Links {
    /// How the clusters of `grouping` compare with the persons of `truth`, by group of left rows:
    /// `group`, `measure`, `value`, `low`, `high` and `units`.
    ///
    /// With `c` the size of a row's cluster, `p` that of its person and `b` the rows in both:
    ///
    /// ```text
    /// pair_precision       sum (b - 1) / sum (c - 1)        pairs of rows in one cluster
    /// pair_recall          sum (b - 1) / sum (p - 1)        pairs of rows of one person
    /// b3_precision         mean b / c                       Bagga & Baldwin (1998)
    /// b3_recall            mean b / p
    /// cluster_precision    share of clusters that are a person, whole and alone
    /// cluster_recall       share of persons that are a cluster
    /// clusters_of_several_persons, persons_in_several_clusters
    /// homogeneity          1 - H(person | cluster) / H(person)      Rosenberg & Hirschberg (2007)
    /// completeness         1 - H(cluster | person) / H(cluster)
    /// variation_of_information   H(person | cluster) + H(cluster | person), nats
    /// adjusted_rand        Hubert & Arabie (1985), of all rows only
    /// ```
    ///
    /// and `_f1` (`v_measure`) their harmonic means. Sums are over the left rows of the group, each
    /// with its whole cluster and person; without `by` over all rows of both tables.
    ///
    /// Rows that hang together over clusters or persons are one unit, and units are taken as
    /// independent: the variance is that of a function of their sums (linearised), and the interval
    /// Wilson's, at 95 percent, of as many independent units as would have it.
    ///
    /// # Errors
    ///
    /// [`LinkageError::OutOfRange`] when `truth` or `by` has another length than the tables.
    pub fn cluster_measures(
        &self,
        truth: &Truth,
        grouping: Grouping,
        by: Option<&Column>,
    ) -> Result<Table, LinkageError> {
        let groups = Groups::new(by, self.n_left())?;
        let sums = by_group(self, truth, grouping, &groups, by.is_none())?;
        let (mut of, mut names) = (Vec::new(), Vec::new());
        let (mut values, mut lows, mut highs) = (Vec::new(), Vec::new(), Vec::new());
        let mut units = Vec::new();
        for (at, own) in sums.iter().enumerate() {
            for measure in MEASURES.iter().filter(|measure| measure.groups || by.is_none()) {
                let value = own.value(measure.of);
                let bounds = value.and_then(|value| own.bounds(measure, value));
                of.push(at);
                names.push(Some(measure.name));
                values.push(value);
                lows.push(bounds.map(|bounds| bounds[0]));
                highs.push(bounds.map(|bounds| bounds[1]));
                units.push(own.units as i64);
            }
        }
        let labels = groups.labels();
        Ok(Table::new([
            ("group", Column::text(of.iter().map(|&at| labels[at].as_deref()))),
            ("measure", Column::text(names)),
            ("value", Column::floats(&values)),
            ("low", Column::floats(&lows)),
            ("high", Column::floats(&highs)),
            ("units", Column::int(units)),
        ])?)
    }
}

/// A value and its bounds.
pub(in crate::linkage) type Bounded = [Option<f64>; 3];

/// B3 precision, recall and F1 with their bounds, by group.
pub(in crate::linkage) fn b3(
    links: &Links,
    truth: &Truth,
    groups: &Groups,
    whole: bool,
) -> Result<Vec<[Bounded; 3]>, LinkageError> {
    let sums = by_group(links, truth, links.grouping(), groups, whole)?;
    let each = |own: &Own, at: usize| {
        let value = own.value(MEASURES[at].of);
        let bounds = value.and_then(|value| own.bounds(&MEASURES[at], value));
        [value, bounds.map(|bounds| bounds[0]), bounds.map(|bounds| bounds[1])]
    };
    Ok(sums.iter().map(|own| [3, 4, 5].map(|at| each(own, at))).collect())
}

/// Sums of one group, and what independent units make of their variance.
struct Own {
    total: Sums,
    /// Sums over units of the products of their sums.
    squares: Box<[Sums; TERMS]>,
    units: u64,
}

impl Own {
    fn new() -> Self {
        Self { total: [0.0; TERMS], squares: Box::new([[0.0; TERMS]; TERMS]), units: 0 }
    }

    fn add(&mut self, unit: &Sums) {
        for (a, row) in unit.iter().zip(self.squares.iter_mut()) {
            if *a != 0.0 {
                row.iter_mut().zip(unit).for_each(|(sum, b)| *sum += a * b);
            }
        }
        self.total.iter_mut().zip(unit).for_each(|(sum, own)| *sum += own);
        self.units += 1;
    }

    fn value(&self, of: fn(&Sums) -> f64) -> Option<f64> {
        Some(of(&self.total)).filter(|value| value.is_finite())
    }

    fn bounds(&self, measure: &Measure, value: f64) -> Option<[f64; 2]> {
        let n = self.units as f64;
        if self.units < 2 {
            return None;
        }
        let mut slope = [0.0; TERMS];
        for at in 0..TERMS {
            let step = 1e-6 * self.total[at].abs().max(1.0);
            let moved = |by: f64| {
                let mut sums = self.total;
                sums[at] += by;
                (measure.of)(&sums)
            };
            slope[at] = (moved(step) - moved(-step)) / (2.0 * step);
        }
        let along: f64 = slope.iter().zip(&self.total).map(|(s, t)| s * t).sum();
        let each = slope.iter().zip(self.squares.iter());
        let product: f64 = each
            .map(|(s, row)| s * slope.iter().zip(row).map(|(t, sum)| t * sum).sum::<f64>())
            .sum();
        let variance = (product - along * along / n).max(0.0) * n / (n - 1.0);
        if measure.share && (0.0..=1.0).contains(&value) {
            return effective(value, variance, n);
        }
        let half = Z * variance.sqrt();
        let floor = if measure.share { -1.0 } else { 0.0 };
        Some([(value - half).max(floor), value + half]).filter(|bounds| bounds[1].is_finite())
    }
}

fn by_group(
    links: &Links,
    truth: &Truth,
    grouping: Grouping,
    groups: &Groups,
    whole: bool,
) -> Result<Vec<Own>, LinkageError> {
    truth.check(links)?;
    let rows = Rows::new(links, truth, grouping)?;
    let n = rows.cluster.len();
    let mut order: Vec<u32> = (0..if whole { n } else { links.n_left() } as u32).collect();
    let group = |row: u32| if whole { 0 } else { groups.of[row as usize] };
    order.sort_by_key(|&row| (group(row), rows.unit[row as usize]));
    let mut all: Vec<Own> = (0..groups.len()).map(|_| Own::new()).collect();
    for own in order.chunk_by(|&a, &b| group(a) == group(b)) {
        let sums = &mut all[group(own[0])];
        for unit in own.chunk_by(|&a, &b| rows.unit[a as usize] == rows.unit[b as usize]) {
            let mut total = [0.0; TERMS];
            for &row in unit {
                let terms = rows.terms(row as usize);
                total.iter_mut().zip(terms).for_each(|(sum, term)| *sum += term);
            }
            sums.add(&total);
        }
    }
    Ok(all)
}

/// Sizes of the cluster, the person and what they share, for every row.
struct Rows {
    cluster: Vec<u32>,
    person: Vec<u32>,
    both: Vec<u32>,
    unit: Vec<u32>,
}

impl Rows {
    fn new(links: &Links, truth: &Truth, grouping: Grouping) -> Result<Self, LinkageError> {
        let table = links.clusters_by(grouping)?;
        let roots = table.column("clusters", "cluster")?.to_floats("clusters", "cluster")?;
        let cluster: Vec<u32> = roots.into_iter().map(|root| root as u32).collect();
        let n = cluster.len();
        let person = truth.persons_of(n);
        let mut units = UnionFind::new(n);
        let mut first = vec![u32::MAX; person.iter().max().map_or(0, |&most| most as usize + 1)];
        for (row, (&root, &person)) in (0_u32..).zip(cluster.iter().zip(&person)) {
            units.join(row, root);
            let place = &mut first[person as usize];
            if *place == u32::MAX {
                *place = row;
            }
            units.join(row, *place);
        }
        let mut order: Vec<u32> = (0..n as u32).collect();
        let at = |row: u32| (cluster[row as usize], person[row as usize]);
        order.sort_unstable_by_key(|&row| at(row));
        let mut both = vec![0; n];
        for same in order.chunk_by(|&a, &b| at(a) == at(b)) {
            for &row in same {
                both[row as usize] = same.len() as u32;
            }
        }
        let sizes = |of: &[u32]| {
            let mut count = vec![0_u32; of.iter().max().map_or(0, |&most| most as usize + 1)];
            for &own in of {
                count[own as usize] += 1;
            }
            of.iter().map(|&own| count[own as usize]).collect::<Vec<_>>()
        };
        Ok(Self {
            both,
            unit: (0..n as u32).map(|row| units.find(row)).collect(),
            person: sizes(&person),
            cluster: sizes(&cluster),
        })
    }

    fn terms(&self, row: usize) -> Sums {
        let [c, p, b] = [&self.cluster, &self.person, &self.both].map(|own| f64::from(own[row]));
        let n = self.cluster.len() as f64;
        let on = |yes: bool| f64::from(u8::from(yes));
        [
            b - 1.0,
            c - 1.0,
            p - 1.0,
            b / c,
            b / p,
            1.0,
            on(b == c && b == p) / c,
            1.0 / c,
            1.0 / p,
            on(b < c) / c,
            on(b < p) / p,
            (c / b).ln(),
            (p / b).ln(),
            (n / p).ln(),
            (n / c).ln(),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Account;

    /// Bagga and Baldwin's own example: three persons of 5, 2 and 5 rows, answered as 5 and 7.
    #[test]
    fn measures_give_the_published_example() {
        let persons: Vec<i64> = [vec![1; 5], vec![2; 2], vec![3; 5]].concat();
        let links: Vec<(u32, u32)> = (0..4).chain(5..11).map(|row| (row, row + 1)).collect();
        let links = Links::certain(links, 12, 12, Account::default()).within();
        let truth = Truth::within(&Column::int(persons));
        let table = links.cluster_measures(&truth, Grouping::Connected, None).unwrap();
        let value = |name: &str| {
            let at = (0..table.n_rows())
                .find(|&row| table.columns()[1].label(row).as_deref() == Some(name))
                .unwrap();
            table.get("value").unwrap().to_floats("", "").unwrap()[at]
        };
        assert!((value("b3_precision") - 16.0 / 21.0).abs() < 1e-12);
        assert!((value("b3_recall") - 1.0).abs() < 1e-12);
        // 10 + 1 + 10 true pairs among the 10 + 21 of the clusters.
        assert!((value("pair_precision") - 21.0 / 31.0).abs() < 1e-12);
        assert!((value("cluster_precision") - 0.5).abs() < 1e-12);
        assert!((value("cluster_recall") - 1.0 / 3.0).abs() < 1e-12);
        assert!((value("clusters_of_several_persons") - 0.5).abs() < 1e-12);
        assert!((value("persons_in_several_clusters")).abs() < 1e-12);
    }
}
