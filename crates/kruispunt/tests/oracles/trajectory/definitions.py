"""Distances between sequences straight from their definitions, slow: what kruispunt is held to.

Each function takes two lists of codes and what it costs to change them (a square of substitutions and a
list of insertions); none shares a line with the crate.
"""

from __future__ import annotations

import itertools
import math
from collections import defaultdict
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import numpy as np

Codes = Sequence[int]


def edit(
    n: int,
    m: int,
    substitute: Callable[[int, int], float],
    delete: Callable[[int, int], float],
    insert: Callable[[int, int], float],
) -> float:
    """Give the least cost of an alignment: the recursion of the definition.

    ``delete(i, j)`` takes element i of the one away where j of the other are done; ``insert(j, i)`` the
    other way around.
    """

    @cache
    def cost(i: int, j: int) -> float:
        ways = []
        if i and j:
            ways.append(cost(i - 1, j - 1) + substitute(i - 1, j - 1))
        if i:
            ways.append(cost(i - 1, j) + delete(i - 1, j))
        if j:
            ways.append(cost(i, j - 1) + insert(j - 1, i))
        return min(ways, default=0.0)

    for i in range(n):  # so that the recursion stays shallow
        cost(i, 0 if m == 0 else min(i, m))
    return cost(n, m)


def om(a: Codes, b: Codes, sub: Any, indel: Any) -> float:
    """Optimal matching."""
    return edit(
        len(a), len(b),
        lambda i, j: sub[a[i]][b[j]],
        lambda i, _: indel[a[i]],
        lambda j, _: indel[b[j]],
    )  # fmt: skip


def ham(a: Codes, b: Codes, sub: Any) -> float:
    """Hamming."""
    return sum(sub[x][y] for x, y in zip(a, b, strict=True))


def dynamic(codes: Any, states: int) -> list[Any]:
    """Costs of dynamic Hamming by position: 4 less the rates into and out of it, there and back."""
    length = codes.shape[1]
    rates = np.zeros((length - 1, states, states))
    for at in range(length - 1):
        for x, y in codes[:, at : at + 2]:
            rates[at, x, y] += 1.0
        rates[at] /= np.maximum(rates[at].sum(axis=1, keepdims=True), 1e-300)
    both = rates + rates.transpose(0, 2, 1)
    costs = []
    for at in range(length):
        into, out = both[max(at - 1, 0)], both[min(at, length - 2)]
        cost = 4.0 - into - out
        np.fill_diagonal(cost, 0.0)
        costs.append(cost)
    return costs


def dhd(a: Codes, b: Codes, costs: Sequence[Any]) -> float:
    """Dynamic Hamming."""
    return sum(cost[x][y] for cost, x, y in zip(costs, a, b, strict=True))


def lcs(a: Codes, b: Codes) -> float:
    """Longest common subsequence."""
    length: dict[tuple[int, int], int] = defaultdict(int)
    for i, x in enumerate(a, 1):
        for j, y in enumerate(b, 1):
            same = length[i - 1, j - 1] + 1 if x == y else 0
            length[i, j] = max(same, length[i - 1, j], length[i, j - 1])
    return float(len(a) + len(b) - 2 * length[len(a), len(b)])


def lcp(a: Codes, b: Codes) -> float:
    """Longest common beginning."""
    common = 0
    while common < min(len(a), len(b)) and a[common] == b[common]:
        common += 1
    return float(len(a) + len(b) - 2 * common)


def omloc(a: Codes, b: Codes, sub: Any, expansion: float, context: float) -> float:
    """OM in which an insertion costs by the two states between which it comes to stand."""
    base = expansion * max(map(max, sub))

    def place(state: int, other: Codes, at: int) -> float:
        before, after = other[max(at - 1, 0)], other[min(at, len(other) - 1)]
        return base + context * (sub[before][state] + sub[after][state]) / 2.0

    return edit(
        len(a), len(b),
        lambda i, j: sub[a[i]][b[j]],
        lambda i, j: place(a[i], b, j),
        lambda j, i: place(b[j], a, i),
    )  # fmt: skip


def spells(a: Codes) -> list[tuple[int, int]]:
    """States with how long each lasts."""
    return [(state, len(list(own))) for state, own in itertools.groupby(a)]


def omslen(a: Codes, b: Codes, sub: Any, indel: Any, h: float, link: str) -> float:
    """OM with costs that shrink with the length of the spell a position is in."""
    v, w = ([length**-h for _, length in spells(own) for _ in range(length)] for own in (a, b))

    def join(i: int, j: int) -> float:
        return v[i] + w[j] if link == "mean" else math.sqrt(v[i] * w[j])

    return edit(
        len(a), len(b),
        lambda i, j: sub[a[i]][b[j]] * join(i, j),
        lambda i, _: indel[a[i]] * v[i],
        lambda j, _: indel[b[j]] * w[j],
    )  # fmt: skip


