"""The paper profile's own code path, on tiny models of the same classes."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tiny_models
import torch
from safetensors.torch import load_file, save_file

from vvp.encoders import precision
from vvp.encoders.base import Weights
from vvp.encoders.normalisation import IMAGENET_MEAN, IMAGENET_STD, normalisation
from vvp.encoders.precision import MIN_COSINE, cosine, has_bfloat16, settle
from vvp.encoders.profiles import label, profile
from vvp.encoders.videomae import VideoMAE
from vvp.encoders.wav2vec2 import SHORTEST, Wav2Vec2
from vvp.errors import UserError, WeightsError


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> str:
    return tiny_models.save_paper(tmp_path_factory.mktemp("models"))


@pytest.fixture(scope="module")
def videomae(models: str) -> VideoMAE:
    return VideoMAE(VideoMAE.locate(models))


@pytest.fixture(scope="module")
def wav2vec2(models: str) -> Wav2Vec2:
    return Wav2Vec2(Wav2Vec2.locate(models))


def clip(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (16, 224, 224, 3), dtype=np.uint8)


def sound(seed: int, samples: int) -> np.ndarray:
    return (0.1 * np.random.default_rng(seed).standard_normal(samples)).astype(np.float32)


def test_the_paper_profile_is_2306_numbers(models: str) -> None:
    paper = profile("paper")
    assert paper.dims == {"video": 768, "audio": 768, "text": 768}
    assert tuple(paper.dims) == ("video", "audio", "text")
    assert paper.fused_dim == 2306
    found = paper.locate(models)
    assert list(found) == ["video", "audio", "text", "transcriber"]
    assert label(paper.encoders["video"], found["video"]) == f"videomae-base@{found['video'].sha256[:12]}"


def test_an_unknown_profile_names_the_known_ones() -> None:
    with pytest.raises(UserError, match=r"'papr'.*paper, offline"):
        profile("papr")


def test_videomae_gives_what_its_formula_says(models: str, videomae: VideoMAE) -> None:
    from transformers import VideoMAEModel

    vector = videomae.encode([clip(1)])
    assert vector.shape == (1, 768)
    assert vector.dtype == np.float32
    plain = VideoMAEModel.from_pretrained(Path(models) / "videomae-base").eval()
    mean, std = np.array(tiny_models.MEAN), np.array(tiny_models.STD)  # the model's own, in its folder
    pixels = torch.tensor((clip(1) / 255 - mean) / std, dtype=torch.float32).permute(0, 3, 1, 2)[None]
    with torch.inference_mode():
        tokens = plain(pixels).last_hidden_state
    assert tokens.shape == (1, 1568, 768)
    # In bfloat16 where the chip has it, so this is its check against float32 as well.
    assert videomae.precision.dtype == ("bfloat16" if has_bfloat16("cpu") else "float32")
    assert cosine(vector, tokens.mean(1).numpy()) >= MIN_COSINE


def test_pictures_are_normalised_as_imagenet_where_the_model_states_nothing(tmp_path: Path) -> None:
    assert normalisation(tmp_path) == (IMAGENET_MEAN, IMAGENET_STD)
    (tmp_path / "preprocessor_config.json").write_text('{"image_mean": [0.9, 0.9, 0.9]}')
    assert normalisation(tmp_path) == ((0.9, 0.9, 0.9), IMAGENET_STD)
    (tmp_path / "preprocessor_config.json").write_text("<html>404</html>")
    with pytest.raises(WeightsError, match="cannot be read"):
        normalisation(tmp_path)


def test_pixels_that_are_rescaled_before_they_are_normalised(tmp_path: Path) -> None:
    """ViViT's go from -1 to 1, and the mean is taken off after that."""
    stated = (
        '{"rescale_factor": 0.00784313725490196, "offset": true, "image_mean": [0.5, 0.5, 0.5],'
        ' "image_std": [0.5, 0.25, 0.5]}'
    )
    (tmp_path / "video_preprocessor_config.json").write_text(stated)
    mean, std = normalisation(tmp_path)
    for channel, deviation in enumerate((0.5, 0.25, 0.5)):
        for pixel in (0, 40, 255):
            wanted = ((pixel / 127.5 - 1) - 0.5) / deviation
            assert (pixel / 255 - mean[channel]) / std[channel] == pytest.approx(wanted)


def test_a_row_does_not_depend_on_its_neighbours(videomae: VideoMAE, wav2vec2: Wav2Vec2) -> None:
    pictures = [clip(1), clip(2), clip(3)]
    together = videomae.encode(pictures)
    assert np.array_equal(together[1:2], videomae.encode(pictures[1:2]))
    assert cosine(together[:1], together[1:2]) < 0.999999  # and the rows do differ
    sounds = [sound(1, 16_000), sound(2, 9_000), sound(3, 16_000), sound(4, 200)]
    together = wav2vec2.encode(sounds)
    for i, one in enumerate(sounds):
        assert np.array_equal(together[i : i + 1], wav2vec2.encode([one]))


def test_wav2vec2_runs_equal_lengths_together_and_keeps_the_order(wav2vec2: Wav2Vec2) -> None:
    sounds = [sound(1, 8_000), sound(2, 9_000), sound(3, 8_000), sound(4, 8_000)]
    alone = wav2vec2.encode(sounds)
    wav2vec2.batch_size = 2  # as on a GPU
    try:
        assert cosine(wav2vec2.encode(sounds), alone) >= MIN_COSINE
    finally:
        wav2vec2.batch_size = 1


