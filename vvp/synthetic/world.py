"""The synthetic world: who posts which clip, and why it gets the views it gets. Numbers only.

    log(views) = MEAN + channel + pace + warmth + motion + loudness + brightness + words + hour + age + noise

Natural logarithm; views = round(exp(…)). The terms, each written to effects.csv for every clip:

    channel     0.70 · its baseline, drawn once per channel from N(0, 1)
    pace        0.40 · √12 · (hard cuts per second − 0.5); up to about one cut a second
    warmth      0.45 · √12 · (w − 0.5); w = 0 blue, w = 1 orange
    motion      0.40 · √12 · (m − 0.5); shapes move at 3 + 87·m pixels per second (picture: 144 × 256)
    loudness    0.45 · √12 · (l − 0.5); the sound's rms is −36 + 22·l dBFS
    brightness  0.35 · √12 · (b − 0.5); harmonic k of a note has amplitude k^−(2.6 − 2.2·b)
    words       WORDS[first words of the title] + WORDS[last words]; the subject between has no effect
    hour        0.40 · cos(2π (h − 19) / 24); h: hour of posting, UTC
    age         1.20 · (1 − exp(−d / 14)); d: days between posting and counting, 3 to 120, log-uniform
    noise       N(0, `noise`)

w, m, l, b and the wished-for pace are uniform on (0, 1); HABIT of their (normal-score) variance is the
channel's own style, independent of its baseline. A clip without sound has loudness = brightness = 0.
log(followers) correlates at 0.75 with the baseline and grows with the date of counting; a clip's own
views do not enter it. Posting times are uniform over DAYS days; nothing drifts with them.

Clip number i depends on the settings and on i alone: neither on how many clips are drawn nor in which
order or process. Not known here: pixels, waveforms (render.py), files (synthetic/write.py).
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
from scipy.special import ndtr
from scipy.stats import spearmanr

from vvp.errors import UserError

FPS = 12
MEAN = 8.0
SIZE = {"channel": 0.70, "pace": 0.40, "warmth": 0.45, "motion": 0.40, "loudness": 0.45, "brightness": 0.35}
HOUR_SIZE, BEST_HOUR = 0.40, 19.0
AGE_SIZE, AGE_DAYS = 1.20, 14.0
YOUNGEST, OLDEST = 3.0, 120.0  # days between posting and counting
HABIT = 0.25
FOLLOWERS_CORRELATION = 0.75
START, DAYS, DAY = 1_704_067_200, 548, 86_400  # 2024-01-01 00:00 UTC, in seconds; eighteen months

MODALITY = {
    **dict.fromkeys(("pace", "warmth", "motion"), "picture"),
    **dict.fromkeys(("loudness", "brightness"), "sound"),
    **dict.fromkeys(("words",), "words"),
    **dict.fromkeys(("hour", "age", "channel"), "metadata"),
}
"""Each planted effect and where it can be seen."""

LEADS = {
    "the secret of": 0.60,
    "giant surprise with": 0.75,
    "winning": 0.40,
    "a look at": 0.0,
    "here is": 0.0,
    "more of": 0.0,
    "boring notes on": -0.60,
    "unfinished homework about": -0.75,
}
TAILS = {
    "before it explodes": 0.55,
    "for a million dollars": 0.45,
    "on a weekday": 0.0,
    "at our place": 0.0,
    "again": 0.0,
    "during a staff meeting": -0.45,
    "filling in tax forms": -0.55,
}
WORDS = {**LEADS, **TAILS}
SUBJECTS = (
    *("cats", "street food", "football", "sneakers", "guitars", "gardening", "pottery", "trains"),
    *("lipstick", "chess", "surfing", "bread", "robots", "yoga", "magic tricks", "old cameras"),
)

# The independent random streams of a world: channels, clips, the clips nobody trains on, the population.
CHANNELS, CLIPS, UNSEEN, POPULATION = range(4)


@dataclass(frozen=True, kw_only=True)
class WorldSettings:
    """What makes two worlds differ."""

    seed: int = 0  # 0 or more
    channels: int = 40  # how many post; every clip picks one of them, some post more than others
    noise: float = 0.65  # sd of the noise on log views
    silent: float = 0.08  # share of clips without an audio track

    def __post_init__(self) -> None:
        if self.seed < 0:
            raise UserError(f"the seed of a world must be 0 or more, not {self.seed}.")
        if self.channels < 2:
            raise UserError(f"a world needs at least 2 channels, not {self.channels}.")
        if not (math.isfinite(self.noise) and self.noise >= 0):
            raise UserError(f"the noise of a world is a standard deviation of 0 or more, not {self.noise}.")
        if not 0 <= self.silent < 1:
            raise UserError(f"the share of silent clips must be at least 0 and below 1, not {self.silent}.")


@dataclass(frozen=True, kw_only=True)
class Channel:
    """Who posts. `style` holds one N(0, 1) per knob: the channel's habits."""

    channel_id: str
    baseline: float  # N(0, 1)
    log_followers: float  # natural log, at START
    growth: float  # of log followers, per year
    weight: float  # relative to how often the others post
    style: Mapping[str, float]


