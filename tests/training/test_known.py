"""What rows show while they are trained on, and that the network learns to use it."""

import numpy as np
import pytest
import torch

from tabdiff_lora.diffusion import CategoricalDiffusion, GaussianDiffusion, GaussianPrior, TableDiffusion
from tabdiff_lora.layout import TableLayout
from tabdiff_lora.sampling import DPMSolverSampler
from tabdiff_lora.state import Known, TableState
from tabdiff_lora.table.encoded import EncodedTable
from tabdiff_lora.training.known import KnownColumns
from tests.exact import layout_of
from tests.training.test_training import fit

PAIRED = TableLayout(("a", "b"), ("a state", "c"), (("x", "y"), ("x", "y")), owners=(0, 1, 0, 2))


def known_columns(layout, batch_size, share, prior=None) -> KnownColumns:
    prior = prior or GaussianPrior.standard(layout.n_numerical)
    process = TableDiffusion(GaussianDiffusion(prior), CategoricalDiffusion(layout))
    return KnownColumns(process, batch_size, share, torch.Generator().manual_seed(0))


def test_the_share_of_rows_that_show_something_and_how_much_they_show():
    columns, generator = known_columns(layout_of(3, 2, 2), 256, 0.25), torch.Generator().manual_seed(0)
    sizes = torch.cat([torch.cat(columns.draw(generator)[:2], 1).sum(1) for _ in range(500)])
    assert columns.n_runs == 32
    assert float((sizes > 0).float().mean()) == pytest.approx(0.25)
    assert torch.bincount(sizes[sizes > 0]).tolist()[1:] == pytest.approx([1_000] * 4, rel=0.15)


def test_the_dimensions_of_a_column_are_known_together():
    num, cat, _ = known_columns(PAIRED, 32, 1.0).draw(torch.Generator().manual_seed(0))
    assert torch.equal(num[:, 0], cat[:, 0])
    assert (num.sum(1) + cat[:, 1]).tolist() == [1] * 32 or {1, 2} == set((num.sum(1) + cat[:, 1]).tolist())


def test_the_sets_come_with_the_conditional_law_of_their_numbers():
    covariance = np.array([[1.0, 0.8, 0.3], [0.8, 1.0, 0.5], [0.3, 0.5, 1.0]])
    prior = GaussianPrior.of(np.array([0.5, 0.0, -0.5]), covariance)
    known = known_columns(layout_of(3, 2), 64, 0.5, prior).draw(torch.Generator().manual_seed(1))
    x_0 = torch.randn(64, 3, generator=torch.Generator().manual_seed(2))
    law, expected = prior.conditioned(x_0, known.num, known.conditioning), prior.given(x_0, known.num)
    assert known.num.any() and not known.num.all(1).all()
    assert torch.allclose(law.mean, expected.mean, atol=1e-5)
    matrices = [one.covariance.matrices(one.covariance.eigenvalues) for one in (law, expected)]
    assert torch.allclose(*matrices, atol=1e-5)


@pytest.mark.parametrize("layout", [layout_of(0, 2, 3), layout_of(2)])
def test_tables_of_one_kind_of_column(layout):
    known = known_columns(layout, 64, 1.0).draw(torch.Generator().manual_seed(0))
    assert (known.num.sum(1) + known.cat.sum(1) == 1).all()


def test_wide_tables_have_fewer_sets():
    assert len(known_columns(layout_of(150), 32, 0.1)._sets.num) == 2**30 // 150**3 + 1


@pytest.mark.parametrize(("layout", "share"), [(layout_of(1), 1.0), (layout_of(2, 2), 0.0)])
def test_nothing_is_known_of_a_single_column_or_without_a_share(layout, share):
    assert known_columns(layout, 64, share).draw(torch.Generator()) is None


def test_the_network_learns_a_conditional_law_that_the_copula_does_not_know():
    """On a ring y is -sqrt(1 - x^2) or its opposite; a category says which."""
    rng = np.random.default_rng(0)
    angle = rng.uniform(0, 2 * np.pi, 2_000)
    num = 1.4 * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    table = EncodedTable(layout_of(2, 2), num, num, (num[:, 1:] > 0).astype(int))
    denoiser, _ = fit(table, max_steps=500, known_rows=0.5)
    n = 300
    x_0 = TableState(torch.tensor([0.7, 0.0]).expand(n, 2), torch.tensor([[1]]).expand(n, 1))
    known = torch.tensor([[True, False]]), torch.tensor([[True]])
    with torch.inference_mode():
        drawn = DPMSolverSampler(20).sample(denoiser.given(x_0, Known(*known)), n, torch.Generator().manual_seed(0))
    assert float(drawn.num[:, 1].median()) == pytest.approx(1.4 * np.sqrt(0.75), abs=0.2)
    assert float((drawn.num[:, 1] > 0.5).float().mean()) > 0.7