def test_wav2vec2_takes_any_length_and_loudness(wav2vec2: Wav2Vec2) -> None:
    short = wav2vec2.encode([sound(1, SHORTEST - 1), sound(1, 1), np.zeros(16_000, np.float32)])
    assert np.isfinite(short).all()
    quiet_and_loud = wav2vec2.encode([sound(1, 16_000), 3 * sound(1, 16_000)])
    assert cosine(quiet_and_loud[:1], quiet_and_loud[1:]) >= MIN_COSINE  # scaled to variance 1
    with pytest.raises(ValueError, match="no samples"):
        wav2vec2.encode([np.zeros(0, np.float32)])


def test_read_only_input_is_taken_silently(wav2vec2: Wav2Vec2, recwarn: pytest.WarningsRecorder) -> None:
    one = sound(1, 4_000)
    one.flags.writeable = False  # as Ray hands arrays out
    wav2vec2.encode([one])
    assert not [w for w in recwarn if "not writable" in str(w.message)]


@pytest.mark.skipif(not has_bfloat16("cpu"), reason="this CPU has no bfloat16")
def test_bfloat16_agrees_with_float32(
    models: str, wav2vec2: Wav2Vec2, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert (wav2vec2.precision.dtype, wav2vec2.precision.cosine >= MIN_COSINE) == ("bfloat16", True)
    monkeypatch.setattr(precision, "has_bfloat16", lambda device: False)
    exact = Wav2Vec2(Wav2Vec2.locate(models))
    assert (exact.precision.dtype, exact.precision.cosine) == ("float32", None)
    given = [sound(5, 20_000)]
    assert cosine(wav2vec2.encode(given), exact.encode(given)) >= MIN_COSINE


def test_a_model_that_bfloat16_would_bend_stays_in_float32(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precision, "has_bfloat16", lambda device: True)

    def load() -> torch.nn.Linear:
        layer = torch.nn.Linear(2, 2, bias=False)
        # Differences of numbers that bfloat16 cannot tell apart.
        layer.weight.data = torch.tensor([[1.001, -1.0], [-1.0, 1.002]])
        return layer

    def embed(layer: torch.nn.Linear) -> np.ndarray:
        with torch.inference_mode():
            return layer(torch.ones(1, 2, dtype=layer.weight.dtype)).float().numpy()

    layer, found = settle(load, embed, "cpu")
    assert layer.weight.dtype == torch.float32
    assert torch.equal(layer.weight, load().weight)  # not the rounded ones cast back
    assert found.dtype == "float32"
    assert "below 0.999" in found.reason


def test_another_hidden_size_is_refused(models: str, tmp_path: Path) -> None:
    shutil.copytree(Path(models) / "videomae-base", tmp_path / "videomae-base")
    config = tmp_path / "videomae-base" / "config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | {"hidden_size": 384}))
    with pytest.raises(WeightsError, match="hidden size 384, not 768"):
        VideoMAE(VideoMAE.locate(str(tmp_path)))


def test_a_model_with_a_tensor_missing_is_refused(models: str, tmp_path: Path) -> None:
    folder = tmp_path / "wav2vec2-base"
    shutil.copytree(Path(models) / "wav2vec2-base", folder)
    tensors = load_file(folder / "model.safetensors")
    del tensors["wav2vec2.encoder.layer_norm.weight"]
    save_file(tensors, folder / "model.safetensors", {"format": "pt"})
    with pytest.raises(WeightsError, match=r"lacks 1 tensors, encoder\.layer_norm\.weight"):
        Wav2Vec2(Wav2Vec2.locate(str(tmp_path)))


def test_a_changed_byte_is_refused(models: str, tmp_path: Path) -> None:
    weights = VideoMAE.locate(models)
    folder = tmp_path / "videomae-base"
    shutil.copytree(weights.path, folder)
    data = bytearray((folder / "model.safetensors").read_bytes())
    data[-1] ^= 1
    (folder / "model.safetensors").write_bytes(data)
    with pytest.raises(WeightsError, match="sha256"):
        VideoMAE(replace(weights, path=folder))
    assert VideoMAE.locate(str(tmp_path)).sha256 != weights.sha256  # and would be labelled as what it is


def test_a_pickle_in_the_users_folder_is_not_read(models: str, tmp_path: Path) -> None:
    folder = tmp_path / "wav2vec2-base"
    folder.mkdir()
    shutil.copy(Path(models) / "wav2vec2-base" / "config.json", folder)
    (folder / "pytorch_model.bin").write_bytes(b"not to be opened")
    with pytest.raises(WeightsError, match=r"lacks model\.safetensors"):
        Wav2Vec2.locate(str(tmp_path))


def test_rubbish_in_place_of_weights_is_refused(models: str, tmp_path: Path) -> None:
    folder = tmp_path / "wav2vec2-base"
    shutil.copytree(Path(models) / "wav2vec2-base", folder)
    (folder / "model.safetensors").write_bytes(b"<html>404</html>")
    with pytest.raises(WeightsError, match="cannot load"):
        Wav2Vec2(Wav2Vec2.locate(str(tmp_path)))
    with pytest.raises(WeightsError, match="cannot be read"):
        Wav2Vec2(Weights(path=tmp_path / "nowhere", sha256="0" * 64))
