import numpy as np
import pytest

from tabdiff_lora.backbones import rank as rank_module
from tabdiff_lora.backbones.rank import Spectrum, design_matrix, effective_rank, singular_values
from tabdiff_lora.table.encoded import EncodedTable
from tests.exact import layout_of

RNG = np.random.default_rng(0)


def with_spectrum(values, n=40, d=25) -> np.ndarray:
    """A matrix with given singular values in random bases."""
    left, right = (np.linalg.qr(RNG.normal(size=(size, len(values))))[0] for size in (n, d))
    return (left * values) @ right.T


def encoded(num, *columns) -> EncodedTable:
    cat = np.stack(columns, axis=1) if columns else np.empty((len(num), 0), np.int64)
    layout = layout_of(num.shape[1], *(int(column.max()) + 1 for column in columns))
    return EncodedTable(layout, num, num, cat)


@pytest.mark.parametrize(
    ("energy", "singular", "variance"),
    [(0.0, 1, 1), (0.5, 1, 1), (0.51, 2, 1), (0.8, 2, 2), (0.94, 3, 3), (0.95, 3, 3), (0.96, 4, 3), (1.0, 4, 4)],
)
def test_rank_of_a_matrix_with_a_known_spectrum(energy, singular, variance):
    matrix = with_spectrum([10.0, 6.0, 3.0, 1.0])  # shares .50, .80, .95, 1; of the squares .68, .93, .99, 1
    assert effective_rank(matrix, energy) == singular
    assert effective_rank(matrix, energy, "variance") == variance


def test_rank_grows_with_the_energy_and_does_not_depend_on_the_basis():
    matrix = RNG.normal(size=(60, 12)) * np.linspace(0.1, 2, 12)
    ranks = [effective_rank(matrix, energy) for energy in np.linspace(0, 1, 21)]
    assert ranks == sorted(ranks) and ranks[0] == 1 and ranks[-1] == 12
    rotation = np.linalg.qr(RNG.normal(size=(12, 12)))[0]
    assert [effective_rank(matrix @ rotation, energy) for energy in np.linspace(0, 1, 21)] == ranks


def test_full_energy_is_the_numerical_rank_and_not_the_width():
    assert effective_rank(with_spectrum([1.0, 1.0, 1e-3]), 1.0) == 3
    assert effective_rank(np.ones((10, 4)), 1.0) == 1


def test_rank_is_capped_and_never_below_one():
    assert effective_rank(np.eye(10), 0.95, max_rank=4) == 4
    for empty in (np.zeros((5, 3)), np.zeros((0, 3)), np.zeros((3, 0))):
        assert effective_rank(empty) == 1


def test_randomised_decomposition_agrees_where_the_spectrum_falls(monkeypatch):
    matrix = with_spectrum(2.0 ** -np.arange(20.0), 90, 80)
    exact = singular_values(matrix)
    monkeypatch.setattr(rank_module, "EXACT_UP_TO", 10)
    monkeypatch.setattr(rank_module, "N_COMPONENTS", 30)
    assert np.allclose(singular_values(matrix)[:20], exact[:20], atol=1e-9)
    noise = RNG.normal(size=(90, 80))
    assert effective_rank(noise, 0.9) >= Spectrum(np.linalg.svd(noise, compute_uv=False), 0.9).rank


def test_design_matrix_gives_numbers_and_levels_comparable_weight():
    table = encoded(RNG.normal(3, 9, size=(500, 2)), np.arange(500) % 4)
    matrix = design_matrix(table)
    assert matrix.shape == (500, 6)
    assert np.allclose(matrix.mean(0), 0) and np.allclose(matrix[:, :2].std(0), 1)
    assert np.allclose(matrix[:, 2:].var(0), 0.75)  # 1 - 1/4: balanced levels


def test_rank_of_a_table_counts_its_directions():
    x = RNG.normal(size=(1_000, 3))
    assert effective_rank(design_matrix(encoded(x)), 0.99) == 3
    assert effective_rank(design_matrix(encoded(x[:, [0, 0, 0]])), 0.99) == 1
    level = RNG.integers(5, size=1_000)
    assert effective_rank(design_matrix(encoded(x[:, :0], level)), 0.999) == 4  # K - 1
    assert effective_rank(design_matrix(encoded(x[:, :0], level, level)), 0.999) == 4


def test_one_row_and_constant_columns_have_rank_one():
    assert effective_rank(design_matrix(encoded(np.ones((1, 3)), np.zeros(1, np.int64)))) == 1
    assert effective_rank(design_matrix(encoded(np.full((20, 3), 2.0)))) == 1


def test_large_tables_are_sampled():
    assert design_matrix(encoded(RNG.normal(size=(7_000, 2)))).shape == (5_000, 2)


def test_spectrum_refuses_what_is_no_share_and_draws_its_scree_picture():
    with pytest.raises(ValueError, match=r"rank_energy of eq. 8 must be in \[0, 1\]. Got 1.5"):
        effective_rank(np.eye(2), 1.5)
    with pytest.raises(ValueError, match="kind of a spectrum must be 'singular' or 'variance'"):
        effective_rank(np.eye(2), kind="trace")
    assert Spectrum(np.array([2.0, 1.0]), 0.5).plot().get_title() == "rank 1 at energy 0.5"
