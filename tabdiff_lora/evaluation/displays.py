"""Pictures for notebooks and papers, in scikit-learn's manner: a Display holds numbers, ``plot(ax=...)`` draws them.

Without ``ax`` a figure of its own is made through matplotlib's object interface; no global state is touched.
"""

from __future__ import annotations

import io
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from tabdiff_lora.errors import MissingDependencyError
from tabdiff_lora.evaluation.association import Association, association_matrix
from tabdiff_lora.evaluation.columns import TableReader, TimeKind, as_frame, time_label
from tabdiff_lora.evaluation.marginals import histograms
from tabdiff_lora.evaluation.pictures import short

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

REAL, SYNTHETIC = "#8b98a5", "#c2410c"
MAX_LEVELS = 10


def new_figure(width: float, height: float) -> Figure:
    """Return a figure that belongs to no window and no registry."""
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingDependencyError("pictures need matplotlib: pip install matplotlib") from error
    figure = Figure(figsize=(width, height), layout="constrained")
    figure.get_layout_engine().set(h_pad=0.12)  # a title belongs to the panel below it
    return figure


def label_numbers(ax: Axes, values: Sequence[float], time: TimeKind | None) -> None:
    """Label the x axis of a panel that shows numbers between the first and last value, or the dates that they are."""
    if time is None:
        ax.locator_params(axis="x", nbins=5)
        return
    low, high = float(values[0]), float(values[-1])
    ax.set_xticks([low, high] if time == "date" else np.linspace(low, high, 3))
    ax.set_xticklabels([time_label(x, time, high - low) for x in ax.get_xticks()])


