"""What stands beside a forecast in sentences: what it had to do without, and what it did not look at.

Not known here: how a forecast was made.
"""

from vvp.dataset.features import FEATURES
from vvp.forecast.head import Spec
from vvp.forecast.outside import names
from vvp.learn.candidates import RULE


def reads(columns: list[str], counter: str) -> bool:
    """Whether a feature among the columns is made of the counter."""
    return any(f.source == (counter,) and f.name in columns for f in FEATURES)


def of_counters(filled: list[str], unknown: list[str]) -> list[str]:
    """filled: counters taken from the collection; unknown: what the model had to do without."""
    found = []
    if filled:
        said = ", ".join(name.replace("_", " ") for name in filled)
        found.append(f"{said}: not given, taken from this channel's newest collected video")
    if unknown:
        said = ", ".join(names(unknown))
        found.append(f"not known of this draft, so the forecast is less sure than it says: {said}")
    return found


def of_forecast(
    which: str, spec: Spec, looked_at: set[str], partial: bool, moved: str | None, clipped: bool
) -> list[str]:
    """looked_at: the blocks whose vectors or masks the model has among its columns."""
    found = [] if moved is None else [moved]
    if partial:
        found.append("a part of this video could not be decoded or encoded: the forecast does without it")
    if clipped:
        found.append("the model's own number lies far outside the training range and was moved to its edge")
    for block in ("picture", "sound"):
        if which == "main" and spec.role != RULE and block not in looked_at:
            seen = block == "picture" and {"log_duration_s", "log_aspect_ratio"} & set(spec.columns)
            but = ", but for its length and shape" if seen else ""
            found.append(f"the {block} changes nothing{but}: this model does not look at it")
    if spec.calibration is None:
        found.append("no interval: too few videos with counts to make one")
    return found
