"""Folders in Hugging Face layout that hold tiny networks with random numbers."""

from pathlib import Path
from typing import Any

FRAMES, SIDE = 4, 32
SMALL = {"hidden_size": 24, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}
SEEN = {"image_size": SIDE, "num_frames": FRAMES}
TEXT = {"vocab_size": 10, "hidden_size": 16, "intermediate_size": 8, "num_hidden_layers": 1,
        "num_attention_heads": 2, "max_position_embeddings": 8}  # fmt: skip
MIT = {"mit_hidden_size": 16, "mit_intermediate_size": 8, "mit_num_attention_heads": 2}
DECODER = {"decoder_hidden_size": 24, "decoder_num_hidden_layers": 1, "decoder_num_attention_heads": 2,
           "decoder_intermediate_size": 8}  # fmt: skip
# The class that was published, which need not be the plain trunk, and its sizes.
PUBLISHED: dict[str, tuple[str, dict[str, Any]]] = {
    "videomae": ("VideoMAEForPreTraining", {**SMALL, **SEEN, **DECODER}),
    "timesformer": ("TimesformerForVideoClassification", {**SMALL, **SEEN}),
    "vivit": ("VivitForVideoClassification", {**SMALL, **SEEN, "tubelet_size": [2, 16, 16]}),
    "xclip": ("XCLIPModel", {"projection_dim": 16, "prompt_num_attention_heads": 2, "text_config": TEXT,
                             "vision_config": {**SMALL, **SEEN, **MIT, "patch_size": 16}}),
    "vjepa2": ("VJEPA2ForVideoClassification",
               {"hidden_size": 24, "num_hidden_layers": 2, "num_attention_heads": 2, "mlp_ratio": 2.0,
                "crop_size": SIDE, "frames_per_clip": FRAMES, "pred_hidden_size": 24,
                "pred_num_hidden_layers": 1, "pred_num_attention_heads": 2, "num_pooler_layers": 1}),
}  # fmt: skip


def folder(name: str, at: Path) -> Path:
    """Saves such a network with the library's own means, keys and all."""
    import torch
    import transformers

    from vvp.encoders.transformer import quiet

    torch.manual_seed(0)
    kind, sizes = PUBLISHED[name]
    model = getattr(transformers, kind)
    with quiet():
        model(model.config_class(**sizes)).save_pretrained(at)
    return at
