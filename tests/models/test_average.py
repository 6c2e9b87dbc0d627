"""An average forecasts the weighted mean of its members, comes back as saved, and refuses what is not one."""

import hashlib
import json
from typing import Any

import numpy as np
import pytest
from planted import world

from vvp.errors import UserError
from vvp.models.average import FILE_NAME, AverageModel, Member
from vvp.models.base import Data
from vvp.models.baselines import train_mean
from vvp.models.gbdt import Gbdt
from vvp.models.registry import SWEPT, load
from vvp.models.ridge import Ridge

EVERY, FEATURES = np.arange(52), np.array([3, 0, 1, 2])


@pytest.fixture(scope="module")
def average() -> AverageModel:
    train = world(150, seed=1)
    few = Data(X=train.X[:, FEATURES], y=train.y, groups=train.groups[FEATURES])
    ridge, gbdt = Ridge(), Gbdt(trees=(40,))
    return AverageModel(
        members=(
            Member(model=ridge.fit(train, ridge.start, 8), weight=0.5, columns=EVERY),
            Member(model=gbdt.fit(few, gbdt.start, 0), weight=0.3, columns=FEATURES),
            Member(model=train_mean(few), weight=0.2, columns=FEATURES),
        ),
        n_cols=52,
    )


def test_it_is_the_weighted_mean_of_its_members_on_their_own_columns(average: AverageModel) -> None:
    X = world(40, seed=2).X
    ridge, gbdt, mean = (member.model for member in average.members)
    expected = 0.5 * ridge.predict(X) + 0.3 * gbdt.predict(X[:, FEATURES]) + 0.2 * mean.predict(X[:, :4])
    np.testing.assert_allclose(average.predict(X), expected)
    with pytest.raises(ValueError, match="52 columns"):
        average.predict(X[:, :51])


def test_saved_and_loaded_it_predicts_the_same(average: AverageModel) -> None:
    files, X = average.files(), world(40, seed=2).X
    back = load(files)
    assert np.array_equal(back.predict(X), average.predict(X)) and back.files() == files
    assert all(FILE_NAME.fullmatch(name) for name in files.keys() - {"model.json", "model.safetensors"})
    assert {"member-00/model.json", "member-01/model.txt", "member-02/model.safetensors"} <= files.keys()
    assert "average" not in SWEPT


def resealed(files: dict[str, bytes], other: dict[str, bytes], **head: Any) -> dict[str, bytes]:
    """Other content, under a head that vouches for it and says other things."""
    changed = {**files, **other}
    digests = {
        name: hashlib.sha256(data).hexdigest() for name, data in changed.items() if name != "model.json"
    }
    said = {**json.loads(files["model.json"]), "sha256": digests, **head}
    return {**changed, "model.json": json.dumps(said).encode()}


def test_what_is_damaged_or_no_average_is_refused(average: AverageModel) -> None:
    files = average.files()
    members = json.loads(files["model.json"])["members"]
    one, two, three = members
    tree = files["member-01/model.txt"]
    bad = {
        "damaged": {**files, "member-01/model.txt": tree[:-9]},
        "lacks": {k: v for k, v in files.items() if k != "member-01/model.txt"},
        "no member's": resealed(files, {"member-00/../../x": b"x"}),
        "which is": resealed(files, {"member-03/model.txt": tree}),
        "named?": resealed(files, {"member-0a/model.txt": tree}),
        "holds an average": resealed(
            files, {f"member-01/{k}": v for k, v in files.items() if k.startswith("model")}
        ),
        "other columns": resealed(files, {}, members=[{**one, "columns": list(range(51))}, two, three]),
        "columns once": resealed(files, {}, members=[one, {**two, "columns": [0, 1, 2, 2]}, three]),
        "not among": resealed(files, {}, members=[one, {**two, "columns": [0, 1, 2, 52]}, three]),
        "negative": resealed(files, {}, members=[one, {**two, "columns": [0, 1, 2, -1]}, three]),
        "weights": resealed(files, {}, members=[one, {**two, "weight": 0.9}, three]),
        "weight": resealed(files, {}, members=[one, {**two, "weight": "0.3"}, three]),
        "nan": resealed(files, {}, members=[one, {**two, "weight": float("nan")}, three]),
        "nine": resealed(files, {}, members=[one] * 9),
        "none": resealed(files, {}, members=[]),
        "absent": resealed(files, {}, members=[one, two, three, one]),
        "columns": resealed(files, {}, n_cols=10**9),
        "no list": resealed(files, {}, members=[1, 2, 3]),
    }
    load(resealed(files, {}))  # what is only sealed anew is taken
    for case, content in bad.items():
        with pytest.raises(UserError):
            load(content)
            pytest.fail(f"{case}: it was taken")


def test_what_cannot_be_averaged_is_a_programmers_mistake(average: AverageModel) -> None:
    one = average.members[0]
    for members in (
        (),
        (Member(model=one.model, weight=0.5, columns=one.columns),),
        (Member(model=average, weight=1.0, columns=EVERY),),
        (Member(model=one.model, weight=1.0, columns=EVERY + 1),),
        (Member(model=one.model, weight=1.0, columns=EVERY[:0]),),
        tuple(Member(model=one.model, weight=1 / 9, columns=EVERY) for _ in range(9)),
    ):
        with pytest.raises(ValueError):
            AverageModel(members=members, n_cols=52)
