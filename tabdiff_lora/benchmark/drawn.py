"""Drawn rows in a folder: one machine fits and draws, another judges."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import pandas as pd

ABOUT = "about.json"


@dataclass(frozen=True)
class DrawnRows:
    """What a fitted synthesizer drew for a run.

    Parameters
    ----------
    draws : list of DataFrame
    about : dict
        How: ``n_steps``, ``stop_reason``, the costs ``fit`` and ``sample``, and ``drawn_on``, the machine.
    """

    draws: list[pd.DataFrame]
    about: dict[str, Any]

    def save(self, folder: Path) -> None:
        """Write the rows as parquet files into a folder of their own, which appears when all of them are there."""
        unfinished = folder.with_name(f"{folder.name}.{os.getpid()}")
        unfinished.mkdir(parents=True)
        for number, rows in enumerate(self.draws):
            rows.to_parquet(unfinished / _file(number), compression="zstd")
        (unfinished / ABOUT).write_text(json.dumps(self.about, indent=1), encoding="utf-8")
        unfinished.rename(folder)

    @classmethod
    def load(cls, folder: Path) -> Self | None:
        """Read what `save` wrote; None if the folder is not there."""
        if not folder.is_dir():
            return None
        n_draws = len(list(folder.glob("*.parquet")))
        about = json.loads((folder / ABOUT).read_text(encoding="utf-8"))
        return cls([pd.read_parquet(folder / _file(number)) for number in range(n_draws)], about)


def _file(number: int) -> str:
    return f"{number}.parquet"
