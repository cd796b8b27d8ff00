"""A clerical review of links: which pairs to look at, a page to do it on, what the answers say.

All names stand in :mod:`kruispunt.linkage`. The way: :func:`clerical_sample` draws pairs,
:meth:`ClericalSample.page` writes them as one HTML file, somebody says of each pair whether it is
one person and saves a file of answers, :func:`read_labels` reads it, and
:meth:`ClericalSample.estimate` turns the answers into precision and recall with intervals.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from kruispunt import _core
from kruispunt._frames import IntoTable, to_frame, to_table
from kruispunt._gate import current
from kruispunt._linkage_page import cells_of, filled
from kruispunt._shown import said
from kruispunt.exceptions import InputError
from kruispunt.link_quality import _count, compared_pairs, native_of
from kruispunt.table import Table, to_numpy

if TYPE_CHECKING:
    from kruispunt.linkage import Links

__all__ = ["ClericalSample", "clerical_sample", "read_labels"]

WORDS = {"match": True, "no match": False, "unsure": None}
KIND, VERSION = "kruispunt-labels", 1


class ClericalSample:
    """Pairs for a person to look at, drawn so that few of them say much.

    Made by :func:`clerical_sample`.

    Attributes
    ----------
    pairs : table
        In the order in which to look: ``left_row``, ``right_row``, ``linked``, ``probability``,
        ``group``, ``stratum``, ``weight`` (pairs of the stratum for each that was drawn).
    design : table
        ``stratum``, ``group``, ``linked``, ``low`` and ``high`` (class of probability), ``pairs``,
        ``drawn``, ``mean_probability``.
    """

    def __init__(self, native: _core.ClericalSample, left: Any = None, right: Any = None) -> None:
        self.native = native
        self._left = left
        self._right = right

    @property
    def pairs(self) -> Any:
        """The pairs, in the order in which to look at them."""
        return to_frame(self.native.pairs(), like=self._left)

    @property
    def design(self) -> Any:
        """The strata: how many pairs there are, and how many were drawn."""
        return to_frame(self.native.design(), like=self._left)

    @property
    def id(self) -> str:
        """A short name that tells samples apart; files of answers carry it."""
        return hashlib.sha256(self.native.to_json().encode()).hexdigest()[:12]

    def forecast(self) -> Any:
        """Say what the sample is expected to tell, before anyone has looked.

        Returns
        -------
        table
            By group ``precision``, ``precision_error``, ``recall``, ``recall_error``: half widths of
            95 percent intervals if the model were right but for its `doubt`. Draw more pairs where
            they are too wide.
        """
        return to_frame(self.native.forecast(), like=self._left)

    def page(
        self,
        path: str | Path,
        columns: Sequence[str | tuple[str, str]],
        *,
        left: IntoTable | None = None,
        right: IntoTable | None = None,
        title: str = "Clerical review",
        blind: bool = True,
        safe: str | None = None,
    ) -> Path:
        """Write the pairs as a page on which somebody says of each whether it is one person.

        One HTML file that opens in any browser without a network. Answers are kept in the page;
        its button saves them as a file, which :func:`read_labels` reads, and an earlier file can be
        opened in it again. **The page holds the values of the columns you name, which are personal
        data: keep it where the registers are kept and delete it afterwards.** The saved file holds
        row numbers, answers and what was written in the field for notes.

        Parameters
        ----------
        path : str or path
            Where to write.
        columns : sequence of str, or of pairs of str
            The columns to show, for example ``["surname", ("birth_date", "dob")]`` where the right
            table calls one otherwise.
        left, right : table, optional
            The tables; by default those that were linked.
        title : str
            The heading.
        blind : bool
            Whether to hide the model's probability and decision, so that they do not sway the
            answer.
        safe : str, optional
            With a profile of disclosure control, why the page is no risk (that it stays in the
            room); without a reason it is refused, since it shows single persons.

        Returns
        -------
        pathlib.Path
            The file.

        Raises
        ------
        InputError
            If no column is named, a column is not there, or a table has other rows.
        DisclosureError
            If a profile is set (:func:`kruispunt.set_disclosure`) and no reason is given.
        """
        if (session := current()) is not None:
            session.exception("page", Path(path).name, safe, "it shows single persons")
        one = self._left if left is None else left
        other = self._right if right is None else right
        if one is None or other is None:
            raise InputError("`left`: this sample no longer knows its tables; give left and right")
        names = [(own, own) if isinstance(own, str) else tuple(own) for own in columns]
        if not names or any(len(own) != 2 for own in names):
            raise InputError(
                "`columns`: name the columns to show, such as ['surname', 'birth_date']"
            )
        pairs = Table.wrap(self.native.pairs())
        rows = pairs["left_row"], pairs["right_row"]
        shown = [
            cells_of(one, [own[0] for own in names], rows[0], "left"),
            cells_of(other, [own[1] for own in names], rows[1], "right"),
        ]
        data: dict[str, Any] = {
            "title": title, "sample": self.id, "kind": KIND, "version": VERSION,
            "columns": [own[0] if own[0] == own[1] else f"{own[0]} / {own[1]}" for own in names],
            "left_rows": rows[0].tolist(), "right_rows": rows[1].tolist(),
            "left": shown[0], "right": shown[1],
            "probability": None if blind else pairs["probability"].tolist(),
            "linked": None if blind else [bool(own) for own in pairs["linked"]],
        }  # fmt: skip
        target = Path(path)
        target.write_text(filled("review.html", data, title), encoding="utf-8")
        return target

    def estimate(self, labels: Any) -> Any:
        r"""Turn answers into precision and recall, with intervals, overall and by group.

        .. math::

            \hat A = \sum_h N_h \frac{k_h}{n_h} \text{ over strata of links}, \quad
            \mathrm{precision} = \frac{\hat A}{L}, \quad
            \mathrm{recall} = \frac{\hat A}{\hat A + \hat B}

        with `B` over strata of pairs that were compared and not linked.

        Parameters
        ----------
        labels : table, or sequence of bool or None
            What :func:`read_labels` gave, or a table with ``left_row``, ``right_row`` and ``label``
            in any order; or one answer for each row of :attr:`pairs`: True, False, or None where
            nobody can tell.

        Returns
        -------
        table
            ``group``, ``pairs``, ``labelled``, ``unsure`` (None, or not answered), ``links``;
            ``matches``, ``precision``, ``recall`` and ``f1`` with ``_low`` and ``_high``; and
            ``recall_of_all``, which counts the matches that no rule finds as the model estimates
            them. Recall, F1 and matches are missing where only links were drawn.

            Intervals (95 percent) are mid-p limits of the hypergeometric distribution in each
            stratum, put together by their distances from the estimates (MOVER), so that they stay
            lopsided near 0 and 1. Where none of a stratum was answered, the estimate takes the
            model's mean and the interval takes anything. With few of very many unlikely pairs
            looked at, recall is mostly estimated too high, and its interval is wide.

        Raises
        ------
        InputError
            If answers are not those of this sample, are neither True, False nor None, or contradict
            each other (two rows are one person by some and two by another).

        References
        ----------
        Neyman, J. (1934). On the two different aspects of the representative method. *JRSS* 97,
        558-625.

        Zou, G. Y., Huang, W. & Zhang, X. (2009). A note on confidence interval estimation for a
        linear function of binomial proportions. *Computational Statistics & Data Analysis* 53,
        1080-1085.

        Donner, A. & Zou, G. Y. (2012). Closed-form confidence intervals for functions of the normal
        mean and standard deviation. *Statistical Methods in Medical Research* 21, 347-359.
        """
        return to_frame(self.native.estimate(self._answers(labels)), like=self._left)

    def _answers(self, labels: Any) -> list[bool | None]:
        if isinstance(labels, Sequence | np.ndarray) and not isinstance(labels, str):
            return [_answer(own, at) for at, own in enumerate(labels)]
        names = ["left_row", "right_row", "label"]
        table = to_table(labels, names, "labels")
        columns = [to_numpy(table.column(name, "labels")) for name in names]
        rows = Table.wrap(self.native.pairs())
        place = {
            pair: at
            for at, pair in enumerate(
                zip(rows["left_row"].tolist(), rows["right_row"].tolist(), strict=True)
            )
        }
        answers: list[bool | None] = [None] * len(place)
        met: dict[int, bool | None] = {}
        for at, (left, right, label) in enumerate(zip(*columns, strict=True)):
            pair = (left, right)
            if pair not in place:
                raise InputError(f"`labels`: row {at} is about a pair that is not in the sample")
            here, answer = place[pair], _answer(label, at)
            if met.get(here, answer) != answer:
                raise InputError(f"`labels`: row {at} contradicts an earlier row about its pair")
            met[here] = answers[here] = answer
        return answers

    def to_json(self) -> str:
        """Write the sample as JSON, to read it back on another day: rows and strata, no values."""
        return self.native.to_json()

    @classmethod
    def from_json(
        cls, text: str, left: IntoTable | None = None, right: IntoTable | None = None
    ) -> ClericalSample:
        """Read a sample that :meth:`to_json` wrote.

        Parameters
        ----------
        text : str
            The JSON.
        left, right : table, optional
            The tables of the links, for :meth:`page`.

        Raises
        ------
        InputError
            If the text is no sample, or of another version.
        """
        return cls(_core.ClericalSample.from_json(text), left, right)

    def __kruispunt_table__(self) -> _core.Table:
        return self.native.pairs()

    def __reduce__(self) -> tuple[Any, tuple[_core.ClericalSample]]:
        return ClericalSample, (self.native,)

    def __len__(self) -> int:
        return len(self.native)

    def __repr__(self) -> str:
        return (
            f"<sample {self.id} of {len(self):,} pairs from {len(self.native.design()):,} strata>"
        )

    def _repr_html_(self) -> str:
        return said(self, self.native.design(), self.native.forecast())


def clerical_sample(
    links: Links,
    n: int = 300,
    *,
    compared: Links | None = None,
    by: Any = None,
    doubt: float = 0.005,
    seed: int = 1,
) -> ClericalSample:
    r"""Draw pairs for a clerical review.

    Pairs are in strata: linked or not, class of probability, group. Of the `n` pairs a stratum gets
    (Neyman 1934)

    .. math::

        n_h \propto N_h \sqrt{\overline{p (1 - p)} + \mathrm{doubt} (1 - \mathrm{doubt})},

    at least one and mostly five: most where the model is unsure, some where it is sure, so that the
    estimate does not lean on the model. Links get one half and pairs that were not linked the other,
    as far as there are any; with groups, each gets a share of a half that grows with the square root
    of what it would get.

    Parameters
    ----------
    links : Links
        What was linked.
    n : int
        How many pairs somebody will look at; at least one for each stratum.
    compared : Links, optional
        Pairs that were compared, linked or not:
        ``linker.link(left, right, assignment="none", threshold=0.0001)``. By default they are made
        anew for fresh links of a model; for other links only links are drawn, which tells
        precision but not recall.
    by : str or array, optional
        A column of the left table, or one value for each left row.
    doubt : float
        The share of the pairs of any stratum on which the model may be plainly wrong.
    seed : int
        The same seed draws the same pairs.

    Returns
    -------
    ClericalSample
        The pairs, with :meth:`~ClericalSample.forecast`, :meth:`~ClericalSample.page` and
        :meth:`~ClericalSample.estimate`.

    Raises
    ------
    InputError
        If `n` is less than the number of strata, `doubt` is no share, or `compared` is of other
        tables.

    References
    ----------
    Neyman, J. (1934). On the two different aspects of the representative method. *JRSS* 97,
    558-625.

    Examples
    --------
    >>> permits = {"insz": [str(at) for at in range(200)]}
    >>> links = kp.linkage.key_link(permits, permits, on="insz")
    >>> sample = kp.linkage.clerical_sample(links, 30)
    >>> found = sample.estimate([True] * 29 + [False])
    >>> round(float(found["precision"][0]), 3), bool(found["precision_low"][0] > 0.8)
    (0.967, True)
    """
    native = native_of(links)
    size, chosen = _count("n", n), _count("seed", seed, 0)
    other = compared_pairs(links) if compared is None else compared
    drawn = _core.ClericalSample.draw(
        native,
        None if other is None else native_of(other, "compared"),
        links._groups(by),
        size,
        float(doubt),
        chosen,
    )
    return ClericalSample(drawn, links._left, links._right)


def read_labels(
    *paths: str | Path,
    sample: ClericalSample | None = None,
    settle: Literal["error", "unsure"] = "error",
) -> Table:
    """Read the answers that the page of a clerical review saved.

    Parameters
    ----------
    *paths : str or path
        The files; several where several people looked at the same sample.
    sample : ClericalSample, optional
        The sample they are about; a file about another one is then an error.
    settle : {"error", "unsure"}
        What becomes of a pair of which one file says match and another no match: an error that
        names its rows, or nobody can tell. A file that says match or no match wins over one that
        says unsure.

    Returns
    -------
    Table
        ``left_row``, ``right_row``, ``label`` (True, False, or missing where nobody could tell),
        ``answers`` (how many files said match or no match) and ``agree`` (whether they said the
        same; missing where fewer than two did). Pairs that nobody answered are left out.

    Raises
    ------
    InputError
        If a file cannot be read, is of another version or sample, or answers contradict each other.
    """
    if not paths:
        raise InputError("`paths`: give at least one file of answers")
    if settle not in ("error", "unsure"):
        raise InputError('`settle` must be "error" or "unsure"')
    said_of: dict[tuple[int, int], list[bool | None]] = {}
    samples = set()
    for path in paths:
        stored = _stored(Path(path))
        samples.add(stored["sample"])
        for pair, answer in _entries(stored, Path(path)):
            said_of.setdefault(pair, []).append(answer)
    if len(samples) > 1:
        raise InputError("`paths`: the files are about different samples")
    if sample is not None and samples != {sample.id}:
        raise InputError(f"`paths`: the answers are about sample {samples.pop()}, not {sample.id}")
    labels: list[bool | None] = []
    agree: list[bool | None] = []
    for (left, right), answers in said_of.items():
        firm = [own for own in answers if own is not None]
        split = len(set(firm)) > 1
        if split and settle == "error":
            raise InputError(
                f"`paths`: left row {left} and right row {right} are a match by one file and none by "
                'another; look again, or read them with settle="unsure"'
            )
        labels.append(None if split or not firm else firm[0])
        agree.append(None if len(firm) < 2 else not split)
    counts = [sum(own is not None for own in answers) for answers in said_of.values()]
    return Table(
        {
            "left_row": np.array([pair[0] for pair in said_of], dtype=np.int64),
            "right_row": np.array([pair[1] for pair in said_of], dtype=np.int64),
            "label": np.array(labels, dtype=object),
            "answers": np.array(counts, dtype=np.int64),
            "agree": np.array(agree, dtype=object),
        }
    )


def _stored(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        kind = type(error).__name__
        raise InputError(f"`paths`: {path.name} is no file of answers ({kind})") from error
    if not isinstance(found, Mapping) or found.get("kind") != KIND:
        raise InputError(f"`paths`: {path.name} is no file of answers of a clerical review")
    if found.get("version") != VERSION:
        got = found.get("version")
        raise InputError(
            f"`paths`: {path.name} has version {got}; this version of kruispunt reads {VERSION}"
        )
    if not isinstance(found.get("labels"), list) or not isinstance(found.get("sample"), str):
        raise InputError(f"`paths`: {path.name} is damaged: a part is missing")
    return dict(found)


def _entries(stored: dict[str, Any], path: Path) -> list[tuple[tuple[int, int], bool | None]]:
    entries = []
    for at, own in enumerate(stored["labels"]):
        try:
            pair = int(own["left_row"]), int(own["right_row"])
            entries.append((pair, WORDS[own["label"]]))
        except (TypeError, KeyError, ValueError) as error:
            raise InputError(
                f"`paths`: answer {at} of {path.name} is not a pair of rows with match, no match or "
                "unsure"
            ) from error
    return entries


def _answer(value: Any, at: int) -> bool | None:
    if value is None or (isinstance(value, float) and np.isnan(value)):
        return None
    if isinstance(value, bool | np.bool_) or value in (0, 1):
        return bool(value)
    if isinstance(value, str) and value in WORDS:
        return WORDS[value]
    raise InputError(f"`labels`: answer {at} is neither True, False nor None")
