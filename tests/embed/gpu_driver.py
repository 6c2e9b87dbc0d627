"""A driver of its own process for test_gpu_plan.py: one GPU that Ray believes in, encoders that need none.

`python gpu_driver.py WORKSPACE FOLDER`: each call of an encoder leaves a file in FOLDER that says its device
and how many inputs it had.
"""

import json
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
import ray
from fakes import FAKE, FakePicture, FakeSound

from vvp.embed.graph import EmbedSettings, embed
from vvp.encoders.base import Weights
from vvp.workspace import Workspace


def tell(name: str, device: str, inputs: int) -> None:
    Path(os.environ["VVP_TEST_CALLS"], f"{name}-{device}-{inputs}-{uuid4().hex[:8]}").touch()


class Picture(FakePicture):
    batch_size = 32

    def __init__(self, weights: Weights, device: str = "cpu", threads: int = 1) -> None:
        super().__init__(weights, device, threads)
        self.device = device

    def encode(self, batch: Sequence[np.ndarray]) -> np.ndarray:
        tell("picture", self.device, len(batch))
        return super().encode(batch)


class Sound(FakeSound):
    """Of a library that cannot use the GPU."""

    batch_size = 32

    def __init__(self, weights: Weights, device: str = "cpu", threads: int = 1) -> None:
        super().__init__(weights, device, threads)
        self.device = device

    @staticmethod
    def not_on_gpu() -> str | None:
        return "sounds stay on the CPUs"

    def encode(self, batch: Sequence[np.ndarray]) -> np.ndarray:
        tell("sound", self.device, len(batch))
        return super().encode(batch)


def main() -> None:
    os.environ["VVP_TEST_CALLS"] = sys.argv[2]
    ray.init("local", num_cpus=2, num_gpus=1, include_dashboard=False, log_to_driver=False)
    profile: Any = replace(FAKE, encoders={**FAKE.encoders, "video": Picture, "audio": Sound})
    summary = embed(Workspace(sys.argv[1]), profile, EmbedSettings(transcribe=False))
    print(json.dumps(asdict(summary)))


if __name__ == "__main__":
    main()
