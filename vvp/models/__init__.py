"""Model families and baselines behind one protocol (base.py), plain Python throughout.

`load(files)` gives back any saved model. Modules are imported when asked for, so that a Ridge trial or a
baseline does not wait for torch. Not known here: Ray, where files are kept.
"""

from collections.abc import Mapping
from importlib import import_module

from vvp.errors import UserError
from vvp.models.base import Model, read_head

_CLASSES = {
    "ridge": ("ridge", "RidgeModel"),
    "gbdt": ("gbdt", "GbdtModel"),
    "mlp": ("mlp", "MlpModel"),
    "train_mean": ("baselines", "MeanModel"),
    "one_column": ("baselines", "ColumnModel"),
    "channel_history": ("baselines", "HistoryModel"),
}


def load(files: Mapping[str, bytes]) -> Model:
    """The model behind `Model.files()`. UserError when damaged, incomplete or of an unknown family."""
    family = read_head(files)["family"]
    if family not in _CLASSES:
        raise UserError(f"the saved model is of the unknown family {family!r}.")
    module, name = _CLASSES[family]
    model: Model = getattr(import_module(f"vvp.models.{module}"), name).from_files(files)
    return model
