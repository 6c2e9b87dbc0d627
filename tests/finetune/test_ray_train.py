"""Real Ray Train: killed and gone on; two workers and one see the same losses; what cannot fit is refused."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from clip_spaces import coloured

from vvp.finetune import clips
from vvp.paths import RunPaths
from vvp.workspace import Workspace

N = 40
SMALL = ["--width", "0.0625", "--pixels", "32", "--frames", "4", "--dropout", "0", "--batch", "8"]


@pytest.fixture
def space(tmp_path: Path) -> Workspace:
    return coloured(tmp_path / "ws", N)


def command(space: Workspace, *more: str) -> list[str]:
    return [sys.executable, "-m", "jobs", "--local", "finetune", "c3d", "-w", space.root, *SMALL, *more]


def run(space: Workspace, *more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(space, *more), cwd=Path(__file__).parents[2], capture_output=True, text=True, timeout=400
    )


def states(space: Workspace) -> list[Path]:
    return sorted(Path(space.root).glob(f"{RunPaths('default').home}/**/state/*/*/state.json"))


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_run_killed_once_goes_on_with_one_history(space: Workspace) -> None:
    going = subprocess.Popen(command(space, "--epochs", "30", "--patience", "30"),
                             cwd=Path(__file__).parents[2], start_new_session=True)  # fmt: skip
    try:
        end = time.monotonic() + 300
        while not states(space):
            assert going.poll() is None and time.monotonic() < end
            time.sleep(0.1)
    finally:
        os.killpg(going.pid, signal.SIGKILL)
        going.wait()
    before = json.loads(states(space)[-1].read_text())["history"]
    assert 0 < len(before) < 30
    time.sleep(5)  # what Ray started ends after its driver
    done = run(space, "--epochs", "30", "--patience", "30", "--json")
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert [e["epoch"] for e in result["history"]] == list(range(30))
    assert result["history"][: len(before)] == before
    assert not states(space)
    again = run(space, "--epochs", "30", "--patience", "30", "--json")
    assert json.loads(again.stdout)["history"] == result["history"], "a finished run is not trained again"
    files = {p.suffix for p in Path(space.root).rglob("runs/**/*") if p.is_file()}
    assert files <= {".json", ".npy", ".safetensors"}


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_two_workers_and_one_have_the_same_losses_for_one_global_batch(space: Workspace) -> None:
    """Within 1 in 1,000: the same clips in the same steps, added up in another order."""
    found = []
    for workers in ("1", "2"):
        decay = ["--lr-every", "2", "--weight-decay", "0.001"]
        done = run(space, "--epochs", "3", "--name", f"w{workers}", "--workers", workers, *decay, "--json")
        assert done.returncode == 0, done.stderr
        result = json.loads(done.stdout)
        found.append([e["loss"] for e in result["history"]])
        assert [e["lr"] for e in result["history"]] == pytest.approx([1e-3, 1e-3, 1e-4])
        assert json.loads(result["settings"])["weight_decay"] == 0.001
    assert np.allclose(*found, rtol=1e-3)
    assert found[0][-1] < found[0][0]


@pytest.mark.slow
def test_what_the_cluster_cannot_hold_and_an_odd_batch_end_with_2(space: Workspace) -> None:
    for more, words in (
        (["--gpus-per-worker", "1", "--cpus-per-worker", "1"], "do not fit"),
        (["--workers", "3"], "divide"),
    ):
        done = run(space, *more)
        assert done.returncode == 2 and words in done.stderr and len(done.stderr.strip().splitlines()) == 1


def test_an_autoencoder_has_a_record_of_its_own_and_a_picture(space: Workspace) -> None:
    """Trained here, without Ray."""
    import torch

    from vvp.finetune import judge
    from vvp.finetune.loop import Alone, forecast, train
    from vvp.finetune.networks.registry import make
    from vvp.finetune.reconstruction import PICTURE, judge_autoencoder
    from vvp.finetune.results import networks
    from vvp.finetune.settings import TrainSettings
    from vvp.finetune.windows import Windows

    settings = TrainSettings(
        network="convlstm", options={"width": 0.125}, epochs=6, frames=4, pixels=32, lr=3e-3
    )
    cache, _ = clips.ClipCache.open(space)
    prepared = judge.prepare(space, "default", cache)
    mark, at = prepared.mark(settings, cache), RunPaths("default").finetune("convlstm", "x")
    torch.manual_seed(0)
    network = make("convlstm", width=0.125)
    windows = Windows(cache, [str(v) for v in prepared.matrix.video_id], settings, network)
    progress = train(network, windows, prepared.task, settings, Alone(), mark)
    said = forecast(network, windows, prepared.task, settings, Alone(), prepared.wanted)
    judge.write_trained(space, at, network, progress, said)
    result = judge_autoencoder(space, at, prepared, settings, cache)
    assert result.halved == (result.kept <= result.first / 2)
    assert result.kept == min(e.validation for e in result.history) < result.first
    held = len(prepared.task.validation)
    assert result.kept == pytest.approx(said[:held].mean(), rel=1e-5)
    assert result.test == pytest.approx(said[held:].mean())
    assert 0.1 < result.one_colour < 10
    assert space.read_bytes(f"{at}/{PICTURE}")[:8] == b"\x89PNG\r\n\x1a\n"
    assert networks(space, "default") == ([], []), "it forecasts nothing, so nobody lists it as a forecaster"


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_dual_begins_with_the_codes_of_a_convlstm_run(space: Workspace) -> None:
    tiny = ["-w", space.root, "--width", "0.0625", "--pixels", "32", "--frames", "4", "--epochs", "2"]
    begin = [sys.executable, "-m", "jobs", "--local", "finetune"]

    def said(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*begin, *words, *tiny],
            cwd=Path(__file__).parents[2],
            capture_output=True,
            text=True,
            timeout=400,
        )

    refused = said("convlstm", "--loss", "l1")
    assert refused.returncode == 2 and "--loss" in refused.stderr
    first = said("convlstm", "--json")
    assert first.returncode == 0, first.stderr
    assert "metrics" not in json.loads(first.stdout)
    (network,) = Path(space.root).glob("runs/default/views/finetune/convlstm-*/network.safetensors")
    second = said("dual", "--weights", str(network), "--frozen-epochs", "2", "--json")
    assert second.returncode == 0, second.stderr
    result = json.loads(second.stdout)
    assert result["network"] == "dual" and len(result["history"]) == 2
    from safetensors.torch import load_file

    (own,) = Path(space.root).glob("runs/default/views/finetune/dual-*/network.safetensors")
    before, after = load_file(network), load_file(own)
    kept = [name for name in before if name.startswith("encoder.")]
    assert kept and all((before[name] == after[name]).all() for name in kept)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_video_transformer_begins_with_its_folder_and_only_its_head_learns_at_first(
    space: Workspace, tmp_path: Path
) -> None:
    from hub_folders import FRAMES, SIDE, folder
    from safetensors.torch import load_file

    from vvp.finetune.networks.registry import make

    at = folder("xclip", tmp_path / "xclip")

    def said(*words: str) -> subprocess.CompletedProcess[str]:
        begin = [sys.executable, "-m", "jobs", "--local", "finetune", "xclip", "-w", space.root]
        return subprocess.run([*begin, "--weights", str(at), *words], cwd=Path(__file__).parents[2],
                              capture_output=True, text=True, timeout=400)  # fmt: skip

    for refused in (["--width", "0.5"], ["--frames", "8"], ["--pixels", "64"], ["--models", str(tmp_path)]):
        wrong = said(*refused) if refused[0] != "--models" else run(space, *refused)
        assert wrong.returncode == 2 and refused[0] in wrong.stderr.replace("--weights", "--models")
        assert len(wrong.stderr.strip().splitlines()) == 1
    done = said("--epochs", "2", "--frozen-epochs", "1", "--layer-decay", "0.5", "--json")
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    settings = json.loads(result["settings"])
    assert (settings["frames"], settings["pixels"]) == (FRAMES, SIDE) and len(result["history"]) == 2
    [file] = Path(space.root).glob("runs/default/views/finetune/xclip-*/network.safetensors")
    again = make("xclip", **settings["options"])
    again.load_state_dict(load_file(file))
    frozen = said("--epochs", "1", "--frozen-epochs", "1", "--json")
    assert frozen.returncode == 0, frozen.stderr
    newest = max(Path(space.root).glob("runs/default/views/finetune/xclip-*/network.safetensors"),
                 key=lambda path: path.stat().st_mtime)  # fmt: skip
    before, after = load_file(at / "model.safetensors"), load_file(newest)
    kept = [name for name in before if f"trunk.{name}" in after]
    assert len(kept) > 20 and all((before[name] == after[f"trunk.{name}"]).all() for name in kept)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_ordered_classes_are_trained_and_measured(tmp_path: Path) -> None:
    space = coloured(tmp_path / "ws", 120, channels=20)
    refused = run(space, "--target", "quartile", "--loss", "l1")
    assert refused.returncode == 2 and "cross-entropy" in refused.stderr
    done = run(space, "--target", "quartile", "--epochs", "2", "--lr", "0.003", "--json")
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    settings = json.loads(result["settings"])
    assert settings["loss"] == "cross-entropy" and settings["options"]["outputs"] == 4
    assert len(result["base"]) == 4 and len(result["labels"]) == 4
    assert 0 < result["metrics"]["log_loss"]["point"] < 2 and "accuracy" in result["rule_metrics"]


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_network_begins_as_that_of_another_collection_and_never_as_that_of_its_own(
    space: Workspace, tmp_path: Path
) -> None:
    other = coloured(tmp_path / "other", N, prefix="other-")
    first = run(other, "--epochs", "2", "--json")
    assert first.returncode == 0, first.stderr
    own = run(other, "--from", f"{other.root}/default")
    assert own.returncode == 2 and len(own.stderr.strip().splitlines()) == 1
    assert "videos that are forecast here lie in" in own.stderr
    done = run(space, "--from", f"{other.root}/default", "--epochs", "1", "--frozen-epochs", "1", "--json")
    assert done.returncode == 0, done.stderr
    settings = json.loads(json.loads(done.stdout)["settings"])
    assert settings["begun"] == json.loads(first.stdout)["mark"]
    from safetensors.torch import load_file

    theirs, ours = (
        load_file(next(Path(of.root).glob("runs/default/views/finetune/c3d-*/network.safetensors")))
        for of in (other, space)
    )
    assert all((theirs[k] == ours[k]).all() == (not k.startswith("head.")) for k in theirs)
