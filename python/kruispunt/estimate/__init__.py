"""Fixed-effects regression in the dialect of fixest and pyfixest."""

from kruispunt.estimate._etable import etable
from kruispunt.estimate._fit import Decomposition, Estimates, Fit
from kruispunt.estimate._fits import Fits
from kruispunt.estimate._models import clogit, feglm, feols, fepois, hausman, panel_ols
from kruispunt.estimate._rwolf import rwolf
from kruispunt.estimate._vcov import ssc

__all__ = [
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
]
