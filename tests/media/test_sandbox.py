"""What a poisoned clip costs: one row. And nothing of the decoder outlives the process that it works for."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import clips
import decoder_poison
import numpy as np
import pytest

from vvp.media import confine
from vvp.media import sandbox as module
from vvp.media.confine import KEPT, ONE_THREAD
from vvp.media.decode import Clip, DecodeSettings, decode
from vvp.media.sandbox import Sandbox
from vvp.schema import FAILED, OK


@pytest.fixture(scope="module")
def poisoned() -> Iterator[Sandbox]:
    with decoder_poison.Words(DecodeSettings(timeout_s=3.0, memory_gb=1.0)) as sandbox:
        yield sandbox


def gone(pid: int, seconds: float = 10.0) -> bool:
    """Whether the process ends within the time; a zombie counts as ended."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return True
        except FileNotFoundError:
            return True
        time.sleep(0.05)
    return False


def kind(clip: Clip) -> tuple[str, str | None]:
    return clip.status, clip.error_kind


def test_poison_costs_one_row_each(poisoned: Sandbox) -> None:
    waiting = [poisoned.submit(p) for p in ("good", "segv", "good", "hang", "good", "hog:2", "good", "big")]
    found = [pending.result() for pending in waiting]
    assert [kind(c)[1] for c in found] == [None, "crash", None, "timeout", None, "memory", None, None]
    assert [kind(c)[0] for c in found].count(FAILED) == 3
    assert "SIGSEGV" in str(found[1].error_detail) and "3 s" in str(found[3].error_detail)
    assert found[7].waveform is not None and len(found[7].waveform) == 4_000_000
    assert waiting[1].result() is found[1], "asking twice decodes once"


def test_a_child_killed_from_outside_costs_nothing(poisoned: Sandbox) -> None:
    victim = int(str(poisoned.decode("pid").error_detail))
    busy = poisoned.submit("busy")
    time.sleep(0.3)
    os.kill(victim, signal.SIGKILL)
    assert kind(busy.result()) == (OK, None)
    idle = int(str(poisoned.decode("pid").error_detail))
    os.kill(idle, signal.SIGKILL)
    assert kind(poisoned.decode("pid")) == (OK, None)
    idle = int(str(poisoned.decode("pid").error_detail))
    os.kill(idle, signal.SIGKILL)
    time.sleep(0.5)
    assert kind(poisoned.decode("pid")) == (OK, None)


def test_an_exception_in_the_decoder_is_a_row(poisoned: Sandbox) -> None:
    clip = poisoned.decode("mistake")
    assert kind(clip) == (FAILED, "decoder") and "ZeroDivisionError" in str(clip.error_detail)
    assert kind(poisoned.decode("good")) == (OK, None)


def test_the_child_is_cheap(poisoned: Sandbox) -> None:
    # pytest stands for the parent's main module: spawn would import it, as it would ray's in a worker
    modules = set(str(poisoned.decode("modules").error_detail).split())
    assert not modules & {"torch", "ray", "pandas", "pytest"}


def test_loading_libraries_takes_nothing_of_a_clips_time(poisoned: Sandbox) -> None:
    """librosa's first use takes seconds, and on a busy machine more than a clip may."""
    modules = set(str(poisoned.decode("modules").error_detail).split())
    assert "librosa" in modules and "numba" in modules


def test_a_child_killed_inside_a_message_costs_nothing(poisoned: Sandbox) -> None:
    pid = int(str(poisoned.decode("pid").error_detail))
    half_sent = poisoned.submit("big")  # 16 MB, of which a pipe holds 64 KB until somebody reads
    time.sleep(0.3)
    os.kill(pid, signal.SIGKILL)
    clip = half_sent.result()
    assert kind(clip) == (OK, None) and clip.waveform is not None


def test_children_are_replaced_and_the_queue_survives(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CLIPS_PER_CHILD", 3)
    with decoder_poison.Words(DecodeSettings()) as sandbox:
        waiting = [sandbox.submit("pid") for _ in range(7)]
        pids = [pending.result().error_detail for pending in reversed(waiting)][::-1]
        lost = sandbox.submit("pid")
    assert pids[0] == pids[1] == pids[2] != pids[3] == pids[5] != pids[6]
    assert gone(int(str(pids[6])), 1)
    with pytest.raises(RuntimeError, match="closed"):
        lost.result()


def test_real_clips_and_the_temporary_folder(tmp_path: Path) -> None:
    path = clips.write(tmp_path / "a.mp4", clips.counting(40))
    (scratch := tmp_path / "scratch").mkdir()
    with Sandbox(scratch=str(scratch)) as sandbox:
        ahead = [sandbox.submit(path), sandbox.submit(Path(path).as_uri()), sandbox.submit("/not/there.mp4")]
        first, copied, missing = (pending.result() for pending in ahead)
        assert np.array_equal(first.frames, decode(path).frames)
        assert np.array_equal(first.frames, copied.frames)
        assert kind(missing) == (FAILED, "media_missing")
        assert not list(scratch.iterdir()), "neither the copy nor the child's folder has a name"


def test_time_on_the_cpu_is_bounded_too(tmp_path: Path) -> None:
    """The wall clock is not asked here: the limit is put far below it."""
    with decoder_poison.Words(DecodeSettings(timeout_s=1.0)) as sandbox:
        sandbox.decode("good")
        sandbox.settings = DecodeSettings(timeout_s=60.0)  # of the parent, which watches the wall clock
        clip = sandbox.decode("spin")
        assert kind(clip) == (FAILED, "timeout") and "CPU" in str(clip.error_detail)
        assert kind(sandbox.decode("good")) == (OK, None)


def test_a_decoder_that_does_not_start_is_no_clips_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "START", "raise ImportError('no av')")
    with decoder_poison.Words(DecodeSettings()) as sandbox, pytest.raises(RuntimeError, match="not start"):
        sandbox.decode("good")


