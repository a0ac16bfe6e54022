"""fit, sample, impute: a table becomes a model, and a model rows."""

from __future__ import annotations

import ast
import logging
from pathlib import Path
from typing import Annotated

import typer

from tabdiff_lora.cli.arguments import (
    STANDARD,
    Device,
    MaxTime,
    Model,
    Output,
    Seed,
    Table,
    Types,
    pairs,
    sink,
    source,
    verbosity,
)

logger = logging.getLogger(__name__)


def fit(
    table: Table,
    model: Annotated[Path, typer.Argument(help="Folder for the model; one that is there is replaced.")],
    types: Types = None,
    backbone: Annotated[str, typer.Option(help="mlp, or a language model: its name, or its folder.")] = "mlp",
    max_time: MaxTime = None,
    device: Device = "auto",
    seed: Seed = 0,
    parameters: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="NAME=VALUE",
            help="Any other parameter of TabularDiffusionSynthesizer, e.g. missing=never; may be repeated.",
        ),
    ] = None,
) -> None:
    """Learn a table and save the model in a folder."""
    from tabdiff_lora.synthesizer import TabularDiffusionSynthesizer
    from tabdiff_lora.tablefile import read_table

    if model.exists() and not model.is_dir():
        raise FileExistsError(f"model must be a folder. Got a file, {str(model)!r}, instead.")
    synth = TabularDiffusionSynthesizer(
        backbone,
        types=pairs(types, "--types") or None,
        max_time=max_time,
        device=device,
        random_state=seed,
        verbose=verbosity(),
    )
    synth.set_params(**{name: _literal(text) for name, text in pairs(parameters, "--set").items()})
    synth.fit(read_table(source(table)))
    synth.save_pretrained(model)
    logger.info("model saved in %s", model)


def sample(
    model: Model,
    n_samples: Annotated[int, typer.Option("--n-samples", "-n", help="How many rows.")] = 10,
    output: Output = STANDARD,
    where: Annotated[
        list[str] | None,
        typer.Option(
            metavar="COLUMN=VALUE",
            help="What rows shall hold: income='>50K', age=30..40, age=30.., 'city=Oslo|Rome', debt=missing or "
            "debt=present; quotation marks inside keep a value as it is, city='\"missing\"'. May be repeated.",
        ),
    ] = None,
    balance: Annotated[str | None, typer.Option(help="Column whose values shall be equally frequent.")] = None,
    device: Device = "auto",
    seed: Seed = 0,
) -> None:
    """Draw rows from a model, any number of them in the same memory."""
    from tabdiff_lora.cli.where import read_conditions

    synth, place = _loaded(model, device), sink(output)
    conditions = read_conditions(where or (), synth.encoder_) or None
    synth.sample_to(place, n_samples, conditions=conditions, class_balance=balance, random_state=seed)


def impute(model: Model, table: Table, output: Output = STANDARD, device: Device = "auto", seed: Seed = 0) -> None:
    """Fill the gaps of a table with draws given what is present."""
    from tabdiff_lora.tablefile import read_table, write_chunks

    place = sink(output)
    rows, synth = read_table(source(table)), _loaded(model, device)
    filled = synth.impute(rows, random_state=seed)
    # pandas reads whole numbers with gaps as decimal ones: without gaps they are whole again
    whole = [name for name in filled if synth.schema_[name].dtype == "int64" and filled[name].notna().all()]
    write_chunks([filled.astype(dict.fromkeys(whole, "int64"))], place)


def _loaded(model: Path, device: str):
    from tabdiff_lora.synthesizer import TabularDiffusionSynthesizer

    synth = TabularDiffusionSynthesizer.from_pretrained(model, device=device)
    return synth.set_params(verbose=verbosity())


def _literal(text: str):
    """A Python literal where the text is one, and the text where it is not."""
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text
