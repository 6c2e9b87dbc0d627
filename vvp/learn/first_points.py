"""A sweep of one trial per family, in this process: for tests and benchmarks, where Ray Tune would add time.

Not known here: Ray, how parameters are searched (sweep.py).
"""

from collections.abc import Callable, Sequence

from vvp.learn.candidates import Sweeper
from vvp.models.base import CRITERION, Data, Model, Params, first_point
from vvp.models.registry import family as family_of


def at_first_points(families: Sequence[str], seed: int = 0) -> Callable[[str], Sweeper]:
    """What `tune` takes as `sweep_for`: each family is fitted once, at the point that a sweep tries first."""

    def sweep(train: Data, validation: Data) -> dict[str, tuple[Model, Params, float]]:
        fitted = {}
        for name in families:
            family = family_of(name)
            params = first_point(family, len(train.y), train.X.shape[1])
            model = family.fit(train, validation, params, seed=seed)
            fitted[name] = (model, params, CRITERION(validation.y, model.predict(validation.X)))
        return fitted

    return lambda split: sweep
