"""TabDDPM with the settings that its authors tuned for each of their sixteen tables."""

from __future__ import annotations

from typing import Any, NamedTuple, Self

import pandas as pd

from tabdiff_lora.presets import tabddpm


class Tuned(NamedTuple):
    """What the authors found for a table, guided by CatBoost; 30,000 steps everywhere."""

    n_times: int
    learning_rate: float
    d_layers: tuple[int, ...]
    batch_size: int = 4096


TUNED = {
    "abalone": Tuned(100, 3.44e-4, (512, 128)),
    "adult": Tuned(100, 2.01e-3, (256, *[1024] * 4, 256)),
    "buddy": Tuned(1000, 4.17e-4, (1024, *[512] * 2, 512)),
    "california": Tuned(1000, 1.33e-3, (512, *[256] * 4, 128)),
    "cardio": Tuned(1000, 5.64e-4, (512, *[1024] * 4, 1024)),
    "churn2": Tuned(100, 8.06e-4, (512, *[1024] * 4, 512)),
    "default": Tuned(1000, 4.68e-4, (256, *[1024] * 4, 512)),
    "diabetes": Tuned(1000, 1.15e-5, (128, 512)),
    "fb-comments": Tuned(1000, 6.34e-4, (512, 1024)),
    "gesture": Tuned(1000, 2.81e-3, (128, *[512] * 2, 1024)),
    "higgs-small": Tuned(1000, 1.05e-3, (256, *[1024] * 4, 512)),
    "house": Tuned(1000, 1.39e-3, (128, *[512] * 4, 256)),
    "insurance": Tuned(100, 1.11e-3, (256, *[512] * 4, 256)),
    "king": Tuned(100, 7.44e-4, (256, *[1024] * 4, 256)),
    "miniboone": Tuned(1000, 2.35e-3, (512, *[1024] * 2, 1024)),
    "wilt": Tuned(100, 1.07e-4, (1024, *[512] * 6, 128), 256),
}


class TunedTabDDPM:
    """TabDDPM as a competitor, conditioned on the target of the table as its authors did.

    Parameters
    ----------
    table : str
        One of :data:`TUNED`; another table gets the defaults of :func:`tabdiff_lora.tabddpm`.
    target : str
        Column to condition on, if it has levels.
    random_state : int, default=0
    max_time : float or str, optional
        Limit of the fit; its settings are made for 30,000 steps, so a short one judges the speed.
    **parameters
        Of :func:`tabdiff_lora.tabddpm`, instead of the tuned ones.

    References
    ----------
    exp/<table>/ddpm_cb_best/config.toml in the authors' repository.
    """

    def __init__(self, *, table: str, target: str, random_state: int = 0, max_time=None, **parameters: Any):
        tuned = TUNED[table]._asdict() if table in TUNED else {}
        self.target, self.random_state = target, random_state
        self.synthesizer = tabddpm(**{**tuned, **parameters, "random_state": random_state, "max_time": max_time})

    def fit(self, df: pd.DataFrame) -> Self:
        """Learn the table, its target apart."""
        self.synthesizer.fit(df.drop(columns=self.target), df[self.target])
        self.columns_ = list(df.columns)
        self.n_iter_, self.stop_reason_ = self.synthesizer.n_iter_, self.synthesizer.stop_reason_
        return self

    def sample(self, n: int, *, random_state: int | None = None) -> pd.DataFrame:
        """Draw rows with the columns of the table in their order."""
        return self.synthesizer.sample(n, random_state=random_state)[self.columns_]
