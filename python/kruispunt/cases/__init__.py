"""From a million careers to the twelve people worth an interview.

Choose persons from types, a model or effects; pair them; picture their lives; read and write what
was coded about them; keep their names apart from their numbers::

    chosen = kp.cases.select(types, "typical", 24, data=people, quota={"sex": {"F": 12}}, seed=1)
    pairs = kp.cases.pairs(people, person="pid", contrast="trained", alike=["origin", "sex"])
"""

from __future__ import annotations

from kruispunt.cases._mixed import JointDisplay, agreement, joint_display, prevalence, recall
from kruispunt.cases._pairs import Pairs, pairs
from kruispunt.cases._refi import Project, code_table, read_qdc, read_qdpx
from kruispunt.cases._registry import Registry
from kruispunt.cases._select import Selection, select
from kruispunt.cases._timeline import Picture, Privacy, timeline

__all__ = [
    "JointDisplay",
    "Pairs",
    "Picture",
    "Privacy",
    "Project",
    "Registry",
    "Selection",
    "agreement",
    "code_table",
    "joint_display",
    "pairs",
    "prevalence",
    "read_qdc",
    "read_qdpx",
    "recall",
    "select",
    "timeline",
]
