"""
Priors and samplers, seen in two dimensions
===========================================

Where does drawing start, and how does a row get from there to the data? In two columns both can be looked at.
"""

from itertools import pairwise

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
from sklearn.datasets import make_moons

from tabdiff_lora import TabularDiffusionSynthesizer
from tabdiff_lora.backbones import MLPBackbone
from tabdiff_lora.sampling import AncestralSampler, DDIMSampler, DPMSolverSampler, HeunSampler


def scatter(ax, x, y, title, **style):
    """Draw points without axes."""
    ax.scatter(x, y, s=2, alpha=0.4, **style)
    ax.set(title=title, xticks=[], yticks=[])


def main(n=2_000, max_time="10s", steps=(4, 8, 16, 64)):
    # %%
    # Two moons, leaning, so that the columns are correlated.

    points, moon = make_moons(n, noise=0.06, random_state=0)
    moons = pd.DataFrame(points @ np.array([[1.0, 0.6], [0.0, 0.5]]), columns=["x", "y"])
    moon = pd.Series(np.where(moon, "lower", "upper"), name="moon")
    backbone = MLPBackbone(d_block=128, n_blocks=3)  # enough for two columns

    # %%
    # The prior
    # ---------
    # Learning and drawing happen in encoded columns, each of which is standard normal. Drawing starts from the prior
    # under much noise. An untrained network draws the prior itself, so what each one knows can be seen:
    # independent columns; the Gaussian copula; a Gaussian for each moon, whose name is learned as a third column; and a
    # mixture that found its clusters on its own.

    priors = ["standard", "gaussian", "class", "mixture"]
    colour = "#c2410c"

    def fit(prior, **limit):
        synth = TabularDiffusionSynthesizer(backbone, prior=prior, random_state=0, **limit)
        return synth.fit(moons, moon if prior == "class" else None)

    _, axes = plt.subplots(1, 5, figsize=(13, 2.8), layout="constrained")
    scatter(axes[0], moons["x"], moons["y"], "the table", color="#1f2933")
    for ax, prior in zip(axes[1:], priors):
        drawn = fit(prior, max_epochs=0).sample(n)
        scatter(ax, drawn["x"], drawn["y"], f'"{prior}", untrained', color=colour)

    # %%
    # The network has to learn only what the prior misses. After the same short time:

    fitted = {prior: fit(prior, max_time=max_time) for prior in priors}
    _, axes = plt.subplots(1, 5, figsize=(13, 2.8), layout="constrained")
    scatter(axes[0], moons["x"], moons["y"], "the table", color="#1f2933")
    for ax, (prior, synth) in zip(axes[1:], fitted.items()):
        drawn = synth.sample(n)
        scatter(ax, drawn["x"], drawn["y"], f'"{prior}", trained', color=colour)

    # %%
    # The sampler
    # -----------
    # It may be changed after ``fit``. Two of these are of first order (DDIM, and ancestral, which adds noise at each
    # step), two of second (Heun, DPM-Solver++): see how many steps each needs. :doc:`/choosing` has the other dials.

    synth = fitted["gaussian"]
    samplers = [DDIMSampler, AncestralSampler, HeunSampler, DPMSolverSampler]
    _, axes = plt.subplots(4, len(steps), squeeze=False, figsize=(10, 10), layout="constrained")
    for row, sampler in zip(axes, samplers):
        for ax, n_steps in zip(row, steps):
            synth.set_params(sampler=sampler(n_steps))
            drawn = synth.sample(n, random_state=1)
            scatter(ax, drawn["x"], drawn["y"], f"{n_steps} steps", color=colour)
        row[0].set_ylabel(sampler.__name__)

    # %%
    # The way
    # -------
    # The same walk step by step, with the parts that the library is made of: the process draws the noise, the denoiser
    # says where each point came from, and a sampler of twenty DDIM steps moves it there.

    denoiser, sampler = synth.denoiser_.eval(), DDIMSampler()
    process, generator = denoiser.process, torch.Generator().manual_seed(0)
    x = process.prior_sample(n, generator)
    times = torch.linspace(1, 0, 21)[:, None]
    states = [x.num]
    with torch.no_grad():
        for t, s in pairwise(times):
            num = sampler.numerical_step(process, x, denoiser(x, t), t, s, None, generator)
            x = x._replace(num=num)
            states.append(num)
    _, axes = plt.subplots(1, 5, figsize=(11, 2.6), layout="constrained")
    for ax, i in zip(axes, [0, 8, 13, 17, 20]):
        scatter(ax, *states[i].T, f"t = {times[i].item():.2f}", color=colour)
    path = torch.stack(states[8:])[:, :12]  # from t = 0.60 on
    axes[-1].plot(*path.permute(2, 0, 1), color="#1f2933", linewidth=0.7)
    axes[-1].set(xlim=(-4, 4), ylim=(-4, 4))

    return fitted


if __name__ == "__main__":
    main()
    plt.show()
