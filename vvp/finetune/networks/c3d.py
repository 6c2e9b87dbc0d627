"""C3D: eight plain 3D convolutions, the baseline.

Tran et al., "Learning Spatiotemporal Features with 3D Convolutional Networks", ICCV 2015: 64, 128, 256, 256,
512, 512, 512, 512 channels, five poolings, two layers of 4096; 78.4 M parameters with 101 classes. For
training from nothing each convolution is followed by a group norm, which does not depend on who shares the
batch, so one worker and two see the same numbers; `norm=False` is the network as published. A last pooling to
1 x 4 x 4 takes any number of frames and any size; at 16 frames of 112 pixels it changes nothing.
"""

from typing import Any

from torch import Tensor, nn

from vvp.finetune.networks.base import Batch, Network, head, need

CHANNELS = ((64,), (128,), (256, 256), (512, 512), (512, 512))
HIDDEN = 4096


class C3D(Network):
    """Picture → one number. From 2 frames and 32 pixels on."""

    def __init__(
        self,
        *,
        width: float = 1.0,
        hidden: int = 128,
        dropout: float = 0.5,
        norm: bool = True,
        outputs: int = 1,
    ) -> None:
        super().__init__()
        layers: list[Any] = []
        inside = 3
        for stage, channels in enumerate(CHANNELS):
            for wanted in channels:
                outside = max(16, round(wanted * width / 16) * 16)
                layers.append(nn.Conv3d(inside, outside, 3, padding=1, bias=not norm))
                if norm:
                    # Groups of 16: a channel normalised by itself would forget how bright a clip is.
                    layers.append(nn.GroupNorm(max(1, outside // 16), outside))
                layers.append(nn.ReLU(inplace=True))
                inside = outside
            time = 1 if stage == 0 else 2
            last = (0, 1, 1) if stage == len(CHANNELS) - 1 else (0, 0, 0)
            layers.append(nn.MaxPool3d((time, 2, 2), padding=last, ceil_mode=stage > 0))
        self.trunk = nn.Sequential(*layers)
        self.pool = nn.AdaptiveAvgPool3d((1, 4, 4))
        self.dim = max(16, round(HIDDEN * width))
        self.full = nn.Sequential(
            nn.Linear(inside * 16, self.dim), nn.ReLU(inplace=True), nn.Dropout(dropout),
            nn.Linear(self.dim, self.dim), nn.ReLU(inplace=True),
        )  # fmt: skip
        self.head = head(self.dim, hidden, dropout, outputs)
        for module in self.modules():
            if isinstance(module, nn.Conv3d):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")

    def features(self, batch: Batch) -> Tensor:
        pooled = self.pool(self.trunk(need(batch.pixels, "picture")))
        out: Tensor = self.full(pooled.flatten(1))
        return out
