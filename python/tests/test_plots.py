"""Plots draw the numbers that the fits give."""

import sys

import numpy as np
import pytest

import kruispunt as kp
from kruispunt.exceptions import InputError, MissingPackageError


@pytest.fixture(scope="module")
def study() -> kp.Fit:
    rng = np.random.default_rng(1)
    person, quarter = np.repeat(np.arange(60), 8), np.tile(np.arange(8), 60)
    event = np.where(person % 2 == 0, quarter - 4, -1)
    wage = 0.5 * (event >= 0) + rng.normal(size=480)
    table = {"person": person, "quarter": quarter, "event": event, "wage": wage}
    return kp.feols("wage ~ i(event, ref=-1) | person + quarter", table, vcov={"CRV1": "person"})


def test_an_event_study_shows_each_period_with_its_interval(study: kp.Fit) -> None:
    ax = kp.iplot(study, truth={-1: 0.0, 0: 0.5})
    (drawn, _, (bars,)) = ax.containers[0]
    x, y = drawn.get_data()
    assert list(x) == [-4, -3, -2, -1, 0, 1, 2, 3]
    expected = np.insert(study.coef().to_numpy(), 3, 0.0)
    np.testing.assert_array_equal(y, expected)
    ends = np.array([segment[:, 1] for segment in bars.get_segments()])
    bounds = np.insert(np.array(list(study.confint().values())), 3, 0.0, axis=0)
    np.testing.assert_allclose(ends, bounds, atol=1e-12)
    assert ax.get_xlabel()
    assert "truth" in [text.get_text() for text in ax.get_legend().get_texts()]


def test_coefficients_stand_in_the_order_asked_for_with_their_labels(study: kp.Fit) -> None:
    names = list(study.coef())[::-1][:2]
    ax = kp.coefplot({"ours": study}, keep=names, labels={names[0]: "last"}, truth={names[1]: 0.5})
    x, _ = ax.containers[0][0].get_data()
    np.testing.assert_array_equal(x, [study.coef()[name] for name in names])
    assert [tick.get_text() for tick in ax.get_yticklabels()] == ["last", names[1]]


def test_plots_take_what_pyfixest_takes(study: kp.Fit) -> None:
    fits = {"a": study, "b": study}
    ax = study.coefplot(
        alpha=0.1, figsize=(5, 3), yintercept=0.5, xintercept=2, rotate_xticks=45, title="Effects",
        coord_flip=False, drop=["::3"], joint="both", seed=1, rename_models={"": "ours"},
    )  # fmt: skip
    names = [name for name in study.coef() if not name.endswith("::3")]
    assert [tick.get_text() for tick in ax.get_xticklabels()] == names
    assert ax.get_xticklabels()[0].get_rotation() == 45
    assert (ax.get_title(), tuple(ax.figure.get_size_inches())) == ("Effects", (5, 3))
    points, together = ax.containers[:2]
    ends = np.array([segment[:, 1] for segment in points[2][0].get_segments()])
    np.testing.assert_allclose(ends, list(study.confint(0.1, drop="::3").values()), atol=1e-12)
    wide = np.array([segment[:, 1] for segment in together[2][0].get_segments()])
    bands = study.confint(0.1, drop="::3", joint=True, seed=1)
    np.testing.assert_allclose(wide, list(bands.values()), atol=1e-12)
    assert {line.get_ydata()[0] for line in ax.lines} >= {0.5}
    ax = kp.iplot(fits, coord_flip=True, joint=True, rename_models={"a": "first"}, labels={
        "event::0": "start"}, drop="::-4")  # fmt: skip
    assert [text.get_text()[:5] for text in ax.get_legend().get_texts()] == ["first", "b (95"]
    assert "start" in [tick.get_text() for tick in ax.get_yticklabels()]
    _, y = ax.containers[0][0].get_data()
    y = np.asarray(y, dtype=float)
    np.testing.assert_allclose(y, np.array([-3, -2, -1, 0, 1, 2, 3]) - 0.09)
    with pytest.raises(InputError, match="same name"):
        kp.iplot(fits, rename_models={"a": "b"})
    with pytest.raises(InputError, match="plot_backend"):
        kp.coefplot(study, plot_backend="lets_plot")
    with pytest.raises(InputError, match="joint"):
        kp.coefplot(study, joint="all")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="regular expression"):
        kp.coefplot(study, keep="(")


def test_plots_of_what_is_not_there_say_so(study: kp.Fit) -> None:
    with pytest.raises(InputError, match="no fit has a coefficient 'age'"):
        kp.coefplot(study, keep=["age"])
    rng = np.random.default_rng(2)
    plain = kp.feols("wage ~ age", {"wage": rng.normal(size=20), "age": rng.normal(size=20)})
    with pytest.raises(InputError, match="no coefficient ends in a period"):
        kp.iplot(plain)


def test_without_matplotlib_a_plot_says_what_to_install(
    study: kp.Fit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(MissingPackageError, match=r"kruispunt\[plots\]"):
        kp.iplot(study)
