//! From links to a linked register.

use super::LinkageError;
use crate::data::{Account, Column, Count, Linked, Links, Step, Table};

impl Links {
    /// Refuses tables that these links are not between.
    fn are_between(&self, left: &Table, right: &Table) -> Result<(), LinkageError> {
        if self.is_within() {
            return Err(LinkageError::OneTable);
        }
        for (argument, table, n) in
            [("left", left, self.n_left()), ("right", right, self.n_right())]
        {
            if table.n_rows() != n {
                return Err(LinkageError::OtherTable {
                    argument,
                    expected: n,
                    got: table.n_rows(),
                });
            }
        }
        Ok(())
    }

    /// The linked rows of `left`, with the columns `columns` of the right row of each; `name` is
    /// what the register is called in accounts.
    ///
    /// Rows without a link are left out, as the account of the links says; so are rows with more
    /// than one link, which are counted here. What reads the result (spells, a panel) begins its
    /// account with the one of the links.
    ///
    /// ```
    /// use kruispunt::data::{Column, Register, Table};
    /// use kruispunt::linkage::KeyLink;
    /// let clients = Table::new([
    ///     ("client", Column::int(vec![101, 102])),
    ///     ("insz", Column::text([Some("85073003328"), None])),
    /// ])?;
    /// let persons = Table::new([
    ///     ("pid", Column::int(vec![7, 9])),
    ///     ("insz", Column::text([Some("75460100123"), Some("85073003328")])),
    /// ])?;
    /// let links = KeyLink::new("insz").link(&clients, &persons)?;
    /// let linked = links.attach(&clients, &persons, &["pid"], "clients")?;
    /// assert_eq!(linked.table().get("pid"), Some(&Column::int(vec![9])));
    /// # Ok::<(), kruispunt::linkage::LinkageError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`LinkageError::OneTable`] for links within one table, [`LinkageError::OtherTable`] when a
    /// table has not the rows that were linked, [`LinkageError::Data`] for a column that is not
    /// there or has a name that `left` has too.
    pub fn attach(
        &self,
        left: &Table,
        right: &Table,
        columns: &[&str],
        name: &str,
    ) -> Result<Linked, LinkageError> {
        self.are_between(left, right)?;
        let partner = self.partner();
        let rows: Vec<u32> =
            (0_u32..).zip(&partner).filter(|(_, right)| right.is_some()).map(|(l, _)| l).collect();
        let partners: Vec<u32> = partner.into_iter().flatten().collect();
        let mut table = left.take(&rows);
        for &name in columns {
            let column = right.column("columns", name)?.take(&partners);
            table.push(name, column)?;
        }
        let linked = self.n_left() - self.unlinked().len();
        let step = Step::new(
            "attach",
            format!("{} of the linked row", columns.join(", ")),
            Count::rows(linked),
            Count::rows(rows.len()),
        )
        .exclude("more than one link", Count::rows(linked - rows.len()));
        Ok(Linked::new(table, self.account().clone().called(name).then(step)))
    }

    /// All candidate pairs with their posterior: each left row with the columns `columns` of each
    /// right row it may be, `posterior` and `left_row`; with `means`, each left row once, with the
    /// means of `columns` over its candidates, weighted by their posterior, and its sum.
    ///
    /// For links without assignment, above a low threshold: a regression on these rows with the
    /// posterior as weight uses all that is known of who is who (Enamorado, Fifield & Imai 2019).
    ///
    /// # Errors
    ///
    /// As [`attach`](Self::attach); with `means` also for columns that hold no numbers.
    pub fn candidates(
        &self,
        left: &Table,
        right: &Table,
        columns: &[&str],
        name: &str,
        means: bool,
    ) -> Result<Linked, LinkageError> {
        self.are_between(left, right)?;
        let (mut rows, mut partners) = (self.left_rows().to_vec(), self.right_rows());
        let mut weights = self.probabilities().to_vec();
        let mut added = Vec::new();
        if means {
            let mut sums = vec![0.0; self.n_left()];
            for (&row, weight) in rows.iter().zip(&weights) {
                sums[row as usize] += weight;
            }
            for &column in columns {
                let values = right.column("columns", column)?.to_floats("columns", column)?;
                let mut mean = vec![(0.0, 0.0); self.n_left()];
                for ((&row, &partner), weight) in rows.iter().zip(partners).zip(&weights) {
                    let value = values[partner as usize];
                    if !value.is_nan() {
                        let own = &mut mean[row as usize];
                        *own = (own.0 + weight * value, own.1 + weight);
                    }
                }
                added.push((column, mean));
            }
            rows = (0_u32..).take(self.n_left()).filter(|&row| sums[row as usize] > 0.0).collect();
            weights = rows.iter().map(|&row| sums[row as usize].min(1.0)).collect();
            partners = &[];
        }
        let mut table = left.take(&rows);
        if means {
            for (column, mean) in added {
                let own = rows.iter().map(|&row| {
                    let (sum, weight) = mean[row as usize];
                    (weight > 0.0).then(|| sum / weight)
                });
                table.push(column, Column::floats(&own.collect::<Vec<_>>()))?;
            }
        } else {
            for &column in columns {
                table.push(column, right.column("columns", column)?.take(partners))?;
            }
        }
        table.push("posterior", Column::float(weights))?;
        table.push("left_row", Column::int(rows.iter().map(|&row| i64::from(row)).collect()))?;
        let linked = self.n_left() - self.unlinked().len();
        let step = Step::new(
            "candidates",
            format!("{} of all rows it may be, weighted by the posterior", columns.join(", ")),
            Count::rows(linked),
            Count::rows(table.n_rows()),
        );
        Ok(Linked::new(table, self.account().clone().called(name).then(step)))
    }