def test_an_answer_that_makes_no_sense_is_a_crash(poisoned: Sandbox) -> None:
    clip = poisoned.decode("nonsense")
    assert kind(clip) == (FAILED, "crash") and "no sense" in str(clip.error_detail)
    assert kind(poisoned.decode("good")) == (OK, None)


def test_the_child_knows_no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hush")
    monkeypatch.setenv("VVP_API_KEY", "hush")
    with decoder_poison.Words(DecodeSettings()) as sandbox:
        words = str(sandbox.decode("environment").error_detail).split()
    assert set(words) <= {*KEPT, *ONE_THREAD, "LANG", "TMPDIR", "PATH", "LC_CTYPE", "KMP_INIT_AT_FORK"}


def _needs_landlock() -> None:
    """Skips where the kernel says that it has none; one that says nothing is tried."""
    said = Path("/sys/kernel/security/lsm")
    if said.exists() and "landlock" not in said.read_text():
        pytest.skip("this kernel has no Landlock")


@pytest.mark.skipif(sys.platform != "linux", reason="Landlock and seccomp are Linux's")
def test_the_child_reaches_nothing_outside(poisoned: Sandbox) -> None:
    """Whatever the kernel here has. A forbidden call fails; were it possible it would say `done`."""
    found = dict(pair.split(":") for pair in str(poisoned.decode("attempts").error_detail).split())
    _needs_landlock()
    assert len(found) == 11 and set(found.values()) <= {"EPERM", "EACCES", "ENOENT"}, found
    assert not Path("/tmp/vvp-escaped").exists()


@pytest.mark.skipif(sys.platform != "linux", reason="Landlock is Linux's")
def test_a_file_of_ours_that_the_child_may_not_read_is_no_clips_fault(poisoned: Sandbox) -> None:
    _needs_landlock()
    with pytest.raises(RuntimeError, match="PermissionError"):
        poisoned.decode("forbidden")
    assert kind(poisoned.decode("good")) == (OK, None)


def test_packages_are_readable_wherever_they_were_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    packages, other = tmp_path / "packages", tmp_path / "other"
    (packages / "thing-1.0.dist-info").mkdir(parents=True)
    (packages / "thing-1.0.dist-info/METADATA").touch()
    other.mkdir()
    monkeypatch.setattr(sys, "path", [*sys.path, str(packages), str(other), ""])
    places = confine._libraries()
    assert str(packages) in places and not {str(other), ""} & set(places)


def test_pipes_devices_sockets_and_folders_are_never_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.mp4")
    (tmp_path / "folder.mp4").mkdir()
    (tmp_path / "zero.mp4").symlink_to("/dev/zero")
    with Sandbox() as sandbox, socket.socket(socket.AF_UNIX) as place:
        place.bind(str(tmp_path / "place.mp4"))
        started = time.monotonic()
        for path in sorted(tmp_path.iterdir()):
            clip = sandbox.decode(str(path))
            assert kind(clip) == (FAILED, "media_missing"), path
        assert kind(sandbox.decode("a\0b")) == (FAILED, "media_missing")
        assert time.monotonic() - started < 5 and sandbox._child is None, "no child was asked"


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_no_child_outlives_a_parent_that_is_killed(tmp_path: Path) -> None:
    here = Path(__file__).parent
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(here), str(here.parents[1])])}
    environment["TMPDIR"] = str(tmp_path)
    command = [sys.executable, str(here / "sandbox_parent.py")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        assert not gone(pid, 0.1)
        parent.kill()
    assert gone(pid) and not list(tmp_path.glob("vvp-decoder-*"))


@pytest.mark.slow  # half a minute of compiling
def test_a_compiler_whose_cache_is_empty_costs_no_clip(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in a fresh environment: librosa is compiled in the child, before it is confined."""
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "cache"))
    path = clips.write(tmp_path / "a.mp4", clips.counting(6), sound=clips.tone(0.5, 16_000), rate=16_000)
    with Sandbox(DecodeSettings()) as sandbox:
        clip = sandbox.decode(path)
    assert clip.error_kind is None and clip.waveform is not None
    if version("librosa").startswith("0."):  # 1.0, which Python 3.12 gets, compiles nothing for this
        assert list((tmp_path / "cache").rglob("*.nbi")), "it was compiled here"
