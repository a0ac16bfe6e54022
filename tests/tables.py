"""Tiny tables that the tests share."""

from __future__ import annotations

from decimal import Decimal

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


def every_kind(n: int = 60, seed: int = 0) -> pd.DataFrame:
    """One column of every kind that is learned, most of them with gaps."""
    rng = np.random.default_rng(seed)
    days = rng.integers(0, 1000, n)
    start = pd.Timestamp("2020-01-01")
    seconds = pd.to_timedelta(rng.integers(0, 10**9, n), unit="s")
    table = pd.DataFrame(
        {
            "float": rng.normal(size=n),
            "float32": rng.normal(size=n).astype("float32"),
            "price": np.round(rng.lognormal(size=n), 2),
            "int": rng.integers(-5, 10**6, n),
            "int8": rng.integers(-100, 100, n).astype("int8"),
            "uint64": rng.integers(2**63, 2**63 + 500, n, dtype=np.uint64),
            "Int64": pd.array(rng.integers(0, 50, n), dtype="Int64"),
            "Float64": pd.array(rng.normal(size=n), dtype="Float64"),
            "decimal": [Decimal(int(cents)).scaleb(-2) for cents in rng.integers(0, 10**4, n)],
            "bool": rng.random(n) < 0.5,
            "boolean": pd.array(rng.random(n) < 0.5, dtype="boolean"),
            "str": rng.choice(["a", "b", "c"], n),
            "string": pd.array(rng.choice(["a", "b", "c"], n), dtype="string"),
            "object": pd.Series(rng.choice(["a", "b"], n), dtype=object),
            "category": pd.Categorical(rng.choice(["x", "y"], n), categories=["y", "x", "unused"]),
            "ordered": pd.Categorical(rng.choice([1, 2], n), categories=[3, 2, 1], ordered=True),
            "day": start + pd.to_timedelta(days, unit="D"),
            "ns": pd.Series(start + seconds).astype("datetime64[ns]"),
            "zoned": (start + seconds).tz_localize("UTC").tz_convert("Europe/Oslo"),
            "date": (start + pd.to_timedelta(days, unit="D")).date,
            "timedelta": pd.to_timedelta(rng.integers(0, 100, n) * 15, unit="m"),
            "period": pd.PeriodIndex.from_ordinals(rng.integers(600, 700, n), freq="M"),
        }
    )
    whole = {"int", "int8", "uint64", "bool"}
    for name in table.columns.difference(whole, sort=False)[::2]:
        table.loc[rng.random(n) < 0.2, name] = None
    return table
