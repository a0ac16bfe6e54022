"""RowBlocks: rows as a function of a seed and their number.

Rows are drawn in blocks of fixed places, and block b has randomness of its own, so row i is the same whether five rows
are asked for or a million, at once or in pieces. A block is drawn whole, so that its rows lie evenly; the first ones
are small, so that a few rows cost little and are most of one. A row that breaks a rule is drawn again, from the next
randomness of its block; where all rows are alike (nothing is known of single ones) any row that obeys takes the next
free place, so the first few need no full block of good ones.

Where the density ratio of training rows and drawn ones is known (:mod:`tabdiff_lora.correction`), some rows beside are
drawn with each block, and take the place of those that are too frequent.
"""

from __future__ import annotations

import itertools
import math
from bisect import bisect_right
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import numpy as np
import pandas as pd
import torch
from tqdm.auto import tqdm

from tabdiff_lora.compute import limited_threads
from tabdiff_lora.correction import DensityRatio, replacing
from tabdiff_lora.denoiser import Denoiser
from tabdiff_lora.drawing.ahead import Ahead
from tabdiff_lora.drawing.given import Given
from tabdiff_lora.drawing.request import Request
from tabdiff_lora.drawing.rules import Rules
from tabdiff_lora.drawing.side_by_side import n_workers_for, side_by_side
from tabdiff_lora.errors import SamplingError
from tabdiff_lora.randomness import stream, torch_generator
from tabdiff_lora.sampling import Sampler
from tabdiff_lora.table import TableEncoder
from tabdiff_lora.table.dtypes import replace_cells

MAX_FRUITLESS = 20  # redraws in a row that bring no row that obeys
MIN_SHARE = 1e-3  # of rows that obey; with fewer a draw would take a thousand times as long
MIN_REDRAW = 64  # rows: below, a step of the sampler costs the same
PATIENCE = 1.0  # seconds before a bar is shown


class Places:
    """Which rows stand in which block: twice an eighth of a block, a quarter, a half, and whole ones from then on.

    Parameters
    ----------
    size : int
        Rows of a whole block.
    """

    def __init__(self, size: int):
        self.whole = size
        self.first = sorted({0, *(size >> halvings for halvings in (3, 2, 1))})  # where the small blocks start

    def start(self, number: int) -> int:
        """Return the first row of a block."""
        n_small = len(self.first)
        return self.first[number] if number < n_small else (number - n_small + 1) * self.whole

    def size(self, number: int) -> int:
        """Return the rows of a block."""
        return self.start(number + 1) - self.start(number)

    def block_of(self, row: int) -> int:
        """Return the number of the block that a row stands in."""
        if row < self.whole:
            return bisect_right(self.first, row) - 1
        return row // self.whole + len(self.first) - 1


