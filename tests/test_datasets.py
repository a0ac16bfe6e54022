"""Tables from folders, tables from OpenML, and tables from files."""

from __future__ import annotations

import doctest
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.model_selection import train_test_split
from sklearn.utils import Bunch

from tabdiff_lora.datasets import REGISTRY, SPLITS, describe_datasets, list_datasets, load_dataset
from tabdiff_lora.datasets.registry import OpenML
from tabdiff_lora.evaluation import explore, published_settings
from tabdiff_lora.tablefile import write_table

TABLE = pd.DataFrame(
    {"x": [0.5, 1.0, 2.0], "code": [1.0, 2.0, np.nan], "grade": [0, 1, 0], "city": ["Rom", "Oslo", "Rom"]}
)
PAGE = Path(__file__).parents[1] / "docs" / "datasets.md"
QUICK = ["abalone", "churn2", "default", "diabetes", "insurance", "king", "wilt"]  # small enough to make up


def write_dataset(folder, table=TABLE, **meta):
    """Write a dataset whose three parts are the same table."""
    folder.mkdir()
    for split in SPLITS:
        write_table(table, folder / f"{split}.parquet")
    meta = {"task": "binclass", "target": "grade", "categorical": ["code", "city"]} | meta
    (folder / "meta.json").write_text(json.dumps(meta), encoding="utf-8")
    return folder


def test_categories_and_classes_come_as_text_and_numbers_as_they_are(tmp_path):
    write_dataset(tmp_path / "toy")
    dataset = load_dataset("toy", tmp_path)
    assert list(dataset.train["code"][:2]) == ["1", "2"]
    assert pd.isna(dataset.train["code"][2])
    assert list(dataset.train["grade"]) == ["0", "1", "0"]
    pd.testing.assert_series_equal(dataset.train["x"], TABLE["x"])
    assert dataset.categorical == ("code", "city")
    assert dataset.is_classification


def test_the_target_of_a_regression_stays_a_number(tmp_path):
    write_dataset(tmp_path / "toy", task="regression", target="x")
    assert load_dataset("toy", tmp_path).train["x"].dtype == "float64"


def test_held_out_rows_are_validation_and_test(tmp_path):
    write_dataset(tmp_path / "toy")
    assert len(load_dataset("toy", tmp_path).held_out) == 2 * len(TABLE)


def test_absent_table_is_named_with_those_there_are(tmp_path):
    write_dataset(tmp_path / "b")
    write_dataset(tmp_path / "a")
    assert list_datasets(tmp_path) == ["a", "b"]
    with pytest.raises(FileNotFoundError, match=r"data_home \(a, b\) or one .* \(abalone, .*\)\. Got 'c' instead"):
        load_dataset("c", tmp_path)
    with pytest.raises(FileNotFoundError, match=r"not given.* Got 'buddy' instead\. Get it from HackerEarth .* folder"):
        load_dataset("buddy")


def test_wrong_meta_data_are_refused(tmp_path):
    write_dataset(tmp_path / "kind", task="ranking")
    with pytest.raises(ValueError, match=r"task of dataset 'kind' must be one of .* Got 'ranking' instead"):
        load_dataset("kind", tmp_path)
    write_dataset(tmp_path / "columns", categorical=["colour"])
    with pytest.raises(ValueError, match=r"columns \['colour'\] of dataset 'columns' must be in its parts"):
        load_dataset("columns", tmp_path)
    write_table(TABLE[["grade", "code", "city"]], write_dataset(tmp_path / "parts") / "val.parquet")
    with pytest.raises(ValueError, match=r"columns of part 'val' of dataset 'parts' must be those of 'train'"):
        load_dataset("parts", tmp_path)


def write_npy(folder, n_num=2, n_cat=1, task="binclass"):
    """Write a dataset as TabDDPM does; a last numerical column repeats the one before."""
    folder.mkdir()
    rng = np.random.default_rng(0)
    for n, split in zip((8, 4, 4), SPLITS, strict=True):
        num = rng.normal(size=(n, n_num))
        np.save(folder / f"X_num_{split}.npy", num[:, [*range(n_num), n_num - 1]])
        if n_cat:
            np.save(folder / f"X_cat_{split}.npy", rng.choice(["a", "b"], (n, n_cat)))
        np.save(folder / f"y_{split}.npy", rng.integers(0, 2, n))
    (folder / "info.json").write_text(json.dumps({"task_type": task, "name": "toy"}), encoding="utf-8")
    return folder


