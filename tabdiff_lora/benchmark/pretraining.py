"""What does pre-training give? The experiment that the paper did not run, from one command:

    python -m tabdiff_lora.benchmark.pretraining DATA --model FOLDER --output results.jsonl

Small parts of tables are learned by the residual MLP and by a language model, in the same processor time and with the
same process, encoders and sampler. All train to the end of their time: ten or thirty held-out rows cannot tell when to
stop, and of a hundred rows none can be spared. ``mlp stopped early`` shows what holding out a tenth does.

The controls take from the language model one thing at a time: what it learned (random weights), the words of the table
(names and categories exchanged among each other), its adapters (frozen body) or their narrowness (all weights trained).
``--arms rank`` varies the rank of the adapters instead: eq. 8 at several energies against fixed ranks.

Every trial is one line of JSON, written at once; what is there already is not run again. The tables and tests that are
printed are made from all lines of the file.
"""

from __future__ import annotations

import argparse
import itertools
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import pandas as pd
import torch

from tabdiff_lora import TabularDiffusionSynthesizer
from tabdiff_lora.backbones import Backbone, LanguageModelBackbone, MLPBackbone
from tabdiff_lora.backbones.pretrained import load_language_model
from tabdiff_lora.benchmark import baselines
from tabdiff_lora.benchmark.machine import describe_origin, measured
from tabdiff_lora.benchmark.runner import Record, Results
from tabdiff_lora.datasets import Dataset, load_dataset
from tabdiff_lora.errors import EncodingError
from tabdiff_lora.evaluation import detection_auc, evaluate, ml_efficiency, paired_comparison, shape_error
from tabdiff_lora.evaluation.significance import holm
from tabdiff_lora.stratified import stratified_uniforms
from tabdiff_lora.table import TableEncoder
from tabdiff_lora.training import TrainingRows

ARMS: dict[str, dict[str, Any]] = {
    "mlp": {},
    "mlp stopped early": {},
    "pre-trained": {},
    "random": {"pretrained": False},
    "shuffled words": {"words": "shuffled"},
    "frozen": {"adapter": None},
    "all trained": {"adapter": None, "freeze": False},
    "all trained slowly": {"adapter": None, "freeze": False},
    "random all trained": {"pretrained": False, "adapter": None, "freeze": False},
}
"""What each arm changes about the language model; ``"mlp"`` is the residual MLP in its place, stopped early
on held-out rows as by default or not."""

RATES = {"all trained slowly": 1e-4}
"""Learning rates other than the default, which suits adapters and would undo what a body has learned."""

RANKS: dict[str, dict[str, Any]] = {
    **{f"energy {energy:g}": {"rank_energy": energy} for energy in (0.8, 0.9, 0.95, 0.99)},
    **{f"rank {rank}": {"rank": rank} for rank in (2, 4, 8, 16, 32)},
}
"""The ablation of eq. 8."""

SCORES = ("usefulness", "held_out_loss", "detection_auc", "shape_error", "closer_to_training")
"""``usefulness`` is the ROC-AUC or R2 of CatBoost trained on drawn rows; ``held_out_loss`` the denoising loss of rows
that were not learned, the most sensitive of all scores; 0.5 is best of ``closer_to_training``."""

N_HELD_OUT = 400  # rows whose denoising loss is measured
N_NOISES = 4  # times that each of them is corrupted


@dataclass(frozen=True)
class Trial:
    """One table, cut to ``n_rows`` by ``seed``, learned by one arm.

    Parameters
    ----------
    table : str
    n_rows : int
        Training rows that are learned.
    arm : str
        A key of ``ARMS`` or ``RANKS``, ``"real"`` (the learned rows themselves, the ceiling) or ``"copula"`` (the
        untrained network, the floor).
    seed : int
        Of the cut, the synthesizer and the judges.
    model : str
        Name or folder of the language model.
    n_layers : int
    max_time : str
        Of the fit; ``"60cpu-s"`` counts processor time.
    n_drawn : int
        Rows that are judged.
    n_sampling_steps : int
    """

    table: str
    n_rows: int
    arm: str
    seed: int
    model: str
    n_layers: int
    max_time: str
    n_drawn: int = 500
    n_sampling_steps: int = 20

    @property
    def identity(self) -> dict[str, Any]:
        """What makes two trials the same."""
        return asdict(self)

    @property
    def reads_a_model(self) -> bool:
        """Whether the arm is a language model."""
        return self.arm in ARMS | RANKS and not self.arm.startswith("mlp")

    def synthesizer(self) -> TabularDiffusionSynthesizer | baselines.TrainingRows:
        """Return what is to be fitted."""
        if self.arm == "real":
            return baselines.TrainingRows(random_state=self.seed)
        limit = {"max_epochs": 0} if self.arm == "copula" else {"max_time": self.max_time}
        return TabularDiffusionSynthesizer(
            self._backbone(),
            n_sampling_steps=self.n_sampling_steps,
            validation_fraction=0.1 if self.arm == "mlp stopped early" else 0.0,
            random_state=self.seed,
            **({"learning_rate": RATES[self.arm]} if self.arm in RATES else {}),
            **limit,
        )

    def _backbone(self) -> Backbone:
        if not self.reads_a_model:
            return MLPBackbone()
        return LanguageModelBackbone(self.model, n_layers=self.n_layers, **(ARMS | RANKS)[self.arm])

    def carry_out(self, dataset: Dataset) -> Record:
        """Fit, draw and judge.

        Returns
        -------
        dict
            ``fit`` and ``sample`` (seconds, CPU seconds), ``scores``, and of a synthesizer ``n_steps``, ``best_step``,
            ``stop_reason``, ``rank`` and ``n_trainable``.
        """
        train = dataset.train.sample(min(self.n_rows, len(dataset.train)), random_state=self.seed)
        synthesizer = self.synthesizer()
        with measured() as fit:
            synthesizer.fit(train)
        with measured() as sample:
            drawn = synthesizer.sample(self.n_drawn)
        found = {"fit": asdict(fit), "sample": asdict(sample), "scores": judge(dataset, train, drawn, self.seed)}
        if isinstance(synthesizer, TabularDiffusionSynthesizer):
            found["scores"]["held_out_loss"] = held_out_loss(synthesizer, dataset.held_out)
            found |= {
                "n_steps": synthesizer.n_iter_,
                "best_step": synthesizer.best_iter_,
                "stop_reason": synthesizer.stop_reason_,
                "rank": synthesizer.rank_,
                "n_trainable": synthesizer.n_trainable_parameters_,
            }
        return found


