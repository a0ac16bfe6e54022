"""TabularDiffusionSynthesizer: conducts the rooms, computes nothing itself.

fit:    df -> TableEncoder -> EncodedTable -> process + backbone = Denoiser -> Trainer -> History -> DensityRatio
sample: n  -> RowBlocks: Sampler walks from the prior to encoded rows -> TableEncoder -> replacing -> df
"""

from __future__ import annotations

import copy
import logging
import math
import time
from numbers import Integral, Real
from os import PathLike

import numpy as np
import pandas as pd
import torch
from sklearn.base import BaseEstimator
from sklearn.utils import estimator_html_repr
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted, validate_data

from tabdiff_lora.assembly import (
    PRIORS,
    PROCESSES,
    SAMPLERS,
    Labels,
    assemble,
    resolve_backbone,
    resolve_prior,
    resolve_process,
    resolve_sampler,
)
from tabdiff_lora.backbones import Backbone
from tabdiff_lora.callbacks import CallbackSupportMixin, CheckCallbacks, with_callbacks
from tabdiff_lora.compute import limited_threads, resolve_device, resolve_dtype
from tabdiff_lora.correction import MIN_ROWS, DensityRatio, n_drawn_rows, reserved_time
from tabdiff_lora.denoiser import Denoiser
from tabdiff_lora.diffusion import DiffusionSpec, PriorFamily
from tabdiff_lora.display import fitted_html
from tabdiff_lora.drawing import DrawingMixin, Request, RowBlocks
from tabdiff_lora.logs import shown_log
from tabdiff_lora.persistence import PretrainedMixin
from tabdiff_lora.randomness import borrowed_generator, seed_sequence, stream, torch_generator
from tabdiff_lora.sampling import Sampler
from tabdiff_lora.scoring import denoising_scores
from tabdiff_lora.table import EncodedTable, TableEncoder
from tabdiff_lora.table.containers import with_target
from tabdiff_lora.training import History, TimeLimit, Trainer, TrainingPlan, TrainingRows
from tabdiff_lora.training.progress import ProgressBar

logger = logging.getLogger(__name__)

MIN_HELD_OUT = 100  # rows; the loss on fewer is too noisy to choose weights by
MAX_HELD_OUT = 2_000  # rows; more would tell no more
FIT, SAMPLE = 0, 1  # keys of the two streams below a random_state


