"""A sweep of the first points alone, in this process, where Ray Tune would only add time.

Not known here: Ray, how parameters are searched (sweep.py).
"""

from collections.abc import Callable, Sequence

from vvp.learn.candidates import Sweeper
from vvp.learn.folds import TrialData
from vvp.learn.recipes import Recipe, Tried, held_forecasts
from vvp.models.base import first_point
from vvp.models.registry import family as family_of


def at_first_points(families: Sequence[str]) -> Callable[[str], Sweeper]:
    """What `tune` takes as `sweep_for`: each family with each input, at the point tried first."""

    def sweep(data: TrialData) -> list[Tried]:
        tried = []
        for name in families:
            params = first_point(family_of(name, data.classes), *data.X.shape)
            for input_ in data.inputs:
                point, value, oof = held_forecasts(data, family_of(name, data.classes), params, input_)
                recipe = Recipe(family=name, input=input_, params=params, point=point)
                tried.append(Tried(recipe, value, oof))
        return tried

    return lambda split: sweep
