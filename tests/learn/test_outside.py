"""What lies beyond training is said in words a person knows, and the page says the same."""

import re
from pathlib import Path

from vvp.dataset.features import FEATURES, SUPPLIED
from vvp.dataset.scales import log_count
from vvp.forecast import outside

WORDS = Path(__file__).parents[2] / "serve" / "page" / "words.js"


def test_every_feature_has_a_name_of_words() -> None:
    unnamed = [f.name for f in (*FEATURES, *SUPPLIED) if f.name not in outside.LOGGED | outside.PLAIN]
    assert not unnamed


def test_the_page_has_the_same_names() -> None:
    text = WORDS.read_text("utf-8")
    logged = re.findall(r'^  (\w+): \["([^"]+)", "([^"]*)"\],$', text, re.MULTILINE)
    assert {name: (what, unit) for name, what, unit in logged} == outside.LOGGED
    plain = text[text.index("const PLAIN") : text.index("/** {feature:")]
    assert dict(re.findall(r'^  (\w+): "([^"]+)",$', plain, re.MULTILINE)) == outside.PLAIN


def test_a_log_is_said_as_the_number_that_it_is_of() -> None:
    low, value, high = (float(log_count(x)) for x in (1_950, 27_500, 20_000))
    beyond = {"feature": "channel_history_mean", "value": value, "low": low, "high": high}
    mean = "mean views of this channel's earlier videos"
    assert outside.said(beyond) == f"{mean}: 27.5K; training videos had 1,950 to 20K"
    gap = {name: float(log_count(x)) for name, x in (("value", 528), ("low", 1), ("high", 342))}
    assert outside.said({"feature": "channel_gap"} | gap).endswith(
        "post: 528 days; training videos had 1 to 342 days"
    )
    loud = {"feature": "audio_rms_mean", "value": 0.31234, "low": 0.1, "high": 0.2}
    assert outside.said(loud) == "loudness: 0.312; training videos had 0.1 to 0.2"


def test_hour_and_weekday_are_named_once() -> None:
    assert outside.names(["hour_sin", "hour_cos", "motion_mean"]) == ["hour of posting", "amount of motion"]
    assert outside.said({"feature": "hour_cos", "value": 1, "low": 0, "high": 0}).startswith(
        "hour of posting"
    )
