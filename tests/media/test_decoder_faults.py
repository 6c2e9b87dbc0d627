"""Whatever a library raises while it reads a clip is that clip's row; what is no clip's fault is raised."""

import errno
import itertools
from pathlib import Path
from typing import Any

import clips
import decoder_poison
import pytest

from vvp.embed.graph import EmbedSummary
from vvp.media import audio, reader, signals, thumbnail, video
from vvp.media import decode as module
from vvp.media.decode import DecodeSettings, decode
from vvp.media.upright import Turn
from vvp.schema import ERROR_KINDS, FAILED

RAISED = [
    ValueError("29 is not a valid Type"), AttributeError("'NoneType' object has no attribute 'width'"),
    TypeError("an integer is required"), KeyError("DISPLAYMATRIX"), IndexError("list index out of range"),
    ZeroDivisionError("Fraction(1, 0)"), OverflowError("int too large"), AssertionError(), RuntimeError("so"),
    NotImplementedError("a new format"), BufferError("no buffer"),
    UnicodeDecodeError("utf-8", b"\xff", 0, 1, "bad"),
]  # fmt: skip
PLACES: list[tuple[Any, str]] = [
    (module, "pictured"), (reader.Reader, "__init__"), (reader.Reader, "packets"), (reader.Reader, "seconds"),
    (Turn, "of"), (video, "scaled"), (video, "_span"), (video._Basket, "pick"), (audio._Resampler, "feed"),
    (signals, "picture_signals"), (signals, "sound_signals"), (module, "Clip"),
]  # fmt: skip


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("faults")
    return clips.write(folder / "a.mp4", clips.counting(6), sound=clips.tone(0.5, 16_000), rate=16_000)


def raising(error: Exception) -> Any:
    def stand_in(*arguments: Any, **named: Any) -> Any:
        if named.get("status") == FAILED:  # the row that tells of the error is made all the same
            return Kept(**named)
        raise error

    return stand_in


Kept = module.Clip


@pytest.mark.parametrize(("owner", "name"), PLACES, ids=[name for _, name in PLACES])
def test_any_exception_at_any_place_is_the_clips_row(
    owner: Any, name: str, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for error in RAISED:
        monkeypatch.setattr(owner, name, raising(error))
        clip = decode(path)
        assert (clip.status, clip.error_kind) == (FAILED, "decoder"), error
        assert clip.error_detail and clip.error_detail.startswith(f"{type(error).__name__} in "), error
        assert ".py:" in clip.error_detail and "\n" not in clip.error_detail and "decoder" in ERROR_KINDS


@pytest.mark.parametrize("error", RAISED, ids=lambda e: type(e).__name__)
def test_a_thumbnail_is_no_exception(error: Exception, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Turn, "of", raising(error))
    assert thumbnail.decode(path).error_kind == "decoder"


def test_what_no_clip_can_be_at_fault_for_is_raised(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    full = OSError(errno.ENOSPC, "No space left on device")
    for error, place in itertools.product((full, ImportError("no librosa")), ("pictured", "Clip")):
        monkeypatch.setattr(module, place, raising(error))
        with pytest.raises(type(error)):
            decode(path)
    monkeypatch.undo()
    with decoder_poison.Words(DecodeSettings()) as sandbox:
        with pytest.raises(OSError, match="No space left") as raised:
            sandbox.decode("full")
        assert raised.value.errno == errno.ENOSPC
        with pytest.raises(RuntimeError, match="no such library"):
            sandbox.decode("import")
        assert sandbox.decode("good").status == "ok"


def test_a_codec_that_nobody_knows_costs_the_picture_only(tmp_path: Path) -> None:
    source = clips.write(tmp_path / "a.mp4", clips.counting(6), sound=clips.tone(0.5, 16_000), rate=16_000)
    whole = Path(source).read_bytes()
    (tmp_path / "odd.mp4").write_bytes(whole.replace(b"avc1", b"zz~9"))
    clip = decode(str(tmp_path / "odd.mp4"))
    assert (clip.status, clip.error_kind) == ("partial", "picture_undecodable") and clip.waveform is not None


class Spatial:
    """A frame with side data that PyAV has no name for, turned."""

    def __init__(self, rotation: int) -> None:
        self.rotation = rotation

    @property
    def side_data(self) -> dict[str, bytes]:
        raise ValueError("29 is not a valid Type")


def test_a_turn_is_read_beside_side_data_that_nobody_knows(tmp_path: Path) -> None:
    import av

    one = 1 << 16
    for a, b, c, d in ((one, 0, 0, one), (0, one, -one, 0), (-one, 0, 0, -one), (0, -one, one, 0)):
        matrix = [a, b, 0, c, d, 0, 0, 0, 1 << 30]
        path = clips.write(tmp_path / "t.mp4", clips.counting(2), matrix=matrix)
        with av.open(path) as container:
            frame = next(container.decode(video=0))
            assert Turn.of(Spatial(frame.rotation)) == Turn.of(frame)  # type: ignore[arg-type]


def test_many_clips_that_make_the_decoder_raise_are_said_loudly() -> None:
    def summary(raised: int, done: int) -> EmbedSummary:
        return EmbedSummary(
            profile="p", encoders={}, videos=done, done=done, skipped=0, by_status={}, table={}, pools={},
            notes=[], spent={},
            failed_by_kind={"decoder": raised}, seconds=1.0, clips_per_second=1.0,
        )  # fmt: skip

    assert summary(2, 10).doubtful is None and summary(3, 1000).doubtful is None
    assert "5 of 40 clips" in str(summary(5, 40).doubtful)
