r"""Uniforms and normals that belong together: each by itself has its law, and all of them together lie evenly.

A mean over n rows that were drawn so has less noise than one over n independent rows, and nothing else changes. The
times of a batch are spread over [0, 1) (:func:`stratified_uniforms`), the normal scores of drawn rows over each
dimension (:func:`latin_normals`), and the uniforms that choose their categories over rows of like probabilities
(:func:`balanced_uniforms`). Two columns never share their randomness, so their dependence is that of independent draws.

References
----------
Latin hypercubes: M. D. McKay, R. J. Beckman and W. J. Conover, A comparison of three methods for selecting values of
input variables (1979). Sorting the chains of a walk so that even points serve each step: P. L'Ecuyer, C. Lecot and
B. Tuffin, A randomized quasi-Monte Carlo simulation method for Markov chains (2008). Nested permutations: A. B. Owen,
Randomly permuted (t, m, s)-nets and (t, s)-sequences (1995).
"""

from __future__ import annotations

import torch
from torch import Generator, Tensor

N_LEVELS = 7  # balanced over 2, 4, ... 128 neighbours: about as many rows as reveal a column in one step


def stratified_uniforms(n: int, generator: Generator) -> Tensor:
    """A randomly shifted regular grid in [0, 1), in random order; shape (n,)."""
    device = generator.device
    grid = (torch.arange(n, device=device) + torch.rand(1, generator=generator, device=device)) / n
    return grid[torch.randperm(n, generator=generator, device=device)]


def latin_normals(n_rows: int, n_columns: int, generator: Generator) -> Tensor:
    """Standard normals, each column with one in each of n strata of equal probability; float32 (n_rows, n_columns)."""
    shape, device = (n_rows, n_columns), generator.device
    strata = torch.rand(shape, generator=generator, device=device).argsort(dim=0)
    within = torch.rand(shape, generator=generator, device=device, dtype=torch.float64).clamp(1e-9, 1 - 1e-9)
    return torch.special.ndtri((strata + within) / max(n_rows, 1)).float()


def balanced_uniforms(key: Tensor, chosen: Tensor, generator: Generator) -> Tensor:
    """Uniforms in [0, 1), such that the chosen rows with neighbouring keys have far apart ones.

    Among any aligned 2^l neighbours, in the order of the key, each of the 2^l equal parts of [0, 1) has one uniform.

    Parameters
    ----------
    key : Tensor of shape (B, C)
        What the rows of a column are sorted by.
    chosen : Tensor of shape (B, C), bool
        Which entries need one; others get anything.
    generator : Generator

    Returns
    -------
    Tensor of shape (B, C), float32
    """
    n_columns, device = key.shape[1], generator.device
    order = torch.where(chosen, key, torch.inf).argsort(dim=0)[: int(chosen.sum(dim=0).max()) if n_columns else 0]
    rank = torch.arange(len(order), device=device)[:, None]
    part = torch.zeros_like(order)  # of 2^level, found so far
    for level in range(N_LEVELS):
        # Two halves of 2^(level + 1) neighbours each have one row in this part; a coin says which goes to its left.
        pair = ((rank >> (level + 1)) << level) + part
        n_pairs = ((len(order) >> (level + 1)) + 1) << level
        coins = torch.randint(2, (n_pairs, n_columns), generator=generator, device=device)
        part = 2 * part + (((rank >> level) & 1) ^ coins.gather(0, pair))
    within = torch.rand(order.shape, generator=generator, device=device)
    uniforms = ((part + within) / 2**N_LEVELS).clamp_max(1 - 2**-24)
    return torch.zeros_like(key, dtype=torch.float32).scatter_(0, order, uniforms)
