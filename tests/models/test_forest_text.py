"""A forest from elsewhere is refused in a sentence, before LightGBM would end the process over it."""

import subprocess
import sys
from pathlib import Path

import lightgbm as lgb
import numpy as np
import pytest

from vvp.errors import UserError
from vvp.models.forest_text import check, trees


@pytest.fixture(scope="module")
def text() -> str:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 5))
    X[rng.random(X.shape) < 0.1] = np.nan
    data = lgb.Dataset(X, label=np.nan_to_num(X[:, 0] + X[:, 1]))
    return lgb.train({"objective": "regression", "verbosity": -1}, data, 4).model_to_string()


def line(text: str, name: str, value: str) -> str:
    """The text with another value in the first line of that name, its tree's size put right."""
    start = text.index(f"\n{name}=") + len(name) + 2
    end = text.index("\n", start)
    changed = text[:start] + value + text[end:]
    sizes = text[text.index("tree_sizes=") + 11 :].split("\n")[0]
    first, _, others = sizes.partition(" ")
    return changed.replace(sizes, f"{int(first) + len(value) - (end - start)} {others}", 1)


def values(text: str, name: str) -> list[str]:
    start = text.index(f"\n{name}=") + len(name) + 2
    return text[start : text.index("\n", start)].split()


def test_what_lightgbm_writes_is_taken(text: str) -> None:
    check(text)
    stump = lgb.Dataset(np.zeros((40, 2)), label=np.arange(40.0))
    check(lgb.train({"objective": "regression", "verbosity": -1}, stump, 2).model_to_string())


def test_what_follows_the_trees_is_not_shown_to_lightgbm(text: str) -> None:
    """Damaged parameters ended the process (found by fuzzing predictors, case 1950)."""
    X = np.random.default_rng(1).normal(size=(20, 5))
    damaged = text.replace("[boosting: gbdt]", "[[[:::\x7f", 1).replace("end of parameters", "", 1)
    check(damaged)
    whole, bare = (lgb.Booster(model_str=one) for one in (text, trees(damaged)))
    assert np.array_equal(whole.predict(X), bare.predict(X)) and "parameters" not in trees(damaged)


def test_each_kind_of_damage_is_named(text: str) -> None:
    left, splits = values(text, "left_child"), values(text, "split_feature")
    damaged = {
        "no child 99": line(text, "left_child", " ".join(["99", *left[1:]])),
        "no child -99": line(text, "left_child", " ".join(["-99", *left[1:]])),
        "no child 0": line(text, "left_child", " ".join(["0", *left[1:]])),
        "reached twice": line(text, "left_child", " ".join(values(text, "right_child")[:1] + left[1:])),
        "left_child has": line(text, "left_child", " ".join(left[1:])),
        "a column that is not there": line(text, "split_feature", " ".join(["5", *splits[1:]])),
        "a kind of split": line(text, "decision_type", " ".join(["1"] * len(left))),
        "no finite number": line(text, "leaf_value", " ".join(["nan"] * (len(left) + 1))),
        "no number": line(text, "threshold", " ".join(["x"] * len(left))),
        "num_leaves is not one number": line(text, "num_leaves", "2000000000"),
        "num_cat": line(text, "num_cat", "1"),
        "max_feature_idx": text.replace("max_feature_idx=4", "max_feature_idx=2000000000", 1),
        "several outputs|num_class": text.replace("num_class=1", "num_class=3", 1),
        "tree_sizes is missing": "\n".join(r for r in text.split("\n") if not r.startswith("tree_sizes")),
        "where tree_sizes says": text.replace("tree_sizes=", "tree_sizes=9", 1),
        "unknown or stands twice": text.replace("version=v4", "version=v4\nversion=v4", 1),
        "its version or objective": text.replace("objective=regression", "objective=custom", 1),
        "no end": text.replace("end of trees", "end", 1),
        "does not begin": "a" + text,
        "no plain text": text + "\0",
    }
    for words, other in damaged.items():
        assert other != text, words
        with pytest.raises(UserError, match=words):
            check(other)


FUZZ = """
import sys, random
import lightgbm as lgb, numpy as np
from vvp.errors import UserError
from vvp.models.forest_text import check, trees
text, random = open(sys.argv[1]).read(), random.Random(7)
X = np.random.default_rng(0).normal(size=(20, 5))
refused = 0
for number in range(int(sys.argv[2])):
    at = random.randrange(text.index("end of trees"))
    kind = random.randrange(4)
    end = at + random.randrange(1, 30)
    one = str(random.randrange(-9, 9)), chr(random.randrange(32, 127))
    bad = (text[:at] + one[0] + text[at + 1:], text[:at] + text[end:],
           text[:at] + text[at:end] + text[at:], text[:at] + one[1] + text[at + 1:])[kind]
    try:
        check(bad)
    except UserError:
        refused += 1
        continue
    try:
        lgb.Booster(model_str=trees(bad)).predict(X, num_threads=1)
    except lgb.basic.LightGBMError:  # it says so itself
        refused += 1
print("refused", refused)
"""


def test_no_damage_at_random_ends_the_process(text: str, tmp_path: Path) -> None:
    (tmp_path / "forest.txt").write_text(text)
    command = [sys.executable, "-c", FUZZ, str(tmp_path / "forest.txt"), "1500"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr[-500:]
    assert int(done.stdout.split()[-1]) > 500
