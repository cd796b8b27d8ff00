"""SQL of Splink's levels (its DuckDB dialect), read as conditions.

SQL has three truths, a condition here has two: a level is taken where its condition is *true*. So
what is negated is read as *false*, which a comparison with a missing value is not.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from typing import Any

__all__ = ["RefusedError", "Sql", "failing", "holding"]

Stored = dict[str, Any]

TOKEN = re.compile(
    r"""\s*("(?:[^"]|"")*"|'(?:[^']|'')*'|[A-Za-z_]\w*|\d+\.?\d*(?:[eE][+-]?\d+)?|"""
    r"""<=|>=|<>|!=|->|::|[-=<>()+*/,\[\]])"""
)
SIDE = re.compile(r"^(.+)_([lr])$")
MEASURES = {
    "jaro_winkler_similarity": "JaroWinkler",
    "jaro_similarity": "Jaro",
    "levenshtein": "Levenshtein",
    "damerau_levenshtein": "Damerau",
}
SIMILARITIES = frozenset({"jaro", "jaro_winkler"})
KINDS = {
    "JaroWinkler": "jaro_winkler",
    "Jaro": "jaro",
    "Levenshtein": "levenshtein",
    "Damerau": "damerau",
}
TEXT = {"text", "varchar", "string"}
# Radius of the earth here over that of Splink.
LONGER = 6371.0088 / 6371

_SINES = (
    'sin(radians("A_l")) * sin(radians("A_r")) + cos(radians("A_l")) * cos(radians("A_r")) '
    '* cos(radians("B_r" - "B_l"))'
)
KILOMETRES = (
    f"cast(acos(case when ({_SINES}) > 1 then 1 when ({_SINES}) < -1 then -1 else ({_SINES}) end)"
    " * 6371 as float)"
)
SHARE = '(abs("A_l" - "A_r") / (case when "A_r" > "A_l" then "A_r" else "A_l" end))'
SUBSET = (
    'least({0}("A_l"), {0}("A_r")) <> 0 and {0}({1}("A_l", "A_r")) = least({0}("A_l"), {0}("A_r"))'
)
ITEMS = (
    '{0}(list_transform(flatten(list_transform("A_l", x -> list_transform("A_r", '
    "y -> [x, y]))), pair -> {1}(pair[1], pair[2])))"
)


class RefusedError(ValueError):
    """What cannot be read, in words."""


@dataclass(frozen=True, slots=True)
class Text:
    """A column of one side, and what is made of it."""

    column: str
    right: bool
    steps: tuple[str, ...] = ()

    def then(self, step: Stored) -> Text:
        """Give the value after one more step."""
        return Text(self.column, self.right, (*self.steps, json.dumps(step)))

    def beside(self, other: Any) -> bool:
        """Whether `other` is the same value of the other row."""
        return (
            isinstance(other, Text)
            and (self.column, self.steps) == (other.column, other.steps)
            and self.right != other.right
        )


@dataclass(frozen=True, slots=True)
class Measured:
    """A number of both rows, and how to ask whether it is at most, or at least, so much."""

    kind: str
    name: str
    measure: str = ""

    def ask(self, threshold: float) -> tuple[Stored, bool]:
        """Give the condition that is stored, and whether it says "at most"."""
        column = {"column": self.name}
        if self.kind == "alike":
            most = self.measure in {"Levenshtein", "Damerau"}
            return {"alike": column | {"measure": self.measure, "threshold": threshold}}, most
        if self.kind == "gap":
            return {"within": column | {"most": threshold}}, True
        if self.kind == "letters":
            return {"letters": column | {"least": threshold}}, False
        if self.kind == "cosine":
            return {"cosine": {"columns": [self.name], "least": threshold}}, False
        return {"overlap": column | {"least": threshold, "separator": ";"}}, False


def holding(node: Any) -> Stored:
    """Give the condition that a node is true."""
    kind, of = node[0], node[1]
    if kind == "not":
        return failing(of)
    if kind in {"all", "any"}:
        return {kind: {"of": [holding(own) for own in of]}}
    condition: Stored = of
    return condition


