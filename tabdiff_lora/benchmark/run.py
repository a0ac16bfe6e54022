"""One run: a table, a synthesizer, a seed. ``python -m tabdiff_lora.benchmark.run`` does one in a process of its own.

It reads the run as JSON from standard input and writes what it measured as JSON to the file named on its command line.
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

from tabdiff_lora.benchmark.competitor import Competitor
from tabdiff_lora.benchmark.machine import measured
from tabdiff_lora.benchmark.protocol import EqualRows
from tabdiff_lora.datasets import load_dataset


@dataclass(frozen=True)
class Run:
    """One table, one synthesizer, one seed.

    Parameters
    ----------
    data_home : str
        The folder of the tables.
    table : str
    competitor : Competitor
        With its time budget already among its parameters.
    seed : int
        Of the synthesizer and of the judges.
    protocol : EqualRows
    """

    data_home: str
    table: str
    competitor: Competitor
    seed: int
    protocol: EqualRows = field(default_factory=EqualRows)

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
        competitor, protocol = Competitor(**fields.pop("competitor")), EqualRows(**fields.pop("protocol"))
        return cls(competitor=competitor, protocol=protocol, **fields)

    def __str__(self) -> str:
        return f"{self.table}, {self.competitor}, seed {self.seed}"

    def carry_out(self) -> dict[str, Any]:
        """Fit, sample and judge in this process.

        Returns
        -------
        dict
            ``n_train``, ``n_rows``; ``n_steps`` and ``stop_reason`` (None where the synthesizer does not say); ``fit``
            and ``sample`` (seconds, CPU seconds, peak memory in bytes); ``scores``; for the real rows the ``ceiling``.

        Raises
        ------
        ValueError
            If the synthesizer returns another number of rows than it was asked for.
        """
        dataset = load_dataset(self.table, self.data_home)
        n_rows = self.protocol.n_rows(dataset)
        synthesizer = self.competitor.build(self.seed)
        with measured() as fit:
            synthesizer.fit(dataset.train.copy())
        with measured() as sample:
            rows = synthesizer.sample(n_rows)
        if len(rows) != n_rows:
            raise ValueError(f"sample of {self.competitor} must have {n_rows} rows. Got {len(rows)} instead.")
        scores = self.protocol.score(dataset, rows, self.seed)
        found = {
            "n_train": len(dataset.train),
            "n_rows": n_rows,
            "n_steps": getattr(synthesizer, "n_iter_", None),
            "stop_reason": getattr(synthesizer, "stop_reason_", None),
            "fit": asdict(fit),
            "sample": asdict(sample),
            "scores": scores,
        }
        if self.competitor.name == "real":
            found["ceiling"] = self.protocol.ceiling(dataset, scores, self.seed)
        return found


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(json.dumps(Run.from_json(sys.stdin.read()).carry_out()), encoding="utf-8")
