"""The page, the flow diagram and the plots."""

import html
import json
import xml.etree.ElementTree as ET

import pytest

import kruispunt as kp
from kruispunt.exceptions import InputError


@pytest.fixture
def account() -> kp.Account:
    step = {
        "verb": "clip",
        "detail": "to 2005Q1-2016Q4",
        "before": {"rows": 1000, "persons": 4},
        "after": {"rows": 998, "persons": 3},
        "excluded": [{"reason": "ended <before> 2005", "count": {"rows": 2, "persons": 1}}],
        "ties": [],
        "notes": [],
        "joined": [{"source": "permits", "steps": []}],
    }
    return kp.Account.from_json(json.dumps({"source": "jobs & co", "steps": [step]}))


def test_the_flow_diagram_is_well_formed_and_says_every_number(account: kp.Account) -> None:
    words = " ".join(ET.fromstring(account.svg()).itertext())
    for part in [
        "jobs & co",
        "1,000 rows, 4 persons",
        "998 rows",
        "ended <before> 2005",
        "permits",
    ]:
        assert part in words, part


def test_a_report_holds_its_parts_in_order_and_nothing_from_elsewhere(account: kp.Account) -> None:
    report = kp.Report("Title").lead("lead").section("One").text("a < b").flow(account)
    report.table({"origin": ["BE", None], "rate": [0.6771, 0.455]}, "Rates", digits=2).remark(
        "mind"
    )
    page = report.html()
    places = [page.index(part) for part in ["lead", "One", "a &lt; b", "<svg", "Rates", "mind"]]
    assert places == sorted(places)
    assert "0.68" in page
    assert "http" not in page.replace("http://www.w3.org/2000/svg", "")


def test_a_matplotlib_plot_becomes_a_drawing_with_the_same_bytes_each_time() -> None:
    figure = pytest.importorskip("matplotlib.figure")

    def page() -> str:
        axes = figure.Figure().add_subplot()
        axes.plot([1, 2], [3, 4])
        return kp.Report("t").figure(axes, "caption").html()

    assert page() == page()
    assert "<figcaption>caption</figcaption>" in page()


@pytest.mark.parametrize(
    ("add", "says"),
    [
        (lambda r: r.figure("<svg><script></script></svg>", "f"), "a script"),
        (lambda r: r.figure(3, "f"), "builtins.int is neither"),
        (lambda r: r.fragment("<img src='https://x'>"), "another address"),
        (lambda r: r.table({"a": [1]}, digits=-1), "0 or more"),
        (lambda r: r.table(3), "is not a table"),
    ],
)
def test_parts_that_do_not_belong_are_refused_and_leave_the_page_as_it_was(add, says) -> None:
    report = kp.Report("t").text("kept")
    before = report.html()
    with pytest.raises(InputError, match=says):
        add(report)
    assert report.html() == before


def test_a_report_keeps_its_looks_to_itself() -> None:
    """In a notebook the page stands in a frame, so that its styles do not reach other cells."""
    report = kp.Report("The origin <gap>").section("Sample").text('48 "quarters"')
    shown = report._repr_html_()
    assert shown.startswith("<iframe srcdoc=")
    assert "<style" not in shown
    assert html.unescape(shown.split('srcdoc="')[1].split('" title')[0]) == report.html()
