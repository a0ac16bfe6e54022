"""Which choice gives what? One factor at a time from the default, in equal processor time, from one command:

    python -m tabdiff_lora.benchmark.ablation DATA --output ablation.jsonl

The same command draws the learning curve: ``--factors seconds``.

A variant is what it changes about ``TabularDiffusionSynthesizer()``, so a new prior, sampler or backbone is one line of
``FACTORS``. Variants that only draw differently share the default's fit. Rows are judged against held-out rows: the AUC
of a critic that tells them apart (0.5 is best), the shape error, and what CatBoost learns from drawn rows (macro-F1 or
R2). ``real`` are training rows, the ceiling; ``untrained`` is the Gaussian copula, the floor.

Every trial is one line of JSON, written at once; what is there already is not run again. The tables that are printed
are made from all lines of the file. Several commands may share the work, each with tables or seeds of its own.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any

import pandas as pd

from tabdiff_lora import TabularDiffusionSynthesizer
from tabdiff_lora.backbones import MLPBackbone, TabDDPMBackbone, TransformerBackbone
from tabdiff_lora.benchmark import baselines
from tabdiff_lora.benchmark.machine import describe_origin, measured
from tabdiff_lora.benchmark.runner import Record, Results
from tabdiff_lora.datasets import Dataset, load_dataset
from tabdiff_lora.diffusion import (
    CosineSchedule,
    DiffusionSpec,
    GaussianPerClass,
    KeepSchedule,
    PriorFamily,
    SingleGaussian,
)
from tabdiff_lora.evaluation import detection_auc, ml_efficiency, shape_error
from tabdiff_lora.sampling import DPMSolverSampler
from tabdiff_lora.table import infer_schema
from tabdiff_lora.table.encoders import NumericalEncoder
from tabdiff_lora.training import TrainingPlan

Parameters = dict[str, Any]

SECONDS = (15, 30, 60, 120, 300)
"""Processor seconds of the fits of the learning curve."""

SAMPLING = {"sampler", "n_sampling_steps"}
"""Parameters that may be changed after ``fit``."""


@dataclass(frozen=True)
class NumericalColumns:
    """Stands in a variant for ``encoders=`` with one encoder for all numerical columns, which depend on the table."""

    encoder: NumericalEncoder

    def of(self, dataset: Dataset) -> list[tuple[str, NumericalEncoder, list[str]]]:
        """What ``encoders=`` takes."""
        columns = [c.name for c in infer_schema(dataset.train).columns if c.encoder == type(self.encoder).__name__]
        return [("numbers", self.encoder, columns)]


@dataclass(frozen=True)
class PriorOfClasses:
    """Stands in a variant for ``prior=`` with one Gaussian per class of the target; one for all without classes."""

    def of(self, dataset: Dataset) -> PriorFamily:
        """What ``prior=`` takes."""
        return GaussianPerClass(dataset.target) if dataset.is_classification else SingleGaussian()


FACTORS: dict[str, dict[str, Parameters]] = {
    "prior": {
        "N(0, I)": {"prior": "standard"},
        "per class": {"prior": PriorOfClasses()},
        "mixture": {"prior": "mixture"},
    },
    "process": {
        "uniform": {"process": "uniform"},
        "marginal": {"process": "marginal"},
        "cosine": {"process": DiffusionSpec(schedule=CosineSchedule())},
        "noise of the prior": {"process": DiffusionSpec(noise="prior")},
    },
    "window": {
        "categories late": {"process": DiffusionSpec(keep=KeepSchedule(stop=0.5)), "n_sampling_steps": 32},
        "categories early": {"process": DiffusionSpec(keep=KeepSchedule(start=0.5)), "n_sampling_steps": 32},
    },
    "preconditioning": {f"{name}": {"process": DiffusionSpec(prediction=name)} for name in ("eps", "x0", "v")},
    "sampler": {name: {"sampler": name} for name in ("heun", "ddim", "ancestral")},
    "steps": {f"{n} steps": {"n_sampling_steps": n} for n in (8, 16, 24, 32, 50, 100)},
    "grid": {f"{name} grid": {"sampler": DPMSolverSampler(grid=name)} for name in ("quadratic", "karras", "logsnr")},
    "unmasking": {
        "independent": {"sampler": DPMSolverSampler(unmasking="independent")},
        "one at a time": {"sampler": DPMSolverSampler(unmasking=1)},
        "two at a time": {"sampler": DPMSolverSampler(unmasking=2)},
    },
    "raking": {"free": {"sampler": DPMSolverSampler(rake=False)}},
    "exclusion": {"all pairs": {"sampler": DPMSolverSampler(exclude=False)}},
    "encoding": {
        "quantile": {"encoders": NumericalColumns(NumericalEncoder(atoms=None))},
        "atoms from 1 %": {"encoders": NumericalColumns(NumericalEncoder(atoms=0.01))},
        "how round": {"encoders": NumericalColumns(NumericalEncoder(heaping=True))},
        "not smoothed": {"encoders": NumericalColumns(NumericalEncoder(smooth=False))},
        "standardised": {"encoders": NumericalColumns(NumericalEncoder("standard"))},
    },
    "width": {f"{width} wide": {"backbone": MLPBackbone(d_block=width)} for width in (192, 256, 384, 512)},
    "depth": {f"{depth} blocks": {"backbone": MLPBackbone(n_blocks=depth)} for depth in (2, 3, 6)},
    "gates": {"plain hidden units": {"backbone": MLPBackbone(gated=False)}},
    "dropout": {f"dropout {share:g}": {"backbone": MLPBackbone(dropout=share)} for share in (0.0, 0.1, 0.2)},
    "frequencies": {f"{n} frequencies": {"backbone": MLPBackbone(n_frequencies=n)} for n in (0, 24)},
    "batch": {f"batches of {size:,}": {"batch_size": size} for size in (512, 2048, 4096)},
    "learning rate": {f"learning rate {rate:g}": {"learning_rate": rate} for rate in (1e-3, 4e-3)},
    "known rows": {f"{share:.0%} known": {"plan": {"known_rows": share}} for share in (0.0, 0.25, 0.5)},
    "times": {f"{share:.0%} of times uniform": {"plan": {"uniform_times": share}} for share in (0.5, 1.0)},
    "backbone": {"transformer": {"backbone": TransformerBackbone()}, "TabDDPM's MLP": {"backbone": TabDDPMBackbone()}},
    "correction": {"uncorrected": {"correction": False}},
    "stopping": {"to the end": {"early_stopping": False}},
    "seconds": {f"{seconds} s": {"max_time": f"{seconds}cpu-s"} for seconds in SECONDS},
}
"""The factors, their variants, and what each changes about the default: parameters of the estimator, or in ``"plan"``
those of the :class:`~tabdiff_lora.training.TrainingPlan`."""


class PlannedSynthesizer(TabularDiffusionSynthesizer):
    """The synthesizer with some entries of its training plan replaced by ``plan_changes``."""

    plan_changes: Parameters = {}

    def _plan(self, *limits) -> TrainingPlan:
        return replace(super()._plan(*limits), **self.plan_changes)


REFERENCES = ("real", "untrained", "default")
SCORES = ("detection_auc", "shape_error", "usefulness")


@dataclass(frozen=True)
class Trial:
    """One table learned in one way.

    Parameters
    ----------
    table : str
    factor : str
        A key of ``FACTORS``; empty for the three ``REFERENCES``.
    variant : str
        A key of ``FACTORS[factor]``, or one of ``REFERENCES``.
    seed : int
        Of the synthesizer and the judges.
    max_time : str
        Of the fit.
    n_drawn : int
        Rows that are judged, at most; never more than there are held out.
    """

    table: str
    factor: str
    variant: str
    seed: int
    max_time: str
    n_drawn: int = 10_000

    @property
    def identity(self) -> dict[str, Any]:
        """What makes two trials the same."""
        return asdict(self)

    @property
    def changes(self) -> Parameters:
        """What the trial changes about the default."""
        if self.variant == "untrained":
            return {"max_epochs": 0}
        return FACTORS[self.factor][self.variant] if self.factor else {}

    @property
    def shares_the_default_fit(self) -> bool:
        """Whether the variant only draws differently."""
        return self.variant not in ("real", "untrained") and set(self.changes) <= SAMPLING

    def synthesizer(self, dataset: Dataset) -> TabularDiffusionSynthesizer | baselines.TrainingRows:
        """Return what is to be fitted."""
        if self.variant == "real":
            return baselines.TrainingRows(random_state=self.seed)
        changes = {
            name: value.of(dataset) if isinstance(value, (NumericalColumns, PriorOfClasses)) else value
            for name, value in self.changes.items()
        }
        plan = changes.pop("plan", {})
        synthesizer = PlannedSynthesizer(**{"random_state": self.seed, "max_time": self.max_time, **changes})
        synthesizer.plan_changes = plan
        return synthesizer


class Bench:
    """Carries out the trials of one table and seed; the default is fitted when the first trial needs it, and kept.

    Parameters
    ----------
    dataset : Dataset
    """

    def __init__(self, dataset: Dataset):
        self.dataset = dataset
        self._fitted: dict[tuple, tuple] = {}

    def carry_out(self, trial: Trial) -> Record:
        """Fit, draw and judge.

        Returns
        -------
        dict
            ``fit`` and ``sample`` (seconds, CPU seconds), ``scores``, and of a synthesizer ``n_steps``, ``best_step``
            and ``stop_reason``.
        """
        synthesizer, fit = self._fit(trial)
        held_out = self.dataset.held_out
        n_drawn = min(trial.n_drawn, len(held_out))
        draw = partial(synthesizer.sample, n_drawn)
        if isinstance(synthesizer, TabularDiffusionSynthesizer):
            draw = partial(draw, random_state=trial.seed)
        with measured() as sample:
            drawn = draw()
        found = {"fit": asdict(fit), "sample": asdict(sample), "scores": self._judge(drawn, trial.seed)}
        if isinstance(synthesizer, TabularDiffusionSynthesizer):
            found |= {
                "n_steps": synthesizer.n_iter_,
                "best_step": synthesizer.best_iter_,
                "stop_reason": synthesizer.stop_reason_,
            }
        return found

    def _fit(self, trial: Trial):
        """The fitted synthesizer, set to draw as the trial says, and what its fit cost."""
        key = (trial.seed, trial.max_time)
        if not trial.shares_the_default_fit:
            return self._fitted_anew(trial)
        if key not in self._fitted:
            default = Trial(trial.table, "", "default", trial.seed, trial.max_time)
            self._fitted = {key: self._fitted_anew(default)}
        synthesizer, fit = self._fitted[key]
        plain = TabularDiffusionSynthesizer()
        settings = {name: getattr(plain, name) for name in SAMPLING} | trial.changes
        return synthesizer.set_params(**settings), fit

    def _fitted_anew(self, trial: Trial):
        synthesizer = trial.synthesizer(self.dataset)
        with measured() as fit:
            synthesizer.fit(self.dataset.train)
        return synthesizer, fit

    def _judge(self, drawn: pd.DataFrame, seed: int) -> dict[str, float]:
        dataset, held_out = self.dataset, self.dataset.held_out
        useful = ml_efficiency(drawn, held_out, dataset.target, task=dataset.task, random_state=seed)
        return {
            "detection_auc": detection_auc(held_out, drawn, max_rows=len(drawn), random_state=seed),
            "shape_error": shape_error(held_out, drawn),
            "usefulness": useful["macro_f1" if dataset.is_classification else "r2"],
            **useful,
        }


def trials(
    tables: Iterable[str], seeds: Iterable[int], factors: Iterable[str], max_time: str, n_drawn: int
) -> Iterator[Trial]:
    """List the trials, table by table within each seed, so that a run cut short has whole seeds."""
    wanted = [("", reference) for reference in REFERENCES]
    wanted += [(factor, variant) for factor in factors for variant in FACTORS[factor]]
    for seed in seeds:
        for table in tables:
            for factor, variant in wanted:
                yield Trial(table, factor, variant, seed, max_time, n_drawn)


def run_trials(todo: Iterable[Trial], data_home: str, results: Results) -> None:
    """Carry out the trials that ``results`` lacks, in this process, one line each."""
    bench = None
    for trial in todo:
        if results.find(trial) is not None:
            continue
        if bench is None or bench.dataset.name != trial.table:
            bench = Bench(load_dataset(trial.table, data_home))
        found = bench.carry_out(trial)
        about = describe_origin()
        results.append({**trial.identity, "error": None, **found, **about})


def as_frame(records: Iterable[Record]) -> pd.DataFrame:
    """Return one row per trial with its scores and costs as columns."""
    rows = [
        {
            **{key: record[key] for key in ("table", "factor", "variant", "seed", "max_time")},
            **{score: record["scores"][score] for score in SCORES},
            "fit CPU-s": record["fit"]["cpu_seconds"],
            "sample CPU-s": record["sample"]["cpu_seconds"],
            "fit steps": record.get("n_steps"),
        }
        for record in records
    ]
    return pd.DataFrame(rows)


def factor_table(frame: pd.DataFrame, table: str) -> str:
    """Medians over seeds of one table's variants, factor by factor; Markdown."""
    columns = [*SCORES, "fit CPU-s", "fit steps", "sample CPU-s"]
    lines = [f"| {table} | | seeds | " + " | ".join(columns) + " |", "|---|---|---:|" + "---:|" * len(columns)]
    of_table = frame[(frame["table"] == table) & (frame["factor"] != "seconds")]
    for (factor, variant), group in of_table.groupby(["factor", "variant"], sort=False):
        medians = group[columns].astype(float).median()
        cells = [f"{medians[score]:.4f}" for score in SCORES]
        cells += ["-" if pd.isna(medians[cost]) else f"{medians[cost]:,.0f}" for cost in columns[len(SCORES) :]]
        lines.append(f"| {factor} | {variant} | {group['seed'].nunique()} | {' | '.join(cells)} |")
    return "\n".join(lines)


