"""Look at one table before anything is learned from it."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from os import PathLike
from pathlib import Path

import numpy as np
import pandas as pd

from tabdiff_lora.errors import SchemaError
from tabdiff_lora.evaluation.columns import TableReader, TimeKind, as_frame, as_text
from tabdiff_lora.evaluation.displays import (
    BoxesDisplay,
    CorrelationDisplay,
    Display,
    MarginalsDisplay,
    MissingnessDisplay,
)


@dataclass(frozen=True)
class Exploration:
    """What `explore` found.

    Attributes
    ----------
    summary : DataFrame
        One row per column: dtype, kind, distinct, missing, low, median, high, most_frequent.
    displays : mapping of str to Display
        margins, association, missingness (if values are missing) and boxes (if there is a target).
    """

    summary: pd.DataFrame
    displays: Mapping[str, Display]

    def to_html(self, path: str | PathLike | None = None) -> str:
        """Return one self-contained page, and write it to ``path`` if there is one."""
        parts = [self.summary.to_html(float_format=_number, na_rep="", border=0)]
        for name, display in self.displays.items():
            data = base64.b64encode(display.image("svg")).decode()
            parts.append(f'<h2>{_HEADINGS[name]}</h2><img alt="{name}" src="data:image/svg+xml;base64,{data}">')
        html = _PAGE.format(rows=escape(f"{len(self.summary)} columns"), body="\n".join(parts))
        if path is not None:
            Path(path).write_text(html, encoding="utf-8")
        return html

    def _repr_html_(self) -> str:
        return "".join([self.summary._repr_html_(), *(d.image("svg").decode() for d in self.displays.values())])


_HEADINGS = {
    "margins": "Columns",
    "association": "Association between columns",
    "missingness": "Missing values",
    "boxes": "Numbers by class of the target",
}


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


_PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1"><title>One table</title><style>
:root {{ color-scheme: light dark; }} body {{ font: 15px/1.5 system-ui, sans-serif; max-width: 1080px; margin: 0 auto;
padding: 24px 16px; overflow-x: auto; }} img {{ max-width: 100%; background: #fff; border-radius: 6px; }}
table {{ border-collapse: collapse; font-size: .87rem; }} th, td {{ text-align: left; padding: 3px 14px 3px 0;
border-bottom: 1px solid #8884; white-space: nowrap; max-width: 260px; overflow: hidden; text-overflow: ellipsis; }}
</style></head><body><h1>One table, {rows}</h1>{body}</body></html>"""


def explore(df: pd.DataFrame, target=None) -> Exploration:
    """Summarise one table and draw it: margins, associations, missing values, and box plots by class.

    Parameters
    ----------
    df : DataFrame of shape (n, p)
    target : column name or None, default=None
        Its classes, or the quarters of a numerical target, divide the box plots.

    Returns
    -------
    Exploration

    Examples
    --------
    >>> import pandas as pd
    >>> from tabdiff_lora.evaluation import explore
    >>> explore(pd.DataFrame({"x": [1.0, 2.0, None], "c": ["a", "b", "a"]})).summary["missing"].round(2).to_dict()
    {'x': 0.33, 'c': 0.0}
    """
    df = as_frame(df, "df")
    if target is not None and target not in df.columns:
        raise SchemaError(f"target must be one of the columns {list(df.columns)}. Got {target!r} instead.")
    reader = TableReader(df)
    displays: dict[str, Display] = {"margins": MarginalsDisplay.from_frames(df)}
    if df.shape[1] > 1:
        displays["association"] = CorrelationDisplay.from_frames(df)
    if any(df[name].isna().any() for name in df.columns):
        displays["missingness"] = MissingnessDisplay.from_frames(df)
    if target is not None and df[target].notna().any() and any(name != str(target) for name in reader.num_names):
        displays["boxes"] = BoxesDisplay.from_frame(df, target)
    return Exploration(_summary(df, reader), displays)


def _summary(df: pd.DataFrame, reader: TableReader) -> pd.DataFrame:
    table = reader.read(df, "table")
    rows = {}
    for name in df.columns:
        key, numerical = str(name), str(name) in reader.num_names
        x = pd.Series(table.column(key)) if numerical else pd.Series(dtype=float)
        text = as_text(df[name]).dropna()
        rows[name] = {
            "dtype": str(df[name].dtype),
            "kind": "numerical" if numerical else "categorical",
            "distinct": int(text.nunique()),
            "missing": float(df[name].isna().mean()),
            "low": _as_time(x.min(), reader.times.get(key)),
            "median": _as_time(x.median(), reader.times.get(key)),
            "high": _as_time(x.max(), reader.times.get(key)),
            "most_frequent": "" if numerical or text.empty else text.mode().iloc[0],
        }
    return pd.DataFrame.from_dict(rows, orient="index")


def _as_time(seconds: float, kind: TimeKind | None):
    """Turn the seconds that a date (then in UTC) or a duration was read as back; leave other numbers alone."""
    if kind is None or np.isnan(seconds):
        return seconds
    ticks = round(seconds * 1e6)
    return pd.Timestamp(np.datetime64(ticks, "us")) if kind == "date" else pd.Timedelta(np.timedelta64(ticks, "us"))
