"""Registers meet at a crossroads; careers leave it.

kruispunt links registers, turns spells into panels and estimates what policy did::

    import kruispunt as kp
"""

from __future__ import annotations

import atexit as _atexit
import sys as _sys
import warnings as _warnings
from pathlib import Path as _Path

from kruispunt import _core, exceptions
from kruispunt._made import trace as _trace

# data
from kruispunt.account import Account
from kruispunt._progress import progress
from kruispunt.linked import Linked as _Linked, Register as _Register
from kruispunt.table import Table

# linkage
from kruispunt import linkage

# panel
from kruispunt.blocks import person_blocks
from kruispunt.panel import Calendar, Panel, Spells, Timeline

# estimate
from kruispunt.estimate import (
    Decomposition,
    Estimates,
    Fit,
    Fits,
    clogit,
    etable,
    feglm,
    feols,
    fepois,
    hausman,
    panel_ols,
    rwolf,
    ssc,
)

# evaluate
from kruispunt.discontinuity import Jump, rd_in_time
from kruispunt.doses import DoseResponse, dose_response
from kruispunt.event_studies import event_study
from kruispunt.evaluate import Comparison, Effects, bacon, compare_did, did, twfe_weights
from kruispunt.durations import (
    Hazard,
    Staged,
    Survival,
    cox,
    cumulative_incidence,
    hazard,
    staged,
    survival,
)
from kruispunt.gaps import gap
from kruispunt.matching import (
    Balanced,
    ByGroup,
    att,
    dynamic_matching,
    e_value,
    matching_balance,
    oster,
    rosenbaum,
)

from kruispunt.moves import Multistate, multistate
from kruispunt.eligibility import (
    NegativeControls,
    Pairwise,
    RiskSets,
    negative_controls,
    pairwise_matching,
    risk_sets,
    stage_paths,
)
from kruispunt.structural import (
    Structural,
    TreatmentWeights,
    marginal_structural,
    treatment_weights,
)
from kruispunt.uncertain_links import (
    AfterLinkage,
    MismatchFit,
    after_linkage,
    link_rates,
    mismatch_mixture,
    over_draws,
    over_thresholds,
    pool,
    posterior_weighted,
)

# trajectory
from kruispunt import trajectory

# cases
from kruispunt import cases

# report
from kruispunt.bundle import Bundle
from kruispunt.disclosure import Disclosure, Protected, set_disclosure
from kruispunt.manifests import Manifest, manifest
from kruispunt.plots import coefplot, iplot, love_plot, plot_curves, plot_effects
from kruispunt.reading import read_register
from kruispunt.report import Report

# belgium, synth
from kruispunt import belgium, synth

__version__ = _core.VERSION

__all__ = [
    # data
    "Account",
    "Table",
    "__version__",
    "exceptions",
    "progress",
    "set_threads",
    # linkage
    "linkage",
    # panel
    "Calendar",
    "Panel",
    "Spells",
    "Timeline",
    "person_blocks",
    "read_register",
    # estimate
    "Decomposition",
    "Estimates",
    "Fit",
    "Fits",
    "clogit",
    "etable",
    "feglm",
    "feols",
    "fepois",
    "hausman",
    "panel_ols",
    "rwolf",
    "ssc",
    # evaluate
    "Jump",
    "rd_in_time",
    "Balanced",
    "ByGroup",
    "Comparison",
    "DoseResponse",
    "Effects",
    "Hazard",
    "Multistate",
    "NegativeControls",
    "Pairwise",
    "RiskSets",
    "Staged",
    "Structural",
    "Survival",
    "TreatmentWeights",
    "att",
    "bacon",
    "compare_did",
    "cox",
    "cumulative_incidence",
    "did",
    "dose_response",
    "dynamic_matching",
    "e_value",
    "event_study",
    "gap",
    "hazard",
    "marginal_structural",
    "matching_balance",
    "multistate",
    "negative_controls",
    "oster",
    "pairwise_matching",
    "risk_sets",
    "rosenbaum",
    "stage_paths",
    "staged",
    "survival",
    "treatment_weights",
    "twfe_weights",
    # uncertain links
    "AfterLinkage",
    "MismatchFit",
    "after_linkage",
    "link_rates",
    "mismatch_mixture",
    "over_draws",
    "over_thresholds",
    "pool",
    "posterior_weighted",
    # trajectory
    "trajectory",
    # cases
    "cases",
    # report
    "Bundle",
    "Disclosure",
    "Manifest",
    "Protected",
    "Report",
    "coefplot",
    "iplot",
    "love_plot",
    "manifest",
    "plot_curves",
    "plot_effects",
    "set_disclosure",
    # belgium, synth
    "belgium",
    "synth",
]


def set_threads(threads: int = 0) -> None:
    """Work on so many threads from now on.

    Results are the same, bit for bit, for any number.

    Parameters
    ----------
    threads : int
        How many; 0 (as it starts) for as many as the machine has.

    Examples
    --------
    >>> kp.set_threads(2)
    >>> kp.set_threads()
    """
    if threads < 0:
        message = f"`threads`: {threads} is less than 0"
        raise exceptions.InputError(message)
    _core.set_threads(threads)


# Results remember what made them.
_trace(
    _sys.modules[__name__],
    [linkage, trajectory, cases, belgium, synth],
    [_Linked, _Register],
    [Table, Spells, Panel, trajectory.Sequences, linkage.Linker],
)

# Work that an interrupt left behind ends before the libraries whose memory it reads are taken down.
_atexit.register(_core._settle)

if _core.DEBUG and not _Path(__file__).parents[2].joinpath("pyproject.toml").exists():
    # In a source tree the quick build is meant; anywhere else it is a mistake.
    _warnings.warn(
        "this kruispunt was built without optimisation and is slow; build it with --release",
        RuntimeWarning,
        stacklevel=2,
    )