def failing(node: Any) -> Stored:
    """Give the condition that a node is false."""
    kind, of = node[0], node[1]
    if kind == "not":
        return holding(of)
    if kind in {"all", "any"}:
        other = "any" if kind == "all" else "all"
        return {other: {"of": [failing(own) for own in of]}}
    there = [{"not": {"of": {"missing": {"column": name, "right": r}}}} for name, r in node[2]]
    opposite = {"not": {"of": of}}
    return {"all": {"of": [opposite, *there]}} if there else opposite


class Sql:
    """Reads conditions; collects the columns and what is made of them."""

    def __init__(self) -> None:
        self.columns: dict[str, None] = {}
        self.made: dict[str, Stored] = {}
        self.tokens: list[str] = []
        self.at = 0

    def read(self, text: str) -> Any:
        """Read a condition: ("all" | "any", nodes), ("not", node) or ("is", condition, known)."""
        self.tokens, self.at = _tokens(text), 0
        node = self._any()
        if self.at < len(self.tokens):
            raise RefusedError(f"`{self.tokens[self.at]}` is not expected there")
        return node

    # words ---------------------------------------------------------------------------------

    def _peek(self) -> str:
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def _next(self) -> str:
        token = self._peek()
        if not token:
            raise RefusedError("the condition ends too early")
        self.at += 1
        return token

    def _is(self, *words: str) -> bool:
        there = [token.lower() for token in self.tokens[self.at : self.at + len(words)]]
        if there != list(words):
            return False
        self.at += len(words)
        return True

    def _expect(self, word: str) -> None:
        if not self._is(word):
            raise RefusedError(f"`{word}` is expected before `{self._peek()}`")

    def _template(self, template: str) -> dict[str, str] | None:
        """Match tokens with a template whose columns are called A and B."""
        found: dict[str, str] = {}
        wanted = _tokens(template)
        there = self.tokens[self.at : self.at + len(wanted)]
        if len(there) < len(wanted):
            return None
        for own, want in zip(there, wanted, strict=True):
            slot = re.match(r'^"([AB])_([lr])"$', want)
            if slot is None:
                if own.lower() != want.lower():
                    return None
                continue
            side = SIDE.match(_bare(own)) if own.startswith('"') else None
            if side is None or side[2] != slot[2] or found.setdefault(slot[1], side[1]) != side[1]:
                return None
        self.at += len(wanted)
        return found

    # conditions ----------------------------------------------------------------------------

    def _any(self) -> Any:
        of = [self._all()]
        while self._is("or"):
            of.append(self._all())
        return of[0] if len(of) == 1 else ("any", of)

    def _all(self) -> Any:
        of = [self._not()]
        while self._is("and"):
            of.append(self._not())
        if len(of) == 2 and (crossed := _crossed(*of)):
            return crossed
        return of[0] if len(of) == 1 else ("all", of)

    def _not(self) -> Any:
        if self._is("not"):
            return ("not", self._not())
        if (node := self._known()) is not None:
            return node
        if self._peek() == "(":
            start = self.at
            self.at += 1
            try:
                node = self._any()
                self._expect(")")
            except RefusedError:
                self.at = start  # a value in parentheses
            else:
                return node
        return self._compared()

    def _known(self) -> Any:
        """Read what Splink writes in one piece."""
        for length in ("array_length", "len", "length"):
            for common in ("array_intersect", "list_intersect"):
                if found := self._template(SUBSET.format(length, common)):
                    name = self._column(found["A"])
                    return ("is", {"subset": {"column": name}}, _both(name))
        if found := self._template(KILOMETRES):
            most = self._limit("<=", "<") * LONGER
            names = [self._column(found["A"]), self._column(found["B"])]
            stored = {"latitude": names[0], "longitude": names[1], "most": most}
            return ("is", {"kilometres": stored}, [*_both(names[0]), *_both(names[1])])
        if found := self._template(SHARE):
            name, most = self._column(found["A"]), self._limit("<=", "<")
            return ("is", {"share": {"column": name, "most": most}}, _both(name))
        for function, measure in MEASURES.items():
            best = "list_min" if "levenshtein" in function else "list_max"
            if found := self._template(ITEMS.format(best, function)):
                name = self._column(found["A"])
                limit = self._limit("<=", "<") if best == "list_min" else self._limit(">=", ">")
                stored = {"column": name, "measure": measure, "threshold": limit}
                return ("is", {"items": stored}, _both(name))
        return None

    def _limit(self, plain: str, strict: str) -> float:
        sign, number = self._next(), self._number()
        if sign == plain:
            return number
        if sign == strict:
            return math.nextafter(number, -math.inf if strict == "<" else math.inf)
        raise RefusedError(f"`{sign}` is not expected there")

    def _number(self) -> float:
        minus = -1.0 if self._is("-") else 1.0
        token = self._next()
        if not token[0].isdigit():
            raise RefusedError(f"`{token}` is no number")
        return minus * float(token)

    def _compared(self) -> Any:
        left = self._value()
        if self._is("is"):
            negated = self._is("not")
            self._expect("null")
            if not isinstance(left, Text):
                raise RefusedError("only a column can be looked at for NULL")
            stored = {"missing": {"column": self._name(left), "right": left.right}}
            return ("not", ("is", stored, [])) if negated else ("is", stored, [])
        sign, right = self._next(), self._value()
        if sign in {"=", "<>", "!="}:
            equal = self._equal(left, right)
            return equal if sign == "=" else ("not", equal)
        if isinstance(left, float) and isinstance(right, Measured):
            flipped = {"<": ">", ">": "<", "<=": ">=", ">=": "<="}
            left, right, sign = right, left, flipped.get(sign, sign)
        if not isinstance(left, Measured) or not isinstance(right, float):
            raise RefusedError(f"`{sign}` is read between a measure of both rows and a number")
        return _limited(left, sign, right)

    def _equal(self, left: Any, right: Any) -> Any:
        if isinstance(left, Measured) and isinstance(right, float):
            return ("all", [_limited(left, "<=", right), _limited(left, ">=", right)])
        if isinstance(left, str):
            left, right = right, left
        if isinstance(left, Text) and isinstance(right, str):
            name = self._name(left)
            stored = {"column": name, "value": right, "right": left.right}
            return ("is", {"reads": stored}, [(name, left.right)])
        if not isinstance(left, Text) or not isinstance(right, Text) or left.right == right.right:
            raise RefusedError("`=` is read between values of the two rows, or a value and a text")
        if left.right:
            left, right = right, left
        first, second = self._name(left), self._name(right)
        known = [(first, False), (second, True)]
        if first == second:
            return ("is", {"same": {"column": first}}, known)
        return ("is", {"across": {"first": first, "second": second}}, known)

    # values --------------------------------------------------------------------------------

    def _value(self) -> Any:
        value = self._one()
        while True:
            if self._is("["):
                at = int(self._number())
                self._expect("]")
                value = _text(value).then({"item": {"at": at}})
            elif self._is("::"):
                value = self._cast(value, self._next())
            elif self._is("-"):
                other = self._one()
                if not isinstance(value, Text) or not value.beside(other):
                    raise RefusedError(
                        "`-` is read between the values of one column in the two rows"
                    )
                value = Measured("difference", self._name(value))
            else:
                return value

    def _one(self) -> Any:
        if self._is("("):
            value = self._value()
            self._expect(")")
            return value
        if self._peek() == "-" or self._peek()[:1].isdigit():
            return self._number()
        token = self._next()
        if token.startswith("'"):
            return token[1:-1].replace("''", "'")
        if not token.startswith('"') and self._is("("):
            return self._call(token.lower())
        side = SIDE.match(_bare(token))
        if side is None:
            raise RefusedError(f"`{token}` is no column of a row")
        return Text(self._column(side[1]), side[2] == "r")

    def _call(self, function: str) -> Any:
        if function in {"cast", "try_cast"}:
            value = self._value()
            self._expect("as")
            value = self._cast(value, self._next())
            self._expect(")")
            return value
        given = [self._value()]
        while self._is(","):
            given.append(self._value())
        self._expect(")")
        return self._called(function, given)

    def _called(self, function: str, given: list[Any]) -> Any:
        first = given[0]
        match function, given[1:]:
            case (("lower" | "upper"), []):
                return _text(first).then(function)  # type: ignore[arg-type]
            case (("substr" | "substring"), [float(start), float(letters)]) if start >= 1:
                return _text(first).then({"part": {"from": int(start), "letters": int(letters)}})
            case "nullif", [str(text)]:
                return _text(first).then({"unless": {"text": text}})
            case "regexp_extract", [str(pattern), *group] if group in ([], [0.0]):
                return _text(first).then({"extract": {"pattern": pattern}})
            case (("try_strptime" | "strptime"), [str(form)]):
                return _text(first).then({"seconds": {"format": form}})
            case "epoch", []:
                own = _text(first)
                made = any("seconds" in json.loads(step) for step in own.steps)
                return own if made else own.then({"seconds": {"format": "%Y-%m-%d"}})
            case "abs", [] if isinstance(first, Measured) and first.kind == "difference":
                return Measured("gap", first.name)
            case (("array_length" | "len" | "length"), []) if isinstance(first, Measured):
                return first
            case _, [other] if isinstance(first, Text) and first.beside(other):
                return self._both_of(function, self._name(first))
        raise RefusedError(f"the function {function} with such arguments is not known here")

    def _both_of(self, function: str, name: str) -> Measured:
        if function in MEASURES:
            return Measured("alike", name, MEASURES[function])
        if function == "jaccard":
            return Measured("letters", name)
        if function in {"list_intersect", "array_intersect"}:
            return Measured("shared", name)
        if function in {"array_cosine_similarity", "list_cosine_similarity"}:
            return Measured("cosine", name)
        raise RefusedError(f"the function {function} is not known here")

    def _cast(self, value: Any, kind: str) -> Any:
        if kind.lower() in TEXT:
            return _text(value)
        if kind.lower() in {"date", "timestamp"}:
            return _text(value).then({"seconds": {"format": "%Y-%m-%d"}})
        raise RefusedError(f"a cast to {kind} is not known here")

    def _column(self, name: str) -> str:
        self.columns[name] = None
        return name

    def _name(self, value: Text) -> str:
        if not value.steps:
            return value.column
        steps = [json.loads(step) for step in value.steps]
        words = ", ".join(_words(step) for step in steps)
        name = f"{value.column} ({words})"
        self.made[name] = {"name": name, "column": value.column, "steps": steps}
        return name


