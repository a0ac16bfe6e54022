"""The model card: what was learned, how well, and what a reader of the folder can see, in plain language."""

from __future__ import annotations

import re

from jinja2 import Environment, PackageLoader, StrictUndefined

from tabdiff_lora import __version__
from tabdiff_lora.evaluation.findings import WORDS

TEMPLATES = Environment(
    loader=PackageLoader("tabdiff_lora.persistence"),
    autoescape=False,  # markdown: what comes from the table goes through the filter `plain`
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
SPECIAL = re.compile(r"([\\`*_{}\[\]()#+!|<>~&$-])")


def plain(text: object) -> str:
    """One line of text that markdown shows as it is."""
    return SPECIAL.sub(r"\\\1", " ".join(str(text).split()))


TEMPLATES.filters["plain"] = plain


def model_card(synth, report=None) -> str:
    """The README of a saved synthesizer.

    Parameters
    ----------
    synth : TabularDiffusionSynthesizer
        Fitted.
    report : EvaluationReport, optional

    Returns
    -------
    str
        Markdown with the metadata of the hub on top. It names the columns, and no value of the table.
    """
    losses = synth.history_["validation_loss"].dropna()
    return TEMPLATES.get_template("card.md").render(
        version=__version__,
        synth=synth,
        columns=synth.schema_.columns,
        n_levels=_level_counts(synth.encoder_),
        origin=getattr(synth.module_, "origin", None),
        held_out_loss=None if losses.empty else float(losses.iloc[-1]),
        findings=[] if report is None else report.summary(),
        words=WORDS,
    )


def _level_counts(encoder) -> dict:
    """Number of levels of each column that has a categorical dimension."""
    slots, cardinalities = encoder.arrangement_.categorical, encoder.layout_.cardinalities
    return {name: cardinalities[places[0]] for name, places in slots.items() if places}
