"""fit, sample, impute: from a file to a model, and from the model to files."""

from __future__ import annotations

import io

import numpy as np
import pandas as pd
import pytest

from tabdiff_lora.cli import main


def table(n: int = 150) -> pd.DataFrame:
    """Numbers, levels, gaps and dates, as they come from csv."""
    rng = np.random.default_rng(0)
    rooms = rng.integers(1, 6, n)
    days = pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 300, n), unit="D")
    return pd.DataFrame(
        {
            "price": np.where(rng.random(n) < 0.2, np.nan, (rooms * 10 + rng.normal(size=n)).round(1)),
            "rooms": rooms,
            "zip": rng.choice([150, 151, 8001], n),
            "town": rng.choice(["Oslo", "Rome", "Bern"], n),
            "sold": days.strftime("%Y-%m-%d"),
        }
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with the table and a model of it, fitted by the command."""
    folder = tmp_path_factory.mktemp("houses")
    table().to_csv(folder / "houses.csv", index=False)
    arguments = ["--types", "zip=categorical", "--set", "max_epochs=1", "--set", "n_sampling_steps=5"]
    with pytest.raises(SystemExit) as leaving:
        main(["fit", str(folder / "houses.csv"), str(folder / "model"), *arguments])
    assert leaving.value.code == 0
    return folder


def test_rows_go_to_standard_output_or_to_a_file(run, folder, tmp_path):
    code, out, err = run("sample", folder / "model", "-n", 30, "--seed", 1)
    assert (code, err) == (0, "")
    rows = pd.read_csv(io.StringIO(out))
    assert rows.shape == (30, 5)
    assert set(rows["zip"]) <= {150, 151, 8001}
    assert rows["sold"].str.fullmatch(r"2024-\d\d-\d\d").all()
    for name, read in {"rows.csv": pd.read_csv, "rows.parquet": pd.read_parquet}.items():
        assert run("sample", folder / "model", "-n", 30, "--seed", 1, "-o", name) == (0, "", "")
        assert read(tmp_path / name)["town"].tolist() == rows["town"].tolist()
    assert run("sample", folder / "model", "-n", 0)[1] == "price,rooms,zip,town,sold\n"


def test_rows_hold_what_is_asked(run, folder):
    asked = ["rooms=2..4", "zip=150", "town=Oslo|Rome", "price=missing", "sold=2024-03-01.."]
    code, out, _ = run("sample", folder / "model", "-n", 20, *[part for text in asked for part in ("--where", text)])
    rows = pd.read_csv(io.StringIO(out), parse_dates=["sold"])
    assert code == 0
    assert len(rows) == 20
    assert rows["rooms"].between(2, 4).all()
    assert (rows["zip"] == 150).all()
    assert set(rows["town"]) == {"Oslo", "Rome"}
    assert rows["price"].isna().all()
    assert (rows["sold"] >= "2024-03-01").all()
    _, out, _ = run("sample", folder / "model", "-n", 30, "--balance", "town")
    assert pd.read_csv(io.StringIO(out))["town"].value_counts().to_dict() == {"Oslo": 10, "Rome": 10, "Bern": 10}


def test_gaps_are_filled_and_nothing_else_is_changed(run, folder, tmp_path, monkeypatch):
    holed = table().head(40).astype({"rooms": "float"})
    holed.loc[::3, ["rooms", "town"]] = None
    holed.to_csv(tmp_path / "holed.csv", index=False)
    code, out, _ = run("impute", folder / "model", "holed.csv")
    assert code == 0
    filled = pd.read_csv(io.StringIO(out))
    assert filled[["rooms", "town"]].notna().all(axis=None)
    assert filled["rooms"].dtype == "int64"
    pd.testing.assert_frame_equal(filled[holed.notna()].astype(holed.dtypes), holed)
    monkeypatch.setattr("sys.stdin", io.StringIO((tmp_path / "holed.csv").read_text()))
    assert run("impute", folder / "model", "-", "-o", "filled.parquet")[0] == 0
    assert pd.read_parquet(tmp_path / "filled.parquet")["town"].tolist() == filled["town"].tolist()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["fit", "absent.csv", "m"], "table 'absent.csv' must be a file."),
        (["fit", "houses.csv", "houses.csv"], "model must be a folder. Got a file, "),
        (["fit", "houses.csv", "m", "--types", "zip"], "value of --types must be NAME=VALUE. Got 'zip' instead."),
        (["fit", "houses.csv", "m", "--types", "zip=code"], "type of column 'zip' must be one of "),
        (["fit", "houses.csv", "m", "--set", "colour=1"], "Invalid parameter 'colour'"),
        (["fit", "houses.csv", "m", "--set", "max_epochs=few"], "The 'max_epochs' parameter"),
        (["fit", "houses.csv", "m", "--max-time", "soon"], "max_time must be a positive number of seconds"),
        (["sample", "model", "-o", "absent/rows.csv"], "folder of output must exist. Got 'absent/rows.csv' instead."),
        (["sample", "model", "-o", "rows.xlsx"], "extension of 'rows.xlsx' must be .csv, .csv.gz or .parquet."),
        (["sample", "model", "-n", "-1"], "n_samples of sample must be a whole number >= 0."),
        (["sample", "model", "--where", "colour=red"], "value of --where must be COLUMN=VALUE with a column"),
        (["sample", "model", "--where", "town=Lima"], "town"),
        (["sample", "model", "--balance", "price"], "class_balance must name a column of levels. Got 'price' instead."),
        (["impute", "model", "absent.csv"], "table 'absent.csv' must be a file."),
    ],
)
def test_a_mistake_is_one_line(run, folder, arguments, message):
    places = [str(folder / text) if text in ("model", "houses.csv") else text for text in arguments]
    code, out, err = run("--quiet", *places)
    assert (code, out) == (1, "")
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    assert message in err
