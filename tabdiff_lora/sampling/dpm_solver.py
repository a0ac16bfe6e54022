r"""DPM-Solver++(2M): second order from one evaluation per step, by remembering the last one.

With :math:`\lambda = \log(\alpha/\sigma)`, :math:`h = \lambda_s - \lambda_t` and :math:`r` the ratio of the previous
step to this one, the data estimates are extrapolated linearly in :math:`\lambda`:

.. math:: D = \hat x_0(t) + \frac{1}{2r}\big(\hat x_0(t) - \hat x_0(t_{prev})\big),\qquad
          x_s - \mu = \frac{\sigma_s}{\sigma_t}(x_t - \mu) - \alpha_s (e^{-h} - 1)(D - \mu)

References
----------
DPM-Solver++ (Lu et al., 2022), algorithm 2.
"""

from __future__ import annotations

import torch
from torch import Tensor

from tabdiff_lora.sampling.base import Sampler


class DPMSolverSampler(Sampler):
    """Second-order multistep sampler: the default, most quality per network evaluation.

    Parameters
    ----------
    n_steps, unmasking, grid, guidance, rake, exclude
        See :class:`Sampler`.
    """

    def numerical_step(self, process, x_t, prediction, t, s, previous, generator) -> Tensor:
        schedule, mean = process.numerical.schedule, process.numerical.prior.mean
        h = schedule.log_ratio(s) - schedule.log_ratio(t)
        estimate = prediction.num
        if previous is not None and s > 0:  # the last step may be long in lambda: extrapolating over it would overshoot
            before, t_before = previous
            r = (schedule.log_ratio(t) - schedule.log_ratio(t_before)) / h
            estimate = estimate + (estimate - before.num) / (2 * r)
        decay = schedule.sigma(s) / schedule.sigma(t)
        return mean + decay * (x_t.num - mean) - schedule.alpha(s) * torch.expm1(-h) * (estimate - mean)
