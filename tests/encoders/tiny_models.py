"""Small, randomly initialised models of the paper profile's own classes, saved as a hub would hold them."""

import json
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from transformers import VideoMAEConfig, VideoMAEForPreTraining, Wav2Vec2Config, Wav2Vec2ForPreTraining

from vvp.encoders.transformer import quiet

# Not ImageNet's, so that a test sees whose were used.
MEAN, STD = (0.5, 0.4, 0.6), (0.25, 0.5, 0.2)
POSITIONS = "wav2vec2.encoder.pos_conv_embed.conv"


def save_videomae(folder: Path) -> None:
    """One layer, in the layout of MCG-NJU/videomae-base: the pre-training model, decoder and all."""
    torch.manual_seed(0)
    config = VideoMAEConfig(
        num_hidden_layers=1,
        intermediate_size=64,
        decoder_num_hidden_layers=1,
        decoder_hidden_size=48,
        decoder_num_attention_heads=4,
        decoder_intermediate_size=32,
        use_mean_pooling=False,
    )
    with quiet():
        VideoMAEForPreTraining(config).save_pretrained(folder)
    stated = {"image_mean": MEAN, "image_std": STD}
    (folder / "preprocessor_config.json").write_text(json.dumps(stated))


def save_wav2vec2(folder: Path) -> None:
    """One layer, in the layout of facebook/wav2vec2-base: the pre-training model, quantizer and all."""
    torch.manual_seed(0)
    config = Wav2Vec2Config(
        num_hidden_layers=1,
        intermediate_size=64,
        codevector_dim=16,
        proj_codevector_dim=16,
        num_codevectors_per_group=8,
    )
    with quiet():
        Wav2Vec2ForPreTraining(config).save_pretrained(folder)
    # The hub's file is from 2021 and has torch's older names for a weight norm.
    tensors = load_file(folder / "model.safetensors")
    for new, old in (
        ("parametrizations.weight.original0", "weight_g"),
        ("parametrizations.weight.original1", "weight_v"),
    ):
        tensors[f"{POSITIONS}.{old}"] = tensors.pop(f"{POSITIONS}.{new}")
    save_file(tensors, folder / "model.safetensors", {"format": "pt"})


def save_paper(folder: Path) -> str:
    """A --models folder for the paper profile; text and speech come from their wheels."""
    save_videomae(folder / "videomae-base")
    save_wav2vec2(folder / "wav2vec2-base")
    return str(folder)
