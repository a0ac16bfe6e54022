"""
Mixed types, dates and missing values
=====================================

A table as it comes out of a shop: an order number, two dates, money, words, a discount that is usually zero, and
gaps that are not random. Nothing is cleaned before it is learned.
"""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from tabdiff_lora import TabularDiffusionSynthesizer, infer_schema
from tabdiff_lora.evaluation import MarginalsDisplay, MissingnessDisplay
from tabdiff_lora.table import Inequality


def make_orders(n, seed=0):
    """Orders of a shop in which the country decides the currency, and only members rate what they bought."""
    rng = np.random.default_rng(seed)
    country = rng.choice(["Norway", "Italy", "Chile"], n, p=[0.5, 0.3, 0.2])
    is_member = rng.random(n) < 0.4
    ordered = pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 366, n), unit="D")
    days = rng.poisson(np.where(country == "Chile", 9, 3))
    price = np.round(rng.lognormal(3.5 + 0.3 * is_member, 0.6), 2)
    rating = pd.Series(pd.Categorical.from_codes(rng.integers(0, 5, n), list("12345"), ordered=True))
    return pd.DataFrame(
        {
            "order": np.arange(10_001, 10_001 + n),
            "country": country,
            "currency": pd.Series(country).map({"Norway": "NOK", "Italy": "EUR", "Chile": "CLP"}),
            "member": is_member,
            "ordered": ordered,
            "delivered": ordered + pd.to_timedelta(days, unit="D"),
            "price": price,
            "discount": np.where(rng.random(n) < 0.8, 0.0, np.round(0.1 * price, 2)),
            "rating": rating.where(is_member & (rng.random(n) < 0.7)),
        }
    )


def main(n=2_000, max_time="20s"):
    # %%
    # The orders. Only members rate, so most ratings are missing, and where they are missing says something.

    orders = make_orders(n)
    print(orders.head(4).T.to_string())

    # %%
    # What the library makes of each column, and why, can be asked before anything is learned. A guess that is wrong is
    # overruled with ``types={"rating": "categorical"}``.

    print(infer_schema(orders).describe())

    # %%
    # An order number is a key: it is not learned, and drawn rows bring new ones. The library would warn that it guesses
    # so; saying it ourselves is the answer. That a parcel does not arrive before it was ordered is a rule, and every
    # drawn row keeps it.

    synth = TabularDiffusionSynthesizer(
        types={"order": "key"},
        constraints=[Inequality("ordered", "delivered")],
        max_time=max_time,
        random_state=0,
    )
    fake = synth.fit(orders).sample(n)
    print(fake.head(4).T.to_string())

    # %%
    # The dtypes are those of the table, down to the order of the ratings. No parcel arrives too early, each country
    # pays in its currency, no order number is used twice, and who is no member has no rating.

    assert fake.dtypes.equals(orders.dtypes)
    print("delivered before ordered:", (fake["delivered"] < fake["ordered"]).sum())
    print("order numbers used before:", fake["order"].isin(orders["order"]).sum())
    print(pd.crosstab(fake["country"], fake["currency"]))
    print(fake["rating"].isna().groupby(fake["member"]).mean().rename("share of ratings missing"))

    # %%
    # The margins. A discount of zero is a value of its own, not the middle of a curve.

    _, axes = plt.subplots(1, 4, figsize=(11, 2.6), layout="constrained")
    MarginalsDisplay.from_frames(orders, fake, names=["ordered", "price", "discount", "rating"], ax=axes)

    # %%
    # And the gaps:

    _, axes = plt.subplots(figsize=(6, 1.6), layout="constrained")
    MissingnessDisplay.from_frames(orders, fake, ax=axes)

    return orders, fake


if __name__ == "__main__":
    main()
    plt.show()