def summary_table(frame: pd.DataFrame) -> str:
    """How each variant's scores differ from the default's on the same table and seed, on average; Markdown.

    Negative is better for the AUC and the shape error, positive for usefulness.
    """
    keys = ["table", "seed", "max_time"]
    frame = frame[frame["factor"] != "seconds"]
    default = frame[frame["variant"] == "default"].set_index(keys)[list(SCORES)]
    paired = frame.join(default.add_suffix(" of default"), on=keys).dropna(subset=["detection_auc of default"])
    lines = ["| factor | variant | pairs | " + " | ".join(SCORES) + " |", "|---|---|---:|" + "---:|" * len(SCORES)]
    for (factor, variant), group in paired.groupby(["factor", "variant"], sort=False):
        if variant != "default":
            cells = [f"{(group[score] - group[f'{score} of default']).mean():+.4f}" for score in SCORES]
            lines.append(f"| {factor} | {variant} | {len(group)} | {' | '.join(cells)} |")
    return "\n".join(lines)


def curve_table(frame: pd.DataFrame) -> str:
    """Median two-sample AUC over seeds by the processor seconds of the fit, one column per table; Markdown."""
    of_curve = frame[frame["factor"] == "seconds"]
    tables = list(dict.fromkeys(of_curve["table"]))
    lines = ["| fit | " + " | ".join(tables) + " |", "|---:|" + "---:|" * len(tables)]
    medians = of_curve.pivot_table(index="variant", columns="table", values="detection_auc", aggfunc="median")
    for variant in FACTORS["seconds"]:
        if variant in medians.index:
            cells = ["-" if pd.isna(value) else f"{value:.3f}" for value in medians.loc[variant, tables]]
            lines.append(f"| {variant} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run what is missing and print the tables; ``arguments`` as on the command line."""
    by_default = [factor for factor in FACTORS if factor != "seconds"]
    parser = argparse.ArgumentParser(prog="python -m tabdiff_lora.benchmark.ablation", description=__doc__)
    parser.add_argument("data", help="folder of the tables, see tabdiff_lora.datasets")
    parser.add_argument("--output", required=True, help="file of JSON lines; what it holds is not run again")
    parser.add_argument("--tables", default="adult,california,churn2")
    parser.add_argument("--seeds", default="0,1")
    parser.add_argument("--factors", default=",".join(by_default), help=f"some of {', '.join(FACTORS)}")
    parser.add_argument("--max-time", default="60cpu-s", help="of each fit, but for the factor 'seconds'")
    parser.add_argument("--n-drawn", type=int, default=10_000, help="rows that are judged, at most")
    given = parser.parse_args(arguments)
    factors = given.factors.split(",")
    unknown = [factor for factor in factors if factor not in FACTORS]
    if unknown:
        parser.error(f"factors must be among {', '.join(FACTORS)}. Got {unknown[0]!r} instead.")
    seeds = [int(seed) for seed in given.seeds.split(",")]
    results = Results(given.output)
    todo = trials(given.tables.split(","), seeds, factors, given.max_time, given.n_drawn)
    run_trials(todo, given.data, results)
    frame = as_frame(results.records)
    tables = [factor_table(frame, table) for table in dict.fromkeys(frame["table"])]
    tables += [summary_table(frame)] if len(factors) > 1 or factors != ["seconds"] else []
    tables += [curve_table(frame)] if (frame["factor"] == "seconds").any() else []
    sys.stdout.write("\n\n".join(tables) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
