"""The most telling words of each cluster's titles: class-based tf-idf (Grootendorst 2022, BERTopic).

Each cluster is one document. A word scores tf · log(1 + A / f): tf its share of the cluster's titles, f the
number of titles that have it, A the mean number of titles per cluster. A word counts once per title, so
that one title cannot fill the list; it must stand in two titles of the cluster and be at least 1.5 times as
common there as in the rest, which also removes what every title has, in any language.
Words are runs of letters, marks and digits of any script, in folded case; scripts without spaces (Chinese,
Japanese, Thai …) go by pairs of characters, an emoji is a word by itself. Links, bare numbers, single
letters, pairs of hiragana and English stop words are no words.
Not known here: clusters, videos, what a word means.
"""

import re
import unicodedata
from collections.abc import Sequence

import numpy as np
from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS, CountVectorizer

WORDS = 8
IN_TITLES = 2
TIMES = 1.5
LINK = re.compile(r"(?:https?://|www\.)\S+")
# Han, hiragana, Thai, Lao, Burmese, Khmer. A run of katakana is a loanword, and hiragana mostly grammar.
UNSPACED = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u309f\u3400-\u9fff\uf900-\ufaff]+")
KATAKANA = "[\u30a0-\u30ff]+"
HIRAGANA = re.compile("[\u3040-\u309f]")
STOP = frozenset(re.sub(r"\W", "", word) for word in ENGLISH_STOP_WORDS) | {
    "im", "ive", "id", "dont", "didnt", "doesnt", "isnt", "wasnt", "youre", "thats", "its", "lets", "whats",
}  # fmt: skip


def tokens(title: str) -> list[str]:
    """The words of one title in order, repeated as they are."""
    text = LINK.sub(" ", unicodedata.normalize("NFKC", title)).casefold()
    words: list[str] = []
    run = ""
    for character in (*text, " "):
        kind = unicodedata.category(character)
        if kind[0] in "LM" or kind == "Nd":
            # A mark that follows no letter (a variation selector, a skin tone) belongs to an emoji.
            run += character if run or kind[0] != "M" else ""
        elif character in "'’" and run:
            continue  # don't → dont
        else:
            words += _words(run)
            run = ""
            if kind == "So":
                words.append(character)
    return words


def _words(run: str) -> list[str]:
    if not run:
        return []
    words = []
    for part in re.split(f"({UNSPACED.pattern}|{KATAKANA})", run):
        if UNSPACED.fullmatch(part):
            pairs = (part[i : i + 2] for i in range(len(part) - 1))
            words += [pair for pair in pairs if not HIRAGANA.search(pair)]
        elif len(part) > 1 and not part.isdigit() and part not in STOP:
            words.append(part)
    return words


def telling(
    titles: Sequence[str | None], cluster: np.ndarray, clusters: int
) -> list[list[tuple[str, float]]]:
    """Per cluster 0 … clusters − 1 up to 8 (word, score), best first; [] where no word tells.

    titles: of n videos, None: has none; cluster: int (n,).
    """
    rows = [i for i, title in enumerate(titles) if title]
    texts = [titles[i] for i in rows]
    counter = CountVectorizer(analyzer=lambda title: list(dict.fromkeys(tokens(title))), min_df=IN_TITLES)
    try:
        has = counter.fit_transform(texts)  # (titles, words), 0 or 1
    except ValueError:  # an empty vocabulary: no word stands in two titles
        return [[] for _ in range(clusters)]
    of = np.asarray(cluster)[rows]
    inside = np.stack([np.asarray(has[of == c].sum(axis=0)).ravel() for c in range(clusters)])
    sizes = np.bincount(of, minlength=clusters)[:, None].astype(float)
    everywhere = inside.sum(axis=0)
    share = inside / np.maximum(sizes, 1)
    rest = (everywhere - inside) / np.maximum(sizes.sum() - sizes, 1)
    score = share * np.log(1 + sizes.mean() / everywhere)
    score[(inside < IN_TITLES) | (share < TIMES * rest)] = 0.0
    names = counter.get_feature_names_out()
    best = [np.lexsort((names, -row))[:WORDS] for row in score]
    return [
        [(str(names[i]), round(float(100 * row[i]), 2)) for i in order if row[i] > 0]
        for row, order in zip(score, best, strict=True)
    ]