def test_tabddpms_own_folders_are_read_without_their_repeated_columns(tmp_path):
    write_npy(tmp_path / "toy")
    dataset = load_dataset("toy", tmp_path)
    assert list(dataset.val) == ["num_0", "num_1", "cat_0", "y"]
    assert dataset.meta["left_out"] == ["X_num column 2 repeats an earlier one"]
    assert set(dataset.train["y"]) == {"0", "1"}
    assert dataset.categorical == ("cat_0",)
    np.testing.assert_array_equal(dataset.test["num_1"], np.load(tmp_path / "toy" / "X_num_test.npy")[:, 1])
    write_npy(tmp_path / "churn2", n_num=6, n_cat=4)
    card = REGISTRY["churn2"]
    assert list(load_dataset("churn2", tmp_path).train) == [*card.numerical, *card.categorical, card.target]
    assert list_datasets(tmp_path) == ["churn2", "toy"]


def test_arrays_that_do_not_fit_or_would_run_code_are_refused(tmp_path):
    folder = write_npy(tmp_path / "toy", n_cat=0)
    np.save(folder / "X_cat_train.npy", np.array([["a"]] * 3))
    with pytest.raises(ValueError, match=r"part 'train' of dataset 'toy' must have equally many rows\. Got 8, 3 and 8"):
        load_dataset("toy", tmp_path)
    np.save(folder / "X_cat_train.npy", np.array([["a"]] * 8, dtype=object))
    with pytest.raises(ValueError, match=r"must hold text or numbers, not pickled objects"):
        load_dataset("toy", tmp_path)
    (folder / "y_val.npy").unlink()
    (folder / "X_cat_train.npy").unlink()
    with pytest.raises(FileNotFoundError, match=r"dataset 'toy' must have a file 'y_val\.npy'"):
        load_dataset("toy", tmp_path)


def test_the_registry_has_tabddpms_sixteen_tables():
    assert len(list_datasets()) == 16
    for card in REGISTRY.values():
        assert published_settings(card.name)
        columns = [*card.numerical, *card.categorical, card.target]
        assert len(set(columns)) == len(columns)
        assert (card.n_classes is None) == (card.task == "regression")
        assert set(card.labels) <= set(columns)
        if isinstance(card.source, OpenML):
            assert set(card.source.renamed.values()) <= set(columns)


def test_table_1_counts_columns_by_task():
    table = describe_datasets()
    assert table["tables"].to_dict() == {"binclass": 8, "multiclass": 2, "regression": 6, "all": 16}
    assert table.loc["multiclass"].tolist() == [2, "4-32", 18.0, "0-5", 2.5]  # the paper's own row, which is right


def test_the_page_says_what_the_registry_holds():
    assert doctest.testfile(str(PAGE), module_relative=False, optionflags=doctest.NORMALIZE_WHITESPACE).failed == 0
    rows = {line.split(" | ")[0][2:]: line for line in PAGE.read_text(encoding="utf-8").splitlines() if "|" in line}
    for card in REGISTRY.values():
        assert f"| {card.task} | {card.target} | {len(card.numerical)} | {len(card.categorical)} |" in rows[card.name]
        assert " / ".join(f"{size:,}" for size in card.sizes) in rows[card.name]
        if isinstance(card.source, OpenML):
            assert f"openml.org/d/{card.source.data_id})" in rows[card.name]


def as_on_openml(card, seed=0):
    """Make up a table under OpenML's names, with its codes for the categories, and columns we ignore."""
    rng = np.random.default_rng(seed)
    theirs = {ours: name for name, ours in card.source.renamed.items()}
    columns = {}
    for name in (*card.numerical, *card.categorical, card.target):
        if name in card.source.dates:
            days = pd.Timestamp(card.source.dates[name]) + pd.to_timedelta(rng.integers(0, 300, card.n_rows), unit="D")
            column = days.strftime("%Y%m%dT%H%M%S")
        elif name in card.numerical or (card.task == "regression" and name == card.target):
            column = rng.normal(size=card.n_rows)
        else:
            codes = list(card.labels.get(name, {"a": "", "b": ""}))[: card.n_classes if name == card.target else None]
            column = pd.Categorical(rng.choice(codes, card.n_rows), categories=codes)
        columns[theirs.get(name, name.upper().replace(" ", "_"))] = column
    return pd.DataFrame(columns | dict.fromkeys(card.source.ignored, 1))


@pytest.fixture
def openml(monkeypatch):
    """Answer for OpenML: `openml[data_id]` is a pair of frame and version."""
    tables: dict = {}

    def fetch_openml(*, data_id, data_home, as_frame):
        frame, version = tables[data_id]
        return Bunch(frame=frame.copy(), details={"version": str(version), "id": str(data_id)})

    monkeypatch.setattr("sklearn.datasets.fetch_openml", fetch_openml)
    return tables


