"""The predictor as a deployment. Another one is taken while it runs, or refused.

Not known here: HTTP, how a draft's row was made.
"""

import logging
from typing import Any

import pyarrow as pa

from serve.config import PredictorAt
from serve.replies import forecast_facts, predictor_facts
from vvp.dataset.targets import VIEWS
from vvp.errors import UserError
from vvp.forecast import others
from vvp.forecast.forecasts import Forecast
from vvp.forecast.head import Embedding
from vvp.forecast.predictor import ROW, Predictor, draft_rows
from vvp.schema import WORDS
from vvp.workspace import Workspace

logger = logging.getLogger("ray.serve")


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

    def forecast(
        self,
        drafts: list[tuple[dict[str, Any], dict[str, Any] | None, float | None]],
        by: str = VIEWS.name,
    ) -> dict[str, Any]:
        """(values, embedded row, horizon_days) of drafts → `forecasts` in their order, all by one predictor:
        ForecastReplies without seconds.

        by: the target that they are compared by. `strengths`: what orders them. `beats`: probability that
        draft i gets more of it than draft j, null where there is none.
        A sentence alone instead: `no_model`, when a draft has no video and the predictor no model for that;
        `no_target`, when it does not forecast `by`.
        """
        predictor = self.current  # of the whole call, also when another one is loaded meanwhile
        try:
            others.check(predictor, by)
        except UserError as error:
            return {"no_target": str(error)}
        found: list[Forecast] = []
        try:
            for values, embedded, horizon_days in drafts:
                found += others.forecast(predictor, draft_rows(values, embedded), horizon_days)
        except UserError as error:
            return {"no_model": str(error)}
        return {
            "forecasts": [forecast_facts(f, predictor.head) for f in found],
            "strengths": [others.strength(f, by) for f in found],
            "beats": [[None if a is b else others.beats(predictor, a, b, by) for b in found] for a in found],
        }


def _trial_row(predictor: Predictor, media: bool) -> pa.Table:
    """A draft of nothing but zeros, to see a new predictor at work before anybody depends on it."""
    row = dict.fromkeys(ROW.names) | {"title": "a trial"}
    dims = predictor.dims
    row |= {m.vector: [0.0] * dims.lengths[m.name] for m in dims.modalities if media or m.input == WORDS}
    return pa.Table.from_pylist([row], schema=ROW)
