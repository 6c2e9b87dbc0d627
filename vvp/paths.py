"""Every path inside a workspace. Nothing else in vvp spells one.

    videos/ set_aside/ embeddings/            tables (schema.py)
    media_hashes.parquet                      sha256 of the media that were read, to know what changed
    embed.json                                how the videos were embedded
    splits.parquet splits.json                which part each video is in
    test_opened.json                          which runs opened which test part
    runs/NAME/TARGET/                         run.json evaluation.json predictions.parquet predictor/
    runs/NAME/TARGET/SPLIT/                   candidates.json models/ trials.json sweep/
    runs/NAME/report/                         report.html and its figures
    runs/NAME/TARGET/finetune/NETWORK-HASH/   a network trained on the clips
    clips/                                    what networks learn from (finetune/clips.py)
    map/                                      the collection seen from above
Not known here: what is in the files.
"""

import re
from dataclasses import dataclass

from vvp.errors import UserError

VIDEOS, SET_ASIDE, EMBEDDINGS = "videos", "set_aside", "embeddings"
HASHES = "media_hashes.parquet"
EMBED_RECIPE = "embed.json"
SPLITS_TABLE, SPLITS_FACTS = "splits.parquet", "splits.json"
TEST_OPENED = "test_opened.json"
RUNS = "runs"
CLIPS = "clips"
CLIPS_FACTS, CLIPS_INDEX = f"{CLIPS}/settings.json", f"{CLIPS}/index"
MAP = "map"
MAP_FACTS, MAP_POINTS = f"{MAP}/map.json", f"{MAP}/points.parquet"
MAP_PLACER, MAP_TENSORS = f"{MAP}/placer.json", f"{MAP}/placer.safetensors"


def clip_frames(key: str) -> str:
    return f"{CLIPS}/{key}.frames.npy"


def clip_mel(key: str) -> str:
    return f"{CLIPS}/{key}.mel.npy"


@dataclass(frozen=True)
class RunPaths:
    """Where one run's files lie. UserError for a name that is no plain file name."""

    name: str
    target: str = "views"

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,99}", self.name):
            raise UserError(
                f"--name {self.name!r}: use letters, digits, '.', '_' and '-', and begin with no dot."
            )

    @property
    def home(self) -> str:
        return f"{RUNS}/{self.name}"

    @property
    def run(self) -> str:
        """A sweep and its settings."""
        return f"{self.home}/{self.target}/run.json"

    @property
    def evaluation(self) -> str:
        return f"{self.home}/{self.target}/evaluation.json"

    @property
    def predictions(self) -> str:
        return f"{self.home}/{self.target}/predictions.parquet"

    @property
    def predictor(self) -> str:
        """A folder."""
        return f"{self.home}/{self.target}/predictor"

    @property
    def report(self) -> str:
        """A folder."""
        return f"{self.home}/report"

    def split(self, split: str) -> str:
        """The folder of what was fitted under a split."""
        return f"{self.home}/{self.target}/{split}"

    def candidates(self, split: str) -> str:
        return f"{self.split(split)}/candidates.json"

    def trials(self, split: str) -> str:
        return f"{self.split(split)}/trials.json"

    @property
    def networks(self) -> str:
        """The folder of all networks trained on the clips for this target."""
        return f"{self.home}/{self.target}/finetune"

    def finetune(self, network: str, mark: str) -> str:
        """The folder of one. mark: hash of its data and settings."""
        return f"{self.networks}/{network}-{mark}"
