"""What every doctest may use without importing it."""

import numpy as np
import pytest

import kruispunt as kp


@pytest.fixture(autouse=True)
def _names_of_doctests(doctest_namespace: dict[str, object]) -> None:
    doctest_namespace["kp"] = kp
    doctest_namespace["np"] = np