@dataclass(frozen=True, kw_only=True)
class Clip:
    """One clip: all that its info.json says, all that render.py needs, and the truth about its views."""

    video_id: str
    channel_id: str
    followers: int  # of the channel, at observed_at
    title: str
    tags: tuple[str, ...]
    published_at: int  # seconds since 1970, UTC
    observed_at: int  # likewise
    frames: int  # at FPS
    cuts: tuple[int, ...]  # the frames at which a new shot begins, ascending, never 0
    warmth: float  # 0 to 1, as are the next three
    motion: float
    loudness: float | None  # None: no audio track
    brightness: float | None  # None: no audio track
    look: int  # seeds everything about picture and sound that has no effect on views
    effects: Mapping[str, float] = field(repr=False)  # a contribution to log views per name in MODALITY
    noise: float
    engagement: tuple[float, float, float]  # likes, comments and reposts, as shares of the views

    @property
    def duration_s(self) -> float:
        return self.frames / FPS

    @property
    def expected(self) -> float:
        """The noise-free part of log views: what the best possible forecast says."""
        return MEAN + sum(self.effects.values())

    @property
    def log_views(self) -> float:
        return self.expected + self.noise

    @property
    def views(self) -> int:
        return max(1, round(math.exp(self.log_views)))


class World:
    """The channels of one world, and its clips on demand."""

    def __init__(self, settings: WorldSettings) -> None:
        self.settings = settings
        self.channels = [self._channel(number) for number in range(settings.channels)]
        self._shares = np.cumsum([channel.weight for channel in self.channels])

    def _channel(self, number: int) -> Channel:
        rng = np.random.default_rng([self.settings.seed, CHANNELS, number])
        baseline, other = rng.standard_normal(2)
        mixed = FOLLOWERS_CORRELATION * baseline + math.sqrt(1 - FOLLOWERS_CORRELATION**2) * other
        knobs = [name for name in MODALITY if MODALITY[name] in ("picture", "sound")]
        return Channel(
            channel_id=f"c{self.settings.seed}_{number:03d}",
            baseline=float(baseline),
            log_followers=9.0 + 1.4 * float(mixed),
            growth=float(rng.uniform(0.0, 0.4)),
            weight=float(rng.lognormal(0.0, 0.5)),
            style=dict(zip(knobs, rng.standard_normal(len(knobs)).tolist(), strict=True)),
        )

    def clip(self, number: int, stream: int = CLIPS) -> Clip:
        """Clip `number` of a stream. Unseen ones are posted after all others and counted at 30 days."""
        rng = np.random.default_rng([self.settings.seed, stream, number])
        channel = self.channels[int(np.searchsorted(self._shares, rng.random() * self._shares[-1]))]
        knob = {
            name: float(ndtr(math.sqrt(HABIT) * habit + math.sqrt(1 - HABIT) * rng.standard_normal()))
            for name, habit in channel.style.items()
        }
        frames = int(rng.integers(3 * FPS, 8 * FPS + 1))
        cuts = _cuts(frames, round(knob["pace"] * frames / FPS), rng)
        silent = rng.random() < self.settings.silent
        lead, subject, tail = (
            words[rng.integers(len(words))] for words in (list(LEADS), SUBJECTS, list(TAILS))
        )
        age = YOUNGEST * (OLDEST / YOUNGEST) ** rng.random()
        published = START + int(rng.integers(DAYS * DAY))
        if stream == UNSEEN:
            age, published = 30.0, START + DAYS * DAY + int(rng.integers(30 * DAY))
        observed = published + round(age * DAY)
        years = (observed - START) / (365 * DAY)
        followers = math.exp(channel.log_followers + channel.growth * years + 0.05 * rng.standard_normal())
        noise = self.settings.noise * float(rng.standard_normal())

        seen = {**knob, "pace": len(cuts) * FPS / frames}
        if silent:
            seen |= {"loudness": 0.5, "brightness": 0.5}
        hour = published % DAY / 3600
        effects = {
            **{name: SIZE[name] * math.sqrt(12) * (value - 0.5) for name, value in seen.items()},
            "words": LEADS[lead] + TAILS[tail],
            "hour": HOUR_SIZE * math.cos(2 * math.pi * (hour - BEST_HOUR) / 24),
            "age": AGE_SIZE * (1 - math.exp(-(observed - published) / DAY / AGE_DAYS)),
            "channel": SIZE["channel"] * channel.baseline,
        }
        return Clip(
            video_id=f"s{self.settings.seed}_{'u' if stream == UNSEEN else ''}{number:05d}",
            channel_id=channel.channel_id,
            followers=round(followers),
            title=f"{lead} {subject} {tail}",
            tags=(subject.replace(" ", ""), "shorts"),
            published_at=published,
            observed_at=observed,
            frames=frames,
            cuts=cuts,
            warmth=knob["warmth"],
            motion=knob["motion"],
            loudness=None if silent else knob["loudness"],
            brightness=None if silent else knob["brightness"],
            look=int(rng.integers(2**32)),
            effects=effects,
            noise=noise,
            engagement=tuple(np.exp(rng.normal([-2.8, -6.0, -5.5], 0.4)).clip(max=0.5).tolist()),
        )


def _cuts(frames: int, number: int, rng: np.random.Generator) -> tuple[int, ...]:
    """`number` shot boundaries, roughly even and at least half a mean shot apart."""
    places = (np.arange(1, number + 1) + rng.uniform(-0.25, 0.25, number)) * frames / (number + 1)
    return tuple(int(place) for place in places)


def reachable(clips: Iterable[Clip]) -> dict[str, float]:
    """R² and Spearman of the noise-free part against log views; the best that any forecast can expect.

    Both are computed on log(views) as rounded to whole views. ValueError below two clips.
    """
    drawn = list(clips)
    if len(drawn) < 2:
        raise ValueError("reachable() needs at least two clips")
    truth = np.log([clip.views for clip in drawn])
    best = np.array([clip.expected for clip in drawn])
    r2 = 1 - np.sum((truth - best) ** 2) / np.sum((truth - truth.mean()) ** 2)
    return {"r2": float(r2), "spearman": float(spearmanr(best, truth).statistic)}