class Display(ABC):
    """Numbers that can draw themselves.

    Attributes
    ----------
    figure_ : Figure
    axes_ : ndarray of Axes
        Both set by `plot`.
    """

    n_axes: int = 1
    panel: tuple[float, float] = (6.0, 4.0)
    n_columns: int = 3

    def plot(self, ax: Axes | Sequence[Axes] | None = None) -> Display:
        """Draw on the given axes, one for each panel, or on a new figure; return the display."""
        if ax is None:
            columns = min(self.n_columns, self.n_axes)
            rows = -(-self.n_axes // columns)
            figure = new_figure(columns * self.panel[0], rows * self.panel[1])
            axes = np.atleast_1d(figure.subplots(rows, columns, squeeze=False).ravel())
            for spare in axes[self.n_axes :]:
                spare.remove()
            axes = axes[: self.n_axes]
        else:
            axes = np.atleast_1d(np.asarray(ax, dtype=object)).ravel()
            if len(axes) < self.n_axes:
                raise ValueError(f"ax must hold {self.n_axes} axes. Got {len(axes)} instead.")
        self.axes_, self.figure_ = axes, axes[0].figure
        self._draw(axes)
        return self

    @abstractmethod
    def _draw(self, axes: np.ndarray) -> None:
        """Draw every panel."""

    def image(self, kind: str = "svg") -> bytes:
        """Return the picture as a file: "svg", "png" or "pdf"."""
        if not hasattr(self, "figure_"):
            self.plot()
        buffer = io.BytesIO()
        self.figure_.savefig(
            buffer, format=kind, bbox_inches="tight", metadata={"Date": None} if kind == "svg" else None
        )
        return buffer.getvalue()

    def _repr_png_(self) -> bytes:
        return self.image("png")


class MarginalsDisplay(Display):
    """Histograms and bars, one panel per column.

    Parameters
    ----------
    bins : DataFrame
        Columns column, bin, left, right, real, synthetic, as in ``report.details["margins.histograms"]``.
    names : list of str or None, default=None
        Columns to draw; None draws all.
    compare : bool, default=True
        Whether to draw the synthetic shares.
    times : mapping of str to {"date", "duration"} or None, default=None
        The columns whose edges are seconds.
    """

    panel = (3.4, 2.4)
    n_columns = 4

    def __init__(
        self,
        bins: pd.DataFrame,
        names: Sequence[str] | None = None,
        *,
        compare: bool = True,
        times: Mapping[str, TimeKind] | None = None,
    ):
        self.times = times or {}
        self.names = list(dict.fromkeys(bins["column"])) if names is None else [str(name) for name in names]
        self.bins, self.compare = bins, compare
        self.n_axes = len(self.names)

    @classmethod
    def from_frames(cls, real: pd.DataFrame, synthetic: pd.DataFrame | None = None, *, names=None, ax=None):
        """Draw one table, or two above each other."""
        reader = TableReader(real)
        table = reader.read(real, "real")
        other = table if synthetic is None else reader.read(synthetic, "synthetic")
        bins = histograms(table, other)
        if names is None:
            drawn = set(bins["column"])
            names = [str(name) for name in as_frame(real, "real").columns if str(name) in drawn]
        return cls(bins, names, compare=synthetic is not None, times=reader.times).plot(ax)

    @classmethod
    def from_report(cls, report, *, names=None, ax=None):
        """Draw the margins of an evaluation."""
        return cls(report.details["margins.histograms"], names, times=report.about["times"]).plot(ax)

    def _draw(self, axes: np.ndarray) -> None:
        for i, (name, ax) in enumerate(zip(self.names, axes, strict=False)):
            rows = self.bins[self.bins["column"] == name]
            if rows["left"].isna().all():
                self._bars(ax, rows)
            else:
                edges = np.append(rows["left"], rows["right"].iloc[-1])
                ax.stairs(rows["real"], edges, fill=True, color=REAL, alpha=0.6, label="real")
                if self.compare:
                    ax.stairs(rows["synthetic"], edges, color=SYNTHETIC, linewidth=1.5, label="synthetic")
                label_numbers(ax, edges, self.times.get(name))
            ax.set_title(short(name, 28), fontsize="medium")
            ax.tick_params(labelsize="small")
            ax.spines[["top", "right"]].set_visible(False)
            if i == 0 and self.compare:
                ax.legend(loc="lower left", bbox_to_anchor=(0.0, 1.15), ncols=2, fontsize="small", frameon=False)

    def _bars(self, ax: Axes, rows: pd.DataFrame) -> None:
        rows = rows.head(MAX_LEVELS)
        y = np.arange(len(rows))
        ax.barh(y - 0.2 * self.compare, rows["real"], 0.8 - 0.4 * self.compare, color=REAL, label="real")
        if self.compare:
            ax.barh(y + 0.2, rows["synthetic"], 0.4, color=SYNTHETIC, label="synthetic")
        ax.set_yticks(y, [short(str(label), 16) for label in rows["bin"]])
        ax.invert_yaxis()


class CorrelationDisplay(Display):
    """Heat maps of the association matrix: real, synthetic, difference; or of one table alone.

    Parameters
    ----------
    real : DataFrame of shape (p, p)
    synthetic : DataFrame of shape (p, p) or None, default=None
    """

    def __init__(self, real: pd.DataFrame, synthetic: pd.DataFrame | None = None):
        self.matrices = {"association" if synthetic is None else "real": real}
        if synthetic is not None:
            self.matrices |= {"synthetic": synthetic, "difference": synthetic - real}
        self.n_axes = len(self.matrices)
        side = 2.4 + 0.16 * len(real)
        self.panel = (side + 0.6, side)

    @classmethod
    def from_frames(cls, real: pd.DataFrame, synthetic=None, *, method: Association = "mixed", ax=None):
        """Compute the matrices of one or two tables and draw them."""
        reader = TableReader(real)
        tables = [reader.read(real, "real")] + ([] if synthetic is None else [reader.read(synthetic, "synthetic")])
        return cls(*(association_matrix(table, method) for table in tables)).plot(ax)

    @classmethod
    def from_report(cls, report, *, method: Association = "mixed", ax=None):
        """Draw the matrices of an evaluation."""
        sides = (report.details[f"correlation.{method}_{side}"] for side in ("real", "synthetic"))
        return cls(*sides).plot(ax)

    def _draw(self, axes: np.ndarray) -> None:
        for (title, matrix), ax in zip(self.matrices.items(), axes, strict=False):
            image = ax.imshow(matrix, cmap="RdBu_r", vmin=-1, vmax=1)
            names = [short(str(name), 16) for name in matrix.index]
            size = max(4.0, min(9.0, 260 / max(len(names), 1)))
            ax.set_xticks(range(len(names)), names, rotation=90, fontsize=size)
            ax.set_yticks(range(len(names)), names, fontsize=size)
            ax.set_title(title, fontsize="medium")
        self.figure_.colorbar(image, ax=list(axes[: self.n_axes]), shrink=0.6)


class LossCurveDisplay(Display):
    """Training and validation loss.

    Parameters
    ----------
    history : DataFrame or list of mappings
        Records with ``train_loss`` and ``validation_loss``, and ``step`` or ``seconds``.
    x : str, default="step"
        What to draw them over.
    """

    def __init__(self, history: pd.DataFrame | Sequence[Mapping], x: str = "step"):
        self.history, self.x = pd.DataFrame(history), x
        if x not in self.history or not {"train_loss", "validation_loss"} & set(self.history):
            raise ValueError(f"history must have {x!r} and a loss. Got the fields {list(self.history)} instead.")

    @classmethod
    def from_history(cls, history, *, x: str = "step", ax=None):
        """Draw a history."""
        return cls(history, x).plot(ax)

    def _draw(self, axes: np.ndarray) -> None:
        ax = axes[0]
        known = self.history.columns[self.history.notna().any()]
        for name, colour in (("train_loss", REAL), ("validation_loss", SYNTHETIC)):
            if name in known:
                ax.plot(self.history[self.x], self.history[name], color=colour, label=name.replace("_", " "))
        if "validation_loss" in known:
            best = self.history.loc[self.history["validation_loss"].idxmin()]
            ax.plot(best[self.x], best["validation_loss"], "o", color=SYNTHETIC, label="best")
        ax.set(xlabel=self.x, ylabel="loss")
        ax.spines[["top", "right"]].set_visible(False)
        ax.legend(frameon=False)


class MissingnessDisplay(Display):
    """Share of missing values per column, of one or two tables.

    Parameters
    ----------
    shares : DataFrame
        Indexed by column name, one column per table.
    """

    def __init__(self, shares: pd.DataFrame):
        self.shares = shares
        self.panel = (6.0, 1.2 + 0.22 * len(shares))

    @classmethod
    def from_frames(cls, real: pd.DataFrame, synthetic: pd.DataFrame | None = None, *, ax=None):
        """Count the missing values and draw their shares, of the columns that have any."""
        shares = pd.DataFrame({"real": _missing_shares(real, "real")})
        if synthetic is not None:
            shares["synthetic"] = _missing_shares(synthetic, "synthetic")
        some = shares.max(axis=1) > 0
        return cls(shares[some] if some.any() else shares).plot(ax)

    def _draw(self, axes: np.ndarray) -> None:
        ax, (p, k) = axes[0], self.shares.shape
        y, height = np.arange(p), 0.8 / k
        for i, (name, colour) in enumerate(zip(self.shares, (REAL, SYNTHETIC), strict=False)):
            ax.barh(y + (i - (k - 1) / 2) * height, self.shares[name], height, color=colour, label=name)
        ax.set_yticks(y, [short(str(name), 24) for name in self.shares.index], fontsize="small")
        ax.set(xlabel="share missing", xlim=(0, max(0.01, 1.05 * self.shares.to_numpy().max())))
        ax.invert_yaxis()
        ax.spines[["top", "right"]].set_visible(False)
        if k > 1:
            ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2, frameon=False)


