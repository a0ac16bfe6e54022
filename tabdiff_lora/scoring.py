"""How typical rows are: minus the denoising loss on one fixed grid of noise.

Every row meets the same times and the same noises, and errors are measured in the units of N(0, I) whatever the prior,
so scores can be compared from row to row and from synthesizer to synthesizer of one encoding. The denoising loss is a
bound of minus the log-likelihood, up to weights and a constant (Kingma et al., 2021); where columns are drawn
independently it is about 1.

References
----------
Variational Diffusion Models (Kingma et al., 2021), section 3.2.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from tabdiff_lora.denoiser import Denoiser
from tabdiff_lora.diffusion import GaussianPrior
from tabdiff_lora.randomness import torch_generator
from tabdiff_lora.state import Known, TableState
from tabdiff_lora.table import EncodedTable

N_TIMES = 32
N_ROWS = 512  # in a pass, always: equal shapes round equally, so a row's score does not depend on its neighbours


@torch.inference_mode()
def denoising_scores(
    denoiser: Denoiser, table: EncodedTable, num_known: np.ndarray, cat_known: np.ndarray
) -> np.ndarray:
    """Minus the denoising loss of each row, averaged over the grid and what is known; float64 of shape (n,).

    Parameters
    ----------
    denoiser : Denoiser
    table : EncodedTable of n rows
        A number that owns an interval of scores is taken at its median.
    num_known : ndarray of shape (n, D), bool
    cat_known : ndarray of shape (n, C), bool
        What is unknown counts for nothing: a category is never shown, a number is the prior's guess given the others.
    """
    process, device = denoiser.process, denoiser.device
    unit = replace(process.numerical, prior=GaussianPrior.standard(process.layout.n_numerical).to(device))
    generator = torch_generator(np.random.SeedSequence(0), device)
    known = Known(*(torch.as_tensor(entries, device=device) for entries in (num_known, cat_known)))
    centre = torch.as_tensor(table.centre(), dtype=torch.float32, device=device)
    guess = process.numerical.given(centre, known.num).prior.mean
    x_0 = TableState(torch.where(known.num, centre, guess), torch.as_tensor(table.cat, device=device))
    n_known = known.num.sum(1) + known.cat.sum(1)
    scores = torch.zeros(len(table), dtype=torch.float64, device=device)
    for t in process.next_time((torch.arange(N_TIMES, device=device) + 0.5) / N_TIMES)[:, None]:
        noise = process.numerical.draw_noise(1, generator)
        is_lost = process.categorical.draw_lost(1, t, generator)
        replaced = process.categorical.prior_sample(1, generator)
        for start in range(0, len(table), N_ROWS):
            rows = (start + torch.arange(N_ROWS, device=device)).clamp_max(len(table) - 1)
            part = TableState(x_0.num[rows], x_0.cat[rows])
            cat = torch.where(is_lost | ~known.cat[rows], replaced, part.cat)
            prediction = denoiser(TableState(process.numerical.move(part.num, noise, t), cat), t)
            error = ((prediction.num - part.num) / unit.preconditioning(t).out).square()
            entropy = denoiser.surprise(prediction.cat_logits, part.cat) * process.categorical.lost(cat)
            loss = (error * known.num[rows]).sum(1) + (entropy * known.cat[rows]).sum(1)
            scores[rows] = scores[rows] - loss / N_TIMES  # repeated rows at the end get the same value
    return (scores / n_known.clamp_min(1)).cpu().numpy()
