"""The Belgian pack: identification numbers, origin and generation, checks, constructs, calendar."""

from __future__ import annotations

from kruispunt.belgium._careers import (
    codes,
    family_origin,
    identifiers,
    leave_eligibility,
    nis_crosswalk,
    programme_paths,
    since_arrival,
    work_access,
)
from kruispunt.belgium._constructs import (
    asylum_access,
    cards,
    day_wage,
    obligation,
    stable_employment,
)
from kruispunt.belgium._insz import Insz, insz
from kruispunt.belgium._origin import generation, origin
from kruispunt.belgium._registers import calendar, checks, countries, coverage

__all__ = [
    "Insz",
    "asylum_access",
    "calendar",
    "cards",
    "checks",
    "codes",
    "countries",
    "coverage",
    "day_wage",
    "family_origin",
    "generation",
    "identifiers",
    "insz",
    "leave_eligibility",
    "nis_crosswalk",
    "obligation",
    "origin",
    "programme_paths",
    "since_arrival",
    "stable_employment",
    "work_access",
]
