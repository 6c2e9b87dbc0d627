"""Quiet, strict loading of a transformers model from a local folder.

Importing this loads torch and transformers (3 CPU seconds), so an encoder does it when it is made.
Not known here: any particular model.
"""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from transformers.utils import logging as hf_logging

from vvp.errors import WeightsError


@contextmanager
def quiet() -> Iterator[None]:
    """Silences the model libraries' progress bars, notices and warnings while loading; errors still raise."""
    verbosity, bars = hf_logging.get_verbosity(), hf_logging.is_progress_bar_enabled()
    hf_logging.set_verbosity_error()
    hf_logging.disable_progress_bar()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        hf_logging.set_verbosity(verbosity)
        if bars:
            hf_logging.enable_progress_bar()


def pretrained(model_class: Any, folder: Path, dim: int) -> Any:
    """A transformers model in float32 and eval mode, from safetensors in `folder`, no code from outside.

    WeightsError when the files cannot be read, when the hidden size is not `dim`, or when a tensor is
    missing: transformers would fill that one with random numbers and say so in a log line only.
    """
    try:
        with quiet():
            config = model_class.config_class.from_pretrained(folder, local_files_only=True)
            if config.hidden_size != dim:
                raise WeightsError(f"the model in {folder} has hidden size {config.hidden_size}, not {dim}.")
            model, loading = model_class.from_pretrained(
                folder,
                config=config,
                local_files_only=True,
                use_safetensors=True,
                dtype=torch.float32,
                output_loading_info=True,
            )
    except (OSError, ValueError, SafetensorError) as error:
        raise WeightsError(f"cannot load {folder} ({str(error).splitlines()[0]}).") from error
    if missing := sorted(loading["missing_keys"]):
        raise WeightsError(f"the model in {folder} lacks {len(missing)} tensors, {missing[0]} among them.")
    return model.eval()