def omspell(a: Codes, b: Codes, sub: Any, indel: Any, expansion: float, power: float) -> float:
    """OM between spells."""
    one, other = spells(a), spells(b)

    def longer(length: int) -> float:
        return expansion * (length**power - 1.0)

    def substitute(i: int, j: int) -> float:
        (x, s), (y, t) = one[i], other[j]
        if x == y:
            return abs(longer(s) - longer(t))
        return sub[x][y] + longer(s) + longer(t)

    return edit(
        len(one), len(other), substitute,
        lambda i, _: indel[one[i][0]] + longer(one[i][1]),
        lambda j, _: indel[other[j][0]] + longer(other[j][1]),
    )  # fmt: skip


def omstran(a: Codes, b: Codes, sub: Any, indel: Any, origin: float) -> float:
    """OM between moves from each position to the next; the last stays."""
    dearest, most = max(map(max, sub)), max(indel)
    rate = most / dearest
    one, other = (list(zip(own, [*own[1:], own[-1]], strict=True)) for own in (a, b))

    def moved(move: tuple[int, int]) -> float:
        return 0.0 if move[0] == move[1] else (1.0 - origin) * rate

    def alone(move: tuple[int, int]) -> float:
        return origin * rate * indel[move[0]] / most + moved(move)

    def substitute(i: int, j: int) -> float:
        x, y = one[i], other[j]
        if x == y:
            return 0.0
        return origin * sub[x[0]][y[0]] / dearest + moved(x) + moved(y)

    return edit(
        len(one), len(other), substitute,
        lambda i, _: alone(one[i]),
        lambda j, _: alone(other[j]),
    )  # fmt: skip


def twed(a: Codes, b: Codes, sub: Any, stiffness: float, penalty: float) -> float:
    """Time warp edit distance; both begin with a position before time that matches itself alone."""
    n, m = len(a), len(b)
    d = np.full((n + 1, m + 1), math.inf)
    d[0, 0] = 0.0
    for i in range(1, n + 1):
        for j in range(1, m + 1):
            match = d[i - 1, j - 1] + sub[a[i - 1]][b[j - 1]] + 2.0 * stiffness * abs(i - j)
            if i > 1 and j > 1:
                match += sub[a[i - 2]][b[j - 2]]
            best = match
            if i > 1:
                best = min(best, d[i - 1, j] + sub[a[i - 1]][a[i - 2]] + stiffness + penalty)
            if j > 1:
                best = min(best, d[i, j - 1] + sub[b[j - 1]][b[j - 2]] + stiffness + penalty)
            d[i, j] = best
    return float(d[n, m])


def subsequences(a: Sequence[tuple[int, float]]) -> dict[tuple[int, ...], list[tuple[float, ...]]]:
    """All subsequences but the empty one, with the times of each place where they stand."""
    found = defaultdict(list)
    for size in range(1, len(a) + 1):
        for own in itertools.combinations(a, size):
            found[tuple(x for x, _ in own)].append(tuple(t for _, t in own))
    return found


def by_subsequences(a: Any, b: Any, counts: Callable[[Any, Any], float]) -> float:
    """The distance of two vectors with an entry a subsequence, of which only products are known."""

    def product(one: Any, other: Any) -> float:
        return sum(counts(one[own], other[own]) for own in one if own in other)

    square = product(a, a) + product(b, b) - 2.0 * product(a, b)
    return math.sqrt(max(square, 0.0))


def nms(a: Codes, b: Codes) -> float:
    """Number of matching subsequences."""
    one, other = (subsequences([(x, 1.0) for x in own]) for own in (a, b))
    return by_subsequences(one, other, lambda s, t: float(len(s) * len(t)))


def nmsmst(a: Codes, b: Codes) -> float:
    """Subsequences of spells by the time they share."""
    one, other = (subsequences(spells(own)) for own in (a, b))

    def shared(s: Any, t: Any) -> float:
        return sum(sum(map(min, x, y)) for x in s for y in t)

    return by_subsequences(one, other, shared)


def svrspell(a: Codes, b: Codes, power: float) -> float:
    """Subsequences of spells by the time in them."""
    one, other = (subsequences([(x, t**power) for x, t in spells(own)]) for own in (a, b))
    return by_subsequences(one, other, lambda s, t: sum(map(sum, s)) * sum(map(sum, t)))


def shares(codes: Any, states: int, step: int) -> Any:
    """Shares of states in intervals, shape (sequences, intervals, states)."""
    parts = [codes[:, at : at + step] for at in range(0, codes.shape[1], step)]
    return np.stack(
        [[(part == state).mean(axis=1) for state in range(states)] for part in parts]
    ).transpose(2, 0, 1)


def chi2(one: Any, other: Any, marginal: Any | None) -> float:
    """Chi-square distance of shares, or Euclid's without `marginal`."""
    square = (one - other) ** 2
    if marginal is not None:
        square = np.divide(square, marginal, out=np.zeros_like(square), where=marginal > 0)
    return float(np.sqrt(square.sum()))
