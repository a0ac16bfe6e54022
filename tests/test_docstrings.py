"""Docstrings say what signatures say: where parameters are listed, all of them are, in their order, and no others."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Iterator
from pathlib import Path

import pytest

import tabdiff_lora

validate = pytest.importorskip("numpydoc.validate", reason="numpydoc comes with the extras dev and docs").validate

PACKAGE = Path(tabdiff_lora.__file__).parent
ABOUT_PARAMETERS = {"PR01", "PR02", "PR03"}


def public_names() -> Iterator[str]:
    """All functions, classes and methods whose names do not begin with an underscore, by their full names."""
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        module = ".".join(["tabdiff_lora", *parts]).removesuffix(".__init__")
        if parts[-1] == "__main__":
            continue
        for name, member in vars(importlib.import_module(module)).items():
            if name.startswith("_") or getattr(member, "__module__", None) != module:
                continue
            if inspect.isclass(member) or inspect.isfunction(member):
                yield f"{module}.{name}"
            if inspect.isclass(member):
                methods = [key for key, value in vars(member).items() if inspect.isfunction(value) and key[0] != "_"]
                yield from (f"{module}.{name}.{key}" for key in methods)


def test_parameters_are_those_of_the_signature():
    problems = []
    for name in public_names():
        found = validate(name)
        if "Parameters\n" in (found["docstring"] or ""):
            problems += [f"{name}: {text}" for code, text in found["errors"] if code in ABOUT_PARAMETERS]
    assert problems == []
