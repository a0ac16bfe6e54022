"""Blocks side by side: the same results in the same order, some at the same time, and nothing left behind."""

import threading
from contextlib import closing

import pandas as pd
import pytest
import torch

from tabdiff_lora import TabularDiffusionSynthesizer, compute
from tabdiff_lora.drawing.side_by_side import n_workers_for, side_by_side
from tests.tables import mixed_table


@pytest.fixture(autouse=True)
def three_threads(monkeypatch):
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    monkeypatch.setattr(compute, "available_threads", lambda: 3)
    yield
    assert torch.get_num_threads() == 3, "the threads of torch must be put back"
    torch.set_num_threads(before)


@pytest.mark.parametrize("n_workers", [1, 2, 3])
def test_results_come_in_order(n_workers):
    assert list(side_by_side(lambda i: i * i, range(20), n_workers)) == [i * i for i in range(20)]


def test_two_are_drawn_at_the_same_time_on_a_thread_each():
    both = threading.Barrier(2, timeout=30)

    def draw(_):
        both.wait()
        return torch.get_num_threads()

    assert list(side_by_side(draw, range(4), 2)) == [1, 1, 1, 1]


def test_workers_share_what_the_machine_has_not_what_torch_is_set_to():
    torch.set_num_threads(8)
    assert list(side_by_side(lambda _: torch.get_num_threads(), range(4), 3)) == [1] * 4
    assert torch.get_num_threads() == 8
    torch.set_num_threads(3)


def test_no_more_wait_than_there_are_workers_and_one():
    taken = []

    def items():
        for i in range(100):
            taken.append(i)
            yield i

    with closing(side_by_side(abs, items(), 2)) as results:
        assert next(results) == 0 and len(taken) == 3
        assert next(results) == 1 and len(taken) == 4


def test_an_error_comes_where_its_item_stands():
    def draw(i):
        if i == 2:
            raise ValueError("item 2")
        return i

    found = []
    with pytest.raises(ValueError, match="item 2"):
        found.extend(side_by_side(draw, range(50), 2))
    assert found == [0, 1]


def test_who_stops_early_leaves_nothing_running():
    done = []
    with closing(side_by_side(done.append, range(1_000), 2)) as results:
        next(results)
    assert len(done) <= 4 and not [t for t in threading.enumerate() if t.name.startswith("draw")]


@pytest.fixture(scope="module")
def fitted():
    return TabularDiffusionSynthesizer(max_steps=2, random_state=0).fit(mixed_table())


@pytest.mark.parametrize("conditions", [None, {"city": mixed_table()["city"].dropna().iloc[0]}])
def test_rows_do_not_depend_on_the_number_of_threads(fitted, conditions):
    drawn = fitted.sample(6_000, random_state=0, conditions=conditions)
    torch.set_num_threads(1)
    alone = fitted.sample(6_000, random_state=0, conditions=conditions)
    torch.set_num_threads(3)
    pd.testing.assert_frame_equal(alone, drawn)


def test_an_iterator_may_be_left(fitted):
    chunks = fitted.iter_samples(50_000, chunk_size=300, random_state=1)
    first = next(chunks)
    del chunks
    pd.testing.assert_frame_equal(first, fitted.sample(300, random_state=1))


def test_one_block_at_a_time_where_adapters_are_merged_or_a_gpu_draws(fitted):
    network = fitted.denoiser_.backbone
    assert n_workers_for(network, torch.device("cpu")) == 3
    assert n_workers_for(network, torch.device("cuda")) == 1

    class Adapted(torch.nn.Module):
        adapter = torch.nn.Identity()

    assert n_workers_for(Adapted(), torch.device("cpu")) == 1
