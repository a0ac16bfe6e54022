"""Rows of q become rows of p, and as many as possible stay."""

import numpy as np
import pytest

from tabdiff_lora.correction import replacing
from tabdiff_lora.correction.replacement import systematic

P, Q = np.array([0.5, 0.3, 0.15, 0.05]), np.array([0.3, 0.3, 0.3, 0.1])
N, N_SPARE = 20_000, 40_000


def drawn(seed: int = 0, n: int = N + N_SPARE) -> np.ndarray:
    return np.random.default_rng(seed).choice(4, n, p=Q)


def test_rows_get_the_law_of_the_ratio():
    x = drawn()
    rows = replacing((P / Q)[x], N, np.random.default_rng(1))
    np.testing.assert_allclose(np.bincount(x[rows]) / N, P, atol=4 * np.sqrt(0.25 / N))


def test_no_coupling_keeps_more_rows():
    """The share of rows that go is the total variation between p and q."""
    rows = replacing((P / Q)[drawn()], N, np.random.default_rng(1))
    assert (rows != np.arange(N)).mean() == pytest.approx(np.abs(P - Q).sum() / 2, abs=0.01)


def test_no_row_stands_in_two_places():
    rows = replacing((P / Q)[drawn(n=300)], 200, np.random.default_rng(1))
    assert len(set(rows)) == 200


@pytest.mark.parametrize("n_spare", [0, 3])
def test_rows_stay_where_nothing_better_is_left(n_spare):
    x = drawn(n=100 + n_spare)
    rows = replacing((P / Q)[x], 100, np.random.default_rng(1))
    assert (rows >= 100).sum() <= n_spare


def test_a_ratio_of_one_changes_nothing():
    np.testing.assert_array_equal(replacing(np.ones(150), 100, np.random.default_rng(0)), np.arange(100))


def test_groups_keep_to_themselves_and_are_conditioned_on():
    """Within a group the ratio is scaled to 1 on average: the law given the group, as often as it was asked for."""
    x, groups = drawn(), np.random.default_rng(2).integers(0, 2, N + N_SPARE)
    ratio = (P / Q)[x] * np.array([0.1, 3.0])[groups]
    rows = replacing(ratio, N, np.random.default_rng(1), groups)
    np.testing.assert_array_equal(groups[rows], groups[:N])
    for group in (0, 1):
        found = np.bincount(x[rows][groups[:N] == group]) / (groups[:N] == group).sum()
        np.testing.assert_allclose(found, P, atol=4 * np.sqrt(0.25 / (N / 2)))


def test_entries_are_chosen_as_often_as_their_weight_says_and_never_twice():
    weight, rng = np.array([1.0, 2.0, 3.0, 4.0, 30.0]), np.random.default_rng(0)
    counts = np.zeros(5)
    for _ in range(4_000):
        chosen = systematic(weight, 3, rng)
        assert len(set(chosen)) == 3
        counts[chosen] += 1 / 4_000
    np.testing.assert_allclose(counts, [0.2, 0.4, 0.6, 0.8, 1.0], atol=0.04)  # the last one is certain: two of ten left


def test_all_entries_are_chosen_where_as_many_are_asked_for():
    assert sorted(systematic(np.array([1e-9, 1.0, 5.0]), 3, np.random.default_rng(0))) == [0, 1, 2]
