"""What of a draft lies beyond what training showed, in words. The page says the same (serve/page/words.js).

Not known here: which features those are (predictor.py).
"""

from collections.abc import Mapping
from typing import Any

from vvp import words
from vvp.dataset.scales import count_of_log

# Features whose value is log(1 + x), said as x: what it is, and its unit.
LOGGED = {
    "log_horizon_days": ("the age of the count", "days"),
    "log_duration_s": ("the length", "seconds"),
    "log_channel_followers": ("followers", ""),
    "log_channel_videos": ("videos of the channel", ""),
    "log_channel_following": ("accounts the channel follows", ""),
    "channel_recent_mean": ("recent views of this channel", ""),
    "channel_last": ("views of this channel's last video", ""),
    "channel_best": ("views of this channel's best video", ""),
    "channel_gap": ("days since this channel's last post", "days"),
    "channel_history_log_n": ("earlier videos of this channel", ""),
    "channel_history_mean": ("mean views of this channel's earlier videos", ""),
}
PLAIN = {
    "title_chars": "characters in the title",
    "title_words": "words in the title",
    "title_mentions": "accounts mentioned in the title",
    "title_link": "web address in the title (1: yes)",
    "title_other_script": "share of letters outside the Latin alphabet",
    "description_chars": "characters in the description",
    "tags_n": "number of tags",
    "transcript_words": "words spoken",
    "speech_words_per_s": "words spoken per second",
    "cut_rate_per_min": "cuts per minute",
    "motion_mean": "amount of motion",
    "visual_density": "visual density",
    "title_question": "question marks in the title (1: yes)",
    "title_exclamation": "exclamation marks in the title (1: yes)",
    "title_digits": "digits in the title (1: yes)",
    "title_emoji": "emoji in the title (1: yes)",
    "title_upper_share": "share of capitals in the title",
    "has_transcript": "spoken words (1: yes)",
    "log_aspect_ratio": "shape of the frame, log of width ÷ height",
    "audio_rms_mean": "loudness",
    "audio_rms_std": "change in loudness",
    "channel_verified": "verified channel (1: yes)",
    "is_ad": "advertisement (1: yes)",
    "channel_spread": "spread of this channel's log views",
    "channel_trend": "trend of this channel's log views",
    "hour_sin": "hour of posting",
    "hour_cos": "hour of posting",
    "weekday_sin": "weekday of posting",
    "weekday_cos": "weekday of posting",
}


def name(feature: str) -> str:
    """What a feature is, for a person."""
    return LOGGED[feature][0] if feature in LOGGED else PLAIN.get(feature, feature.replace("_", " "))


def names(features: list[str]) -> list[str]:
    """Each once: hour and weekday are two features each."""
    return list(dict.fromkeys(name(feature) for feature in features))


def said(beyond: Mapping[str, Any]) -> str:
    """A sentence of {feature, value, low, high}; low and high are the ends of the training range."""
    feature = beyond["feature"]
    if feature.startswith(("hour_", "weekday_")):
        return f"{name(feature)} (UTC): no training video was posted then"
    numbers = [beyond["value"], beyond["low"], beyond["high"]]
    if feature in LOGGED:
        unit = LOGGED[feature][1]
        value, low, high = (words.views(float(count_of_log(x))) for x in numbers)
        behind = f" {unit}" if unit else ""
        return f"{name(feature)}: {value}{behind}; training videos had {low} to {high}{behind}"
    value, low, high = (f"{x:.3g}" for x in numbers)
    return f"{name(feature)}: {value}; training videos had {low} to {high}"