@pytest.mark.parametrize("name", QUICK)
def test_a_download_has_our_names_words_kinds_and_tabddpms_sizes(openml, name, tmp_path):
    card = REGISTRY[name]
    raw = as_on_openml(card)
    openml[card.source.data_id] = raw, card.source.version or 1
    dataset = load_dataset(name, tmp_path)
    assert list(dataset.train) == [*card.numerical, *card.categorical, card.target]
    assert tuple(len(getattr(dataset, split)) for split in SPLITS) == card.sizes
    assert all(dataset.train[column].dtype == "float64" for column in card.numerical)
    assert all(set(dataset.train[c]) <= set(card.labels[c].values()) for c in card.labels)
    first, target = raw.iloc[:, 0], raw.iloc[:, len(card.numerical) + len(card.categorical)]
    classes = None if card.n_classes is None else target
    rest, test = train_test_split(first, test_size=card.sizes[2], random_state=card.seeds[0], stratify=classes)
    classes = None if classes is None else classes[rest.index]
    _, val = train_test_split(rest, test_size=card.sizes[1], random_state=card.seeds[1], stratify=classes)
    np.testing.assert_array_equal(dataset.test.iloc[:, 0], test)
    np.testing.assert_array_equal(dataset.val.iloc[:, 0], val)
    assert ("not its own rows" in dataset.meta["split"]) == (card.test_mean is not None)


def test_the_same_order_of_rows_gives_tabddpms_own_parts(openml):
    card = REGISTRY["diabetes"]
    raw = as_on_openml(card)
    raw["preg"] = card.test_mean
    openml[card.source.data_id] = raw, 1
    assert load_dataset("diabetes").meta["split"] == "TabDDPM's own"


def test_dates_are_numbers_and_adults_test_part_comes_first(openml):
    card = REGISTRY["king"]
    openml[card.source.data_id] = as_on_openml(card), 3
    assert load_dataset("king").train["date"].between(0, 300 * 86.4).all()
    card = REGISTRY["adult"]
    raw = as_on_openml(card)
    raw["WORKCLASS"] = raw["WORKCLASS"].where(raw.index % 2 == 0)
    openml[card.source.data_id] = raw, 2
    dataset = load_dataset("adult")
    np.testing.assert_array_equal(dataset.test["age"], raw["AGE"][:16281])
    assert set(dataset.train["workclass"]) == {"a", "b", "unknown"}


def test_california_is_scikit_learns(monkeypatch):
    card = REGISTRY["california"]
    frame = pd.DataFrame({name: np.arange(card.n_rows, dtype=float) for name in (*card.numerical, card.target)})
    monkeypatch.setattr(
        "sklearn.datasets.fetch_california_housing", lambda data_home, as_frame: Bunch(frame=frame.copy())
    )
    assert len(load_dataset("california").val) == card.sizes[1]


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda t: (t[:-1], 1), "number of rows of the downloaded table 'diabetes' must be 768. Got 767 instead"),
        (lambda t: (t, 2), "version of the downloaded table 'diabetes' must be 1. Got 2 instead"),
        (lambda t: (t.drop(columns="plas"), 1), "columns of the downloaded table 'diabetes' must be"),
        (lambda t: (t.assign(more=1), 1), "columns of the downloaded table 'diabetes' must be"),
        (lambda t: (t.assign(plas="high"), 1), "column 'Glucose' of the downloaded table 'diabetes' must be numbers"),
        (
            lambda t: (t.assign(**{"class": "x"}), 1),
            "number of classes of 'Outcome' of the downloaded table 'diabetes'",
        ),
    ],
)
def test_a_download_that_is_another_table_is_refused(openml, spoil, message):
    openml[37] = spoil(as_on_openml(REGISTRY["diabetes"]))
    with pytest.raises(ValueError, match=message):
        load_dataset("diabetes")


def test_incomplete_rows_are_left_out_where_tabddpm_did(openml):
    card = REGISTRY["higgs-small"]
    raw = as_on_openml(card)[["CLASS", *(name.upper() for name in card.numerical)]]
    hole = raw.iloc[:1].assign(M_JJ=np.nan)
    openml[card.source.data_id] = pd.concat([raw, hole]), 2
    assert len(load_dataset("higgs-small").train) == card.sizes[0]
    openml[card.source.data_id] = raw, 2
    with pytest.raises(ValueError, match=r"number of incomplete rows .* must be 1\. Got 0 instead"):
        load_dataset("higgs-small")


def test_every_dataset_can_be_explored(tmp_path):
    write_npy(tmp_path / "toy")
    dataset = load_dataset("toy", tmp_path)
    assert set(explore(dataset.train, target=dataset.target).displays) == {"margins", "association", "boxes"}
