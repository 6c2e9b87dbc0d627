"""R(2+1)D-18: a residual network whose 3D convolutions are split into space and then time.

Tran et al., "A Closer Look at Spatiotemporal Convolutions for Action Recognition", CVPR 2018. The trunk's
keys are those of torchvision's `r2plus1d_18`, so that its Kinetics weights can be taken key for key; in place
of its classifier stands a head of our own. `width` scales the 64 channels of the first stage.
31,505,325 parameters with the 400-way classifier of Kinetics, 31,365,918 with the head.
"""

from torch import Tensor, nn

from vvp.finetune.networks.base import Batch, Network, group_of, head, need

STAGES, BLOCKS = 4, 2


class _Split(nn.Sequential):
    """One 3D convolution as 1 x 3 x 3, then 3 x 1 x 1, with `middle` channels between."""

    def __init__(self, inside: int, outside: int, middle: int, stride: int = 1) -> None:
        super().__init__(
            nn.Conv3d(inside, middle, (1, 3, 3), (1, stride, stride), (0, 1, 1), bias=False),
            nn.BatchNorm3d(middle),
            nn.ReLU(inplace=True),
            nn.Conv3d(middle, outside, (3, 1, 1), (stride, 1, 1), (1, 0, 0), bias=False),
        )


class _Block(nn.Module):
    def __init__(self, inside: int, outside: int, stride: int) -> None:
        super().__init__()
        # As many parameters as the whole convolution would have.
        middle = (inside * outside * 27) // (inside * 9 + 3 * outside)
        self.conv1 = nn.Sequential(
            _Split(inside, outside, middle, stride), nn.BatchNorm3d(outside), nn.ReLU(inplace=True)
        )
        self.conv2 = nn.Sequential(_Split(outside, outside, middle), nn.BatchNorm3d(outside))
        self.relu = nn.ReLU(inplace=True)
        self.downsample = None
        if stride != 1 or inside != outside:
            self.downsample = nn.Sequential(
                nn.Conv3d(inside, outside, 1, stride, bias=False), nn.BatchNorm3d(outside)
            )

    def forward(self, x: Tensor) -> Tensor:
        aside = x if self.downsample is None else self.downsample(x)
        out: Tensor = self.relu(self.conv2(self.conv1(x)) + aside)
        return out


class R2Plus1D(Network):
    """Picture → one number. Any number of frames from 1, any size from 16 pixels."""

    def __init__(
        self, *, width: float = 1.0, hidden: int = 128, dropout: float = 0.5, outputs: int = 1
    ) -> None:
        super().__init__()
        base = max(4, round(64 * width))
        first = max(3, round(45 * width))
        self.stem = nn.Sequential(
            nn.Conv3d(3, first, (1, 7, 7), (1, 2, 2), (0, 3, 3), bias=False),
            nn.BatchNorm3d(first),
            nn.ReLU(inplace=True),
            nn.Conv3d(first, base, (3, 1, 1), 1, (1, 0, 0), bias=False),
            nn.BatchNorm3d(base),
            nn.ReLU(inplace=True),
        )
        inside = base
        for stage in range(STAGES):
            outside = base * 2**stage
            blocks = [_Block(inside if b == 0 else outside, outside, 2 if stage and not b else 1)
                      for b in range(BLOCKS)]  # fmt: skip
            setattr(self, f"layer{stage + 1}", nn.Sequential(*blocks))
            inside = outside
        self.dim = inside
        self.head = head(self.dim, hidden, dropout, outputs)
        for module in self.modules():
            if isinstance(module, nn.Conv3d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def features(self, batch: Batch) -> Tensor:
        x = self.stem(need(batch.pixels, "picture"))
        for stage in range(STAGES):
            x = getattr(self, f"layer{stage + 1}")(x)
        pooled: Tensor = x.mean(dim=(2, 3, 4))
        return pooled

    def depths(self) -> list[list[str]]:
        names = [name for name, _ in self.named_parameters()]
        return group_of(names, [*(f"layer{i + 1}." for i in range(STAGES)), "head."])
