"""One draft on its way to a forecast: what its predictor wants it embedded with, and the row it starts as.

`vvp predict` and the online app both begin here, so that the two give the same number.
Not known here: how a row is decoded and encoded (embed/stages.py), Ray, HTTP.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

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


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How the training videos of a predictor were embedded, so a draft has to be."""

    profile: Profile  # without a transcriber where training had none
    labels: dict[str, str]  # modality, or "transcriber" → name@hash of the weights
    decode: DecodeSettings

    @classmethod
    def of(cls, head: Mapping[str, Any], known: Profile | None = None) -> "Recipe":
        """Of a predictor's head. known: its profile, where vvp has none of that name; else UserError."""
        made, encoders = head["embedding"], known or profile(head["profile"])
        labels = dict(made["encoders"])
        if made["speech"] is None:
            encoders = replace(encoders, transcriber=None)
        else:
            labels["transcriber"] = made["speech"]
        return cls(profile=encoders, labels=labels, decode=DecodeSettings(**made["decode"]))

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
