"""What several files of tests read, made once."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import kruispunt as kp

ORACLES = Path(__file__).parents[2] / "crates/kruispunt/tests/oracles"


@pytest.fixture(scope="session")
def clean() -> kp.synth.Registers:
    """Give synthetic registers without imperfections."""
    return kp.synth.registers("test", seed=3, imperfections=[], backend="polars", progress=False)


@pytest.fixture(scope="session")
def data() -> dict[str, Any]:
    """Give the panel of the oracles of difference-in-differences."""
    stored: dict[str, Any] = json.loads((ORACLES / "did/expected.json").read_text(encoding="utf-8"))
    return stored["data"]
