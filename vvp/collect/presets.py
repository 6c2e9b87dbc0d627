"""Ready-made maps from the columns of common tables of posts to ours, and which one a table fits.

A nested field is written with dots (stats.playCount). Never mapped: channel totals of views or likes (they
contain the video's own), tiers made from the views, ranks.
Not known here: files, or how a value is read.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from vvp.errors import UserError

# What `--map OURS=THEIRS` may name; `media` is short for media_path.
TARGETS = (
    "video_id", "platform", "channel_id", "title", "description", "tags", "published_at", "duration_s",
    "width", "height", "transcript", "transcript_source", "channel_followers", "channel_videos",
    "observed_at", "views", "likes", "comments", "shares", "media_path",
)  # fmt: skip
ALIASES = {"media": "media_path"}


@dataclass(frozen=True, kw_only=True)
class Preset:
    """columns: ours → theirs, or several of which the first that the table has is taken.
    signature: the columns by which the shape is known; all must be there.
    platform: for a shape that only one platform has.
    date_formats: strptime formats of columns whose dates would else be unreadable.
    """

    columns: dict[str, tuple[str, ...]]
    signature: tuple[str, ...]
    platform: str | None = None
    date_formats: dict[str, str] = field(default_factory=dict)


PRESETS = {
    "vvp": Preset(
        signature=("video_id", "views"),
        columns={name: (name,) for name in TARGETS},
    ),
    "posts": Preset(
        signature=("id", "view_count", "caption", "post_time"),
        columns={
            "video_id": ("id",), "platform": ("platform",), "channel_id": ("author", "author_id"),
            "title": ("caption",), "description": ("description",), "tags": ("hashtags",),
            "published_at": ("post_time",), "duration_s": ("duration_s",), "width": ("width",),
            "height": ("height",), "channel_followers": ("author_followers",),
            "channel_videos": ("author_video_count",), "observed_at": ("scraped_at",),
            "views": ("view_count",), "likes": ("like_count",), "comments": ("comment_count",),
            "shares": ("share_count",),
        },
    ),
    "ytdlp": Preset(
        signature=("id", "view_count", "upload_date"),
        columns={
            "video_id": ("id",), "platform": ("extractor",), "channel_id": ("channel_id", "uploader_id"),
            "title": ("title",), "description": ("description",), "tags": ("tags",),
            "published_at": ("timestamp", "upload_date"), "duration_s": ("duration", "duration_string"),
            "width": ("width",), "height": ("height",), "channel_followers": ("channel_follower_count",),
            "observed_at": ("epoch",), "views": ("view_count",), "likes": ("like_count",),
            "comments": ("comment_count",), "shares": ("repost_count",),
        },
    ),
    "tiktok-scraper": Preset(
        signature=("id", "playCount", "createTime"),
        platform="tiktok",
        columns={
            "video_id": ("id",), "channel_id": ("authorMeta.id", "authorMeta.name"), "title": ("text",),
            "tags": ("hashtags",), "published_at": ("createTime", "createTimeISO"),
            "duration_s": ("videoMeta.duration",), "width": ("videoMeta.width",),
            "height": ("videoMeta.height",), "channel_followers": ("authorMeta.fans",),
            "channel_videos": ("authorMeta.video",), "observed_at": ("scrapedAt",),
            "views": ("playCount",), "likes": ("diggCount",), "comments": ("commentCount",),
            "shares": ("shareCount",),
        },
    ),
    "tiktok-web": Preset(
        signature=("id", "stats.playCount", "createTime"),
        platform="tiktok",
        columns={
            "video_id": ("id",), "channel_id": ("author.id", "author.uniqueId"), "title": ("desc",),
            "tags": ("challenges",), "published_at": ("createTime",), "duration_s": ("video.duration",),
            "width": ("video.width",), "height": ("video.height",),
            "channel_followers": ("authorStats.followerCount",),
            "channel_videos": ("authorStats.videoCount",), "views": ("stats.playCount",),
            "likes": ("stats.diggCount",), "comments": ("stats.commentCount",),
            "shares": ("stats.shareCount",),
        },
    ),
    "tiktok-research": Preset(
        signature=("id", "view_count", "video_description", "create_time"),
        platform="tiktok",
        columns={
            "video_id": ("id",), "channel_id": ("username",), "title": ("video_description",),
            "tags": ("hashtag_names",), "published_at": ("create_time",),
            "duration_s": ("video_duration", "duration"), "transcript": ("voice_to_text",),
            "views": ("view_count",), "likes": ("like_count",), "comments": ("comment_count",),
            "shares": ("share_count",),
        },
    ),
    "youtube-trending": Preset(
        signature=("video_id", "trending_date", "title"),
        platform="youtube",
        columns={
            "video_id": ("video_id",), "channel_id": ("channelId", "channel_title"), "title": ("title",),
            "description": ("description",), "tags": ("tags",),
            "published_at": ("publishedAt", "publish_time"), "observed_at": ("trending_date",),
            "views": ("view_count", "views"), "likes": ("likes",), "comments": ("comment_count",),
        },
        date_formats={"observed_at": "%y.%d.%m"},
    ),
    "youtube-api": Preset(
        signature=("id", "statistics.viewCount", "snippet.publishedAt"),
        platform="youtube",
        columns={
            "video_id": ("id",), "channel_id": ("snippet.channelId",), "title": ("snippet.title",),
            "description": ("snippet.description",), "tags": ("snippet.tags",),
            "published_at": ("snippet.publishedAt",), "duration_s": ("contentDetails.duration",),
            "views": ("statistics.viewCount",), "likes": ("statistics.likeCount",),
            "comments": ("statistics.commentCount",),
        },
    ),
}  # fmt: skip


def choose(names: Iterable[str], preset: str | None) -> str | None:
    """The preset asked for, else the one that the table's columns fit (most columns used), else None.

    UserError: no such preset.
    """
    if preset is not None:
        if preset not in PRESETS:
            raise UserError(f"there is no ready-made map {preset!r}; there are {', '.join(PRESETS)}.")
        return preset
    have = set(names)
    fitting = [name for name, each in PRESETS.items() if have.issuperset(each.signature)]
    return max(fitting, key=lambda name: len(resolve(have, PRESETS[name])), default=None)


def resolve(names: Iterable[str], preset: Preset) -> dict[str, str]:
    """Our column → the table's, for what the table has."""
    have = set(names)
    firsts = {ours: next((t for t in theirs if t in have), None) for ours, theirs in preset.columns.items()}
    return {ours: theirs for ours, theirs in firsts.items() if theirs is not None}


def checked(mapping: Mapping[str, str], names: Iterable[str], file: str) -> dict[str, str]:
    """The user's map with aliases resolved. UserError: a column that we or the table do not have."""
    have = list(names)
    out = {}
    for given, theirs in mapping.items():
        ours = ALIASES.get(given, given)
        if ours not in TARGETS:
            raise UserError(
                f"--map {given}={theirs}: vvp has no column {given!r}; it has {', '.join(TARGETS)}."
            )
        if theirs not in have:
            raise UserError(
                f"--map {given}={theirs}: {file} has no column {theirs!r}; it has {', '.join(have)}."
            )
        out[ours] = theirs
    return out
