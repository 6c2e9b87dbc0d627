"""What another collection's network taught: taken whole or as a trunk, and refused where it may not be."""

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import torch
from clip_spaces import coloured

from vvp.errors import UserError, WeightsError
from vvp.finetune import judge, transfer
from vvp.finetune.clips import ClipCache
from vvp.finetune.loop import Alone, forecast, train
from vvp.finetune.networks.base import Network
from vvp.finetune.networks.registry import make
from vvp.finetune.plan import planned
from vvp.finetune.results import RESULT
from vvp.finetune.settings import TrainSettings
from vvp.finetune.windows import Windows
from vvp.paths import RunPaths
from vvp.workspace import Workspace

OPTIONS = {"width": 0.0625, "dropout": 0.0}
SETTINGS = TrainSettings(network="c3d", options=OPTIONS, epochs=30, frames=2, pixels=32, lr=3e-3, lr_every=22)


def trained(space: Workspace, settings: TrainSettings = SETTINGS, start: Network | None = None) -> Any:
    """Trained here, without Ray, and judged."""
    cache, _ = ClipCache.open(space)
    prepared = judge.prepare(space, "default", cache)
    mark = prepared.mark(settings, cache)
    torch.manual_seed(0)
    network = start or make(settings.network, **settings.options)
    windows = Windows(cache, [str(v) for v in prepared.matrix.video_id], settings, network)
    progress = train(network, windows, prepared.task, settings, Alone(), mark)
    said = forecast(network, windows, prepared.task, settings, Alone(), prepared.wanted)
    at = RunPaths("default").finetune(settings.network, mark)
    judge.write_trained(space, at, network, progress, said)
    return judge.judge(space, at, prepared, settings, resamples=100), network.eval(), at


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Any:
    space = coloured(tmp_path_factory.mktemp("other") / "ws", 44, prefix="other-")
    return space, *trained(space, replace(SETTINGS, patience=30))


def test_the_same_target_takes_the_whole_network_and_another_its_trunk(other: Any) -> None:
    space, result, network, _ = other
    found = transfer.origin(f"{space.root}/default", "c3d", "views")
    assert found.mark == result.mark and found.whole("views", 0) and not found.whole("quartile", 4)
    plan = planned("c3d", dropout=0.3, origin=found)
    assert plan.options == {"width": 0.0625, "dropout": 0.3} and (plan.frames, plan.pixels) == (2, 32)
    assert plan.begun == result.mark and plan.digest == found.digest and plan.whole
    begun = make("c3d", **plan.options).eval()
    transfer.begin(begun, found.file, found.digest, plan.whole)
    assert all(torch.equal(v, network.state_dict()[k]) for k, v in begun.state_dict().items())
    classes = planned("c3d", origin=found, classes=4, target="quartile")
    assert classes.options["outputs"] == 4 and not classes.whole
    four = make("c3d", **classes.options)
    own = {k: v.clone() for k, v in four.state_dict().items()}
    transfer.begin(four, found.file, found.digest, whole=False)
    for key, value in four.state_dict().items():
        assert torch.equal(value, (own if key.startswith("head.") else network.state_dict())[key]), key


def test_what_was_taught_helps_a_small_collection(other: Any, tmp_path: Path) -> None:
    """Of the same cause, one epoch at a tenth of the rate: with the other network, and without."""
    space, _, _, _ = other
    small = coloured(tmp_path / "ws", 30, prefix="small-")
    found = transfer.origin(f"{space.root}/default", "c3d", "views")
    short = replace(SETTINGS, epochs=1, lr=3e-4)
    alone, _, _ = trained(small, short)
    start = make("c3d", **OPTIONS)
    transfer.begin(start, found.file, found.digest, whole=True)
    begun, _, _ = trained(small, replace(short, begun=found.mark, weights=found.digest), start)
    assert begun.mark != alone.mark
    assert begun.metrics["mae"].point < 0.8 * alone.metrics["mae"].point


def test_a_collection_that_holds_what_is_forecast_here_is_refused(other: Any, tmp_path: Path) -> None:
    space, _, _, _ = other
    found = transfer.origin(f"{space.root}/default", "c3d", "views")
    apart = coloured(tmp_path / "apart", 40, prefix="apart-")
    ids = apart.read("videos", ["video_id"])["video_id"].to_pylist()
    transfer.refuse_shared(found, apart, ids[:10])
    with pytest.raises(UserError, match="3 of the 3 videos"):
        own = space.read("videos", ["video_id"])["video_id"].to_pylist()
        transfer.refuse_shared(found, space, own[:3])
    videos = apart.read("videos").to_pylist()
    theirs = space.read("videos").to_pylist()
    theirs[0]["media_sha256"] = videos[4]["media_sha256"] = "ab" * 32
    for of, rows in ((space, theirs), (apart, videos)):
        of.replace("videos", pa.Table.from_pylist(rows, schema=of.read("videos").schema))
    with pytest.raises(UserError, match="1 of the 10 videos"):
        transfer.refuse_shared(found, apart, ids[:10])
    transfer.refuse_shared(found, apart, ids[5:])


