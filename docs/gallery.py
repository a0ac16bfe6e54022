"""Examples as sphinx-gallery wants them.

An example is a file with a function ``main(...)``, so that the tests can run it small. A gallery shows what each step
prints and draws, and for that it runs a file cell by cell. So the site is built from unfolded examples: the body of
``main`` becomes the script, its arguments become assignments, and its comments ``# %%`` part the cells.
"""

from __future__ import annotations

import ast
from pathlib import Path
from textwrap import dedent

EXAMPLES = (
    "six_lines",
    "mixed_types",
    "known_columns",
    "pipelines",
    "imbalanced_classes",
    "reading_the_report",
    "lora_rank",
    "priors_and_samplers",
    "save_and_continue",
    "many_rows",
    "own_encoder",
)
"""The gallery, in its order."""


def unfold(source: str) -> str:
    """Return the script of an example.

    Parameters
    ----------
    source : str
        A module, formatted by ruff, whose function ``main`` has a default for each argument, no docstring, and at most
        one ``return``, its last statement. What follows it is left out.
    """
    lines = source.splitlines()
    (main,) = [node for node in ast.parse(source).body if getattr(node, "name", None) == "main"]
    defaults = zip(main.args.args, main.args.defaults, strict=True)
    arguments = [f"{name.arg} = {ast.get_source_segment(source, value)}" for name, value in defaults]
    body = lines[main.lineno : main.end_lineno]  # from the line after "def main(...):"
    if isinstance(main.body[-1], ast.Return):
        body = body[: main.body[-1].lineno - main.lineno - 1]
    head = "\n".join(lines[: main.lineno - 1]).rstrip()
    return "\n\n".join([head, "\n".join(arguments), dedent("\n".join(body)).strip(), ""])


def unfold_all(examples: Path, folder: Path) -> None:
    """Write the scripts of the gallery to a folder, in the place of those that are there."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.py"):
        old.unlink()
    for name in EXAMPLES:
        script = unfold((examples / f"{name}.py").read_text(encoding="utf-8"))
        (folder / f"{name}.py").write_text(script, encoding="utf-8")


def gallery_order(file: str) -> int:
    """Sort the files of the gallery; sphinx-gallery calls it."""
    return EXAMPLES.index(file.removesuffix(".py"))