class TabularDiffusionSynthesizer(DrawingMixin, PretrainedMixin, CallbackSupportMixin, BaseEstimator):
    """Learns a table and draws new rows from it.

    Parameters
    ----------
    backbone : {"mlp", "transformer"}, str, Path, PreTrainedModel or Backbone, default="mlp"
        The network of the reverse process: a residual MLP or a transformer over columns. Any other string is the name
        or the local folder of a language model, which is adapted by LoRA (``LanguageModelBackbone``). An object gives
        access to its parameters (``backbone__d_block``).
    rank : "auto", "layers" or int, default="auto"
        Of the adapters of a language model. "auto" reads it off the table (eq. 8 of the paper).
    rank_energy : float in [0, 1], default=0.95
        Share of the singular values that "auto" keeps. Where ``backbone`` is an object, a ``rank`` or ``rank_energy``
        other than the default replaces the object's own.
    prior : {"gaussian", "standard", "class", "mixture"} or PriorFamily, default="gaussian"
        What the numbers are believed to follow before the network has learned anything, and where drawing starts:
        N(mu, Sigma) fitted to the encoded rows, N(0, I), one Gaussian for each class of the target ``y``
        (:class:`~tabdiff_lora.diffusion.GaussianPerClass` takes another column), or a Gaussian mixture.
    process : {"mask", "uniform", "marginal"} or DiffusionSpec, default="mask"
        What a lost category becomes: a state of its own, any level alike, or a level by its frequency. An object says
        everything else about the diffusion too (:class:`~tabdiff_lora.diffusion.DiffusionSpec`).
    sampler : {"dpmpp", "heun", "ddim", "ancestral"} or Sampler, default="dpmpp"
        How rows are drawn; may be changed after ``fit``.
    n_sampling_steps : "auto" or int, default="auto"
        Points of the sampler's time grid when ``sampler`` is a name; may be changed after ``fit``. "auto" is 16 for the
        default sampler, more where more than 15 encoded columns are categories (see ``n_steps`` of
        :class:`~tabdiff_lora.sampling.Sampler`).
    encoders : "auto" or list of (name, encoder, columns), default="auto"
        Passed to :class:`TableEncoder`.
    types : dict of column -> kind, optional
        Overrides the inferred kind of columns, e.g. ``{"zip": "categorical"}``.
    missing : {"generate", "never", "regression"}, default="generate"
        Whether drawn rows have missing values as the data has them, or none. For "never" gaps are learned too, but not
        drawn: rows as they would be without gaps, as far as the present cells tell. "regression" fills the gaps of the
        training table first, by iterated regression of each column on the others.
    constraints : sequence of constraints, default=()
        Rules that hold for every training row and then for every drawn one, e.g. ``Inequality("start", "end")``.
    correction : "auto" or bool, default="auto"
        Whether drawn rows are corrected: boosted trees and pairs of columns learn at the end of ``fit`` how many times
        as frequent a row is among training rows as among drawn ones, and rows that are too frequent are replaced by
        rows that are too rare (:mod:`tabdiff_lora.correction`). It takes an eighth of ``max_time`` and half a minute at
        most, and makes drawing 1.5 to 3.5 times as long. ``"auto"`` does it where the network draws fast (``"mlp"``),
        for 1,000 rows or more. False may be set after ``fit`` too; another ``sampler`` or ``n_sampling_steps`` may as
        well, but what is corrected then are the rows that the one of ``fit`` drew. Never corrected are an untrained
        network, rows without gaps (``missing="never"``), and rows of which each has something known of its own, as in
        :meth:`impute`.
    max_epochs : "auto", int or None, default="auto"
        Passes over the rows at most. ``"auto"`` is 400, half as many where no held-out rows can end the fit. For large
        tables it is fewer without ``max_time`` (20,000 rows and more), and up to 1,200 with it (6,400 and more). None
        leaves the limit to ``max_time``; 0 leaves the network untrained, which is the Gaussian copula of the table.
    max_steps : int, optional
        Optimiser steps at most, in the place of ``max_epochs``.
    max_time : float or str, optional
        Limit of the whole fit, in seconds or as ``"90s"``, ``"5min"``; the learning rate decays to match.
        ``"90cpu-s"`` counts processor seconds instead (:class:`~tabdiff_lora.training.TimeLimit`).
    batch_size : "auto" or int, default="auto"
    learning_rate : float, default=2e-3
        Peak of the schedule.
    weight_decay : float, default=0.0
    warm_start : bool, default=False
        Whether a further ``fit`` goes on from the weights of the last one, with its encoding, as ``partial_fit`` does.
    early_stopping : bool, default=True
        Stop when the held-out denoising loss has risen. The weights kept are chosen by that loss in any case.
    validation_fraction : float in [0, 1), default=0.1
        Rows held out for that loss, at most 2,000. Where these would be fewer than 100 none are held out: so few stop a
        fit by chance, on some tables before it began.
    device : "auto" or a torch device, default="auto"
    precision : {"auto", "float32", "bfloat16"}, default="auto"
    random_state : int, RandomState or None, default=None
        With an int, ``fit`` and the first ``sample`` are repeatable (a fit limited by ``max_time`` depends on the
        clock).
    verbose : int, default=0
        0 is silent, 1 shows progress bars on standard error, 2 also what is built and the losses of each check, which
        the logger ``tabdiff_lora`` is told in any case.

    Attributes
    ----------
    schema_ : TableSchema
    encoder_ : TableEncoder
    module_ : torch.nn.Module
        The fitted network.
    history_ : pandas.DataFrame
        One row per check: step, epoch, seconds, train_loss, validation_loss.
    n_iter_ : int
        Optimiser steps made.
    best_iter_ : int
        Step whose weights are used.
    stop_reason_ : str
    density_ratio_ : DensityRatio or None
        What drawn rows are corrected by; None where they are not, or where nothing is to change.
    n_parameters_, n_trainable_parameters_ : int
    backbone_ : Backbone
        The description of the network that was built.
    rank_ : int, dict of layer to int, or None
        Rank of the adapters; None without adapters.
    spectrum_ : Spectrum or None
        Singular values of the table, where they chose the rank; ``spectrum_.plot()`` draws them.
    device_ : torch.device
    fit_time_ : float
        Seconds.
    n_features_in_ : int
        Columns of X.
    feature_names_in_ : ndarray of str
        Only if all column labels are strings.
    target_name_ : column label or None
        Of the column that ``y`` became.

    Examples
    --------
    >>> from sklearn.datasets import load_wine
    >>> from tabdiff_lora import TabularDiffusionSynthesizer
    >>> df = load_wine(as_frame=True).frame
    >>> fake = TabularDiffusionSynthesizer(max_epochs=2, random_state=0).fit(df).sample(5)
    >>> fake.shape
    (5, 14)
    """

    _parameter_constraints: dict = {
        "backbone": [str, PathLike, Backbone, torch.nn.Module],
        "rank": [StrOptions({"auto", "layers"}), Interval(Integral, 1, None, closed="left")],
        "rank_energy": [Interval(Real, 0, 1, closed="both")],
        "prior": [StrOptions(set(PRIORS)), PriorFamily],
        "process": [StrOptions(PROCESSES), DiffusionSpec],
        "sampler": [StrOptions(set(SAMPLERS)), Sampler],
        "n_sampling_steps": [StrOptions({"auto"}), Interval(Integral, 2, None, closed="left")],
        "types": [dict, None],
        "correction": [StrOptions({"auto"}), "boolean"],
        "missing": [StrOptions({"generate", "never", "regression"})],
        "max_epochs": [StrOptions({"auto"}), Interval(Integral, 0, None, closed="left"), None],
        "max_steps": [Interval(Integral, 0, None, closed="left"), None],
        "max_time": [Interval(Real, 0, None, closed="neither"), str, None],
        "batch_size": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
        "learning_rate": [Interval(Real, 0, None, closed="neither")],
        "weight_decay": [Interval(Real, 0, None, closed="left")],
        "warm_start": ["boolean"],
        "early_stopping": ["boolean"],
        "validation_fraction": [Interval(Real, 0, 1, closed="left")],
        "precision": [StrOptions({"auto", "float32", "bfloat16"})],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
    }

    def __init__(
        self,
        backbone="mlp",
        *,
        rank="auto",
        rank_energy=0.95,
        prior="gaussian",
        process="mask",
        sampler="dpmpp",
        n_sampling_steps="auto",
        encoders="auto",
        types=None,
        missing="generate",
        constraints=(),
        correction="auto",
        max_epochs="auto",
        max_steps=None,
        max_time=None,
        batch_size="auto",
        learning_rate=2e-3,
        weight_decay=0.0,
        warm_start=False,
        early_stopping=True,
        validation_fraction=0.1,
        device="auto",
        precision="auto",
        random_state=None,
        verbose=0,
    ):
        self.backbone = backbone
        self.rank = rank
        self.rank_energy = rank_energy
        self.prior = prior
        self.process = process
        self.sampler = sampler
        self.n_sampling_steps = n_sampling_steps
        self.encoders = encoders
        self.types = types
        self.missing = missing
        self.constraints = constraints
        self.correction = correction
        self.max_epochs = max_epochs
        self.max_steps = max_steps
        self.max_time = max_time
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.warm_start = warm_start
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.device = device
        self.precision = precision
        self.random_state = random_state
        self.verbose = verbose

    @with_callbacks
    def fit(self, X, y=None) -> TabularDiffusionSynthesizer:
        """Learn the table.

        Parameters
        ----------
        X : DataFrame or array of shape (n, p)
            Never changed. Columns may hold numbers, booleans, text categories and missing values.
        y : Series or array of shape (n,), optional
            Modelled jointly with X as a further column, under its name or ``"target"``.

        Returns
        -------
        self

        Raises
        ------
        SchemaError, EncodingError
            If the table cannot be learned as it is; names the columns, the values and the cure.
        TrainingError
            If the loss stops being finite.
        """
        return self._learn(X, y, anew=not (self.warm_start and hasattr(self, "denoiser_")))

    @with_callbacks
    def partial_fit(self, X, y=None) -> TabularDiffusionSynthesizer:
        """Go on learning from new rows, for as long as ``fit`` would with as many.

        The encoding stays that of the first call, and with 50 rows or more the weights get no worse on a held-out part
        of the new ones. Rows that are not shown again are forgotten bit by bit: mix some of the old ones in.

        Parameters
        ----------
        X : DataFrame or array of shape (n, p)
        y : Series or array of shape (n,), optional
            As in ``fit``.

        Returns
        -------
        self

        Raises
        ------
        SchemaError, EncodingError
            For a column, or a category, that was not there in the first call.
        """
        return self._learn(X, y, anew=not hasattr(self, "denoiser_"))

    def _learn(self, X, y, *, anew: bool) -> TabularDiffusionSynthesizer:
        started = time.monotonic()
        self._validate_params()
        time_limit = None if self.max_time is None else TimeLimit(self.max_time)
        frame, seeds = with_target(X, y), seed_sequence(self.random_state)
        if anew:
            self.device_, self._n_fits = resolve_device(self.device), 0
            encoder = TableEncoder(self.encoders, types=self.types, missing=self.missing, constraints=self.constraints)
            self.encoder_ = encoder.fit(frame)
            self.schema_, self.target_name_ = encoder.schema_, None if y is None else encoder.schema_.names[-1]
        validate_data(self, X, reset=anew, skip_check_array=True)
        table, root = self.encoder_.encode(frame), stream(seeds, FIT, self._n_fits)
        with limited_threads(), shown_log(logging.DEBUG if self.verbose >= 2 else None):
            if anew:
                self.denoiser_ = self._build(table, root)
                self._describe(self.denoiser_.backbone)
            else:
                self.denoiser_.process = self.denoiser_.process.seeing(table)
            logger.info(
                "fitting %d rows of %d columns: %s of %s parameters to train, on %s ...",
                *(len(table), len(self.schema_.columns)),
                *(f"{self.n_trainable_parameters_:,}", f"{self.n_parameters_:,}", self.device_),
            )
            self._begin_stream(stream(seeds, SAMPLE))
            history = self._train(table, root, time_limit, X, y)
            logger.info("%d steps: %s, weights of step %d", history.n_steps, history.stop_reason, history.best_step)
            self.density_ratio_ = None
            if history.n_steps and self._is_corrected(len(table)):
                self.density_ratio_ = self._compare(frame, root, time_limit)
                replaced = self.density_ratio_.replaced if self.density_ratio_ else 0.0
                logger.info("%.0f %% of drawn rows will be replaced", 100 * replaced)
        self._keep_history(history, anew)
        self._n_fits += 1
        self.fit_time_ = time.monotonic() - started
        return self

    def _describe(self, module: torch.nn.Module) -> None:
        """Publish what was built."""
        self.module_ = module
        self.n_parameters_ = sum(p.numel() for p in module.parameters())
        self.n_trainable_parameters_ = sum(p.numel() for p in module.parameters() if p.requires_grad)
        self.rank_, self.spectrum_ = getattr(module, "rank", None), getattr(module, "spectrum", None)

    def _keep_history(self, history: History, anew: bool) -> None:
        """Publish what happened, after what happened in earlier calls that this one continues."""
        records = pd.DataFrame(history.records, columns=["step", "epoch", "seconds", "train_loss", "validation_loss"])
        n_before = 0
        if not anew:
            n_before = self.n_iter_
            if len(self.history_):
                records[["step", "epoch", "seconds"]] += self.history_[["step", "epoch", "seconds"]].iloc[-1]
            records = pd.concat([self.history_, records], ignore_index=True)
        self.history_ = records
        self.n_iter_, self.best_iter_ = n_before + history.n_steps, n_before + history.best_step
        self.stop_reason_ = history.stop_reason

    def score_samples(self, X, y=None) -> np.ndarray:
        """Say how typical rows are: minus the denoising loss on one fixed grid of noise.

        Parameters
        ----------
        X : table of shape (n, p)
        y : Series or array of shape (n,), optional
            As in ``fit``. Where ``fit`` had one and it is not given, rows are judged without it.

        Returns
        -------
        ndarray of shape (n,)
            Higher is more typical; about -1 is what independent columns would get.

        Raises
        ------
        SchemaError, EncodingError
            For a column or a value that was not there in ``fit``.
        """
        check_is_fitted(self)
        validate_data(self, X, reset=False, skip_check_array=True)
        if y is None and self.target_name_ is not None:
            table, *known = self.encoder_.encode_known(X)
        else:
            table = self.encoder_.encode(with_target(X, y))
            known = np.ones(table.low.shape, dtype=bool), np.ones(table.cat.shape, dtype=bool)
        with limited_threads():
            return denoising_scores(self.denoiser_, table, *known)

    def score(self, X, y=None) -> float:
        """Average :meth:`score_samples` over rows, so that ``GridSearchCV`` can compare synthesizers.

        Parameters
        ----------
        X : table of shape (n, p)
        y : Series or array of shape (n,), optional
            As in ``fit``.
        """
        return float(self.score_samples(X, y).mean())

    def _html_repr(self) -> str:
        html = estimator_html_repr(self)
        return html + fitted_html(self.schema_, self.history_) if hasattr(self, "history_") else html

    def _repr_html_inner(self) -> str:
        return self._html_repr()

    def _repr_mimebundle_(self, **kwargs) -> dict[str, str]:
        bundle = super()._repr_mimebundle_(**kwargs)
        return bundle | {"text/html": self._html_repr()} if "text/html" in bundle else bundle

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.categorical = tags.input_tags.string = True
        return tags

    def _row_blocks(self, root: np.random.SeedSequence, request: Request) -> RowBlocks:
        sampler = resolve_sampler(self.sampler, self.n_sampling_steps)
        size = self.backbone_.block_size(self.device_)
        ratio = self.density_ratio_ if self.correction else None
        return RowBlocks(self.encoder_, self.denoiser_, sampler, size, root, request, ratio, verbose=int(self.verbose))

    def _build(self, table: EncodedTable, root: np.random.SeedSequence) -> Denoiser:
        self.backbone_ = resolve_backbone(self.backbone, rank=self.rank, rank_energy=self.rank_energy)
        labels = Labels(self.encoder_.arrangement_, self.target_name_)
        prior, spec = resolve_prior(self.prior), resolve_process(self.process)
        dtype = resolve_dtype(self.precision, self.device_)
        return assemble(table, labels, prior, spec, self.backbone_, root, dtype=dtype).to_device(self.device_)

    def _train(self, table: EncodedTable, root, time_limit: TimeLimit | None, X, y) -> History:
        train, held_out = self._split(table, np.random.default_rng(stream(root, 2)))
        batch_size = self.backbone_.auto_batch_size(len(table)) if self.batch_size == "auto" else self.batch_size
        max_steps = self._max_steps(len(train), batch_size, time_limit is not None, held_out is not None)
        if time_limit is not None and self._is_corrected(len(table)):
            time_limit = time_limit.leaving(reserved_time(time_limit.seconds))
        plan = self._plan(max_steps, time_limit, batch_size)
        dropout = borrowed_generator(stream(root, 4), self.device_)
        callbacks = CheckCallbacks(self, X, y, lambda: {"denoiser_": copy.deepcopy(self.denoiser_)})
        with ProgressBar(enabled=bool(self.verbose)) as bar, callbacks, dropout:

            def on_check(record: dict, progress: float) -> bool:
                bar.update(record, progress)
                logger.debug("step %(step)d: loss %(train_loss).4f, of held-out rows %(validation_loss).4f", record)
                return callbacks.update()

            trainer = Trainer(self.denoiser_, plan, torch_generator(stream(root, 3), self.device_), on_check)
            return trainer.fit(
                TrainingRows.from_encoded(train, self.device_),
                TrainingRows.from_encoded(held_out, self.device_) if held_out is not None else None,
            )

    def _is_corrected(self, n_rows: int) -> bool:
        wanted = self.backbone_.draws_fast and n_rows >= MIN_ROWS if self.correction == "auto" else self.correction
        return bool(wanted) and not self.encoder_.undrawn_levels().any()

    def _compare(self, frame, root: np.random.SeedSequence, time_limit: TimeLimit | None) -> DensityRatio | None:
        """Hold drawn rows against the training rows; drawing may take half of the time that is left."""
        limit = time_limit or TimeLimit.endless()
        drawing_limit = limit.leaving(reserved_time(limit.seconds) / 2)
        real, blocks = self.encoder_.features(frame), self._row_blocks(stream(root, 5), Request(0))
        drawn = blocks.features(n_drawn_rows(len(real)), stream(root, 6), is_over=drawing_limit.is_over)
        n_threads = torch.get_num_threads()
        return DensityRatio.fit(real, drawn, stream(root, 7), n_threads=n_threads, is_over=limit.is_over)

    def _plan(self, max_steps: int | None, time_limit: TimeLimit | None, batch_size: int) -> TrainingPlan:
        return TrainingPlan.suited(
            self.denoiser_,
            max_steps=max_steps,
            time_limit=time_limit,
            batch_size=batch_size,
            learning_rate=self.learning_rate,
            weight_decay=self.weight_decay,
            early_stopping=self.early_stopping,
        )

    def _split(self, table: EncodedTable, rng) -> tuple[EncodedTable, EncodedTable | None]:
        n_held_out = min(MAX_HELD_OUT, int(self.validation_fraction * len(table)))
        return (table, None) if n_held_out < MIN_HELD_OUT else table.split(n_held_out, rng)

    def _max_steps(self, n_rows: int, batch_size: int, is_timed: bool, is_checked: bool) -> int | None:
        if self.encoder_.layout_.n_numerical + self.encoder_.layout_.n_categorical == 0:
            return 0  # only constants: nothing to learn
        if self.max_steps is not None:
            return self.max_steps
        if self.max_epochs == "auto":
            row_passes = self.backbone_.auto_row_passes(n_rows, is_timed=is_timed)
            return math.ceil(row_passes / batch_size / (1 if is_checked else 2))
        if self.max_epochs is None:
            if not is_timed:
                raise ValueError("max_epochs and max_time must not both be None. Set one of them.")
            return None
        return math.ceil(self.max_epochs * n_rows / batch_size)
