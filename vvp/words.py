"""How numbers are said: counts of views, days. One form for every surface that is written in Python.

And which characters of other people's words are shown at all.
"""

import re

# Titles and file names are other people's words: what steers a terminal, turns the direction of the letters
# around it, or is no character at all, is left out of everything that is shown or exported.
UNSEEN = re.compile(
    "[\0-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ufffe\uffff\ud800-\udfff]"
)


def visible(text: str) -> str:
    """The text without characters that nobody sees; line ends and tabs stay."""
    return UNSEEN.sub("", text)


def views(number: float) -> str:
    """A count of views for reading: 1,234 or 41.2K or 3.4M; three figures are all that a forecast has."""
    # The limits are those of the rounded number: 999,700 is 1M, not 1e+03K.
    for limit, unit, name in ((9.995e8, 1e9, "B"), (9.995e5, 1e6, "M"), (9999.5, 1e3, "K")):
        if number >= limit:
            return f"{number / unit:.3g}{name}"
    return f"{number:,.0f}"


def percent(share: float) -> str:
    """0.725 → 73%; halves go up, as people round."""
    return f"{int(100 * share + 0.5)}%"


def days(number: float) -> str:
    """A length of time: 1 day, 3.5 days, 412 days."""
    shown = f"{number:.1f}".removesuffix(".0") if number < 10 else f"{number:,.0f}"
    return f"{shown} day" if shown == "1" else f"{shown} days"
