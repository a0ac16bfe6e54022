"""One run: a table, a synthesizer, a seed. ``python -m tabdiff_lora.benchmark.run`` does one in a process of its own.

It reads the run as JSON from standard input and writes what it measured as JSON to the file named on its command line.
Rows that were drawn before, here or on another machine, are judged as if they were drawn now.
"""

from __future__ import annotations

import hashlib
import inspect
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

import pandas as pd

from tabdiff_lora.benchmark.competitor import Competitor, Synthesizer
from tabdiff_lora.benchmark.drawn import DrawnRows
from tabdiff_lora.benchmark.machine import describe_commit, describe_machine, describe_versions, measured
from tabdiff_lora.benchmark.protocol import EqualRows, Protocol
from tabdiff_lora.benchmark.shorthand import parse_call
from tabdiff_lora.benchmark.tuned import TunedCatBoost
from tabdiff_lora.datasets import Dataset, load_dataset

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
    rows_home : str or None
        Folder in which drawn rows are kept; None keeps none.
    judges : bool, default=True
        Whether the rows are judged too, which needs ``rows_home`` where they are not.
    """

    data_home: str | None
    table: str
    competitor: Competitor
    seed: int
    protocol: Protocol = field(default_factory=EqualRows)
    rows_home: str | None = None
    judges: bool = True

    @property
    def identity(self) -> dict[str, Any]:
        """What makes two runs the same; the place of the data and of the rows does not."""
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
            bytes; ``drawn_on``, the machine of the first two; what the protocol found, among it ``scores``; for the
            real rows the ``ceiling``.

        Raises
        ------
        ValueError
            If the synthesizer returns another number of rows than it was asked for.
        """
        dataset = load_dataset(self.table, self.data_home)
        n_rows, seeds = self.protocol.draws(dataset, is_real=self.is_real)
        drawn = self._drawn(dataset, n_rows, seeds)
        found = {"n_train": len(dataset.train), "n_rows": n_rows, **drawn.about}
        if not self.judges:
            return found
        with measured() as judge:
            judged = self.protocol.judge(dataset, drawn.draws, self.seed)
        found |= {"judge": asdict(judge), **judged}
        if self.is_real:
            found["ceiling"] = self.protocol.ceiling(dataset, found["scores"], self.seed)
        return found

    @property
    def is_real(self) -> bool:
        """Whether the training rows themselves take part."""
        return self.competitor.name == "real"

    def _drawn(self, dataset: Dataset, n_rows: int, seeds: Sequence[int | None]) -> DrawnRows:
        """The rows of the folder, or new ones, kept there if there is one."""
        folder = None if self.rows_home is None or self.is_real else Path(self.rows_home) / self._folder(n_rows, seeds)
        drawn = folder and DrawnRows.load(folder)
        if drawn is None:
            drawn = self._draw(dataset, n_rows, seeds)
            if folder is not None:
                drawn.save(folder)
        return drawn

    def _folder(self, n_rows: int, seeds: Sequence[int | None]) -> str:
        """Name for rows of one table, synthesizer, seed and number, whoever judges them."""
        identity = {key: value for key, value in self.identity.items() if key != "protocol"}
        text = json.dumps({**identity, "n_rows": n_rows, "seeds": list(seeds)}, sort_keys=True)
        name = "".join(letter if letter.isalnum() else "-" for letter in self.competitor.name)
        return f"{self.table}-{name}-{self.seed}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"

    def _draw(self, dataset: Dataset, n_rows: int, seeds: Sequence[int | None]) -> DrawnRows:
        """Fit, and draw once for every seed."""
        synthesizer = self.competitor.build(self.seed, dataset.name, dataset.target)
        with measured() as fit:
            synthesizer.fit(dataset.train.copy())
        with measured() as sample:
            draws = [_sample(synthesizer, n_rows, seed) for seed in seeds]
        for rows in draws:
            if len(rows) != n_rows:
                raise ValueError(f"sample of {self.competitor} must have {n_rows} rows. Got {len(rows)} instead.")
        about = {
            "n_steps": getattr(synthesizer, "n_iter_", None),
            "stop_reason": getattr(synthesizer, "stop_reason_", None),
            "fit": asdict(fit),
            "sample": asdict(sample),
            "drawn_on": describe_machine() | {"versions": describe_versions(), "commit": describe_commit()},
        }
        return DrawnRows(draws, about)


def _sample(synthesizer: Synthesizer, n_rows: int, seed: int | None) -> pd.DataFrame:
    if seed is None or "random_state" not in inspect.signature(synthesizer.sample).parameters:
        return synthesizer.sample(n_rows)
    return synthesizer.sample(n_rows, random_state=seed)


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(json.dumps(Run.from_json(sys.stdin.read()).carry_out()), encoding="utf-8")
