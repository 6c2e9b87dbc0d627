"""The ten words that a reader of the report needs; docs/glossary.md has all of them.

Not known here: HTML.
"""

WORDS = {
    "baseline, simple rule": "A forecast that needs no model, such as the channel's earlier videos. A model"
    " must beat it to be worth having.",
    "channel's usual": "The middle of the views of a channel's other videos, on a log scale.",
    "embedding": "A vector of numbers that a network makes of a picture, a sound or a text.",
    "interval, 80 %": "The range that should hold the real views of four videos in five.",
    "interval, 95 %": "How far a number could have moved had other channels been drawn: channels are drawn"
    " again, with replacement, and 95 of 100 such draws lie inside (a bootstrap).",
    "log views": "The natural logarithm of 1 + views. A difference of 0.69 is a factor of 2.",
    "pairs right": "The share of pairs of test videos that the forecast puts in the right order; a coin gets"
    " half of them.",
    "Spearman": "The correlation of ranks: 1 is the same order, 0 no relation.",
    "test part": "Videos that are looked at once, after everything was settled.",
    "typical error": "The mean absolute error of log views, as a factor: 2.0 means that forecasts are off by"
    " a factor of 2.0 in the geometric mean.",
}
