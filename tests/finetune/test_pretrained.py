"""Video transformers with our head: made of a folder's sizes, filled by its tensors, all else refused."""

import json
from pathlib import Path

import pytest
import torch
from hub_folders import FRAMES, PUBLISHED, SIDE, folder
from safetensors.torch import load_file, save_file

from vvp.errors import UserError, WeightsError
from vvp.finetune.networks.base import Batch, parameters
from vvp.finetune.networks.pretrained import TRANSFORMERS, Pretrained
from vvp.finetune.networks.registry import fill_trunk, make

NAMES = sorted(PUBLISHED)
OTHERS = ("text_model.", "decoder.", "predictor.", "prompts_", "pooler.")  # what the trunk has not


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    home = tmp_path_factory.mktemp("models")
    return {name: folder(name, home / name) for name in NAMES}


def network(name: str, at: Path, **options: object) -> Pretrained:
    made = make(name, **TRANSFORMERS[name].described(at), **options)
    assert isinstance(made, Pretrained)
    return made


def seen(n: int = 3, frames: int = FRAMES) -> Batch:
    return Batch(pixels=torch.randn(n, 3, frames, SIDE, SIDE, generator=torch.Generator().manual_seed(1)))


def test_every_one_has_a_folder_to_be_tested_with() -> None:
    assert sorted(TRANSFORMERS) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_one_step_forward_and_back_reaches_every_parameter(name: str, folders: dict[str, Path]) -> None:
    made = network(name, folders[name], dropout=0.0)
    assert made.sees == (FRAMES, SIDE)
    assert made.features(seen()).shape == (3, made.dim)
    assert network(name, folders[name], outputs=4)(seen()).shape == (3, 4)
    out = made(seen())
    assert out.shape == (3,) and out.std() > 0
    out.square().sum().backward()
    for key, parameter in made.named_parameters():
        assert parameter.grad is not None and torch.isfinite(parameter.grad).all(), key


@pytest.mark.parametrize("name", NAMES)
def test_depths_go_from_the_patches_through_both_layers_to_the_head(
    name: str, folders: dict[str, Path]
) -> None:
    made = network(name, folders[name])
    depths = made.depths()
    assert len(depths) == 5 and sorted(sum(depths, [])) == sorted(n for n, _ in made.named_parameters())
    assert all("embed" in key or "pre_layernorm" in key for key in depths[0]) and depths[0]
    assert all(".0." in key for key in depths[1]) and all(".1." in key for key in depths[2])
    assert all(key.startswith("head.") for key in depths[4])


