"""Every family by name: who fits it, and the class that its saved form comes back as. One lazy dict.

Modules are imported when asked for, so that a Ridge trial or a rule does not wait for torch.
Not known here: Ray, where files are kept.
"""

from collections.abc import Mapping
from importlib import import_module

from vvp.errors import UserError
from vvp.models.base import Family, Model, read_head

# name → (module of vvp.models, class of the family or None where none is swept, class of its models)
FAMILIES: dict[str, tuple[str, str | None, str]] = {
    "logistic": ("logistic", "Logistic", "LogisticModel"),
    "ridge": ("ridge", "Ridge", "RidgeModel"),
    "elasticnet": ("elasticnet", "ElasticNet", "ElasticNetModel"),
    "gbdt": ("gbdt", "Gbdt", "GbdtModel"),
    "extratrees": ("extratrees", "ExtraTrees", "ExtraTreesModel"),
    "mlp": ("mlp", "Mlp", "MlpModel"),
    "average": ("average", None, "AverageModel"),
    "train_mean": ("baselines", None, "MeanModel"),
    "one_column": ("baselines", None, "ColumnModel"),
    "channel_history": ("baselines", None, "HistoryModel"),
    "class_column": ("class_rules", None, "ClassColumnModel"),
}
OF_CLASSES = ("logistic", "gbdt", "mlp")
SWEPT = tuple(name for name, (_, family, _) in FAMILIES.items() if family is not None and name != "logistic")


def swept(classes: int) -> tuple[str, ...]:
    """The families that are searched for a number (0) or for so many classes."""
    return OF_CLASSES if classes else SWEPT


def family(name: str, classes: int = 0) -> Family:
    """The family of this name with its default settings. KeyError when it is none of `swept(classes)`."""
    module, class_name, _ = FAMILIES[name]
    if class_name is None or name not in swept(classes):
        raise KeyError(name)
    settings = {"classes": classes} if classes else {}
    made: Family = getattr(import_module(f"vvp.models.{module}"), class_name)(**settings)
    return made


def load(files: Mapping[str, bytes]) -> Model:
    """The model behind `Model.files()`. UserError when damaged, incomplete or of an unknown family."""
    name = read_head(files)["family"]
    if name not in FAMILIES:
        raise UserError(f"the saved model is of the unknown family {name!r}.")
    module, _, class_name = FAMILIES[name]
    model: Model = getattr(import_module(f"vvp.models.{module}"), class_name).from_files(files)
    return model
