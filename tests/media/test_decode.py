"""Sound, statuses, URIs: every file gives a Clip, and nothing is made up for what is missing."""

import tempfile
from pathlib import Path

import av
import clips
import numpy as np
import pytest

from vvp.media.decode import DecodeSettings, decode
from vvp.schema import ERROR_KINDS, FAILED, OK, PARTIAL, SIGNALS


def test_picture_and_sound(tmp_path: Path) -> None:
    path = clips.write(tmp_path / "a.mp4", clips.counting(60), sound=clips.tone(2, 44_100))
    clip = decode(path)
    assert (clip.status, clip.error_kind, clip.error_detail) == (OK, None, None)
    assert set(clip.signals) == set(SIGNALS) and all(type(v) is float for v in clip.signals.values())
    assert clip.waveform is not None and clip.waveform.dtype == np.float32
    assert len(clip.waveform) / 16_000 == pytest.approx(2, abs=0.1)
    spectrum = np.abs(np.fft.rfft(clip.waveform[4000:20_000]))
    assert np.argmax(spectrum) == pytest.approx(440, abs=2)
    assert clip.duration_s == pytest.approx(2, abs=0.1)


def test_at_most_audio_s_of_sound(tmp_path: Path) -> None:
    path = clips.write(tmp_path / "a.mp4", clips.counting(3), sound=clips.tone(3, 8000), rate=8000)
    clip = decode(path, DecodeSettings(audio_s=1.0))
    assert clip.waveform is not None and len(clip.waveform) == 16_000


def test_no_audio_track_is_ok_and_null(tmp_path: Path) -> None:
    clip = decode(clips.write(tmp_path / "a.mp4", clips.counting(8)))
    assert clip.status == OK and clip.error_kind is None and clip.waveform is None
    assert not any(name.startswith("audio") for name in clip.signals)


def test_silence_is_sound(tmp_path: Path) -> None:
    path = clips.write(tmp_path / "a.mp4", clips.counting(8), sound=np.zeros(44_100, np.float32))
    clip = decode(path)
    assert clip.waveform is not None and clip.signals["audio_rms_mean"] == 0


def test_sound_alone_is_ok_and_says_so(tmp_path: Path) -> None:
    clip = decode(clips.write(tmp_path / "a.m4a", [], sound=clips.tone(1, 44_100)))
    assert (clip.status, clip.error_kind) == (OK, "no_picture")
    assert clip.frames is None and clip.decoder is None and clip.waveform is not None
    assert set(clip.signals) == {"audio_rms_mean", "audio_rms_std"}


def spoiled(source: str, target: Path, kind: str) -> str:
    """A copy of an MP4 whose packets of one kind hold rubbish."""
    data = bytearray(Path(source).read_bytes())
    with av.open(source) as container:
        for packet in container.demux(next(s for s in container.streams if s.type == kind)):
            if packet.size and packet.pos is not None:
                data[packet.pos : packet.pos + packet.size] = b"\xff" * packet.size
    target.write_bytes(data)
    return str(target)


def test_one_stream_that_does_not_decode(tmp_path: Path) -> None:
    whole = clips.write(tmp_path / "a.mp4", clips.counting(30), sound=clips.tone(1, 44_100))
    deaf = decode(spoiled(whole, tmp_path / "deaf.mp4", "audio"))
    assert (deaf.status, deaf.error_kind) == (OK, "sound_undecodable")
    assert deaf.frames is not None and deaf.waveform is None
    blind = decode(spoiled(whole, tmp_path / "blind.mp4", "video"))
    assert (blind.status, blind.error_kind) == (PARTIAL, "picture_undecodable")
    assert blind.frames is None and blind.waveform is not None and blind.error_detail


def test_what_cannot_be_read_is_a_row(tmp_path: Path) -> None:
    (tmp_path / "text.mp4").write_text("this is no video" * 100)
    (tmp_path / "empty.mp4").touch()
    (tmp_path / "words.srt").write_text("1\n00:00:00,000 --> 00:00:01,000\nhello\n")
    kinds = {
        str(tmp_path / "gone.mp4"): "media_missing",
        (tmp_path / "gone.mp4").as_uri(): "media_missing",
        "nowhere://bucket/a.mp4": "media_missing",
        str(tmp_path): "media_missing",
        str(tmp_path / "text.mp4"): "unreadable",
        str(tmp_path / "empty.mp4"): "unreadable",
        str(tmp_path / "words.srt"): "unreadable",
    }
    for path, kind in kinds.items():
        clip = decode(path)
        assert (clip.status, clip.error_kind) == (FAILED, kind), path
        assert kind in ERROR_KINDS and clip.error_detail and "\n" not in clip.error_detail
        assert clip.frames is clip.waveform is clip.duration_s is None and not clip.signals


def test_a_uri_is_copied_and_the_copy_deleted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "copies"))
    (tmp_path / "copies").mkdir()
    path = Path(clips.write(tmp_path / "a b.mp4", clips.counting(20)))
    by_uri, by_path = decode(path.as_uri()), decode(str(path))
    assert by_uri.status == OK and np.array_equal(by_uri.frames, by_path.frames)
    assert not list((tmp_path / "copies").iterdir())


def test_a_large_picture_is_a_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = clips.write(tmp_path / "a.mp4", clips.counting(3))
    monkeypatch.setattr("vvp.media.reader.MAX_PIXELS", 100)
    clip = decode(path)
    assert (clip.status, clip.error_kind) == (FAILED, "memory") and "96x160" in str(clip.error_detail)


def test_more_pixels_than_anybody_waits_for_cost_the_picture_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = clips.write(tmp_path / "a.mp4", clips.counting(30), sound=clips.tone(1, 16_000), rate=16_000)
    monkeypatch.setattr("vvp.media.video.MAX_POINTS", 29 * 96 * 160)
    clip = decode(path)
    assert (clip.status, clip.error_kind) == (PARTIAL, "picture_undecodable") and clip.waveform is not None
    assert "30 frames of 96x160" in str(clip.error_detail)