@pytest.mark.parametrize("name", NAMES)
def test_the_vector_is_that_of_the_library_from_the_same_folder(name: str, folders: dict[str, Path]) -> None:
    import transformers

    made = network(name, folders[name])
    assert fill_trunk(name, made, folders[name]) == fill_trunk(
        name, made, folders[name] / "model.safetensors"
    )
    kind = TRANSFORMERS[name].kind.model
    whole = getattr(transformers, kind).from_pretrained(folders[name], dtype=torch.float32).eval()
    batch = seen()
    frames = batch.pixels.transpose(1, 2)  # type: ignore[union-attr]
    with torch.inference_mode():
        if name == "xclip":
            wanted = whole.get_video_features(frames).pooler_output
        else:
            tokens = whole(frames).last_hidden_state
            wanted = tokens[:, 0] if name in ("timesformer", "vivit") else tokens.mean(1)
        assert torch.allclose(made.eval().features(batch), wanted, atol=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_a_network_can_be_made_again_from_its_record_alone(name: str, folders: dict[str, Path]) -> None:
    options = json.loads(json.dumps(TRANSFORMERS[name].described(folders[name])))
    one, two = make(name, **options), network(name, folders[name])
    two.load_state_dict(one.state_dict())
    assert torch.equal(one.eval()(seen()), two.eval()(seen()))


@pytest.mark.parametrize("name", NAMES)
def test_a_missing_key_a_wrong_shape_no_number_and_a_pickle_are_refused(
    name: str, folders: dict[str, Path], tmp_path: Path
) -> None:
    made = network(name, folders[name])
    own, file = tmp_path / name, tmp_path / name / "model.safetensors"
    own.mkdir()
    (own / "config.json").write_bytes((folders[name] / "config.json").read_bytes())
    whole = load_file(folders[name] / "model.safetensors")
    some = next(k for k, v in whole.items() if ".1." in k and v.ndim > 1 and not k.startswith(OTHERS))
    damaged = {
        "lacks 1 ": {k: v for k, v in whole.items() if k != some},
        "has the shape": {**whole, some: whole[some][:1].clone()},
        "finite": {**whole, some: torch.full_like(whole[some], float("nan"))},
    }
    before = {k: v.clone() for k, v in made.state_dict().items()}
    for words, tensors in damaged.items():
        save_file(tensors, file)
        with pytest.raises(WeightsError, match=words):
            fill_trunk(name, made, own)
    assert all(torch.equal(v, before[k]) for k, v in made.state_dict().items()), "nothing was taken"
    file.unlink()
    torch.save(whole, own / "pytorch_model.bin")
    with pytest.raises(WeightsError, match="model.safetensors"):
        fill_trunk(name, made, own)
    with pytest.raises(WeightsError, match="pickle"):
        fill_trunk(name, made, own / "pytorch_model.bin")
    (own / "pytorch_model.bin").rename(file)
    with pytest.raises(WeightsError, match="no safetensors file"):
        fill_trunk(name, made, own)


def test_a_config_is_read_for_its_sizes_only_and_within_bounds(
    folders: dict[str, Path], tmp_path: Path
) -> None:
    stated = json.loads((folders["videomae"] / "config.json").read_text())
    videomae = TRANSFORMERS["videomae"]

    def described(**changes: object) -> dict[str, object]:
        (tmp_path / "config.json").write_text(json.dumps({**stated, **changes}))
        return videomae.described(tmp_path)

    options = described(auto_map={"AutoModel": "evil.Model"}, quantization_config={"a": 1}, torch_dtype="x")
    assert not {"auto_map", "quantization_config", "torch_dtype"} & set(options["config"])  # type: ignore[call-overload]
    for changes in ({"num_hidden_layers": 10**9}, {"hidden_size": 10**9}, {"hidden_size": -3}):
        with pytest.raises(WeightsError, match="cannot be read"):
            described(**changes)
    with pytest.raises(WeightsError, match="is of a vivit"):
        described(model_type="vivit")
    for changes in ({"hidden_act": "none such"}, {"patch_size": 0}, {"num_attention_heads": 5},
                    {"hidden_size": "24"}, {"num_frames": [4, 4]}):  # fmt: skip
        with pytest.raises(UserError):
            make("videomae", **described(**changes))
    (tmp_path / "config.json").write_text("<html>404</html>")
    with pytest.raises(WeightsError, match="cannot be read"):
        videomae.described(tmp_path)
    with pytest.raises(WeightsError, match="no folder"):
        videomae.described(tmp_path / "nowhere")


def test_frames_follow_the_config_and_only_vjepa2_bears_others(folders: dict[str, Path]) -> None:
    with pytest.raises(UserError, match="sees 4 frames, not 8"):
        TRANSFORMERS["vivit"].described(folders["vivit"], 8)
    with pytest.raises(UserError, match="multiple of 2"):
        TRANSFORMERS["vjepa2"].described(folders["vjepa2"], 5)
    longer = make("vjepa2", **TRANSFORMERS["vjepa2"].described(folders["vjepa2"], 8))
    assert longer.sees == (8, SIDE) and longer(seen(frames=8)).shape == (3,)
    fill_trunk("vjepa2", longer, folders["vjepa2"])


def test_normalisation_comes_from_the_folder(folders: dict[str, Path], tmp_path: Path) -> None:
    (tmp_path / "config.json").write_bytes((folders["vivit"] / "config.json").read_bytes())
    usual = network("vivit", tmp_path)
    assert usual.mean == (0.75, 0.75, 0.75), "-1 to 1, less 0.5, by 0.5"
    (tmp_path / "preprocessor_config.json").write_text('{"image_mean": [0.1, 0.2, 0.3]}')
    assert tuple(network("vivit", tmp_path).mean) == (0.1, 0.2, 0.3)


def test_folders_are_found_as_the_encoders_are(
    folders: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    vivit = TRANSFORMERS["vivit"]
    assert vivit.locate(str(folders["vivit"]), None) == folders["vivit"]
    (tmp_path / vivit.kind.source.folder).symlink_to(folders["vivit"])
    assert vivit.locate(None, str(tmp_path)) == tmp_path / vivit.kind.source.folder
    with pytest.raises(WeightsError, match="--weights FOLDER"):
        vivit.locate(None, str(tmp_path / "empty"))


def test_full_sizes_are_those_of_the_papers(tmp_path: Path) -> None:
    """Of what was published as each one's base; in millions, trunk alone."""
    (tmp_path / "config.json").write_text("{}")
    wanted = {"videomae": 86.2, "timesformer": 121.3, "vivit": 88.6, "xclip": 126.5, "vjepa2": 303.9}
    for name, millions in wanted.items():
        with torch.device("meta"):
            made = make(name, **TRANSFORMERS[name].described(tmp_path))
        assert parameters(made.trunk) / 1e6 == pytest.approx(millions, abs=0.1), name  # type: ignore[arg-type]
