"""A second picture encoder beside the first costs a class, a profile, and one row of schema.MODALITIES."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from learn_tables import fill, world

from vvp.dataset.matrix import assemble

ROOT = Path(__file__).parents[2]
ROW = """
    Modality(
        name="gist", input=FRAMES, block="picture", stem="gist", mask="mask_gist",
        doc="mean colour; null: no picture",
    ),
"""


def with_a_row(folder: Path) -> Path:
    """A copy of vvp/ in `folder` whose table of modalities has ROW at its end."""
    shutil.copytree(ROOT / "vvp", folder / "vvp", ignore=shutil.ignore_patterns("__pycache__"))
    schema = folder / "vvp" / "schema.py"
    changed, times = re.subn(
        r"(MODALITIES = \(\n.*?)(\n\))", rf"\1{ROW.rstrip()}\2", schema.read_text(), count=1, flags=re.DOTALL
    )
    assert times == 1
    schema.write_text(changed)
    return folder


@pytest.mark.slow  # a Ray of its own, whose workers read the changed table
def test_a_row_and_a_profile_are_all_it_takes_from_the_clip_to_the_fused_vector(tmp_path: Path) -> None:
    old = fill(tmp_path / "old", *world(60))
    known = assemble(old)
    path = os.pathsep.join([str(with_a_row(tmp_path / "copy")), os.environ["PYTHONPATH"]])
    driver = str(Path(__file__).with_name("second_picture.py"))
    done = subprocess.run(
        [sys.executable, driver, str(tmp_path / "clips"), old.root],
        env={**os.environ, "PYTHONPATH": path}, cwd=tmp_path, capture_output=True, text=True, timeout=240,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    found = json.loads(done.stdout.splitlines()[-1])

    assert found["pools"] == ["audio", "decode", "gist", "text", "video"]
    rows = {row["video_id"]: row for row in found["rows"]}
    np.testing.assert_allclose(rows["loud"]["gist_embedding"], [200, 30, 90], atol=12)
    assert rows["post2"]["gist_embedding"] is None, "no picture is null, never zeros"
    assert {row["gist_encoder"] for row in rows.values()} == {"fake-gist@000000000000"}
    assert "holds vectors of other encoders" in found["refused"], "a profile without it is another profile"

    # video 4 | audio 4 | text 4 | gist 3 | mask_picture, mask_sound, mask_gist
    assert found["lengths"] == {"video": 4, "audio": 4, "text": 4, "gist": 3}
    assert [c[0] for c in found["columns"][12:]] == [
        "gist_0000", "gist_0001", "gist_0002", "mask_picture", "mask_sound", "mask_gist",
    ]  # fmt: skip
    assert [c[1:] for c in found["columns"][12:15]] == [["picture", "embedding"]] * 3
    fused = dict(zip(found["order"], found["fused"], strict=True))
    assert fused["loud"][12:] == [*rows["loud"]["gist_embedding"], 1, 1, 1]
    assert fused["silent"][15:] == [1, 0, 1] and fused["post2"][12:] == [0] * 6
    assert found["reduced_alike"] and found["draft"] == fused["loud"]

    assert found["old_lengths"] == known.dims.lengths, "what was embedded before has no such vector"
    assert found["old_columns"] == [column.name for column in known.columns]
