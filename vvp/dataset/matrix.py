"""videos/ and embeddings/ become one Matrix: X, y, and the part each row is in.

Every embedded video is a row, labelled or not, with media or without: those without still train the
metadata and words models. What is left out, and why, is in `counts`; nothing is dropped silently.
Columns that are constant or unknown in the training part are dropped and listed: what was never seen to
vary cannot be learned from, and the test must not decide it.
Not known here: models, metrics, and (features.py, labels.py) what may be looked at.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa

from vvp.dataset.channels import ChannelHistory
from vvp.dataset.columns import TOPIC, Column, design, layout, select
from vvp.dataset.embedded import found_dims, join, provenance, read_embedded
from vvp.dataset.features import HISTORY_FEATURES, history_features
from vvp.dataset.fuse import Dims, present
from vvp.dataset.labels import counted, moments, read_labels
from vvp.dataset.outcomes import Outcomes
from vvp.dataset.scales import DAY_US, log_count
from vvp.dataset.split_rules import MIN_PART, MIN_ROWS, NONE, USED, SplitSettings
from vvp.dataset.splits import SPLITS, Split, Splits, load_or_make
from vvp.dataset.targets import VIEWS, Fitted, Target
from vvp.dataset.words import Words, texts
from vvp.errors import SplitError, UserError
from vvp.schema import COUNTER, VIDEOS, names
from vvp.workspace import Workspace

HORIZON = "log_horizon_days"
CHANNEL = "channel_id"
TOPIC_NAMES = tuple(c.name for c in layout(Dims({})) if c.kind == TOPIC)
WHOLE = "whole"  # in place of a split's name: every labelled row is a training row
SAME = 0.8  # of the age's variance explained by the date, or of the counts read in one go: inseparable
INSEPARABLE = "the age of a count and the date of posting cannot be told apart"


@dataclass(frozen=True)
class Matrix:
    """n embedded videos, in the order of the videos table."""

    video_id: np.ndarray  # object (n,)
    channel_id: np.ndarray  # object (n,), None: unknown, a channel of its own
    published_at: np.ndarray  # datetime64[us] (n,), NaT: unknown
    X: np.ndarray  # float32 (n, d), features NaN where unknown
    columns: tuple[Column, ...]  # (d,)
    target: Fitted
    y: np.ndarray  # float64 (n,), the target on its scale, classes from 0; NaN: no label
    strength: np.ndarray  # float64 (n,), what the channels' history is made of (targets.py); NaN likewise
    part: np.ndarray  # object (n,): train | validation | test | embargo | none
    has_media: np.ndarray  # bool (n,): picture or sound was embedded
    horizon_days: np.ndarray  # float64 (n,), age of the count, NaN: unknown
    at_least: bool  # the ages are the least that they can be: no count has a date
    profile: str
    encoders: dict[str, str]  # column of embeddings/ → name@hash; absent: nobody has this modality
    dims: Dims
    split: str
    in_time: bool  # the parts follow each other in time
    splits: Splits
    splits_origin: str  # loaded | made | remade
    history: ChannelHistory  # what could be known of each channel; the predictor keeps it
    units: np.ndarray | None  # object (n,), of Split.whole: equal ones stay together; None: only copies do
    words: Words  # fitted on the training and validation rows; the predictor keeps its own
    texts: tuple[str, ...]  # what `words` reads of each row
    lag_days: float  # after which a count is known to later videos
    labels_note: str | None  # what was taken for the age of counts without a date (labels.py)
    copies: np.ndarray  # int64 (n,): rows of one number are near-duplicates of each other
    dropped: dict[str, str]  # column → why
    counts: dict[str, int]

    def select(self, name: str) -> np.ndarray:
        """int64 (k,): columns of the input `name` (columns.INPUTS). UserError when there is none such."""
        return select(self.columns, name)

    @property
    def column_names(self) -> list[str]:
        return [column.name for column in self.columns]

    def groups(self) -> np.ndarray:
        """str (d,): "block:kind" of each column."""
        return np.array([c.group for c in self.columns])

    def column(self, name: str) -> np.ndarray | None:
        """float32 (n,), or None where it was dropped. KeyError when there never was such a column."""
        for i, c in enumerate(self.columns):
            if c.name == name:
                return self.X[:, i]
        if name not in self.dropped:
            raise KeyError(name)
        return None

    def with_history_of(self, rows: np.ndarray) -> "Matrix":
        """The same rows, their channel history made of `rows` (int (m,)) alone: no count of another row is
        used, however old (the frozen protocol)."""
        known = np.zeros(len(self.y), bool)
        known[rows] = True
        history = ChannelHistory.fit(
            self.channel_id, self.published_at, self.strength, known, lag_days=self.lag_days
        )
        history = replace(history, posted_us=self.history.posted_us)  # a date is no count
        return self._with(history_features(self.channel_id, self.published_at, history),
                          [f.name for f in HISTORY_FEATURES], history=history)  # fmt: skip

    def with_words_of(self, rows: np.ndarray) -> "Matrix":
        """The same rows, their topics (words.py) fitted on `rows` (int (m,)) alone."""
        words = Words.fit([self.texts[i] for i in rows])
        return self._with(words.transform(self.texts), TOPIC_NAMES, words=words)

    def only(self, names: Sequence[str]) -> "Matrix":
        """The same rows with these columns, in this order. KeyError for one that there is not."""
        place = {column.name: i for i, column in enumerate(self.columns)}
        at = [place[name] for name in names]
        return replace(self, X=self.X[:, at], columns=tuple(self.columns[i] for i in at))

    def _with(self, values: np.ndarray, names: Sequence[str], **changes: Any) -> "Matrix":
        X, place = self.X.copy(), {name: i for i, name in enumerate(names)}
        for i, column in enumerate(self.columns):
            if column.name in place:
                X[:, i] = values[:, place[column.name]]
        return replace(self, X=X, **changes)

    def rows(self, part: str, among: np.ndarray | None = None) -> np.ndarray:
        """int64: row numbers of one part. among: bool (n,), only rows where it is True; None: all."""
        return np.flatnonzero((self.part == part) & (True if among is None else among))


@dataclass(frozen=True)
class Population:
    """The rows on which models are compared, so that each is asked about the same videos."""

    name: str  # with_media | all
    rows: np.ndarray  # bool (n,)
    left_out: dict[str, int]  # part → labelled rows of it that are not in
    sentence: str


def assemble(
    space: Workspace, split: str = "time", settings: SplitSettings | None = None, dims: Dims | None = None,
    target: Target = VIEWS.target,
) -> Matrix:  # fmt: skip
    """The matrix of a workspace under one split; makes and saves the splits where there are none.

    target: fitted on the training part. A row without its value is in no part; all targets share the splits.
    dims: the profile's; None: as found in the table (embedded.found_dims).
    UserError: nothing embedded, vectors of two profiles or encoders, too few labels, split unavailable, a
    target that the table cannot have.
    """
    videos, embeddings = read_embedded(space)
    provenance(embeddings), found_dims(embeddings)  # vectors that do not agree are refused before any split
    splits, origin = load_or_make(space, settings, videos, embeddings)
    return _matrix(
        space, split, splits, origin, videos, embeddings, dims, settings or SplitSettings(), target
    )


def assemble_whole(
    space: Workspace, settings: SplitSettings | None = None, dims: Dims | None = None,
    target: Target | Fitted = VIEWS,
) -> Matrix:  # fmt: skip
    """Every labelled video as a training row and every column kept: for what is fitted on everything.

    target: with its thresholds, or to be fitted on every labelled video.
    """
    settings = settings or SplitSettings()
    videos, embeddings = read_embedded(space)
    labels = read_labels(videos, settings.min_age_days)
    if not labels.known[join(videos, embeddings)[1]].any():
        young = int(labels.too_young.sum())
        why = f": {young} counts are younger than {settings.min_age_days:g} days" if young else ""
        raise UserError(f"none of the embedded videos of {space.root} has {counted(labels.base)}{why}.")
    ids = np.array(videos["video_id"].to_pylist(), dtype=object)
    part = np.where(labels.known, "train", NONE).astype(object)
    copies = np.arange(len(ids))
    splits = Splits(ids, {WHOLE: part}, {}, {"fingerprint": "", "settings": {}}, copies)
    return _matrix(space, WHOLE, splits, "made", videos, embeddings, dims, settings, target, keep_all=True)


def inseparable(age_days: np.ndarray, published: np.ndarray) -> bool:
    """Whether the age of a count follows from the date of posting, as where all were read in one go.

    Then nobody can tell what a count gains with age from what videos of that time got. Both (n,), unknown
    where NaN and NaT; False below three rows that have both.
    """
    both = np.isfinite(age_days) & ~np.isnat(published)
    if both.sum() < 3:
        return False
    day = published[both].astype(np.int64) / DAY_US
    age = log_count(age_days[both])
    if np.ptp(day) == 0 or np.ptp(age) == 0:
        return False
    if max(abs(np.corrcoef(day, x)[0, 1]) for x in (age, age_days[both])) ** 2 > SAME:
        return True
    # Most counts read within a short time of each other: only the odd rest could tell age from date.
    read = np.sort(day + age_days[both])
    window = max(1.0, 0.1 * float(np.subtract(*np.quantile(day, [0.9, 0.1]))))
    together = np.searchsorted(read, read + window, side="right") - np.arange(len(read))
    return bool(together.max() > SAME * len(read))


def _matrix(
    space: Workspace,
    split: str,
    splits: Splits,
    origin: str,
    videos: pa.Table,
    embeddings: pa.Table,
    dims: Dims | None,
    settings: SplitSettings,
    target: Target | Fitted,
    keep_all: bool = False,
) -> Matrix:
    profile, encoders = provenance(embeddings)
    found = found_dims(embeddings)
    rows, at = join(videos, embeddings)
    if not len(rows):
        raise UserError(
            f"none of the {len(videos)} videos of {space.root} is embedded: run `vvp embed` first."
        )
    part = splits.part(split)[at]
    rule = SPLITS.get(split)  # None: the whole

    labels = read_labels(videos, settings.min_age_days)
    horizon = labels.horizon_days[at]
    facts = Outcomes(
        labels.counts, _objects(videos["channel_id"]), moments(videos["published_at"]), settings.lag
    )
    in_train = np.zeros(len(videos), bool)
    in_train[at[part == "train"]] = True
    fitted = target if isinstance(target, Fitted) else target.fit(facts, in_train)
    y, strength = (values[at] for values in fitted.make(facts))
    of_all = part
    part = np.where(np.isin(part, USED) & np.isnan(y), NONE, part).astype(object)
    channel = _objects(rows["channel_id"])
    published = moments(rows["published_at"])
    train = part == "train"
    if not train.any():
        raise UserError(f"no training video of the {split} split is embedded: run `vvp embed` first.")
    for part_name in USED if split != WHOLE else ():
        if not (part == part_name).any():
            why = "is embedded: run `vvp embed` first"
            if (of_all == part_name).any():
                why = f"has a value of the target {fitted.name}"
            raise UserError(f"no {part_name} video of the {split} split {why}.")
    history = _history(rule, channel, published, strength, train, settings.lag)
    if split == WHOLE:
        history = replace(history, counters=_counters(rows, channel, published))
    dims = dims or found
    said = tuple(texts(rows))
    words = Words.fit([said[i] for i in np.flatnonzero(np.isin(part, ("train", "validation")))])
    X = design(rows, dims, horizon, history, words)
    columns = layout(dims)
    dropped = {} if keep_all else _useless(X[train], columns)
    # Videos of the same days as training's may be told apart by it, whichever of the two it is.
    in_time = rule is not None and rule.in_time
    if in_time and HORIZON not in dropped and inseparable(horizon[train], published[train]):
        dropped[HORIZON] = INSEPARABLE
    keep = [i for i, c in enumerate(columns) if c.name not in dropped]
    if all(columns[i].block == "horizon" for i in keep):
        raise SplitError("the training videos do not differ in anything that is known before posting.")
    seen, heard = present(rows, "picture"), present(rows, "sound")
    status = Counter(rows["status"].to_pylist())
    counts = {
        "videos": len(videos),
        "not_embedded": len(videos) - len(rows),
        "rows": len(rows),
        "failed": status["failed"],
        "partial": status["partial"],
        "without_label": int(np.isnan(y).sum()),
        "too_young": int(labels.too_young[at].sum()),
        "without_media": int((~seen & ~heard).sum()),
        "without_picture": int((~seen).sum()),
        "without_sound": int((~heard).sum()),
        "without_date": int(np.isnat(published).sum()),
        "without_channel": sum(c is None for c in channel),
        "without_horizon": int(np.isnan(horizon).sum()),
        **{p: int((part == p).sum()) for p in (*USED, "embargo", "none")},
    }
    return Matrix(
        video_id=labels.video_id[at],
        channel_id=channel,
        published_at=published,
        X=X[:, keep],
        columns=tuple(columns[i] for i in keep),
        target=fitted,
        y=y,
        strength=strength,
        part=part,
        has_media=seen | heard,
        horizon_days=horizon,
        at_least=bool(labels.at_least.any()),
        profile=profile,
        encoders=encoders,
        dims=dims,
        split=split,
        in_time=in_time,
        splits=splits,
        splits_origin=origin,
        history=history,
        units=_objects(rows[rule.whole]) if rule is not None and rule.whole else None,
        words=words,
        texts=said,
        lag_days=settings.lag,
        labels_note=labels.age_note,
        copies=splits.copies[at],
        dropped=dropped,
        counts=counts,
    )


def _counters(rows: pa.Table, channel: np.ndarray, published: np.ndarray) -> dict[str, dict[str, float]]:
    """channel → counter → the value of its newest video that has one."""
    latest: dict[str, dict[str, float]] = {}
    values = {name: rows[name].to_pylist() for name in names(VIDEOS, COUNTER)}
    for row in np.argsort(published, kind="stable"):  # NaT sorts last
        if channel[row] is not None and not np.isnat(published[row]):
            own = latest.setdefault(channel[row], {})
            own |= {name: float(column[row]) for name, column in values.items() if column[row] is not None}
    return latest


def _objects(column: pa.ChunkedArray) -> np.ndarray:
    return np.array(column.to_pylist(), dtype=object)


def _history(
    split: Split | None, channel: np.ndarray, published: np.ndarray, strength: np.ndarray, train: np.ndarray,
    lag_days: float,
) -> ChannelHistory:  # fmt: skip
    """What could be known of a row's channel when it was posted. split: None for the whole.

    In time, and for the predictor: every earlier count of whatever part ("online"). By chance: those of the
    training part, for a test row's count may not train anything. By channel: nothing, in training as in the
    test, for a test channel was never seen.
    """
    known = np.ones(len(strength), bool) if split is None or split.in_time else train
    history = ChannelHistory.fit(channel, published, strength, train, known=known, lag_days=lag_days)
    return history.without_channels() if split is not None and split.whole == CHANNEL else history


def population(matrix: Matrix) -> Population:
    """Labelled rows with media where there are 20 of them and 3 in each part (or no others); else all."""
    used = np.isin(matrix.part, USED)
    media = used & matrix.has_media
    sizes = [int((media & (matrix.part == p)).sum()) for p in USED]
    chosen = bool((media == used).all()) or (sum(sizes) >= MIN_ROWS and min(sizes) >= MIN_PART)
    rows = media if chosen else used
    left_out = {p: int((used & ~rows & (matrix.part == p)).sum()) for p in USED}
    sentence = (
        f"compared on the {int(rows.sum())} labelled videos with picture or sound"
        f" ({sum(left_out.values())} without are left out)"
        if chosen
        else f"compared on all {int(rows.sum())} labelled videos: {int(media.sum())} have picture or sound,"
        " too few to compare on them alone"
    )
    return Population("with_media" if chosen else "all", rows, left_out, sentence)


def _useless(X: np.ndarray, columns: tuple[Column, ...]) -> dict[str, str]:
    """Column → why it is dropped, judged on the training rows (m, d) alone."""
    known = np.isfinite(X)
    low = np.where(known, X, np.inf).min(axis=0)
    high = np.where(known, X, -np.inf).max(axis=0)
    why = {
        1: "unknown in every training row",
        # Also when some values are missing: the column would only encode known or not, which describes the
        # collector.
        0: "constant in the training rows",
    }
    return {c.name: why[int(low[i] > high[i])] for i, c in enumerate(columns) if low[i] >= high[i]}
