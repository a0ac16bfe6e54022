"""
An encoder of your own
======================

A compass direction is a number, but 359° is next to 1°. An encoder that knows this is one class with three methods.
"""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from tabdiff_lora import TabularDiffusionSynthesizer
from tabdiff_lora.table.encoders import Block, ColumnEncoder


class DirectionEncoder(ColumnEncoder):
    """Degrees as a point on the circle: two dimensions of about unit variance, and no seam at north.

    Directions come back as whole degrees. Missing ones are refused.
    """

    def _fit(self, column: pd.Series) -> None:
        if not column.between(0, 359).all() or (column % 1 != 0).any():
            worst = int((~column.between(0, 359) | (column % 1 != 0)).argmax())
            self._refuse("whole degrees from 0 to 359", column.iloc[worst], worst)
        self.numerical_ = (f"{self.name_} (north)", f"{self.name_} (east)")

    def _encode(self, column: pd.Series) -> Block:
        angle = np.deg2rad(column.to_numpy(dtype=float))
        point = np.sqrt(2) * np.column_stack([np.cos(angle), np.sin(angle)])
        return Block(low=point, high=point, cat=np.empty((len(column), 0), dtype=np.int64))

    def _decode(self, num: np.ndarray, cat: np.ndarray, rng: np.random.Generator) -> pd.Series:
        angle = np.rad2deg(np.arctan2(num[:, 1], num[:, 0]))
        return pd.Series(np.rint(angle) % 360).astype(self.dtype_)


def make_winds(n, seed=0):
    """A station where the wind comes from the north, and the more exactly so the stronger it blows."""
    rng = np.random.default_rng(seed)
    speed = rng.gamma(3, 2, n).round(1)
    direction = np.rint(rng.normal(0, 120 / (1 + speed))) % 360
    return pd.DataFrame({"direction": direction.astype("int64"), "speed": speed})


def main(n=3_000, max_time="20s"):
    # %%
    # The law of every encoder: what is decoded is what was encoded.

    winds = make_winds(n)
    encoder = DirectionEncoder().fit(winds["direction"])
    assert encoder.inverse_transform(encoder.transform(winds["direction"])).equals(winds["direction"])

    # %%
    # Encoders are named as in scikit-learn's ``ColumnTransformer``. The other column is left to the library.

    own = TabularDiffusionSynthesizer(
        encoders=[("circle", DirectionEncoder(), ["direction"])],
        max_time=max_time,
        random_state=0,
    ).fit(winds)
    default = TabularDiffusionSynthesizer(max_time=max_time, random_state=0).fit(winds)

    # %%
    # Both learn the winds. For the default encoder north is in two places, at either end of the scale.

    tables = {"table": winds, "default encoder": default.sample(n), "own encoder": own.sample(n)}
    _, axes = plt.subplots(1, 3, figsize=(10, 3.8), subplot_kw={"projection": "polar"}, layout="constrained")
    for ax, (name, table) in zip(axes, tables.items()):
        ax.scatter(np.deg2rad(table["direction"]), table["speed"], s=2, alpha=0.4, color="#c2410c")
        ax.set(title=name, theta_zero_location="N", theta_direction=-1, rlim=(0, 18), rticks=[5, 10, 15])

    # %%
    # How far from north, on either side, by the strength of the wind:

    strength = [0, 4, 8, 40]
    print(
        pd.DataFrame(
            {
                name: ((table["direction"] + 180) % 360 - 180)
                .abs()
                .groupby(pd.cut(table["speed"], strength), observed=True)
                .mean()
                for name, table in tables.items()
            }
        ).round(1)
    )

    # %%
    # The scikit-learn way is open too: ``encoders`` takes any transformer of one feature with a true inverse.
    # :doc:`/extending` tells how a kind of column, a backbone, a sampler or a prior becomes part of the library.

    return tables


if __name__ == "__main__":
    main()
    plt.show()