def judge(dataset: Dataset, train: pd.DataFrame, drawn: pd.DataFrame, seed: int) -> dict[str, float]:
    """Scores of drawn rows: three against the held-out part of the table, the last beside the rows learned."""
    held_out = dataset.held_out
    useful = ml_efficiency(drawn, held_out, dataset.target, task=dataset.task, random_state=seed)
    copies = evaluate(train, drawn, holdout=held_out, metrics=["copies"], random_state=seed)
    return {
        "usefulness": useful["roc_auc" if dataset.is_classification else "r2"],
        **useful,
        "detection_auc": detection_auc(held_out, drawn, max_rows=len(drawn), random_state=seed),
        "shape_error": shape_error(held_out, drawn),
        **{name: copies[name].value for name in ("exact_copies", "closer_to_training")},
    }


@torch.no_grad()
def held_out_loss(synthesizer: TabularDiffusionSynthesizer, held_out: pd.DataFrame) -> float:
    """Denoising loss of rows that were not learned, with the same times and noises for every arm."""
    encoder, denoiser, generator = synthesizer.encoder_, synthesizer.denoiser_, torch.Generator().manual_seed(0)
    rows = TrainingRows.from_encoded(encoder.encode(readable_rows(encoder, held_out)), "cpu")
    losses = []
    for _ in range(N_NOISES):
        x_0 = rows.draw(torch.arange(len(rows)), generator)
        losses.append(denoiser.loss(x_0, stratified_uniforms(len(rows), generator), generator).rows.mean())
    return float(torch.stack(losses).mean())


def readable_rows(encoder: TableEncoder, rows: pd.DataFrame) -> pd.DataFrame:
    """Some rows without values that the encoder has never seen: a small table lacks many."""
    some = rows.sample(min(N_HELD_OUT, len(rows)), random_state=0)
    return some[[_can_read(encoder, some.iloc[[row]]) for row in range(len(some))]]


def _can_read(encoder: TableEncoder, rows: pd.DataFrame) -> bool:
    try:
        encoder.encode(rows)
    except EncodingError:
        return False
    return True


def trials(
    tables: Iterable[str], n_rows: Iterable[int], seeds: Iterable[int], arms: Sequence[str], **settings: Any
) -> Iterator[Trial]:
    """List the trials, seed by seed, so that a run cut short has whole seeds."""
    everyone = dict.fromkeys(["real", "copula", *arms])
    for seed, n, table, arm in itertools.product(seeds, n_rows, tables, everyone):
        yield Trial(table, n, arm, seed, **settings)


def run_trials(todo: Iterable[Trial], data_home: str, results: Results) -> None:
    """Carry out the trials that ``results`` lacks, in this process, one line each."""
    todo = [trial for trial in todo if results.find(trial) is None]
    if any(trial.reads_a_model for trial in todo):
        import peft  # noqa: F401 - so that no fit pays for it

        load_language_model(todo[0].model, n_layers=todo[0].n_layers)
    for trial in todo:
        found = trial.carry_out(load_dataset(trial.table, data_home))
        about = describe_origin()
        results.append({**trial.identity, "error": None, **found, **about})


def as_frame(records: Iterable[Record]) -> pd.DataFrame:
    """Return one row per trial with its scores, costs and sizes as columns."""
    rows = [
        {
            **{key: record[key] for key in ("table", "n_rows", "seed", "arm")},
            **record["scores"],
            "fit CPU s": record["fit"]["cpu_seconds"],
            "sample CPU s": record["sample"]["cpu_seconds"],
            **{key: record.get(key) for key in ("n_steps", "rank", "n_trainable")},
        }
        for record in records
    ]
    return pd.DataFrame(rows)


