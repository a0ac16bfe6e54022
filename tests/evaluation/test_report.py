"""The report and the displays: whole, self-contained, drawn without global state."""

import re
import sys

import numpy as np
import pandas as pd
import pytest

from tabdiff_lora.errors import SchemaError
from tabdiff_lora.evaluation import (
    BoxesDisplay,
    CorrelationDisplay,
    LossCurveDisplay,
    MarginalsDisplay,
    MissingnessDisplay,
    Score,
    evaluate,
    explore,
)
from tabdiff_lora.evaluation.pictures import heatmap, number, short, strip
from tabdiff_lora.evaluation.wording import in_columns


def draw(n, seed, n_columns=50):
    rng = np.random.default_rng(seed)
    df = pd.DataFrame({f"a rather long <name> {i}": rng.normal(size=n) for i in range(n_columns - 2)})
    return df.assign(city=rng.choice(["Oslo", "Rome", None], n), flag=rng.random(n) < 0.5)


@pytest.fixture(scope="module")
def report():
    return evaluate(
        draw(60, 0), draw(60, 1), holdout=draw(60, 2), metrics=["margins", "trend", "correlation", "efficacy"]
    )


def test_page_is_whole_and_needs_no_network(report, tmp_path):
    html = report.to_html(tmp_path / "report.html")
    assert (tmp_path / "report.html").read_text("utf-8") == html
    assert not re.search(r'(src|href)="|https?://|@import|<script', html)
    assert html.count('<figure class="card">') == 50
    assert "not computed: needs a column to predict: pass target=" in html
    assert "a rather long &lt;name&gt; 0" in html
    assert "<name>" not in html
    assert "prefers-color-scheme: dark" in html


def test_frame_json_and_reprs(report):
    frame = report.to_frame()
    assert list(frame.index[:2]) == ["shape_error", "wasserstein"]
    assert frame.loc["shape_error", ["n_synthetic", "n_holdout"]].tolist() == [60, 60]
    assert "shape_error" in repr(report)
    assert "<table" in report._repr_html_()
    with pytest.raises(KeyError, match="the report has no score 'beauty'"):
        report["beauty"]


def test_columns_of_a_terminal_never_touch():
    line = in_columns(Score("rmse", "Usefulness", 512_124.8129, "lower", 442_092.5813, None), 4)
    assert line.split() == ["512,125", "442,093", "-"] and len(line) == 33
    assert in_columns(Score("r2", "Usefulness", 0.92334, "higher", -0.00061, 0.5), 3).split() == [
        "0.923",
        "-0.001",
        "0.500",
    ]


def test_strip_puts_the_better_to_the_right():
    def places(direction, value, ceiling, floor):
        svg = strip(Score("s", "g", value, direction, ceiling, floor))
        return [
            float(re.search(pattern, svg).group(1))
            for pattern in ('cx="(.+?)"', 'ceiling" x1="(.+?)"', 'floor" x1="(.+?)"')
        ]

    for direction, marks in {"lower": (0.3, 0.1, 0.9), "higher": (0.7, 0.9, 0.1), "match": (0.4, 0.5, 0.1)}.items():
        value, ceiling, floor = places(direction, *marks)
        assert floor < value < ceiling
    assert strip(Score("s", "g", None, "lower")) == ""


def test_labels_and_numbers():
    assert short("column_number_12", 10) == "column…_12"
    assert short("age", 10) == "age"
    assert [number(x) for x in (0.12345, 12345.6, None, float("nan"))] == ["0.123", "12346", "", ""]
    wide = pd.DataFrame(np.eye(50), index=[f"c{i}" for i in range(50)], columns=[f"c{i}" for i in range(50)])
    assert heatmap(wide, "wide").count("<text") == 100


def test_displays_draw_on_given_axes_and_alone():
    from matplotlib.figure import Figure

    real, fake = draw(80, 0, 5), draw(80, 1, 5)
    ax = Figure().subplots()
    history = [{"step": i, "train_loss": 1 / (i + 1), "validation_loss": 1 / (i + 1)} for i in range(5)]
    assert LossCurveDisplay.from_history(history, ax=ax).axes_[0] is ax
    assert [line.get_label() for line in ax.get_lines()] == ["train loss", "validation loss", "best"]
    unchecked, ax = [{**record, "validation_loss": float("nan")} for record in history], Figure().subplots()
    LossCurveDisplay.from_history(unchecked, ax=ax)
    assert [line.get_label() for line in ax.get_lines()] == ["train loss"]
    for display in (
        CorrelationDisplay.from_frames(real, fake),
        MarginalsDisplay.from_frames(real, fake),
        MissingnessDisplay.from_frames(real, fake),
        BoxesDisplay.from_frame(real, "city"),
    ):
        assert display.image("png").startswith(b"\x89PNG")
    pyplot = sys.modules.get("matplotlib.pyplot")  # another test may have loaded it
    assert pyplot is None or pyplot.get_fignums() == []
    with pytest.raises(ValueError, match=r"ax must hold 3 axes\. Got 1 instead"):
        CorrelationDisplay.from_frames(real, fake, ax=ax)
    with pytest.raises(ValueError, match="history must have 'epoch' and a loss"):
        LossCurveDisplay(history, x="epoch")


def test_displays_from_a_report(report):
    assert MarginalsDisplay.from_report(report, names=["city", "flag"]).n_axes == 2
    assert len(CorrelationDisplay.from_report(report).axes_) == 3


def test_explore_one_table(tmp_path):
    df = draw(80, 0, 5).assign(day=pd.date_range("2024-01-01", periods=80), label=["yes", "no"] * 40)
    found = explore(df, "label")
    assert set(found.displays) == {"margins", "association", "missingness", "boxes"}
    assert found.summary.loc["city", "most_frequent"] in {"Oslo", "Rome"}
    assert found.summary.loc["day", "high"] == pd.Timestamp("2024-03-20")
    html = found.to_html(tmp_path / "table.html")
    assert html.count("data:image/svg+xml;base64,") == 4
    with pytest.raises(SchemaError, match="target must be one of the columns"):
        explore(df, "income")
