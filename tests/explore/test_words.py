"""Words of titles in any script, and which of them tell a cluster from the others."""

import numpy as np
import pytest

from vvp.explore.words import telling, tokens


@pytest.mark.parametrize(
    ("title", "words"),
    [
        ("The BEST chess-opening you'll play in 2024!", ["best", "chess", "opening", "youll", "play"]),
        ("#chess #Chess https://example.com/x?a=b", ["chess", "chess"]),
        ("हिन्दी में शतरंज", ["हिन्दी", "में", "शतरंज"]),
        ("Шахматы и шахматы", ["шахматы", "шахматы"]),
        ("موسيقى جديدة", ["موسيقى", "جديدة"]),
        ("猫動画です", ["猫動", "動画"]),
        ("新しいトレーラー HPリンク fypシ", ["トレーラー", "hp", "リンク", "fyp"]),
        ("🔥🔥 wow ❤️ 👍🏽", ["🔥", "🔥", "wow", "❤", "👍"]),
        ("ﾌﾙ ｗｉｄｅ", ["フル", "wide"]),
        ("", []),
        (" … 123 a", []),
    ],
)
def test_tokens(title: str, words: list[str]) -> None:
    assert tokens(title) == words


def test_planted_words_tell_and_common_ones_do_not() -> None:
    rng = np.random.default_rng(0)
    cluster = np.arange(90) % 3
    theme = ("chess", "pasta", "🎸")
    titles = [f"{theme[c]} video today {'funny' if rng.random() < 0.5 else ''}" for c in cluster]
    found = telling(titles, cluster, 3)
    assert [[word for word, _ in one] for one in found] == [["chess"], ["pasta"], ["🎸"]]
    shuffled = telling(titles, rng.permutation(cluster), 3)
    assert all(score < found[0][0][1] / 1.5 for one in shuffled for _, score in one)


def test_one_title_that_repeats_a_word_fills_no_list() -> None:
    titles = ["spam " * 50, "chess one", "chess two", "pasta one", "pasta two"]
    found = telling(titles, np.array([0, 0, 0, 1, 1]), 2)
    assert [word for word, _ in found[0]] == ["chess"]


def test_no_titles_no_words() -> None:
    cluster = np.zeros(4, int)
    assert telling([None] * 4, cluster, 2) == [[], []]
    assert telling(["one", None, "", "two"], cluster, 2) == [[], []]
