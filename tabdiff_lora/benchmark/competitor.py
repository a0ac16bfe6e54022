"""A competitor is a name and its parameters: ``default``, ``default(n_sampling_steps=50)``, ``module:factory(k=3)``.

Anything that can be called and returns an object with ``fit(df)`` and ``sample(n)`` may take part.
"""

from __future__ import annotations

import importlib
import inspect
from dataclasses import dataclass, field
from typing import Any, Protocol, Self

import pandas as pd

from tabdiff_lora.benchmark.shorthand import format_call, parse_call

COMPETITORS: dict[str, tuple[str, dict[str, Any]]] = {
    "default": ("tabdiff_lora.synthesizer:TabularDiffusionSynthesizer", {}),
    "copula": ("tabdiff_lora.synthesizer:TabularDiffusionSynthesizer", {"max_epochs": 0, "max_time": None}),
    "language-model": (
        "tabdiff_lora.synthesizer:TabularDiffusionSynthesizer",
        {"backbone": "sentence-transformers/all-MiniLM-L6-v2"},
    ),
    "tabddpm": ("tabdiff_lora.benchmark.tabddpm:TunedTabDDPM", {}),
    "independent": ("tabdiff_lora.benchmark.baselines:IndependentColumns", {}),
    "smote": ("tabdiff_lora.benchmark.baselines:Interpolation", {}),
    "real": ("tabdiff_lora.benchmark.baselines:TrainingRows", {}),
}
"""Shorthand names: where the factory lives, and the parameters that make it this competitor.

``default`` has the MLP for a backbone; ``copula`` is the same untrained: the Gaussian copula of the table.
``language-model`` is a small BERT with adapters; another one is ``language-model(backbone='bert-base-uncased')``.
``tabddpm`` is the paper's baseline with the settings its authors tuned for each table.
"""


class Synthesizer(Protocol):
    """What the benchmark asks of a competitor.

    Protocols that draw several times pass a ``random_state`` to ``sample`` if it takes one; if not, each call is to
    give new rows.
    """

    def fit(self, df: pd.DataFrame) -> Any:
        """Learn from ``df`` of shape (n, p)."""

    def sample(self, n: int) -> pd.DataFrame:
        """Draw ``n`` rows with the columns of ``df``."""


@dataclass(frozen=True)
class Competitor:
    """A synthesizer by name, not built yet.

    Parameters
    ----------
    name : str
        A key of ``COMPETITORS``, or ``"module:factory"``.
    parameters : dict, default={}
        Keyword arguments of the factory, JSON values only.
    """

    name: str
    parameters: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        _, fixed = COMPETITORS.get(self.name, ("", {}))
        said = {key: value for key, value in self.parameters.items() if key not in fixed or fixed[key] != value}
        return format_call(self.name, said)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``"name"`` or ``"name(key=value, ...)"``; values are Python literals.

        Parameters
        ----------
        text : str

        Returns
        -------
        Competitor

        Raises
        ------
        ValueError
            If the text has another form or the name is neither known nor ``module:factory``.

        Examples
        --------
        >>> Competitor.parse("default(n_sampling_steps=50)")
        Competitor(name='default', parameters={'n_sampling_steps': 50})
        """
        name, parameters = parse_call(text, "competitor")
        if name not in COMPETITORS and ":" not in name:
            known = ", ".join(COMPETITORS)
            raise ValueError(f"name of a competitor must be one of {known}, or module:factory. Got {name!r} instead.")
        return cls(name, parameters)

    def within(self, max_time: float | str | None) -> Self:
        """Give the competitor a time budget, if its factory takes one and it has not named its own.

        Parameters
        ----------
        max_time : float, str or None
            Seconds.

        Returns
        -------
        Competitor
            With all its parameters spelt out.
        """
        factory, fixed = self._factory()
        parameters = {**fixed, **self.parameters}
        if max_time is not None and "max_time" in inspect.signature(factory).parameters:
            parameters.setdefault("max_time", max_time)
        return type(self)(self.name, parameters)

    def build(self, random_state: int, table: str, target: str) -> Synthesizer:
        """Call the factory, with those of the arguments that it takes.

        Parameters
        ----------
        random_state : int
        table, target : str
            Name of the table and of the column to predict in it.

        Returns
        -------
        Synthesizer
        """
        factory, fixed = self._factory()
        parameters = {**fixed, **self.parameters}
        taken = inspect.signature(factory).parameters
        for name, value in {"random_state": random_state, "table": table, "target": target}.items():
            if name in taken:
                parameters.setdefault(name, value)
        return factory(**parameters)

    def _factory(self):
        home, fixed = COMPETITORS.get(self.name, (self.name, {}))
        module, _, attribute = home.partition(":")
        return getattr(importlib.import_module(module), attribute), fixed
