"""What Prometheus can read of the app, on Ray's metrics port. No title, name or content is in any of it.

share of drafts outside the training range = vvp_forecasts_outside_total / vvp_forecasts_total.
Not known here: HTTP, what the numbers are of. Make a `Metrics` inside a replica: its tags name it.
"""

from typing import Any

from ray.serve import metrics

LABELS: Any = ("route", "outcome")  # Ray's hint allows one only

SECONDS = [0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100]


class Metrics:
    """Of one Ingress replica."""

    def __init__(self) -> None:
        self._requests = metrics.Counter(
            "vvp_requests_total", description="requests by what they ended in", tag_keys=LABELS
        )
        self._seconds = metrics.Histogram(
            "vvp_step_seconds", description="time per step", boundaries=SECONDS, tag_keys=("step",)
        )
        self._width = metrics.Histogram(
            "vvp_interval_width_log_views",
            description="high minus low of the interval, natural log of views",
            boundaries=[0.5, 1, 2, 3, 4, 6, 8],
        )
        self._forecasts = metrics.Counter("vvp_forecasts_total", description="drafts forecast")
        self._outside = metrics.Counter(
            "vvp_forecasts_outside_total", description="drafts with a feature beyond the training range"
        )

    def ended(self, route: str, outcome: str) -> None:
        """outcome: ok, or the kind of the error."""
        self._requests.inc(tags={"route": route, "outcome": outcome})

    def step(self, name: str, seconds: float) -> None:
        self._seconds.observe(max(seconds, 1e-6), tags={"step": name})

    def forecast(self, width: float | None, outside: bool) -> None:
        """width: of the interval, log views; null: there was none."""
        self._forecasts.inc()
        if outside:
            self._outside.inc()
        if width is not None:
            self._width.observe(max(width, 1e-6))


class BatchSizes:
    """Of one encoder replica."""

    def __init__(self, stage: str) -> None:
        self._sizes = metrics.Histogram(
            "vvp_batch_size", description="drafts per forward pass", boundaries=[1, 2, 4, 8, 16, 32],
            tag_keys=("stage",),
        )  # fmt: skip
        # Ray makes a histogram's sum of the middles of its buckets: the mean size needs a count of its own.
        self._drafts = metrics.Counter(
            "vvp_batched_drafts_total", description="drafts in all batches", tag_keys=("stage",)
        )
        for one in (self._sizes, self._drafts):
            one.set_default_tags({"stage": stage})

    def add(self, size: int) -> None:
        self._sizes.observe(size)
        self._drafts.inc(size)
