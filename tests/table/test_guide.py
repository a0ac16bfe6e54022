"""The examples in docs/tables.md run."""

import doctest
from pathlib import Path

GUIDE = Path(__file__).parents[2] / "docs" / "tables.md"


def test_the_examples_of_the_guide_run():
    assert doctest.testfile(str(GUIDE), module_relative=False).failed == 0