def usefulness_table(frame: pd.DataFrame) -> str:
    """Mean usefulness over seeds, one line per table and size, one column per arm; Markdown."""
    order = list(dict.fromkeys(frame["arm"]))
    means = frame.pivot_table(index=["table", "n_rows"], columns="arm", values="usefulness")[order]
    seeds = frame.groupby(["table", "n_rows"])["seed"].nunique()
    lines = ["| table | rows | seeds | " + " | ".join(order) + " |", "|---|---:|---:|" + "---:|" * len(order)]
    for (table, n), row in means.iterrows():
        cells = " | ".join("-" if pd.isna(value) else f"{value:.3f}" for value in row)
        lines.append(f"| {table} | {n} | {seeds[table, n]} | {cells} |")
    return "\n".join(lines)


def arm_table(frame: pd.DataFrame) -> str:
    """Mean of every score and cost over all tables, sizes and seeds, one line per arm; Markdown."""
    columns = [*SCORES, "exact_copies", "n_steps", "rank", "n_trainable", "fit CPU s", "sample CPU s"]
    lines = ["| arm | trials | " + " | ".join(columns) + " |", "|---|---:|" + "---:|" * len(columns)]
    for arm, group in frame.groupby("arm", sort=False):
        means = pd.to_numeric(group[columns].stack(future_stack=True), errors="coerce").unstack().mean()
        cells = " | ".join(_number(means[column]) for column in columns)
        lines.append(f"| {arm} | {len(group)} | {cells} |")
    return "\n".join(lines)


def comparison_table(frame: pd.DataFrame, subject: str) -> str:
    """Compare an arm with every other one, paired by table, size and seed; Markdown.

    One line per score and rival: mean difference, two standard errors, p of the Wilcoxon signed-rank test, adjusted by
    Holm over the rivals of a score.
    """
    lines = ["| score | against | pairs | difference | two standard errors | Wilcoxon p | Holm p |"]
    lines.append("|---|---|---:|---:|---:|---:|---:|")
    paired = frame.set_index(["table", "n_rows", "seed", "arm"])[list(SCORES)].unstack("arm")
    rivals = [arm for arm in dict.fromkeys(frame["arm"]) if arm not in (subject, "real")]
    for score in SCORES:
        found = []
        for rival in rivals:
            both = paired[score][[subject, rival]].dropna()
            difference = both[subject] - both[rival]
            result = paired_comparison(both[subject], both[rival]) if len(both) else None
            found.append((rival, difference, result))
        found = [entry for entry in found if entry[2] is not None]
        adjusted = holm([entry[2]["wilcoxon_p"] for entry in found])
        for (rival, difference, result), p in zip(found, adjusted, strict=True):
            cells = [f"{len(difference)}", f"{difference.mean():+.4f}", f"{2 * difference.sem():.4f}"]
            lines.append(f"| {score} | {rival} | {' | '.join(cells)} | {result['wilcoxon_p']:.3f} | {p:.3f} |")
    return "\n".join(lines)


def _number(value: float) -> str:
    return "-" if pd.isna(value) else f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def main(arguments: Sequence[str] | None = None) -> None:
    """Run what is missing and print the tables; ``arguments`` as on the command line."""
    parser = argparse.ArgumentParser(prog="python -m tabdiff_lora.benchmark.pretraining", description=__doc__)
    parser.add_argument("data", help="folder of the tables, see tabdiff_lora.datasets")
    parser.add_argument("--output", required=True, help="file of JSON lines; what it holds is not run again")
    parser.add_argument("--model", required=True, help="name or folder of the language model")
    parser.add_argument("--n-layers", type=int, default=2, help="layers of it that are kept")
    parser.add_argument("--tables", default="adult,churn2,insurance,diabetes")
    parser.add_argument("--n-rows", default="100,300")
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--arms", default=",".join(ARMS), help=f"some of {', '.join(ARMS | RANKS)}; or 'rank'")
    parser.add_argument("--max-time", default="60cpu-s", help="of each fit")
    given = parser.parse_args(arguments)
    arms = list(RANKS) if given.arms == "rank" else given.arms.split(",")
    unknown = [arm for arm in arms if arm not in ARMS | RANKS]
    if unknown:
        parser.error(f"arms must be among {', '.join(ARMS | RANKS)}. Got {unknown[0]!r} instead.")
    todo = trials(
        given.tables.split(","),
        [int(n) for n in given.n_rows.split(",")],
        [int(seed) for seed in given.seeds.split(",")],
        arms,
        model=given.model,
        n_layers=given.n_layers,
        max_time=given.max_time,
    )
    results = Results(given.output)
    run_trials(todo, given.data, results)
    frame = as_frame(results.records)
    subject = "energy 0.95" if given.arms == "rank" else "pre-trained"
    tables = [usefulness_table(frame), arm_table(frame), comparison_table(frame, subject)]
    sys.stdout.write("\n\n".join(tables) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
