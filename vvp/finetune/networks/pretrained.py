"""Video transformers of the library `transformers`, each with our head in place of its own.

VideoMAE (Tong et al. 2022), TimeSformer (Bertasius et al. 2021), ViViT (Arnab et al. 2021), the picture's
side of X-CLIP (Ni et al. 2022) and V-JEPA 2 (Assran et al. 2025): five kinds, one wrapper.

A folder in Hugging Face layout says what one is: config.json its sizes, preprocessor_config.json how pixels
are normalised, model.safetensors its weights. `described` makes plain options of the first two, so that a
record says a network whole and it can be made again without the folder. Of the config only the sizes are
read, within bounds: nothing in a folder runs code. Tensors are read by base.read_tensors, never as a pickle;
the library only renames keys of older files.
Not known here: training.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from torch import Tensor, nn

from vvp.encoders.base import Weights
from vvp.encoders.normalisation import IMAGENET_MEAN, IMAGENET_STD, Channels, normalisation
from vvp.encoders.weights import Source, locate, sha256
from vvp.errors import UserError, WeightsError
from vvp.finetune.networks.base import Batch, Network, head, need, read_tensors, take

CONFIG, WEIGHTS = "config.json", "model.safetensors"
MOST, MOST_LAYERS = 16_384, 128  # of any size in a config, and of layers
BAD = (ArithmeticError, AttributeError, LookupError, RuntimeError, TypeError, ValueError)


@dataclass(frozen=True, kw_only=True)
class Kind:
    """What differs from one to the next."""

    model: str
    """its class in transformers, and that of its config"""
    config: str
    source: Source
    layers: str
    """beginning of its layers' names; after it comes their number"""
    first: tuple[str, ...]
    """beginnings of the names of what comes before them"""
    unused: tuple[str, ...] = ()
    """parts of the class that no picture passes through"""
    fixed: Mapping[str, Any] = field(default_factory=dict)
    """values of the config that only they need"""
    frames: str = "num_frames"
    side: str = "image_size"
    part: str | None = None
    """where in the config the picture's sizes lie; None: at its top"""
    any_frames: bool = False
    """it takes any number of frames that its tubes divide"""
    mean: Channels = IMAGENET_MEAN
    std: Channels = IMAGENET_STD
    """where the folder does not say"""


def _source(folder: str, repo: str) -> Source:
    return Source(
        folder=folder, file=WEIGHTS, companions=(CONFIG,), repo=repo,
        optional=("preprocessor_config.json", "video_preprocessor_config.json"),
        instead="give their folder as `--weights FOLDER`",
    )  # fmt: skip


