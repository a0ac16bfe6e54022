"""Uniforms and normals that belong together: right one by one, even all together, and no two columns alike."""

import pytest
import torch
from scipy.stats import kstest

from tabdiff_lora.stratified import N_LEVELS, balanced_uniforms, latin_normals, stratified_uniforms


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def test_stratified_uniforms_are_even():
    u = stratified_uniforms(1_000, generator()).sort().values
    assert torch.allclose(u.diff(), torch.tensor(1e-3), atol=1e-5) and u.min() >= 0 and u.max() < 1


@pytest.mark.parametrize("n", [1, 2, 7, 1_000])
def test_latin_normals_fill_every_stratum_once(n):
    z = latin_normals(n, 3, generator())
    strata = (torch.special.ndtr(z.double()) * n).long()
    assert (strata.sort(dim=0).values == torch.arange(n)[:, None]).all()


def test_a_row_of_latin_normals_is_a_row_of_independent_ones():
    g = generator()
    rows = torch.cat([latin_normals(4, 2, g)[1:2] for _ in range(4_000)])
    assert kstest(rows[:, 0], "norm").pvalue > 0.001
    assert kstest((rows[:, 0] + rows[:, 1]) / 2**0.5, "norm").pvalue > 0.001
    assert kstest((rows[:, 0] - rows[:, 1]) / 2**0.5, "norm").pvalue > 0.001


def test_latin_normals_of_two_columns_are_independent():
    z = latin_normals(100_000, 2, generator())
    assert abs(float(torch.corrcoef(z.T)[0, 1])) < 4 / 100_000**0.5


def test_nothing_may_be_asked_for():
    assert latin_normals(0, 3, generator()).shape == (0, 3) and latin_normals(3, 0, generator()).shape == (3, 0)
    nothing = torch.zeros(5, 0)
    assert balanced_uniforms(nothing, nothing.bool(), generator()).shape == (5, 0)


@pytest.mark.parametrize("level", range(1, N_LEVELS + 1))
def test_neighbours_by_the_key_lie_in_different_parts(level):
    key = torch.randn(1_000, 2, generator=generator(1))
    u = balanced_uniforms(key, torch.ones_like(key, dtype=torch.bool), generator())
    for column in range(2):
        part = (u[key[:, column].argsort(), column] * 2**level).long()
        groups = part[: 1_000 // 2**level * 2**level].unflatten(0, (-1, 2**level))
        assert (groups.sort(dim=1).values == torch.arange(2**level)).all()


def test_only_chosen_rows_are_neighbours():
    key = torch.randn(64, 1, generator=generator(1))
    chosen = torch.arange(64)[:, None] % 4 == 0
    u = balanced_uniforms(key, chosen, generator())
    assert sorted((u[chosen] * 16).long().tolist()) == list(range(16))


def test_each_balanced_uniform_is_uniform_also_where_the_rows_are_no_power_of_two():
    g, key = generator(), torch.tensor([[0.0], [1.0], [2.0]])
    u = torch.cat([balanced_uniforms(key, torch.ones(3, 1, dtype=torch.bool), g) for _ in range(4_000)], dim=1)
    for row in u:
        assert kstest(row, "uniform").pvalue > 0.001


def test_columns_sorted_alike_draw_independently():
    key = torch.zeros(2**14, 2)
    u = balanced_uniforms(key, torch.ones_like(key, dtype=torch.bool), generator())
    counts = torch.histogramdd(u, 4, range=[0, 1, 0, 1]).hist / len(u)
    assert torch.allclose(counts, torch.tensor(1 / 16), atol=4 * (1 / 16 / len(u)) ** 0.5)
