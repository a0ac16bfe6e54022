"""The guide to saving does what it says."""

from __future__ import annotations

import doctest
from pathlib import Path

GUIDE = Path(__file__).resolve().parents[2] / "docs" / "saving.md"


def test_the_examples_of_the_guide_run():
    assert doctest.testfile(str(GUIDE), module_relative=False).failed == 0