class RowBlocks:
    """Draws the rows of one request; to be read once.

    Parameters
    ----------
    encoder : TableEncoder
    denoiser : Denoiser
    sampler : Sampler
    size : int
        Rows of a block, but for the first ones.
    root : SeedSequence
        All randomness of the request.
    request : Request
    ratio : DensityRatio, optional
        Where rows that are too frequent shall be replaced.
    verbose : int, default=0
        From 1 on a bar on standard error counts the rows, if they take longer than a second.
    """

    def __init__(
        self,
        encoder: TableEncoder,
        denoiser: Denoiser,
        sampler: Sampler,
        size: int,
        root: np.random.SeedSequence,
        request: Request,
        ratio: DensityRatio | None = None,
        verbose: int = 0,
    ):
        self.encoder, self.sampler, self.size, self.root, self.request = encoder, sampler, size, root, request
        self.places = Places(size)
        self.denoiser, self.ratio, self.verbose = denoiser, ratio, verbose
        if request.forbidden is not None:
            self.denoiser = denoiser.without(torch.as_tensor(request.forbidden, device=denoiser.device))
        self.rules = Rules(encoder, request.rules)
        self.ahead = Ahead(encoder, request.rules, request.forbidden, is_blank=request.given is None)
        if request.first_row and self.rules.bind_rows:
            raise ValueError("first_row must be 0 where Unique makes rows depend on those before them.")
        self.are_alike = request.given is None or request.given.are_alike  # nothing distinguishes rows
        self.is_endless = self.are_alike or request.given.shares is not None  # no row is one of a kind
        self._issued: dict = {}  # keys of the blocks so far

    def frames(self) -> Iterator[pd.DataFrame]:
        """Yield the rows block by block.

        Raises
        ------
        SamplingError
            If a rule cannot be met; ``partial`` holds the rows of the block so far.
        """
        n_rows, is_silent = self.request.n_rows, self.verbose < 1
        start, stop = self.request.first_row, self.request.first_row + n_rows
        if start == stop:
            return
        numbers = range(self.places.block_of(start), self.places.block_of(stop - 1) + 1)
        for number in range(numbers.start):
            self._with_keys(self._no_rows(), number, self.places.size(number))  # so that theirs are not issued again
        with (
            tqdm(total=n_rows, desc="sample", unit=" rows", unit_scale=True, delay=PATIENCE, disable=is_silent) as bar,
            closing(self._side_by_side(self._first_candidates, numbers)) as candidates,
        ):
            for number, drawn in zip(numbers, candidates, strict=True):
                before = self.places.start(number)
                block = self._block(number, drawn, max(start - before, 0), min(stop - before, self.places.size(number)))
                bar.update(len(block))
                yield block

    def frame(self) -> pd.DataFrame:
        """All rows; the ``partial`` of an error holds those before it."""
        frames = []
        try:
            frames.extend(self.frames())
        except SamplingError as error:
            error.partial = pd.concat([*frames, error.partial], ignore_index=True)
            raise
        if not frames:
            return self._no_rows()
        return frames[0] if len(frames) == 1 else pd.concat(frames, ignore_index=True)

    def chunks(self, size: int) -> Iterator[pd.DataFrame]:
        """Yield the rows ``size`` at a time, their index counting on; the last chunk may be shorter.

        No rows are one empty chunk: a file of them has its columns.
        """
        waiting, n_done, first = [], 0, self.request.first_row
        if not self.request.n_rows:
            yield self._no_rows()
        for frame in self.frames():
            waiting.append(frame)
            while (n_waiting := sum(map(len, waiting))) >= size or n_waiting == self.request.n_rows - n_done > 0:
                whole = pd.concat(waiting) if len(waiting) > 1 else waiting[0]
                chunk, waiting = whole.iloc[:size], [whole.iloc[size:]]
                yield chunk.set_axis(pd.RangeIndex(first + n_done, first + n_done + len(chunk)))
                n_done += len(chunk)

    def _side_by_side(self, draw: Callable[[int], Any], numbers: range) -> Iterator:
        """``draw`` of the blocks with these numbers, in order."""
        n_workers = n_workers_for(self.denoiser.backbone, self.denoiser.device)
        return side_by_side(draw, numbers, min(n_workers, len(numbers)))

    def _first_candidates(self, number: int) -> pd.DataFrame:
        """A candidate for each place of a block."""
        places = self.places.start(number) + np.arange(self._n_places(number))
        return self._draw(places, stream(self.root, 1, number, 0))

    def _block(self, number: int, candidates: pd.DataFrame, start: int, stop: int) -> pd.DataFrame:
        """Rows ``start`` to ``stop`` - 1 of a block, of which the first candidates are drawn already."""
        seeds, first = stream(self.root, 1, number), self.places.start(number)
        n_places = self._n_places(number)
        free, taken, kept, n_drawn, last_success = np.arange(n_places), [], [], 0, 0
        places = free
        for round_ in itertools.count():
            good = np.flatnonzero(self.rules.met_by(candidates))
            if self.are_alike:
                good, filled = good[: len(free)], free[: len(good)]
            else:
                filled, earliest = np.unique(places[good], return_index=True)
                good = good[earliest]
            taken.append(filled)
            kept.append(candidates.iloc[good])
            self.rules.keep(kept[-1])
            free, n_drawn = np.setdiff1d(free, filled), n_drawn + len(candidates)
            last_success = round_ if len(good) else last_success
            block = pd.concat(kept).iloc[np.concatenate(taken).argsort()].head(stop).reset_index(drop=True)
            if not (free < stop).any():
                return self._with_keys(block, number, n_places).iloc[start:].reset_index(drop=True)
            is_rare = round_ >= MAX_FRUITLESS and n_places - len(free) < MIN_SHARE * n_drawn
            if is_rare or round_ - last_success >= MAX_FRUITLESS:
                message = f"rows of sample must meet {self.rules.hardest()}. Ask for fewer rows, or relax it."
                raise SamplingError(message, partial=block.iloc[start:])
            places = np.resize(free, self._n_candidates(n_places, len(free), n_drawn))
            candidates = self._draw(first + places, stream(seeds, round_ + 1))

    def _with_keys(self, block: pd.DataFrame, number: int, n_places: int) -> pd.DataFrame:
        """The first rows of a block with keys; those of all ``n_places`` are issued then."""
        rng = np.random.default_rng(stream(self.root, 2, number))
        return self.encoder.with_new_keys(block, n_places, rng, self._issued)

    def _no_rows(self) -> pd.DataFrame:
        layout = self.encoder.layout_
        return self.encoder.decode_frame(np.empty((0, layout.n_numerical)), np.empty((0, layout.n_categorical), int))

    def _draw(self, numbers: np.ndarray, seeds: np.random.SeedSequence) -> pd.DataFrame:
        """One candidate for each of these rows."""
        inner = self.inner(numbers, seeds)
        if self.ratio is not None and self.is_endless:
            inner = self._corrected(inner, numbers, seeds)
        return self._with_observed(self.encoder.put_together(inner), numbers)

    def inner(self, numbers: np.ndarray, seeds: np.random.SeedSequence) -> pd.DataFrame:
        """Rows with these numbers as the network draws them, in the columns that are encoded."""
        denoiser = self.denoiser
        with limited_threads(), denoiser.backbone.merged(), torch.inference_mode():
            generator, rng = torch_generator(stream(seeds, 0), denoiser.device), np.random.default_rng(stream(seeds, 1))
            if self.request.given is not None or self.ahead.columns:
                given = self.request.given or Given.nothing(self.encoder.layout_, 1)
                given = given.of(numbers)
                self.ahead.complete(given, denoiser, generator, rng)
                denoiser = given.condition(denoiser, rng)
            state = self.sampler.sample(denoiser, len(numbers), generator)
        num, cat = state.num.cpu().numpy(), state.cat.cpu().numpy()
        return self.encoder.decode_inner(num, cat, rng=np.random.default_rng(stream(seeds, 2)))

    def features(
        self, n_rows: int, seeds: np.random.SeedSequence, *, is_over: Callable[[], bool] = lambda: False
    ) -> np.ndarray:
        """Features of ``n_rows`` rows or a few more as the network draws them, (n, F); of fewer when time is over."""
        found, rows, numbers = [], np.arange(self.size), range(math.ceil(n_rows / self.size))

        def draw(number: int) -> np.ndarray:
            return self.encoder.inner_features(self.inner(rows, stream(seeds, number)))

        with closing(self._side_by_side(draw, numbers)) as drawn:
            for block in tqdm(drawn, total=len(numbers), desc="compare", disable=self.verbose < 1):
                found.append(block)
                if is_over():
                    break
        return np.concatenate(found)

    def _corrected(self, inner: pd.DataFrame, numbers: np.ndarray, seeds: np.random.SeedSequence) -> pd.DataFrame:
        """The same rows, but for those of which there are too many."""
        spare = np.resize(numbers, self.ratio.n_spare(len(numbers)))
        both = pd.concat([inner, self.inner(spare, stream(seeds, 3))], ignore_index=True)
        groups = self._groups(np.concatenate([numbers, spare]))
        most = len(both) / len(inner)  # times as many rows of a kind as were drawn, that there are to choose from
        ratio = self.ratio(self.encoder.inner_features(both), is_raked=groups is None, most=most)
        rows = replacing(ratio, len(numbers), np.random.default_rng(stream(seeds, 4)), groups)
        return both.iloc[rows].reset_index(drop=True)

    def _groups(self, numbers: np.ndarray) -> np.ndarray | None:
        """Which rows may stand for each other: those of which the same is known; None where nothing is."""
        if self.request.given is not None:
            return self.request.given.places(numbers)
        return np.zeros(len(numbers), dtype=np.int64) if self.ahead.columns else None

    def _with_observed(self, frame: pd.DataFrame, numbers: np.ndarray) -> pd.DataFrame:
        """Drawn rows with what was observed of them in its place, to the last digit."""
        if self.request.observed is None:
            return frame
        rows = numbers if len(self.request.observed) > 1 else np.zeros_like(numbers)
        frame = frame.copy(deep=False)
        for name, column in self.request.observed.iloc[rows].items():
            present = np.flatnonzero(column.notna())
            frame[name] = replace_cells(frame[name], present, column.iloc[present])
        return frame

    def _n_places(self, number: int) -> int:
        """Rows of a block; the last one is short where each row has its own."""
        size = self.places.size(number)
        return size if self.is_endless else min(size, self.request.n_rows - self.places.start(number))

    def _n_candidates(self, n_places: int, n_free: int, n_drawn: int) -> int:
        """How many to draw next: what the free places will take at the share so far."""
        wanted = 1.25 * n_free * n_drawn / max(n_places - n_free, 1)
        return min(self.size, max(MIN_REDRAW, 2 ** math.ceil(math.log2(wanted))))
