"""explore, inspect, info: what a table, a model and this machine are."""

from __future__ import annotations

import typer

from tabdiff_lora.cli.arguments import Html, Table, Target, Types, pairs, require_folder, source

PACKAGES = (
    "tabdiff-lora",
    "torch",
    "numpy",
    "pandas",
    "scikit-learn",
    "scipy",
    "catboost",
    "transformers",
    "peft",
    "safetensors",
)


def explore(table: Table, target: Target = None, html: Html = None) -> None:
    """Summarise a table before anything is learned from it."""
    from tabdiff_lora.evaluation import explore
    from tabdiff_lora.tablefile import read_table

    require_folder(html)
    rows = read_table(source(table))
    found = explore(rows, target)
    typer.echo(f"{len(rows)} rows\n{found.summary.to_string(float_format='{:.4g}'.format, na_rep='')}")
    if html is not None:
        found.to_html(html)


def inspect(
    table: Table,
    types: Types = None,
) -> None:
    """Show how a table would be seen: kind and encoder of each column, and why."""
    from tabdiff_lora.table import infer_schema
    from tabdiff_lora.tablefile import read_table

    typer.echo(str(infer_schema(read_table(source(table)), types=pairs(types, "--types"))))


def info() -> None:
    """Show versions, device, precision and threads: what a report of a fault should contain."""
    import platform
    from importlib.metadata import version

    from tabdiff_lora.compute import available_threads, resolve_device, resolve_dtype

    device = resolve_device("auto")
    facts = {
        "tabdiff-lora": version("tabdiff-lora"),
        "python": platform.python_version(),
        "system": platform.platform(),
    }
    facts |= {name: version(name) for name in PACKAGES}
    facts |= {"device": device, "precision": str(resolve_dtype("auto", device)).removeprefix("torch.")}
    typer.echo(_aligned(facts | {"threads": available_threads()}))


def _aligned(facts: dict) -> str:
    width = max(map(len, facts))
    return "\n".join(f"{name:<{width}}  {value}" for name, value in facts.items())
