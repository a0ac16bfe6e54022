"""Families of priors: each says which law the encoded numbers may have, and is fitted to the training rows.

A family is a description that scikit-learn can clone, so ``prior__n_components`` works in a grid search. Pass one to
the synthesizer, or one of your own: a subclass of :class:`PriorFamily` whose ``fit`` returns a
:class:`~tabdiff_lora.diffusion.Prior`.
"""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from collections.abc import Hashable
from numbers import Integral
from typing import Literal

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils._param_validation import Interval, StrOptions

from tabdiff_lora.diffusion.mixture import MixturePrior
from tabdiff_lora.diffusion.priors import GaussianPrior, Prior
from tabdiff_lora.table.encoded import EncodedTable


class PriorFamily(BaseEstimator, ABC):
    """A set of laws from which training rows choose one.

    Attributes
    ----------
    label_column : True, column label or False
        Column of levels that the law depends on: True is the target of ``fit(X, y)``, False is none.
    """

    label_column: Hashable | bool = False

    @abstractmethod
    def fit(self, table: EncodedTable, rng: np.random.Generator, label: int | None) -> Prior:
        """Fit a law to encoded rows.

        Parameters
        ----------
        table : EncodedTable
        rng : Generator
            For what is drawn: points of the intervals, starts of an iteration.
        label : int or None
            Slot of ``label_column`` among the categorical columns of ``table``.
        """


class StandardNormal(PriorFamily):
    """N(0, I), whatever the rows: plain DDPM and EDM."""

    def fit(self, table, rng, label=None) -> GaussianPrior:
        """N(0, I); see :class:`PriorFamily`."""
        return GaussianPrior.standard(table.layout.n_numerical)


class SingleGaussian(PriorFamily):
    """N(mu, Sigma) with the mean and the Ledoit-Wolf covariance of the rows: the default."""

    def fit(self, table, rng, label=None) -> GaussianPrior:
        """Fit the moments; see :class:`PriorFamily`."""
        return GaussianPrior.fit(table.draw(rng))


class GaussianPerClass(PriorFamily):
    r"""N(mu_c, Sigma_c) for each class c of a column.

    With few rows a class leans on all of them, as under a normal-inverse-Wishart law: for :math:`n_c` rows

    .. math:: \Sigma_c = \frac{n_c S_c + (D + 1)\,\bar S}{n_c + D + 1},\qquad \mu_c = \frac{n_c m_c + \bar m}{n_c + 1},

    with :math:`\bar S` the pooled covariance within the classes and :math:`\bar m` the mean of all rows.

    Parameters
    ----------
    column : column label, optional
        A column of levels; None is the target ``y`` of ``fit(X, y)``.
    """

    def __init__(self, column=None):
        self.column = column

    @property
    def label_column(self) -> Hashable | bool:
        """The column, or True for the target."""
        return True if self.column is None else self.column

    def fit(self, table, rng, label) -> Prior:
        """Fit a Gaussian to the rows of each class; see :class:`PriorFamily`."""
        num, codes = table.draw(rng).astype(float), table.cat[:, label]
        n_dims, counts = num.shape[1], np.bincount(codes, minlength=table.layout.cardinalities[label])
        if n_dims == 0 or len(num) < 2:
            return GaussianPrior.standard(n_dims)
        of_class = (np.arange(len(counts))[:, None] == codes) / np.maximum(counts, 1)[:, None]  # (K, n)
        means = of_class @ num
        centred = num - means[codes]
        within = GaussianPrior.fit(centred).covariance.matrix().double().numpy()
        scatters = np.stack([centred[codes == k].T @ centred[codes == k] for k in range(len(counts))])
        covariances = (scatters + (n_dims + 1) * within) / (counts + n_dims + 1)[:, None, None]
        means = (counts[:, None] * means + num.mean(0)) / (counts[:, None] + 1)
        return MixturePrior.of(counts.astype(float), means, covariances, label)


class MixtureOfGaussians(PriorFamily):
    """A Gaussian mixture fitted to the rows, whose clusters are no column of the table.

    Parameters
    ----------
    n_components : "auto" or int, default="auto"
        "auto" adds components, up to ``max_components``, until the Bayesian information criterion gets worse.
    max_components : int, default=8
        At "auto".
    max_rows : int, default=10_000
        Rows, drawn at random, that are looked at.

    References
    ----------
    Estimating the dimension of a model (Schwarz, 1978); scikit-learn's ``GaussianMixture``.
    """

    _parameter_constraints: dict = {
        "n_components": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
        "max_components": [Interval(Integral, 1, None, closed="left")],
        "max_rows": [Interval(Integral, 1, None, closed="left")],
    }

    def __init__(self, n_components: int | Literal["auto"] = "auto", max_components=8, max_rows=10_000):
        self.n_components = n_components
        self.max_components = max_components
        self.max_rows = max_rows

    def fit(self, table, rng, label=None) -> Prior:
        """Fit the mixture; see :class:`PriorFamily`."""
        self._validate_params()
        num = table.draw(rng).astype(float)
        if len(num) > self.max_rows:
            num = num[rng.choice(len(num), self.max_rows, replace=False)]
        n_possible = len(num) // (num.shape[1] + 2)
        if num.shape[1] == 0 or n_possible < 2:
            return GaussianPrior.fit(num)
        seed = int(rng.integers(2**31))
        if self.n_components != "auto":
            mixture = self._mixture(num, min(self.n_components, n_possible), seed)
        else:
            mixture = self._mixture(num, 1, seed)
            for k in range(2, min(self.max_components, n_possible) + 1):
                larger = self._mixture(num, k, seed)
                if larger.bic(num) >= mixture.bic(num):
                    break
                mixture = larger
        return MixturePrior.of(mixture.weights_, mixture.means_, mixture.covariances_)

    def _mixture(self, num: np.ndarray, n_components: int, seed: int):
        from sklearn.mixture import GaussianMixture

        mixture = GaussianMixture(n_components, reg_covar=1e-3, random_state=seed)
        with warnings.catch_warnings():  # whether the last digits have settled does not matter to a prior
            warnings.simplefilter("ignore", ConvergenceWarning)
            return mixture.fit(num)
