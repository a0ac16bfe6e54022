import pytest
import torch

from tabdiff_lora.backbones.adapters import add_adapter, target_pattern
from tabdiff_lora.backbones.intruders import intruder_dimensions
from tests.backbones.language_models import tiny_model


@pytest.fixture
def adapted():
    model = tiny_model("bert").requires_grad_(False)
    return add_adapter(model, "lora", pattern=target_pattern(model, "query"), rank=2)


def plant(model, direction) -> None:
    """Make the update of the first layer ten times its weight, along a direction in its singular vectors."""
    layer = next(module for module in model.modules() if getattr(module, "lora_A", None))
    left, values, right = torch.linalg.svd(layer.get_base_layer().weight)
    layer.lora_A["default"].weight.data[0] = right[0]
    layer.lora_B["default"].weight.data[:, 0] = 10 * values[0] * (left @ direction)


def test_an_untrained_adapter_has_no_intruders(adapted):
    report = intruder_dimensions(adapted)
    assert report["n_intruders"].tolist() == [0, 0]
    assert report["relative_update"].tolist() == [0, 0]
    assert report["rank"].tolist() == [2, 2]


def test_a_direction_that_the_weight_does_not_have_is_one_intruder(adapted):
    plant(adapted, torch.full((32,), 32**-0.5))
    report = intruder_dimensions(adapted)
    assert report["n_intruders"].tolist() == [1, 0]
    assert report["least_similarity"][0] < 0.3


def test_a_direction_that_the_weight_has_is_none(adapted):
    plant(adapted, torch.eye(32)[0])
    assert intruder_dimensions(adapted)["n_intruders"].tolist() == [0, 0]


def test_a_network_without_adapters_has_an_empty_report():
    assert intruder_dimensions(torch.nn.Linear(2, 2)).empty
