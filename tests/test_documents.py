"""What the pages say is true: their code runs, their links lead somewhere, their commands exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *(ROOT / "changelog.d").glob("*.md")])
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


def test_readme_names_exactly_two_commands():
    demo, tests = blocks(README, "sh")
    assert demo.count("\n") == tests.count("\n") == 1
    assert demo.rstrip().endswith("tabdiff-lora demo")
    assert tests.rstrip() == "bash scripts/test"
    assert "bash scripts/test" in (ROOT / ".ci" / "run").read_text(encoding="utf-8")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8")):
        assert target.startswith("https://") or (page.parent / target).exists(), target


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
