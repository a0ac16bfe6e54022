"""Tiny tables that the tests share."""

from __future__ import annotations

import numpy as np
import pandas as pd


def mixed_table(n: int = 200, seed: int = 0) -> pd.DataFrame:
    """Floats, integers, booleans, strings, categories, gaps, a zero-inflated column and dependence between them."""
    rng = np.random.default_rng(seed)
    age = rng.integers(18, 90, n)
    income = np.round(np.exp(rng.normal(3 + age / 60, 0.5)), 2)
    return pd.DataFrame(
        {
            "age": age,
            "income": income,
            "score": rng.normal(size=n),
            "gain": np.where(rng.random(n) < 0.8, 0.0, np.round(rng.gamma(2.0, 100.0, n))),
            "visits": pd.array(rng.poisson(2, n), dtype="Int64"),
            "rate": np.where(rng.random(n) < 0.2, np.nan, rng.uniform(size=n)),
            "member": rng.random(n) < 0.3,
            "city": rng.choice(["Oslo", "Rome", "Lima"], n, p=[0.6, 0.3, 0.1]),
            "size": pd.Categorical(rng.choice(["S", "M", "L"], n), categories=["S", "M", "L", "XL"], ordered=True),
            "note": pd.Series(np.where(rng.random(n) < 0.3, None, np.where(age > 50, "old", "young")), dtype="str"),
        }
    )


def gaussian_table(n: int = 300, seed: int = 0) -> pd.DataFrame:
    """Two correlated normal columns and a label that depends on them."""
    rng = np.random.default_rng(seed)
    x = rng.multivariate_normal([0, 3], [[1, 0.8], [0.8, 2]], size=n)
    return pd.DataFrame({"a": x[:, 0], "b": x[:, 1], "label": np.where(x.sum(axis=1) > 3, "high", "low")})