    /// The left rows without a link, ascending.
    #[must_use]
    pub fn unlinked(&self) -> Vec<u32> {
        let mut linked = vec![false; self.n_left()];
        for &row in self.left_rows() {
            linked[row as usize] = true;
        }
        (0_u32..).zip(linked).filter(|(_, linked)| !linked).map(|(row, _)| row).collect()
    }

    /// These links, and then those of `rest`: what a first pass left open, linked another way.
    ///
    /// The left rows of `rest` are [`unlinked`](Self::unlinked) of these links, in that order; the
    /// right table is the same one. A right row may be found by both passes.
    ///
    /// # Errors
    ///
    /// [`LinkageError::OneTable`], [`LinkageError::OtherTable`] when `rest` has not as many left
    /// rows as are open here, or other right rows; [`LinkageError::TwoModels`] when both passes
    /// are probabilistic.
    pub fn then(&self, rest: &Self) -> Result<Self, LinkageError> {
        if self.is_within() || rest.is_within() {
            return Err(LinkageError::OneTable);
        }
        if self.weighing().is_some() && rest.weighing().is_some() {
            return Err(LinkageError::TwoModels);
        }
        let open = self.unlinked();
        for (argument, expected, got) in
            [("left", open.len(), rest.n_left()), ("right", self.n_right(), rest.n_right())]
        {
            if expected != got {
                return Err(LinkageError::OtherTable { argument, expected, got });
            }
        }
        let (first, second) = (self.account(), rest.account());
        let (before, after) = (Count::rows(self.n_left()), self.n_left() - open.len());
        let found = rest.n_left() - rest.unlinked().len();
        let verbs = |account: &Account| account.last().map_or("", |step| &step.verb).to_owned();
        let mut step = Step::new(
            "then",
            format!("by {} first, by {} what that left open", verbs(first), verbs(second)),
            before,
            Count::rows(after + found),
        );
        for exclusion in second.last().map(|step| step.excluded.as_slice()).unwrap_or_default() {
            step = step.exclude(&exclusion.reason, exclusion.count);
        }
        let pass = |account: &Account, which: &str| {
            let name = format!("{which}, by {}", verbs(account));
            account.clone().called(name)
        };
        let step = step.join(pass(first, "first pass")).join(pass(second, "second pass"));
        let account = Account::new(first.source()).then(step);
        self.followed_by(rest, &open, account).map_err(LinkageError::from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{Column, DataError, Register};
    use crate::linkage::{Comparison, KeyLink, Linker, Rule};

    fn register(rows: &[(i64, Option<&str>, &str, &str)]) -> Table {
        Table::new([
            ("id", Column::int(rows.iter().map(|row| row.0).collect())),
            ("insz", Column::text(rows.iter().map(|row| row.1))),
            ("surname", Column::text(rows.iter().map(|row| Some(row.2)))),
            ("birth", Column::text(rows.iter().map(|row| Some(row.3)))),
        ])
        .unwrap()
    }

    const NAMES: [&str; 8] =
        ["Peeters", "Diallo", "Nowak", "Yilmaz", "Janssens", "Amrani", "Silva", "Popescu"];

    /// Clients with a number in every second row; persons in another order.
    fn tables() -> (Table, Table) {
        let birth: Vec<String> =
            (0..8).map(|at| format!("19{}0-0{}-1{at}", at + 2, at + 1)).collect();
        let number: Vec<String> = (0..8).map(|at| format!("8507300{at}{at}2{at}")).collect();
        let clients: Vec<_> = (0..8)
            .map(|at| {
                (
                    100 + at as i64,
                    (at % 2 == 0).then_some(number[at].as_str()),
                    NAMES[at],
                    birth[at].as_str(),
                )
            })
            .collect();
        let persons: Vec<_> = (0..8)
            .rev()
            .map(|at| (at as i64, Some(number[at].as_str()), NAMES[at], birth[at].as_str()))
            .collect();
        let (clients, persons) = (register(&clients), register(&persons));
        let persons = Table::new([
            ("pid", persons.get("id").unwrap().clone()),
            ("insz", persons.get("insz").unwrap().clone()),
            ("surname", persons.get("surname").unwrap().clone()),
            ("birth", persons.get("birth").unwrap().clone()),
        ])
        .unwrap();
        (clients, persons)
    }

    fn by_name(left: &Table, right: &Table) -> Links {
        Linker::new()
            .compare(Comparison::name("surname"))
            .compare(Comparison::date("birth"))
            .block(Rule::new().on("surname"))
            .block(Rule::new().on("birth"))
            .train(left, right)
            .unwrap()
            .link(left, right)
            .unwrap()
    }

    #[test]
    fn two_passes_find_everyone_and_their_accounts_stand_side_by_side() {
        let (clients, persons) = tables();
        let first = KeyLink::new("insz").link(&clients, &persons).unwrap();
        assert_eq!(first.unlinked(), [1, 3, 5, 7]);
        let open = clients.take(&first.unlinked());
        let links = first.then(&by_name(&open, &persons)).unwrap();
        assert_eq!(links.left_rows(), [0, 1, 2, 3, 4, 5, 6, 7]);
        assert_eq!(links.right_rows(), [7, 6, 5, 4, 3, 2, 1, 0]);
        assert_eq!((links.rule(0), links.rule(1)), ("key", "surname"));
        let pairs = links.pairs().unwrap();
        let weight = pairs.get("weight").unwrap();
        assert!(weight.is_null(0) && !weight.is_null(1));
        let step = links.account().last().unwrap();
        assert!(step.adds_up(), "{step:?}");
        assert_eq!(step.joined.len(), 2);
        let report = links.report(None, None).unwrap();
        assert_eq!(report.get("linked"), Some(&Column::int(vec![8])));

        let linked = links.attach(&clients, &persons, &["pid"], "clients").unwrap();
        assert_eq!(linked.table().get("pid"), Some(&Column::int((0..8).collect())));
        assert_eq!(linked.account().unwrap().last().unwrap().verb, "attach");
    }

    #[test]
    fn what_does_not_belong_together_is_refused() {
        let (clients, persons) = tables();
        let first = KeyLink::new("insz").link(&clients, &persons).unwrap();
        let short = clients.take(&[0, 1]);
        for result in [
            first.attach(&short, &persons, &["pid"], "clients").map(|_| ()),
            first.attach(&clients, &short, &["id"], "clients").map(|_| ()),
            first.then(&first).map(|_| ()),
        ] {
            assert!(matches!(result, Err(LinkageError::OtherTable { .. })), "{result:?}");
        }
        assert!(matches!(
            first.attach(&clients, &persons, &["wage"], "clients"),
            Err(LinkageError::Data(DataError::MissingColumn { .. }))
        ));
        assert!(matches!(
            first.attach(&clients, &persons, &["surname"], "clients"),
            Err(LinkageError::Data(DataError::DuplicateColumn { .. }))
        ));
        let open = clients.take(&first.unlinked());
        let named = by_name(&open, &persons);
        let all = first.then(&named).unwrap();
        let nobody = clients.take(&all.unlinked());
        assert_eq!(nobody.n_rows(), 0);
        let within = Links::certain(vec![(0, 1)], 2, 2, Account::new("links")).within();
        assert_eq!(within.attach(&short, &short, &["id"], "clients"), Err(LinkageError::OneTable));
        assert_eq!(within.then(&within), Err(LinkageError::OneTable));
        assert_eq!(named.then(&named), Err(LinkageError::TwoModels));
    }

    #[test]
    fn a_row_with_two_links_is_counted_and_left_out() {
        let (clients, persons) = tables();
        let links = Links::certain(vec![(0, 1), (0, 2), (3, 3)], 8, 8, Account::new("links"));
        let linked = links.attach(&clients, &persons, &["pid"], "clients").unwrap();
        assert_eq!(linked.table().n_rows(), 1);
        let step = linked.account().unwrap().last().unwrap().clone();
        assert!(step.adds_up());
        assert_eq!(step.excluded[0].count, Count::rows(1));
    }
}
