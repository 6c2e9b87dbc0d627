"""The predictor as a deployment. Another one is taken while it runs, or refused.

Not known here: HTTP, how a draft's row was made.
"""

import asyncio
import logging
import sys
from typing import Any

import pyarrow as pa
from ray import serve

from serve.config import PredictorAt
from serve.replies import forecast_facts, predictor_facts
from vvp.dataset.targets import VIEWS
from vvp.encoders.tensors import use_threads
from vvp.errors import UserError
from vvp.forecast import others
from vvp.forecast.forecasts import Forecast
from vvp.forecast.head import Embedding
from vvp.forecast.predictor import ROW, Predictor, draft_rows
from vvp.schema import WORDS
from vvp.workspace import Workspace

logger = logging.getLogger("ray.serve")
batched: Any = serve.batch  # its own type hints know functions only, not methods
TOGETHER = 16  # requests whose drafts are forecast in one go
Drafts = list[tuple[dict[str, Any], dict[str, Any] | None, float | None]]


class Forecaster:
    """The predictor. Another one is taken by user_config, if it is whole and made of the same encoders."""

    def __init__(self, recipe: Embedding) -> None:
        """recipe: how this app embeds, the `embedding` of a predictor's head."""
        self.recipe = recipe
        self.predictor: Predictor | None = None
        self.refused: str | None = None

    def reconfigure(self, config: dict[str, Any]) -> None:
        """config: a PredictorAt. What cannot be loaded is refused, and the one before goes on serving.

        Serve would end a running replica whose reconfigure raises, so only the first one may raise.
        """
        try:
            new = self._load(PredictorAt.model_validate(config))
        except Exception as error:  # noqa: BLE001 - whatever is wrong with the new one, the old one must go on
            if self.predictor is None:
                raise
            self.refused = (
                str(error) if isinstance(error, UserError) else f"it is damaged ({type(error).__name__})"
            )
            logger.error("predictor refused", extra={"vvp_reason": self.refused})
            # Whoever asks for the app's health is told why, not where its files lie.
            self.refused = self.refused.replace(str(config.get("workspace")), "the workspace")
            return
        self.predictor, self.refused = new, None
        logger.info("predictor loaded", extra={"vvp_predictor": new.head.id})

    def _load(self, at: PredictorAt) -> Predictor:
        found = others.open_run(Workspace(at.workspace), at.name)
        if "torch" in sys.modules:  # a network is among the models
            use_threads(1)
        if at.id is not None and found.head.id != at.id:
            raise UserError(f"the predictor there is {found.head.id}, not {at.id}.")
        if found.head.embedding != self.recipe:
            raise UserError("it was trained on vectors of other encoders or settings: deploy the app anew.")
        for media in (True, False):
            if media or found.head.accepts_metadata_only:
                others.forecast(found, _trial_row(found, media))
        return found

    @property
    def current(self) -> Predictor:
        assert self.predictor is not None, "Serve calls reconfigure before the first request"
        return self.predictor

    def facts(self) -> dict[str, Any]:
        """A PredictorReply without upload_limits."""
        facts = predictor_facts(self.current.head)
        return {**facts, "targets": others.targets(self.current), "refused": self.refused}

    async def forecast(self, drafts: Drafts, by: str = VIEWS.name) -> dict[str, Any]:
        """(values, embedded row, horizon_days) of drafts → `forecasts` in their order, all by one predictor:
        ForecastReplies without seconds.

        by: the target that they are compared by. `strengths`: what orders them. `beats`: probability that
        draft i gets more of it than draft j, null where there is none.
        A sentence alone instead: `no_model`, when a draft has no video and the predictor no model for that;
        `no_target`, when it does not forecast `by`.
        """
        answer: dict[str, Any] | Exception = await self._together((drafts, by))
        if isinstance(answer, Exception):
            raise answer
        return answer

    @batched(max_batch_size=TOGETHER, batch_wait_timeout_s=0)
    async def _together(self, requests: list[tuple[Drafts, str]]) -> list[dict[str, Any] | Exception]:
        return await asyncio.to_thread(self._answers, requests)

    def _answers(self, requests: list[tuple[Drafts, str]]) -> list[dict[str, Any] | Exception]:
        predictor = self.current  # of the whole call, also when another one is loaded meanwhile
        try:
            found = iter(_forecasts(predictor, [one for drafts, _ in requests for one in drafts]))
        except Exception as error:  # noqa: BLE001 - `forecast` raises it where it belongs
            if len(requests) > 1:  # what is wrong with one of them is not the others' fault
                return [answer for request in requests for answer in self._answers([request])]
            return [{"no_model": str(error)} if isinstance(error, UserError) else error]
        return [_answer(predictor, [next(found) for _ in drafts], by) for drafts, by in requests]


def _forecasts(predictor: Predictor, drafts: Drafts) -> list[Forecast]:
    """Of each draft; those of one horizon together, for one row costs little less than ten."""
    found: dict[int, Forecast] = {}
    horizons = [horizon_days for *_, horizon_days in drafts]
    for horizon_days in dict.fromkeys(horizons):
        places = [i for i, other in enumerate(horizons) if other == horizon_days]
        rows = pa.concat_tables([draft_rows(*drafts[i][:2]) for i in places])
        found |= zip(places, others.forecast(predictor, rows, horizon_days), strict=True)
    return [found[i] for i in range(len(drafts))]


def _answer(predictor: Predictor, found: list[Forecast], by: str) -> dict[str, Any]:
    try:
        others.check(predictor, by)
    except UserError as error:
        return {"no_target": str(error)}
    return {
        "forecasts": [forecast_facts(one, predictor.head) for one in found],
        "strengths": [others.strength(one, by) for one in found],
        "beats": [[None if a is b else others.beats(predictor, a, b, by) for b in found] for a in found],
    }


def _trial_row(predictor: Predictor, media: bool) -> pa.Table:
    """A draft of nothing but zeros, to see a new predictor at work before anybody depends on it."""
    row = dict.fromkeys(ROW.names) | {"title": "a trial"}
    dims = predictor.dims
    row |= {m.vector: [0.0] * dims.lengths[m.name] for m in dims.modalities if media or m.input == WORDS}
    return pa.Table.from_pylist([row], schema=ROW)