def test_what_was_not_written_so_is_refused(other: Any, tmp_path: Path) -> None:
    space, result, network, at = other
    where = f"{space.root}/default"
    for wrong, words in (("nowhere", "FOLDER/RUN"), (f"{space.root}/none", "no network c3d")):
        with pytest.raises(UserError, match=words):
            transfer.origin(wrong, "c3d", "views")
    with pytest.raises(UserError, match="no network swin3d"):
        transfer.origin(where, "swin3d", "views")
    with pytest.raises(UserError, match="width 0.0625, not 0.5"):
        planned("c3d", width=0.5, origin=transfer.origin(where, "c3d", "views"))
    with pytest.raises(UserError, match="leave --weights"):
        planned("c3d", weights="x", origin=transfer.origin(where, "c3d", "views"))

    record = space.read_json(f"{at}/{RESULT}")
    settings = json.loads(record["settings"])

    def changed(**options: Any) -> str:
        return json.dumps({**settings, "options": {**settings["options"], **options}})

    damage: list[tuple[dict[str, Any], str]] = [
        ({"mark": "0" * 12}, "another network"), ({"settings": "[]"}, "damaged"), ({"best": 99}, "damaged"),
        ({"settings": json.dumps({**settings, "network": "swin3d"})}, "not what was written"),
        ({"settings": json.dumps({**settings, "options": "width"})}, "damaged"),
        ({"settings": json.dumps({**settings, "frames": 2.5})}, "damaged"),
    ]  # fmt: skip
    made: list[tuple[str, str]] = [
        (changed(width=50.0), "cannot hold"), (changed(evil=1), "makes no network"),
        (changed(width="x"), "makes no network"),
    ]  # fmt: skip
    try:
        for change, words in damage:
            space.write_json(f"{at}/{RESULT}", record | change)
            with pytest.raises(UserError, match=words):
                transfer.origin(where, "c3d", "views")
        for text, words in made:
            space.write_json(f"{at}/{RESULT}", record | {"settings": text})
            with pytest.raises(UserError, match=words):
                planned("c3d", origin=transfer.origin(where, "c3d", "views"))
        space.write_json(f"{at}/{RESULT}", record | {"settings": changed(width=None)})
        with pytest.raises(UserError, match="makes no network"):
            planned("c3d", origin=transfer.origin(where, "c3d", "views"))
        space.write_json(f"{at}/{RESULT}", record | {"settings": changed(hidden=64)})
        with pytest.raises(WeightsError, match="shape"):
            planned("c3d", origin=transfer.origin(where, "c3d", "views"))
    finally:
        space.write_json(f"{at}/{RESULT}", record)
    found = transfer.origin(where, "c3d", "views")
    whole = found.file.read_bytes()
    try:
        found.file.write_bytes(whole[:-4] + b"\0\0\0\0")
        with pytest.raises(UserError, match="not what was written"):
            transfer.origin(where, "c3d", "views")
        with pytest.raises(UserError, match="another file"):
            transfer.begin(make("c3d", **OPTIONS), found.file, found.digest, whole=True)
    finally:
        found.file.write_bytes(whole)
    assert asdict(transfer.origin(where, "c3d", "views"))["mark"] == result.mark


def test_a_transformer_follows_the_record_of_the_other_one_and_needs_no_folder(tmp_path: Path) -> None:
    from hub_folders import FRAMES, SIDE, folder

    plan = planned("xclip", dropout=0.0, weights=str(folder("xclip", tmp_path / "xclip")))
    other = coloured(tmp_path / "other", 30, prefix="other-")
    settings = TrainSettings(
        network="xclip", options=plan.options, epochs=1, frames=plan.frames, pixels=plan.pixels,
        weights=plan.digest,
    )  # fmt: skip
    _, network, at = trained(other, settings)
    found = transfer.origin(f"{other.root}/default", "xclip", "views")
    begun = planned("xclip", origin=found)
    assert (begun.frames, begun.pixels) == (FRAMES, SIDE) and begun.options["dropout"] == 0.5
    again = make("xclip", **begun.options)
    transfer.begin(again, found.file, found.digest, whole=True)
    assert all(torch.equal(v, network.state_dict()[k]) for k, v in again.state_dict().items())
    with pytest.raises(UserError, match="sees 4 frames, not 8"):
        planned("xclip", frames=8, origin=found)
    record = other.read_json(f"{at}/{RESULT}")
    changed = json.loads(record["settings"])
    changed["options"]["config"]["vision_config"].pop("num_frames")
    other.write_json(f"{at}/{RESULT}", record | {"settings": json.dumps(changed)})
    with pytest.raises(UserError, match="makes no network"):
        planned("xclip", origin=transfer.origin(f"{other.root}/default", "xclip", "views"))
