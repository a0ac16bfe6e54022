"""What the pages say is true: their code runs, their links lead somewhere, their commands exist."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tabdiff_lora.cli import main

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *(ROOT / "changelog.d").glob("*.md")])
SITE = [page for page in PAGES if page.parent == ROOT / "docs"]
KINDS = ("added", "changed", "fixed", "deprecated", "breaking")


def blocks(page: str, language: str) -> list[str]:
    """Return the fenced blocks of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```", page, flags=re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("block", blocks(README, "python"), ids=lambda block: block.splitlines()[0])
def test_readme_code_runs(block, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    quick = block.replace('max_time="30s"', 'max_time="1s"').replace("1_000", "200")
    assert quick != block
    names: dict = {}
    exec(compile(quick, "README.md", "exec"), names)
    assert len(names["fake"]) == 200
    assert names["fake"].dtypes.equals(names["df"].dtypes)
    assert (tmp_path / "wine.report.html").stat().st_size > 1000


def runnable(page: str) -> list[str]:
    """Return the Python blocks of a page; no doctests, nor what a comment ``<!-- not run: why -->`` precedes."""
    page = re.sub(r"<!-- not run: .*?-->\n+```python\n.*?^```", "", page, flags=re.MULTILINE | re.DOTALL)
    return [block for block in blocks(page, "python") if not block.startswith(">>>")]


@pytest.mark.parametrize(
    "page", [page for page in SITE if runnable(page.read_text(encoding="utf-8"))], ids=lambda page: page.name
)
def test_code_of_a_page_runs(page, tmp_path, monkeypatch):
    """All blocks of a page, one after the other; short fits, few rows and steps, one metric."""
    monkeypatch.chdir(tmp_path)
    names: dict = {}
    for block in runnable(page.read_text(encoding="utf-8")):
        quick = re.sub(r'max_time="\d+\w+"', "max_time=0.3", block)
        quick = re.sub(r"\b10?_000\b", "60", quick).replace("target=", "metrics=['margins'], target=")
        quick = re.sub(r"(TabularDiffusionSynthesizer\(.*random_state=0)\)", r"\1, n_sampling_steps=2)", quick)
        exec(compile(quick, page.name, "exec"), names)


def test_readme_names_exactly_two_commands():
    demo, tests = blocks(README, "sh")
    assert demo.count("\n") == tests.count("\n") == 1
    assert demo.rstrip().endswith("tabdiff-lora demo")
    assert tests.rstrip() == "bash scripts/test"
    assert "bash scripts/test" in (ROOT / ".ci" / "run").read_text(encoding="utf-8")


def test_readme_commands_run(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    rooms, towns = rng.integers(1, 6, 240), rng.choice(["Oslo", "Rome"], 240)
    houses = pd.DataFrame({"rooms": rooms, "town": towns, "zip": rng.choice([150, 151], 240)})
    houses["price"] = (100 * rooms + 50 * (towns == "Oslo") + rng.normal(size=240)).round(1)
    houses[:120].to_csv("houses.csv", index=False)
    houses[120:].to_csv("kept.csv", index=False)
    houses[120:].mask(rng.random((120, 4)) < 0.2).to_csv("gaps.csv", index=False)
    (console,) = blocks(README, "console")
    for command in console.replace("\\\n", "").removeprefix("$ ").split("\n$ "):
        quick = command.replace("3min", "1s").replace("10_000", "100").replace("--html", "--metrics detection --html")
        program, *arguments = shlex.split(quick, comments=True)
        assert program == "tabdiff-lora"
        with pytest.raises(SystemExit) as leaving:
            main(["--quiet", *arguments])
        assert leaving.value.code == 0 or (leaving.value.code == 2 and "--fail-under" in arguments), capsys.readouterr()
    assert {"filled.csv", "rows.parquet", "houses.report.html"} <= {path.name for path in tmp_path.iterdir()}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8")):
        assert target.startswith("https://") or (page.parent / target).exists(), target


def test_site_has_every_page():
    (contents,) = [page.read_text(encoding="utf-8") for page in SITE if page.name == "index.md"]
    listed = {line for block in blocks(contents, "{toctree}") for line in block.splitlines()}
    assert {page.stem for page in SITE} - {"index"} <= listed, "add the page to a toctree of docs/index.md"


def test_every_room_has_its_line_in_the_architecture():
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    (house,) = re.findall(r"```\ntabdiff_lora/\n(.*?)```", page, flags=re.DOTALL)
    told = {line.split()[0].rstrip("/") for line in house.splitlines()}
    rooms = {
        path.name
        for path in (ROOT / "tabdiff_lora").iterdir()
        if path.suffix == ".py" or (path / "__init__.py").exists()
    }
    assert rooms - {"__main__.py"} == told


def test_changes_to_come_are_named_by_their_kind():
    for path in (ROOT / "changelog.d").iterdir():
        assert path.name == "README.md" or path.name.split(".")[-2:] in [[kind, "md"] for kind in KINDS], path.name
