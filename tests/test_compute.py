import pytest
import torch

from tabdiff_lora.compute import constants, resolve_device, resolve_dtype


@pytest.mark.parametrize(
    ("capabilities", "expected"),
    [
        ({"avx2": True, "avx512_f": True}, torch.float32),
        ({"avx512_f": True, "avx512_bf16": True, "amx_bf16": False}, torch.bfloat16),
        ({"avx512_bf16": False, "amx_bf16": True}, torch.bfloat16),
    ],
    ids=["no bf16", "avx512_bf16", "amx_bf16"],
)
def test_auto_precision_is_what_the_processor_multiplies_fastest(monkeypatch, capabilities, expected):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities)
    assert resolve_dtype("auto", torch.device("cpu")) == expected
    assert resolve_dtype("auto", torch.device("mps")) == torch.float32
    assert resolve_dtype("float32", torch.device("cpu")) == torch.float32


def test_unknown_device_is_refused():
    with pytest.raises(ValueError, match="device must be 'auto' or a device of this machine. Got 'nowhere' instead"):
        resolve_device("nowhere")


def test_constants_are_made_once_and_serve_training_wherever_they_were_made():
    with torch.inference_mode():
        made = constants((3, 1, 2), torch.device("cpu"))
    assert made is constants((3, 1, 2), torch.device("cpu"))
    assert made.dtype == torch.int64
    assert not made.is_inference()
