"""One run: a table, a synthesizer, a seed. ``python -m tabdiff_lora.benchmark.run`` does one in a process of its own.

It reads the run as JSON from standard input and writes what it measured as JSON to the file named on its command line.
"""

from __future__ import annotations

import inspect
import json
import sys
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

import pandas as pd

from tabdiff_lora.benchmark.competitor import Competitor, Synthesizer
from tabdiff_lora.benchmark.machine import measured
from tabdiff_lora.benchmark.protocol import EqualRows, Protocol
from tabdiff_lora.benchmark.shorthand import parse_call
from tabdiff_lora.benchmark.tuned import TunedCatBoost
from tabdiff_lora.datasets import load_dataset

PROTOCOLS: dict[str, type[Protocol]] = {"equal": EqualRows, "tabddpm": TunedCatBoost}


def parse_protocol(text: str) -> Protocol:
    """Read ``"equal"``, ``"tabddpm"`` or one of them with arguments, such as ``"tabddpm(n_draws=2, n_models=2)"``.

    Raises
    ------
    ValueError
        If the text has another form, or the protocol does not take the argument.
    """
    name, arguments = parse_call(text, "protocol")
    if name not in PROTOCOLS:
        raise ValueError(f"name of a protocol must be one of {', '.join(PROTOCOLS)}. Got {name!r} instead.")
    taken = set(inspect.signature(PROTOCOLS[name]).parameters) - {"name"}
    if not set(arguments) <= taken:
        raise ValueError(f"arguments of protocol {name!r} must be among {sorted(taken)}. Got {text!r} instead.")
    return PROTOCOLS[name](**arguments)


@dataclass(frozen=True)
class Run:
    """One table, one synthesizer, one seed.

    Parameters
    ----------
    data_home : str or None
        The folder of the tables; None downloads them into scikit-learn's own.
    table : str
    competitor : Competitor
        With its time budget already among its parameters.
    seed : int
        Of the synthesizer and of the judges.
    protocol : Protocol
    """

    data_home: str | None
    table: str
    competitor: Competitor
    seed: int
    protocol: Protocol = field(default_factory=EqualRows)

    @property
    def identity(self) -> dict[str, Any]:
        """What makes two runs the same; the place of the data does not."""
        return {
            "table": self.table,
            "synthesizer": self.competitor.name,
            "parameters": self.competitor.parameters,
            "seed": self.seed,
            "protocol": asdict(self.protocol),
        }

    def to_json(self) -> str:
        """Write the run as JSON."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read what `to_json` wrote."""
        fields = json.loads(text)
        competitor, terms = Competitor(**fields.pop("competitor")), fields.pop("protocol")
        return cls(competitor=competitor, protocol=PROTOCOLS[terms["name"]](**terms), **fields)

    def __str__(self) -> str:
        return f"{self.table}, {self.competitor}, seed {self.seed}"

    def carry_out(self) -> dict[str, Any]:
        """Fit, sample and judge in this process.

        Returns
        -------
        dict
            ``n_train``, ``n_rows`` (of a draw); ``n_steps`` and ``stop_reason`` (None where the synthesizer does not
            say); ``fit``, ``sample`` (of all draws) and ``judge``, each with seconds, CPU seconds and peak memory in
            bytes; what the protocol found, among it ``scores``; for the real rows the ``ceiling``.

        Raises
        ------
        ValueError
            If the synthesizer returns another number of rows than it was asked for.
        """
        dataset = load_dataset(self.table, self.data_home)
        is_real = self.competitor.name == "real"
        n_rows, seeds = self.protocol.draws(dataset, is_real=is_real)
        synthesizer = self.competitor.build(self.seed, dataset.name, dataset.target)
        with measured() as fit:
            synthesizer.fit(dataset.train.copy())
        with measured() as sample:
            draws = [_draw(synthesizer, n_rows, seed) for seed in seeds]
        for rows in draws:
            if len(rows) != n_rows:
                raise ValueError(f"sample of {self.competitor} must have {n_rows} rows. Got {len(rows)} instead.")
        with measured() as judge:
            judged = self.protocol.judge(dataset, draws, self.seed)
        found = {
            "n_train": len(dataset.train),
            "n_rows": n_rows,
            "n_steps": getattr(synthesizer, "n_iter_", None),
            "stop_reason": getattr(synthesizer, "stop_reason_", None),
            "fit": asdict(fit),
            "sample": asdict(sample),
            "judge": asdict(judge),
            **judged,
        }
        if is_real:
            found["ceiling"] = self.protocol.ceiling(dataset, found["scores"], self.seed)
        return found


def _draw(synthesizer: Synthesizer, n_rows: int, seed: int | None) -> pd.DataFrame:
    if seed is None or "random_state" not in inspect.signature(synthesizer.sample).parameters:
        return synthesizer.sample(n_rows)
    return synthesizer.sample(n_rows, random_state=seed)


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(json.dumps(Run.from_json(sys.stdin.read()).carry_out()), encoding="utf-8")
