"""What the encoders that run on torch share: threads, copies to and from a device, batches.

Importing this loads no torch: only the process that makes an encoder pays for that, when it does.
Not known here: any particular model.
"""

import warnings
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import torch


def use_threads(threads: int) -> None:
    """How many threads torch may use in this process; torch's own setting is for the whole process."""
    import torch

    torch.set_num_threads(threads)


def to_device(array: np.ndarray, device: str) -> "torch.Tensor":
    """The array as a tensor on `device`; to CUDA from pinned memory, so that the copy need not block."""
    import torch

    # Ray's arrays are read-only, and torch.from_numpy warns about them. Nothing here writes to them.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        tensor = torch.from_numpy(np.ascontiguousarray(array))
    if device.startswith("cuda"):
        return tensor.pin_memory().to(device, non_blocking=True)
    return tensor.to(device)


def to_numpy(vectors: "torch.Tensor") -> np.ndarray:
    """float32 numpy on the host."""
    return vectors.float().cpu().numpy()


def chunks(length: int, size: int) -> Iterator[slice]:
    """Slices of at most `size` that cover range(length)."""
    return (slice(i, min(i + size, length)) for i in range(0, length, size))
