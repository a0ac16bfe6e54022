"""Many tables x many synthesizers x many seeds, one JSON line each, never twice the same."""

from __future__ import annotations

import itertools
import json
import logging
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tabdiff_lora.benchmark.competitor import Competitor
from tabdiff_lora.benchmark.machine import describe_origin
from tabdiff_lora.benchmark.protocol import EqualRows, Protocol
from tabdiff_lora.benchmark.run import Run

logger = logging.getLogger(__name__)

Record = dict[str, Any]


class Results:
    """The finished runs of a file of JSON lines; new ones are appended at once.

    Parameters
    ----------
    path : str or Path
        Made with the first record. A line cut short by a crash is left out, and its run repeated.
    """

    def __init__(self, path: str | Path):
        self.path = Path(path)
        self.records: list[Record] = []
        if self.path.exists():
            for line in self.path.read_text(encoding="utf-8").splitlines():
                try:
                    self.records.append(json.loads(line))
                except json.JSONDecodeError:
                    logger.warning("%s: a line is not JSON and left out: %.60s", self.path, line)

    def find(self, run: Run) -> Record | None:
        """Return the record of a run that was finished, not failed, or None."""
        identity = json.loads(json.dumps(run.identity))
        for record in self.records:
            if record["error"] is None and all(record[key] == value for key, value in identity.items()):
                return record
        return None

    def append(self, record: Record) -> None:
        """Write a record down, on a line of its own even if the file ends in half a line."""
        text = json.dumps(record, ensure_ascii=False)
        is_torn = self.path.exists() and self.path.read_bytes()[-1:] not in (b"", b"\n")
        with self.path.open("a", encoding="utf-8") as file:
            file.write(("\n" if is_torn else "") + text + "\n")
        self.records.append(json.loads(text))


def plan(
    data_home: str | Path | None,
    tables: Iterable[str],
    competitors: Iterable[Competitor],
    seeds: Iterable[int],
    *,
    max_time: float | str | None = None,
    protocol: Protocol | None = None,
    rows_home: str | Path | None = None,
) -> list[Run]:
    """List the runs of a benchmark, for each table and seed the real rows first: they are the ceiling.

    Parameters
    ----------
    data_home : str, Path or None
        The folder of the tables; None downloads them into scikit-learn's own.
    tables : iterable of str
    competitors : iterable of Competitor
    seeds : iterable of int
    max_time : float, str or None, default=None
        Seconds that each fit may take, for the synthesizers that can be told.
    protocol : Protocol or None, default=None
        None is ``EqualRows()``.
    rows_home : str, Path or None, default=None
        Folder in which drawn rows are kept, and judged without another fit if they are there.

    Returns
    -------
    list of Run
    """
    everyone = [Competitor("real"), *(c.within(max_time) for c in competitors if c.name != "real")]
    data, rows = (None if home is None else str(home) for home in (data_home, rows_home))
    return [
        Run(data, table, competitor, seed, protocol or EqualRows(), rows)
        for table, seed, competitor in itertools.product(tables, seeds, everyone)
    ]


def run_all(runs: Iterable[Run], results: Results, *, run_limit: float | None = None) -> Iterator[Record]:
    """Carry out the runs that are not in ``results`` yet, and write each down as soon as it is done.

    A run that fails is recorded with its error, does not stop the others, and is tried again next time.

    Parameters
    ----------
    runs : iterable of Run
    results : Results
    run_limit : float or None, default=None
        Seconds after which a run is ended, fit, draws and judges together, whatever the synthesizer: it has failed.

    Yields
    ------
    dict
        The record of each run, also of those that were finished before.
    """
    runs = list(runs)
    left, n_new, started = sum(results.find(run) is None for run in runs), 0, time.monotonic()
    for number, run in enumerate(runs, start=1):
        record = results.find(run)
        if record is None:
            logger.info("[%d/%d] %s ...", number, len(runs), run)
            record = _record_of(run, results, run_limit)
            results.append(record)
            left, n_new = left - 1, n_new + 1
            hours = (time.monotonic() - started) / n_new * left / 3600
            logger.info("[%d/%d] %s: %s; %.1f h to go", number, len(runs), run, _summary(record), hours)
        yield record


def draw_all(runs: Iterable[Run], *, run_limit: float | None = None) -> Iterator[tuple[Run, str | None]]:
    """Fit and draw, to be judged later or elsewhere; the real rows need no drawing.

    Parameters
    ----------
    runs : iterable of Run
        With a ``rows_home``; one whose rows are there is done.
    run_limit : float or None, default=None
        Seconds of fit and draws together.

    Yields
    ------
    tuple of Run and str or None
        Each run and its error.
    """
    for run in runs:
        if not run.is_real:
            logger.info("%s: drawing ...", run)
            _, error = _in_a_fresh_process(replace(run, judges=False), run_limit)
            logger.info("%s: %s", run, error or "drawn")
            yield run, error


def _record_of(run: Run, results: Results, run_limit: float | None) -> Record:
    started = datetime.now(UTC).isoformat(timespec="seconds")
    found, error = _in_a_fresh_process(run, run_limit)
    if not run.is_real:
        real = results.find(replace(run, competitor=Competitor("real")))
        found["ceiling"] = real and real["ceiling"]
    return {
        **run.identity,
        "error": error,
        **found,
        **describe_origin(),
        "started": started,
    }


def _in_a_fresh_process(run: Run, run_limit: float | None) -> tuple[Record, str | None]:
    """Carry a run out where neither memory nor state of another run is; return what it found, or why it failed."""
    with tempfile.TemporaryDirectory() as folder:
        answer = Path(folder) / "found.json"
        try:
            child = subprocess.run(
                [sys.executable, "-m", "tabdiff_lora.benchmark.run", str(answer)],
                input=run.to_json(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
                check=False,
                timeout=run_limit,
            )
        except subprocess.TimeoutExpired:
            return {}, f"ended after {run_limit:g} s, the limit of a run"
        if child.returncode == 0:
            return json.loads(answer.read_text(encoding="utf-8")), None
    logger.debug("%s", child.stderr)
    # What follows the indented lines of the traceback is the error itself; a killed process leaves none.
    backwards = reversed(child.stderr.strip().splitlines())
    message = list(itertools.takewhile(lambda line: not line.startswith(" "), backwards))[::-1]
    return {}, f"{' '.join(message) or 'no message'} (exit code {child.returncode})"


def _summary(record: Record) -> str:
    if record["error"]:
        return f"failed. {record['error']}"
    scores = record["scores"]
    told = [
        f"{name} {scores[metric]:.3f}"
        for name, metric in (("AUC", "detection_auc"), ("F1", "macro_f1"), ("R2", "r2"))
        if scores.get(metric) is not None
    ]
    return ", ".join([*told, f"fit {record['fit']['seconds']:.0f} s"])
