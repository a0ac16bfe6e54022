"""Pictures of the HTML report as inline SVG, coloured by the page's style sheet so that they follow light and dark."""

from __future__ import annotations

from html import escape

import numpy as np
import pandas as pd

from tabdiff_lora.evaluation.columns import TimeKind, time_label
from tabdiff_lora.evaluation.score import Score

MAX_BARS = 8


def short(text: str, length: int) -> str:
    """Cut a label to a length; the end stays, as it often tells columns apart."""
    if len(text) <= length:
        return text
    tail = (length - 1) // 3
    return text[: length - 1 - tail] + "…" + text[len(text) - tail :]


def number(value: float | None, digits: int = 3) -> str:
    """Write a number with few significant digits; nothing for none."""
    if value is None or not np.isfinite(value):
        return ""
    return f"{value:.0f}" if abs(value) >= 1000 else f"{value:.{digits}g}"


def strip(score: Score, width: int = 180, height: int = 22) -> str:
    """Draw a score on the line from floor (left) to ceiling (right) with its interval."""
    if score.value is None:
        return ""
    marks = [m for m in (score.value, score.ceiling, score.floor, *(score.interval or ())) if m is not None]
    low, high = min(marks), max(marks)
    if high == low:
        low, high = low - 0.5, high + 0.5
    flip = score.direction == "lower" or (
        score.direction == "match" and None not in (score.ceiling, score.floor) and score.ceiling < score.floor
    )

    def x(value: float) -> float:
        share = (value - low) / (high - low)
        return round(8 + (width - 16) * (1 - share if flip else share), 1)

    y = height / 2
    parts = [f'<line class="axis" x1="4" x2="{width - 4}" y1="{y}" y2="{y}"/>']
    if score.interval is not None:
        left, right = (x(bound) for bound in score.interval)
        parts.append(f'<line class="interval" x1="{left}" x2="{right}" y1="{y}" y2="{y}"/>')
    for side, value in (("floor", score.floor), ("ceiling", score.ceiling)):
        if value is not None:
            parts.append(f'<line class="{side}" x1="{x(value)}" x2="{x(value)}" y1="3" y2="{height - 3}"/>')
    parts.append(f'<circle class="value" cx="{x(score.value)}" cy="{y}" r="4.5"/>')
    return _svg(width, height, "".join(parts), "value between floor and ceiling")


def margin(table: pd.DataFrame, time: TimeKind | None = None, width: int = 260, height: int = 96) -> str:
    """Draw one column's real (filled) and synthetic (outlined) histogram, from rows of the `histograms` table."""
    if table["left"].isna().all():
        return _bars(table, width)
    edges = np.append(table["left"].to_numpy(), table["right"].to_numpy()[-1])
    spread = edges[-1] - edges[0]
    top = max(table["real"].max(), table["synthetic"].max()) or 1.0
    floor = height - 14

    def outline(shares: np.ndarray) -> str:
        xs = np.repeat((edges - edges[0]) / spread * (width - 2) + 1, 2)[1:-1]
        ys = np.repeat(floor - shares / top * (floor - 4), 2)
        return " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(xs, ys, strict=True))

    low, high = (number(e, 4) if time is None else time_label(e, time, spread) for e in (edges[0], edges[-1]))
    real, fake = (outline(table[side].to_numpy()) for side in ("real", "synthetic"))
    body = (
        f'<polygon class="real" points="1,{floor} {real} {width - 1},{floor}"/><polyline class="fake" points="{fake}"/>'
        f'<line class="axis" x1="0" x2="{width}" y1="{floor}" y2="{floor}"/>'
        f'<text x="1" y="{height - 2}">{low}</text>'
        f'<text x="{width - 1}" y="{height - 2}" text-anchor="end">{high}</text>'
    )
    return _svg(width, height, body, "real and synthetic histogram")


def _bars(table: pd.DataFrame, width: int) -> str:
    """Draw the most frequent levels as pairs of bars."""
    rows = list(table[["bin", "real", "synthetic"]].itertuples(index=False, name=None))
    if len(rows) > MAX_BARS:
        rest = rows[MAX_BARS - 1 :]
        rows = [*rows[: MAX_BARS - 1], ("(all others)", sum(r[1] for r in rest), sum(r[2] for r in rest))]
    top = max(max(real, fake) for _, real, fake in rows) or 1.0
    step, start = 16, 104
    parts = []
    for i, (label, real, fake) in enumerate(rows):
        y = i * step
        lengths = [max(share / top * (width - start - 2), 0.5) for share in (real, fake)]
        parts.append(
            f'<text x="{start - 6}" y="{y + 11}" text-anchor="end">{escape(short(label, 15))}</text>'
            f'<rect class="real" x="{start}" y="{y + 2}" width="{lengths[0]:.1f}" height="6"/>'
            f'<rect class="fake-bar" x="{start}" y="{y + 8}" width="{lengths[1]:.1f}" height="4"/>'
        )
    return _svg(width, len(rows) * step + 2, "".join(parts), "real and synthetic shares of the categories")


def heatmap(matrix: pd.DataFrame, caption: str) -> str:
    """Draw a matrix with entries in [-1, 1]: hue is the sign, opacity the size."""
    p = len(matrix)
    cell = 26 if p <= 8 else 18 if p <= 16 else 12
    font = min(11, cell - 1)
    names = [str(name) for name in matrix.index]
    space = round(min(max(len(name) for name in names), 16) * font * 0.6) + 8
    side = space + p * cell
    parts = []
    for i, row in enumerate(matrix.to_numpy()):
        y = i * cell
        for j, value in enumerate(row):
            tip = f"<title>{escape(names[i])}, {escape(names[j])}: {value:.3f}</title>" if p <= 30 else ""
            if tip or abs(value) >= 0.01:
                hue = "pos" if value >= 0 else "neg"
                parts.append(
                    f'<rect class="{hue}" x="{space + j * cell}" y="{y}" width="{cell - 1}" height="{cell - 1}" '
                    f'fill-opacity="{min(abs(value), 1):.2f}">{tip}</rect>'
                )
        label = escape(short(names[i], 16))
        middle = cell * 0.5 + font * 0.35
        parts.append(f'<text x="{space - 4}" y="{y + middle:.1f}" text-anchor="end" font-size="{font}">{label}</text>')
        parts.append(
            f'<text transform="translate({space + i * cell + middle:.1f} {p * cell + 4}) rotate(-90)" '
            f'text-anchor="end" font-size="{font}">{label}</text>'
        )
    frame = f'<rect class="frame" x="{space - 0.5}" y="0" width="{p * cell}" height="{p * cell}"/>'
    return _svg(side, p * cell + space, frame + "".join(parts), caption)


def _svg(width: float, height: float, body: str, label: str) -> str:
    return (
        f'<svg viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img" '
        f'aria-label="{escape(label)}">{body}</svg>'
    )