class Pretrained(Network):
    """Picture → one number, or a logit of each class. config, mean, std: from `described`."""

    kind: ClassVar[Kind]
    trunk: nn.Module

    def __init__(
        self, *, config: Mapping[str, Any], mean: Sequence[float] = (), std: Sequence[float] = (),
        hidden: int = 128, dropout: float = 0.5, outputs: int = 1,
    ) -> None:  # fmt: skip
        """UserError: a config that makes no network."""
        super().__init__()
        kind = self.kind
        self.mean, self.std = _three(mean or kind.mean), _three(std or kind.std)
        self.trunk, self.dim = _made(kind, config)
        part = config if kind.part is None else config[kind.part]
        self.sees = part[kind.frames], part[kind.side]
        if not all(type(size) is int and size > 0 for size in self.sees):
            raise UserError(f"the config's {kind.frames} and {kind.side} must be one whole number each.")
        # What a trunk says has a scale of its own.
        self.head = nn.Sequential(nn.LayerNorm(self.dim), *head(self.dim, hidden, dropout, outputs))

    def features(self, batch: Batch) -> Tensor:
        return self.said(need(batch.pixels, "picture").transpose(1, 2))

    def said(self, frames: Tensor) -> Tensor:
        """float (B, T, 3, H, W) → (B, dim); here the mean of all tokens, for those that have no other."""
        tokens: Tensor = self.trunk(frames).last_hidden_state
        return tokens.mean(1)

    def depths(self) -> list[list[str]]:
        """What comes before the layers, each layer, what comes after, the head."""
        kind, names = self.kind, [name for name, _ in self.named_parameters()]
        layers: dict[int, list[str]] = {}
        found: dict[str, list[str]] = {"first": [], "after": [], "head": []}
        for name in names:
            inside = name.removeprefix("trunk.")
            if inside.startswith(kind.layers):
                layers.setdefault(int(inside.removeprefix(kind.layers).split(".")[0]), []).append(name)
            elif name.startswith("head."):
                found["head"].append(name)
            else:
                found["first" if inside.startswith(kind.first) else "after"].append(name)
        return [found["first"], *(layers[i] for i in sorted(layers)), found["after"], found["head"]]

    def fill(self, folder: str | Path) -> str:
        """Takes the trunk's tensors from a folder; the head stays. The file's sha256. WeightsError: they lack
        one of the trunk's, one has another shape, one is not finite, or it is no safetensors file."""
        file = _folder(folder) / WEIGHTS
        tensors = read_tensors(file)
        model, said = _renamed(self.kind, self.trunk.config, tensors, file)
        absent = [key for key in said["missing_keys"] if not key.startswith(self.kind.unused)]
        if absent:
            raise WeightsError(
                f"{file} lacks {len(absent)} tensors of the network, {min(absent)} among them."
            )
        for key, found, wanted in said["mismatched_keys"]:
            if not key.startswith(self.kind.unused):
                raise WeightsError(f"{file}: {key} has the shape {tuple(found)}, not {tuple(wanted)}.")
        take(self.trunk, model.state_dict(), str(file))
        return sha256(file)

    @classmethod
    def locate(cls, weights: str | None, models: str | None) -> Path:
        """The folder: `weights` itself, else by the encoders' rules in `models` or on a hub. WeightsError."""
        if weights is not None:
            return _folder(weights)
        found: Weights = locate(cls.kind.source, models)
        return found.path

    @classmethod
    def described(cls, folder: str | Path, frames: int | None = None) -> dict[str, Any]:
        """The options that make the network of that folder: `config`, `mean`, `std`.

        frames: as many, in place of the config's, which V-JEPA 2 bears. WeightsError: no such folder, or its
        config is of another kind or no plausible one. UserError: frames that it does not take.
        """
        at, kind = _folder(folder), cls.kind
        config = _sizes(kind, at / CONFIG)
        part = config if kind.part is None else config[kind.part]
        if frames is not None and frames != part[kind.frames]:
            if not kind.any_frames:
                raise UserError(
                    f"the network in {at} sees {part[kind.frames]} frames, not {frames}: leave --frames out."
                )
            tube = part["tubelet_size"]
            if not tube or frames % tube:
                raise UserError(f"--frames must be a multiple of {tube} for {at}.")
            part[kind.frames] = frames
        mean, std = normalisation(at, kind.mean, kind.std)
        return {"config": config, "mean": list(mean), "std": list(std)}


def _three(values: Sequence[float]) -> Channels:
    red, green, blue = values
    return red, green, blue


def _folder(path: str | Path) -> Path:
    """WeightsError: there is none."""
    folder = Path(path).expanduser()
    if folder.is_file() and folder.name == WEIGHTS:
        folder = folder.parent
    if folder.suffix and not folder.is_dir():
        read_tensors(folder)  # says why another kind of file is refused
    if not folder.is_dir():
        raise WeightsError(f"{folder} is no folder with {CONFIG} and {WEIGHTS}.")
    return folder


def _sizes(kind: Kind, file: Path) -> dict[str, Any]:
    """What of a config.json decides the network. WeightsError: see `described`."""
    import transformers

    try:
        stated = json.loads(file.read_text())
        kept = _kept(stated, getattr(transformers, kind.config))
        if kind.part is not None:
            inside = stated.get(kind.part) or {}
            kept[kind.part] = _kept(inside, type(getattr(getattr(transformers, kind.config)(), kind.part)))
    except (OSError, *BAD) as error:
        raise WeightsError(f"{file} cannot be read ({str(error)[:100]}).") from error
    model = getattr(transformers, kind.config).model_type
    if stated.get("model_type") not in (None, model):
        raise WeightsError(f"{file} is of a {str(stated['model_type'])[:40]}, not of a {model}.")
    return {**kept, **kind.fixed}


def _kept(stated: Mapping[str, Any], config: Any) -> dict[str, Any]:
    """The values that the class of the config knows, its own where none is stated; ValueError: out of bounds.
    Dictionaries are left out."""
    found: dict[str, Any] = {}
    for name in config.__annotations__:
        value = stated.get(name, getattr(config, name, None))
        if isinstance(value, (str, bool, int, float)):
            found[name] = value
        elif isinstance(value, (list, tuple)) and all(isinstance(v, int) for v in value):
            found[name] = list(value)
    for name, value in found.items():
        for number in value if isinstance(value, list) else [value]:
            most = MOST_LAYERS if name.endswith("layers") else MOST
            if isinstance(number, int) and not isinstance(number, bool) and not 0 <= number <= most:
                raise ValueError(f"{name} is {number}")
    return found


