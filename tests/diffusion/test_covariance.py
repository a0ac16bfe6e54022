import torch

from tabdiff_lora.diffusion import Covariance

MATRIX = torch.tensor([[2.0, 0.6, 0.1], [0.6, 1.0, -0.3], [0.1, -0.3, 0.5]])


def test_matrix_is_recovered_from_its_eigenbasis():
    assert torch.allclose(Covariance.from_matrix(MATRIX).matrix(), MATRIX, atol=1e-5)


def test_whiten_inverts_colour_and_measures_length():
    covariance, z = Covariance.from_matrix(MATRIX), torch.randn(50, 3, generator=torch.Generator().manual_seed(0))
    assert torch.allclose(covariance.whiten(covariance.colour(z)), z, atol=1e-4)
    assert torch.allclose(covariance.mahalanobis(covariance.colour(z)), z.square().sum(-1), rtol=1e-4)


def test_coloured_noise_has_the_covariance():
    z = torch.randn(200_000, 3, generator=torch.Generator().manual_seed(0))
    assert torch.allclose(torch.cov(Covariance.from_matrix(MATRIX).colour(z).T), MATRIX, atol=0.02)


def test_floor_lifts_singular_directions():
    covariance = Covariance.from_matrix(torch.ones(2, 2), floor=1e-3)
    assert covariance.eigenvalues.min() >= 1e-3
    assert torch.isfinite(covariance.whiten(torch.ones(1, 2))).all()
