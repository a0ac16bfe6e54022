"""explore, inspect, info: what a table, a model and this machine are."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

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
    path: Annotated[Path, typer.Argument(metavar="MODEL|TABLE", help="A folder that fit wrote, or a table.")],
    types: Types = None,
) -> None:
    """Show how a model sees its table and how it was fitted, or how a table would be seen."""
    if path.is_dir():
        from tabdiff_lora.synthesizer import TabularDiffusionSynthesizer

        typer.echo(_described(TabularDiffusionSynthesizer.from_pretrained(path, device="cpu")))
        return
    from tabdiff_lora.table import infer_schema
    from tabdiff_lora.tablefile import read_table

    typer.echo(str(infer_schema(read_table(source(path)), types=pairs(types, "--types"))))


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


def _described(synth) -> str:
    facts = {
        "network": f"{type(synth.backbone_).__name__}, {synth.n_parameters_:,} parameters, "
        f"{synth.n_trainable_parameters_:,} of them trained",
        "steps": f"{synth.n_iter_:,}, weights of step {synth.best_iter_:,}",
        "ended": synth.stop_reason_,
        "seconds": f"{synth.fit_time_:.1f}",
    }
    if len(synth.history_):
        last = synth.history_.iloc[-1]
        facts |= {"epochs": f"{last['epoch']:.1f}", "training loss": f"{last['train_loss']:.4f}"}
        facts |= {"held-out loss": f"{synth.history_['validation_loss'].min():.4f} (best)"}
    parameters = {name: repr(value) for name, value in synth.get_params(deep=False).items()}
    return f"{synth.schema_}\n\n{_aligned(facts)}\n\n{_aligned(parameters)}"


def _aligned(facts: dict) -> str:
    width = max(map(len, facts))
    return "\n".join(f"{name:<{width}}  {value}" for name, value in facts.items())