def _tokens(text: str) -> list[str]:
    tokens, at, text = list[str](), 0, text.strip()
    while at < len(text):
        found = TOKEN.match(text, at)
        if found is None:
            raise RefusedError(f"`{text[at : at + 20]}` cannot be read")
        tokens.append(found[1])
        at = found.end()
    return tokens


def _bare(token: str) -> str:
    return token[1:-1].replace('""', '"') if token.startswith('"') else token


def _both(name: str) -> list[tuple[str, bool]]:
    return [(name, False), (name, True)]


def _text(value: Any) -> Text:
    if not isinstance(value, Text):
        raise RefusedError("a column is expected there")
    return value


def _words(step: Any) -> str:
    if isinstance(step, str):
        return step
    name, given = next(iter(step.items()))
    return " ".join([name, *(str(own) for own in given.values())]).strip()


def _limited(value: Measured, sign: str, number: float) -> Any:
    """Give a limit on a measure, by the condition that is stored for it."""
    known = _both(value.name)
    if value.kind == "difference":
        raise RefusedError("a difference is read inside abs(...)")
    # Whether "at most" is stored decides which limit is asked and which is denied.
    _, most = value.ask(number)
    beyond = math.nextafter(number, math.inf if sign in {">", "<="} else -math.inf)
    match most, sign:
        case (True, "<=") | (False, ">="):
            return ("is", value.ask(number)[0], known)
        case (True, "<") | (False, ">"):
            return ("is", value.ask(beyond)[0], known)
        case (True, ">") | (False, "<"):
            return ("not", ("is", value.ask(number)[0], known))
        case (True, ">=") | (False, "<="):
            return ("not", ("is", value.ask(beyond)[0], known))
    raise RefusedError(f"`{sign}` is not known here")


def _crossed(one: Any, other: Any) -> Any:
    """Read "a here is b there, and b here is a there" as one condition."""
    if one[0] != "is" or other[0] != "is" or "across" not in one[1] or "across" not in other[1]:
        return None
    first, second = one[1]["across"], other[1]["across"]
    if (first["first"], first["second"]) != (second["second"], second["first"]):
        return None
    return ("is", {"crossed": first}, [*one[2], *other[2]])
