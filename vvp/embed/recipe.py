"""One draft on its way to a forecast: what its predictor wants it embedded with, and the row it starts as.

`vvp predict` and the online app both begin here, so that the two give the same number.
Not known here: how a row is decoded and encoded (embed/stages.py), Ray, HTTP.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

import pyarrow as pa

from vvp.encoders.profiles import Profile, profile
from vvp.errors import UserError
from vvp.media.decode import DecodeSettings

WORDS = ("title", "description", "tags", "transcript")
SCHEMA = pa.schema(
    [
        ("title", pa.string()), ("description", pa.string()), ("tags", pa.list_(pa.string())),
        ("transcript", pa.string()), ("transcript_source", pa.string()), ("media_path", pa.string()),
    ]
)  # fmt: skip


class Noted(Protocol):
    """What `embed` noted of a complete pass; a predictor's head keeps it (forecast/head.py)."""

    @property
    def profile(self) -> str: ...
    @property
    def encoders(self) -> Mapping[str, str | None]: ...
    @property
    def speech(self) -> str | None: ...
    @property
    def decode(self) -> Mapping[str, Any]: ...


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How the training videos of a predictor were embedded, so a draft has to be."""

    profile: Profile  # without a transcriber where training had none
    labels: dict[str, str]  # modality, or "transcriber" → name@hash of the weights
    decode: DecodeSettings

    @classmethod
    def of(cls, noted: "Noted", given: Profile | None = None) -> "Recipe":
        """given: the profile; None: vvp's own of that name, UserError where there is none."""
        encoders = given or profile(noted.profile)
        labels = {modality: label for modality, label in noted.encoders.items() if label is not None}
        if noted.speech is None:
            encoders = replace(encoders, transcriber=None)
        else:
            labels["transcriber"] = noted.speech
        return cls(profile=encoders, labels=labels, decode=DecodeSettings(**noted.decode))

    def check(self, models: str | None) -> None:
        """UserError unless the weights found here (`models`: the user's folder) are the training's."""
        for modality, here in self.profile.labels(models).items():
            if self.labels.get(modality) != here:
                raise UserError(
                    f"the predictor was trained with {self.labels.get(modality)}; here is {here}."
                )


def first_row(values: Mapping[str, Any], media: str | None) -> pa.Table:
    """One row of SCHEMA, what the stages of embed begin with. values: videos columns, WORDS are looked at;
    media: path or URI, null for a draft without a video."""
    row = {name: values.get(name) for name in WORDS}
    row |= {"transcript_source": "creator" if row["transcript"] else None, "media_path": media}
    return pa.Table.from_pylist([row], schema=SCHEMA)