def _made(kind: Kind, config: Mapping[str, Any]) -> tuple[nn.Module, int]:
    """The trunk with random numbers, without what no picture passes through, and the length of its vector."""
    import transformers
    from huggingface_hub.errors import StrictDataclassError

    try:
        settings = getattr(transformers, kind.config)(**config)
        model: nn.Module = getattr(transformers, kind.model)(settings)
    except (StrictDataclassError, *BAD) as error:
        raise UserError(
            f"the config makes no {kind.model} ({' '.join(str(error).split())[:150]})."
        ) from error
    for name in kind.unused:
        setattr(model, name.rstrip("."), None)
    return model, settings.projection_dim if kind.part else settings.hidden_size


def _renamed(
    kind: Kind, config: Any, tensors: dict[str, Tensor], file: Path
) -> tuple[nn.Module, dict[str, Any]]:
    """The whole model with the file's tensors under today's names, and what did not fit."""
    import torch
    import transformers

    from vvp.encoders.transformer import quiet

    try:
        with quiet():
            model, said = getattr(transformers, kind.model).from_pretrained(
                None, config=config, state_dict=tensors, dtype=torch.float32, output_loading_info=True,
                ignore_mismatched_sizes=True,
            )  # fmt: skip
    except BAD as error:
        raise WeightsError(
            f"{file} does not fit the network ({str(error).splitlines()[0][:100]})."
        ) from error
    for name in kind.unused:
        setattr(model, name.rstrip("."), None)
    return model, said


class VideoMAE(Pretrained):
    """It has no token for the whole: the mean of the patches."""

    kind = Kind(
        model="VideoMAEModel", config="VideoMAEConfig", layers="encoder.layer.", first=("embeddings.",),
        source=_source("videomae-base", "MCG-NJU/videomae-base"),
    )  # fmt: skip


class _Summed(Pretrained):
    """The token for the whole clip comes first."""

    def said(self, frames: Tensor) -> Tensor:
        tokens: Tensor = self.trunk(frames).last_hidden_state
        return tokens[:, 0]


class TimeSformer(_Summed):
    kind = Kind(
        model="TimesformerModel", config="TimesformerConfig", layers="encoder.layer.", first=("embeddings.",),
        source=_source("timesformer-base", "facebook/timesformer-base-finetuned-k400"),
    )  # fmt: skip


class ViViT(_Summed):
    kind = Kind(
        model="VivitModel", config="VivitConfig", layers="layers.", first=("embeddings.",),
        unused=("pooler.",), source=_source("vivit-b-16x2", "google/vivit-b-16x2-kinetics400"),
        # Its pixels go from -1 to 1, and the mean 0.5 is taken off after that.
        mean=(0.75, 0.75, 0.75), std=(0.25, 0.25, 0.25),
    )  # fmt: skip


class XCLIP(Pretrained):
    """Frames by a CLIP whose frames exchange messages, then a small transformer over them."""

    kind = Kind(
        model="XCLIPModel", config="XCLIPConfig", part="vision_config",
        layers="vision_model.encoder.layers.",
        first=("vision_model.embeddings.", "vision_model.pre_layernorm."),
        unused=("text_model.", "text_projection.", "logit_scale", "prompts_visual_layernorm.",
                "prompts_visual_projection", "prompts_generator."),
        fixed={"text_config": {"vocab_size": 8, "hidden_size": 8, "intermediate_size": 8,
                               "num_hidden_layers": 1, "num_attention_heads": 1}},
        source=_source("xclip-base-patch32", "microsoft/xclip-base-patch32"),
    )  # fmt: skip

    def said(self, frames: Tensor) -> Tensor:
        vector: Tensor = self.trunk.get_video_features(frames).pooler_output  # type: ignore[operator]
        return vector


class VJEPA2(Pretrained):
    """Its positions are angles, so it bears another number of frames than it learned with."""

    kind = Kind(
        model="VJEPA2Model", config="VJEPA2Config", layers="encoder.layer.", first=("encoder.embeddings.",),
        unused=("predictor.",), fixed={"pred_num_hidden_layers": 1}, frames="frames_per_clip",
        side="crop_size", any_frames=True,
        source=_source("vjepa2-vitl-fpc64-256", "facebook/vjepa2-vitl-fpc64-256"),
    )  # fmt: skip

    def said(self, frames: Tensor) -> Tensor:
        tokens: Tensor = self.trunk.encoder(frames).last_hidden_state  # type: ignore[operator]
        return tokens.mean(1)


TRANSFORMERS: dict[str, type[Pretrained]] = {
    "videomae": VideoMAE, "timesformer": TimeSformer, "vivit": ViViT, "xclip": XCLIP, "vjepa2": VJEPA2
}  # fmt: skip
