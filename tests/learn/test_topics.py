"""Words as topics: the same after saving, in any script, and zeros where there is nothing to learn from."""

import numpy as np
import pytest
from learn_tables import table
from safetensors import SafetensorError
from safetensors.numpy import load, save
from sklearn.linear_model import LogisticRegression

from vvp.dataset.words import CUT, TOPICS, Words, texts

PLANTED = {
    "English": (
        ["knit wool scarf needle", "yarn pattern stitch"],
        ["engine brake gearbox", "turbo exhaust"],
    ),
    "Japanese": (
        ["編み物をしている毛糸のマフラー", "かぎ針で編むセーター"],
        ["車のエンジンを修理する", "排気管とブレーキの交換"],
    ),
    "Arabic": (
        ["حياكة الصوف والخيوط", "غرزة الكروشيه للمبتدئين"],
        ["محرك السيارة والفرامل", "تبديل علبة السرعة"],
    ),
    "Hindi": (
        ["ऊन की बुनाई और धागा", "सलाई से स्वेटर बनाना"],
        ["गाड़ी का इंजन और ब्रेक", "गियर बॉक्स की मरम्मत"],
    ),
}


def planted(language: str, n: int = 60) -> tuple[list[str], np.ndarray]:
    """(n texts, which of two topics each is about): its phrases in some order with a number."""
    rng = np.random.default_rng(0)
    about = rng.integers(2, size=n)
    said = []
    for i in about:
        parts = [str(part) for part in rng.permutation(PLANTED[language][i])[: rng.integers(1, 3)]]
        said.append(" ".join([*parts, str(rng.integers(100))]))
    return said, about


@pytest.mark.parametrize("language", PLANTED)
def test_topics_tell_what_a_text_is_about_in_any_script(language: str) -> None:
    said, about = planted(language)
    words = Words.fit(said[:40])
    X = words.transform(said)
    assert X.shape == (60, TOPICS) and X.dtype == np.float32 and np.isfinite(X).all()
    held = LogisticRegression().fit(X[:40], about[:40]).score(X[40:], about[40:])
    assert held >= 0.95


def test_a_text_alone_gets_what_it_got_among_others_and_files_change_nothing() -> None:
    said, _ = planted("English")
    words = Words.fit(said)
    again = Words.from_files(words.files())
    assert again.grams == words.grams
    together = words.transform(said)
    np.testing.assert_array_equal(again.transform(said), together)
    for i in (0, 17, 59):
        np.testing.assert_allclose(again.transform([said[i]])[0], together[i], rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(Words.fit(said).transform(said), together)


def test_empty_and_few_texts_give_zeros() -> None:
    for few in ([], [""] * 50, ["one two three"] * 5, [f"{i}{i}{i}" for i in range(1, 9)]):
        words = Words.fit(few)
        assert words.transform(["anything", ""]).tolist() == np.zeros((2, TOPICS)).tolist(), few
        again = Words.from_files(words.files())
        assert not again.transform(["anything"]).any() and again.transform([]).shape == (0, TOPICS)
    known = Words.fit(planted("English")[0])
    found = known.transform(["", "knit wool", "ξένο κείμενο"])
    assert not found[0].any() and found[1].any() and not found[2].any(), "nothing, known, never seen"


def test_a_text_is_title_description_and_hashtags_and_no_longer_than_is_read() -> None:
    rows = table(
        "videos",
        [
            {"video_id": "a", "title": "A cat", "description": "A cat", "tags": ["cat"]},
            {"video_id": "b", "title": "Look #cat", "description": "so soft", "tags": ["cat", "pet"]},
            {"video_id": "c"},
            {"video_id": "d", "title": "x" * 9000},
        ],
    )
    assert texts(rows) == ["A cat #cat", "Look #cat so soft #pet", "", "x" * CUT]


def test_damaged_files_are_refused() -> None:
    file = "words.safetensors"
    good = Words.fit(planted("English")[0]).files()[file]
    arrays = load(good)
    with pytest.raises(KeyError):
        Words.from_files({})
    for bad in (good[:100], b"", b"\x80\x04garbage"):
        with pytest.raises((SafetensorError, ValueError)):
            Words.from_files({file: bad})
    nan, grams = arrays["idf"].copy(), arrays["grams"]
    nan[0] = np.nan
    many = "\n".join(f"g{i}" for i in range(20_001)).encode()
    twice = "\n".join(["abc"] * len(arrays["idf"])).encode()
    for changes in (
        {"idf": nan},
        {"idf": arrays["idf"][:-1]},
        {"directions": arrays["directions"][:, :-1].copy()},
        {"directions": np.full_like(arrays["directions"], np.inf)},
        {"directions": np.zeros((TOPICS + 1, len(arrays["idf"])), np.float32)},
        {"grams": grams[: len(grams) // 2].copy()},
        {"grams": np.full(9, 255, np.uint8)},
        {"grams": np.frombuffer(twice, np.uint8).copy()},
        {"grams": np.frombuffer(many, np.uint8).copy(), "idf": np.ones(20_001, np.float32),
         "directions": np.zeros((1, 20_001), np.float32)},
    ):  # fmt: skip
        with pytest.raises(ValueError):
            Words.from_files({file: save({**arrays, **changes})})
    with pytest.raises(KeyError):
        Words.from_files({file: save({k: v for k, v in arrays.items() if k != "idf"})})
