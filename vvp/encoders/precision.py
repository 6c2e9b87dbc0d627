"""Which number type a model computes in: bfloat16 where the chip has it and the vectors stay the same.

bfloat16 is used when (a) the device multiplies it in hardware and (b) on a probe input the vectors'
cosine with float32 is at least MIN_COSINE. Otherwise float32, and `Precision.reason` says why.
Not known here: what the models are, and which is faster (an encoder asks only where it is).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import numpy as np

if TYPE_CHECKING:
    from torch import nn

MIN_COSINE = 0.999
Model = TypeVar("Model", bound="nn.Module")


@dataclass(frozen=True, kw_only=True)
class Precision:
    """What an encoder computes in. `cosine`: with float32 on the probe, the worst row; None: not compared."""

    dtype: str
    cosine: float | None
    reason: str


def has_bfloat16(device: str) -> bool:
    """True when `device` ("cpu", "cuda", "cuda:0") multiplies bfloat16 in hardware."""
    import torch  # here, because whisper.py needs this module and no torch

    if device.startswith("cuda"):
        return torch.cuda.is_available() and torch.cuda.is_bf16_supported(including_emulation=False)
    if device == "cpu" and hasattr(torch.cpu, "get_capabilities"):
        chip = torch.cpu.get_capabilities()
        return bool(chip.get("avx512_bf16") or chip.get("amx_bf16"))
    return False


def cosine(a: np.ndarray, b: np.ndarray) -> float:
    """The least cosine between row i of `a` and row i of `b`, both float (n, dim). NaN if any row is 0."""
    a, b = a.astype(np.float64), b.astype(np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        return float(np.min((a * b).sum(1) / (np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1))))


def to_bfloat16(model: Model) -> Model:
    """The whole model in bfloat16, in place."""
    return model.bfloat16()


def settle(
    load: Callable[[], Model],
    embed: Callable[[Model], np.ndarray],
    device: str,
    lower: Callable[[Model], Model] = to_bfloat16,
) -> tuple[Model, Precision]:
    """The model on `device`, in the fastest type that keeps its vectors, and what was found.

    `load` gives a float32 model in eval mode; `embed` its vectors, float32 (n, dim), for a probe input;
    `lower` puts the model, or the parts of it that bear it, in bfloat16.
    """
    model = load().to(device)
    if not has_bfloat16(device):
        return model, Precision(dtype="float32", cosine=None, reason=f"{device} has no bfloat16")
    exact = embed(model)
    model = lower(model)
    near = cosine(exact, embed(model))
    if near >= MIN_COSINE:  # false for NaN as well
        return model, Precision(dtype="bfloat16", cosine=near, reason="as float32 on the probe")
    # Rounded weights cannot be restored, so the file is loaded again.
    reason = f"bfloat16 gives cosine {near:.5f}, below {MIN_COSINE}"
    return load().to(device), Precision(dtype="float32", cosine=near, reason=reason)