def _missing_shares(df: pd.DataFrame, who: str) -> pd.Series:
    df = as_frame(df, who)
    return pd.Series({name: df[name].isna().mean() for name in df.columns})


class BoxesDisplay(Display):
    """Box plots of the numerical columns, by class of a target.

    Parameters
    ----------
    groups : mapping of str to mapping of str to ndarray
        Values by column and class.
    times : mapping of str to {"date", "duration"} or None, default=None
        The columns whose values are seconds.
    """

    panel = (3.4, 2.6)
    n_columns = 4

    def __init__(self, groups: Mapping[str, Mapping[str, np.ndarray]], *, times: Mapping[str, TimeKind] | None = None):
        self.groups, self.times = groups, times or {}
        self.n_axes = len(groups)

    @classmethod
    def from_frame(cls, df: pd.DataFrame, target, *, ax=None):
        """Group the numerical columns by the classes of ``target``; a numerical target is cut at its quartiles."""
        df = as_frame(df, "df")
        reader = TableReader(df.drop(columns=[target]))
        classes = df[target]
        if pd.api.types.is_numeric_dtype(classes.dtype) and classes.nunique() > MAX_LEVELS:
            classes = pd.qcut(classes, 4, duplicates="drop")
        by_class = dict(list(df.drop(columns=[target]).groupby(classes, observed=True, sort=True)))
        largest = sorted(by_class, key=lambda label: -len(by_class[label]))[:MAX_LEVELS]
        tables = {str(k): reader.read(rows, f"class {k!r}") for k, rows in by_class.items() if k in largest}
        groups = {
            name: {label: table.column(name)[~np.isnan(table.column(name))] for label, table in tables.items()}
            for name in reader.num_names
        }
        return cls(groups, times=reader.times).plot(ax)

    def _draw(self, axes: np.ndarray) -> None:
        for (name, classes), ax in zip(self.groups.items(), axes, strict=False):
            labels = [short(label, 14) for label in classes]
            ax.boxplot(
                list(classes.values()),
                orientation="horizontal",
                tick_labels=labels,
                widths=0.6,
                flierprops={"markersize": 2, "alpha": 0.4},
                medianprops={"color": SYNTHETIC},
            )
            label_numbers(ax, ax.get_xlim(), self.times.get(name))
            ax.set_title(short(name, 28), fontsize="medium")
            ax.tick_params(labelsize="small")
            ax.spines[["top", "right"]].set_visible(False)
