"""Ready-made maps from the columns of common tables of posts to ours.

A nested field is written with dots (stats.playCount). Names are compared without regard to case, and with a
slash (authorMeta/name) for a dot. Never mapped: channel totals of views or likes (they contain the video's
own), tiers made from the views, ranks.
Not known here: which one a table fits (headers.py), files, or how a value is read.
"""

from dataclasses import dataclass, field

# What `--map OURS=THEIRS` may name; `media` is short for media_path.
TARGETS = (
    "video_id", "platform", "channel_id", "title", "description", "tags", "published_at", "duration_s",
    "width", "height", "transcript", "transcript_source", "channel_followers", "channel_videos",
    "channel_following", "channel_verified", "is_ad", "horizon_days", "observed_at", "views", "likes",
    "comments", "shares", "media_path",
)  # fmt: skip
ALIASES = {"media": "media_path"}


@dataclass(frozen=True, kw_only=True)
class Preset:
    """columns: ours → theirs, or several: each row takes the first that it can read.
    signature: the columns by which the shape is known; all must be there.
    platform: for a shape that only one platform has.
    date_formats: strptime formats of columns whose dates would else be unreadable.
    """

    columns: dict[str, tuple[str, ...]]
    signature: tuple[str, ...]
    platform: str | None = None
    date_formats: dict[str, str] = field(default_factory=dict)


def _studio(
    content: str, title: str, published: str, duration: str, views: tuple[str, ...],
    likes: tuple[str, ...] = (), comments: tuple[str, ...] = (), shares: tuple[str, ...] = (),
) -> Preset:  # fmt: skip
    """YouTube Studio's export in one language. A count whose name is not given here is listed as unused."""
    return Preset(
        signature=(content, title, published),
        platform="youtube",
        columns={
            "video_id": (content,), "title": (title,), "published_at": (published,),
            "duration_s": (duration,), "views": views, "likes": likes, "comments": comments, "shares": shares,
        },
    )  # fmt: skip


OWN = "vvp"  # our own names
PRESETS: dict[str, Preset] = {
    OWN: Preset(
        signature=("video_id", "views"),
        columns={name: (name,) for name in TARGETS} | {"media_path": ("media_path", "media")},
    ),
    "posts": Preset(
        signature=("id", "view_count", "caption", "post_time"),
        columns={
            "video_id": ("id",), "platform": ("platform",), "channel_id": ("author", "author_id"),
            "title": ("caption",), "description": ("description",), "tags": ("hashtags",),
            "published_at": ("post_time",), "duration_s": ("duration_s",), "width": ("width",),
            "height": ("height",), "channel_followers": ("author_followers",),
            "channel_videos": ("author_video_count",), "channel_following": ("author_following",),
            "channel_verified": ("author_verified",), "is_ad": ("is_ad",), "observed_at": ("scraped_at",),
            "views": ("view_count",), "likes": ("like_count",), "comments": ("comment_count",),
            "shares": ("share_count",),
        },
    ),
    "views-at-age": Preset(
        # Counts at an exact age. Likes and comments of such a table were read at another time.
        signature=("id", "horizon_days", "horizon_view_count"),
        columns={
            "video_id": ("id",), "platform": ("platform",), "channel_id": ("channel",), "title": ("title",),
            "published_at": ("published_at",), "duration_s": ("duration_seconds",),
            "channel_followers": ("channel_subscriber_count",), "channel_videos": ("channel_video_count",),
            "horizon_days": ("horizon_days",), "views": ("horizon_view_count",),
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
            "channel_videos": ("authorMeta.video",), "channel_following": ("authorMeta.following",),
            "channel_verified": ("authorMeta.verified",), "is_ad": ("isAd",), "observed_at": ("scrapedAt",),
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
            "channel_videos": ("authorStats.videoCount",),
            "channel_following": ("authorStats.followingCount",), "channel_verified": ("author.verified",),
            "is_ad": ("isAd",), "views": ("stats.playCount",),
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
    # The export's header is in the language of the account.
    "youtube-studio": _studio(
        "Content", "Video title", "Video publish time", "Duration", ("Views",), ("Likes",),
        ("Comments added", "Comments"), ("Shares",),
    ),
    "youtube-studio-de": _studio(
        "Videos", "Videotitel", "Veröffentlichungszeitpunkt des Videos", "Dauer", ("Aufrufe",),
        ('"Mag ich"-Bewertungen',), ("Kommentare hinzugefügt",), ("Geteilte Inhalte",),
    ),
    "youtube-studio-es": _studio(
        "Contenido", "Título del vídeo", "Hora de publicación del vídeo", "Duración",
        ("Visualizaciones", "Vistas"), ("Me gusta",),
    ),
    "youtube-studio-es-latin": _studio(
        "Contenido", "Título del video", "Hora de publicación del video", "Duración",
        ("Vistas", "Visualizaciones"), ("Me gusta",),
    ),
    "youtube-studio-fr": _studio(
        "Contenu", "Titre de la vidéo", "Heure de publication de la vidéo", "Durée", ("Vues",),
    ),
    "youtube-studio-pt": _studio(
        "Conteúdo", "Título do vídeo", "Horário de publicação do vídeo", "Duração", ("Visualizações",),
    ),
    "meta-business": Preset(
        signature=("Post ID", "Publish time", "Permalink"),
        columns={
            "video_id": ("Post ID",), "platform": ("Platform",),
            "channel_id": ("Account ID", "Page ID", "Account username", "Page name"),
            "title": ("Title", "Description"), "description": ("Description",),
            "published_at": ("Publish time",), "duration_s": ("Duration (sec)",),
            "views": ("Views", "Plays", "Video views"), "likes": ("Likes", "Reactions"),
            "comments": ("Comments",), "shares": ("Shares",),
        },
    ),
    "tiktok-studio": Preset(
        signature=("Video link", "Post time", "Total views"),
        platform="tiktok",
        columns={
            "video_id": ("Video link",), "title": ("Video title",), "published_at": ("Post time",),
            "views": ("Total views",), "likes": ("Total likes",), "comments": ("Total comments",),
            "shares": ("Total shares",),
        },
    ),
    "4cat-tiktok": Preset(
        signature=("id", "thread_id", "body", "plays"),
        platform="tiktok",
        columns={
            "video_id": ("id",), "channel_id": ("author",), "title": ("body",),
            "tags": ("hashtags", "challenges"), "published_at": ("unix_timestamp", "timestamp"),
            "channel_followers": ("author_followers",), "channel_videos": ("author_videos",),
            "views": ("plays",), "likes": ("likes",), "comments": ("comments",), "shares": ("shares",),
        },
    ),
    "instagram-scraper": Preset(
        signature=("shortCode", "ownerUsername", "caption"),
        platform="instagram",
        columns={
            "video_id": ("shortCode",), "channel_id": ("ownerId", "ownerUsername"), "title": ("caption",),
            "tags": ("hashtags",), "published_at": ("timestamp",), "duration_s": ("videoDuration",),
            "width": ("dimensionsWidth",), "height": ("dimensionsHeight",),
            "views": ("videoPlayCount", "videoViewCount"), "likes": ("likesCount",),
            "comments": ("commentsCount",),
        },
    ),
}  # fmt: skip

# The fallback, when no ready-made map fits: what people call these columns, less spaces and signs. A total of
# a channel has no place here.
COMMON = "common"
COMMON_NAMES: dict[str, tuple[str, ...]] = {
    "video_id": ("videoid", "id", "postid", "mediaid", "contentid", "shortcode", "clipid", "vid"),
    "platform": ("platform", "network", "site", "extractor"),
    "channel_id": (
        "channelid", "authorid", "creatorid", "userid", "ownerid", "accountid", "channel", "author",
        "creator", "username", "user", "account", "handle", "channelname", "channeltitle",
        "authorname", "uploader",
    ),
    "title": ("title", "videotitle", "caption", "text", "name", "posttext", "desc"),
    "description": ("description", "videodescription"),
    "tags": ("tags", "hashtags"),
    "published_at": (
        "publishedat", "publishdate", "publishtime", "publisheddate", "datepublished", "published",
        "postedat", "posteddate", "postdate", "posttime", "dateposted", "posted", "uploaddate", "uploadedat",
        "createdat",
        "createtime", "creationdate", "createddate", "date", "datetime", "timestamp",
    ),
    "duration_s": ("durations", "duration", "durationsec", "durationseconds", "videoduration", "length"),
    "width": ("width",),
    "height": ("height",),
    "transcript": ("transcript", "transcription"),
    "channel_followers": (
        "channelfollowers", "followers", "followercount", "authorfollowers", "followerscount", "subscribers",
        "subscribercount", "channelsubscribers",
    ),
    "channel_videos": ("channelvideos", "videocount", "channelvideocount", "authorvideocount"),
    "channel_following": ("channelfollowing", "following", "followingcount", "authorfollowing"),
    "channel_verified": ("channelverified", "verified", "isverified", "authorverified"),
    "is_ad": ("isad", "ad", "ispaidpartnership", "sponsored", "issponsored"),
    "horizon_days": ("horizondays",),
    "observed_at": ("observedat", "scrapedat", "collectedat", "retrievedat", "crawledat", "fetchedat"),
    "views": (
        "views", "viewcount", "viewscount", "videoviews", "plays", "playcount", "videoplays",
        "videoviewcount",
    ),
    "likes": ("likes", "likecount", "likescount", ),
    "comments": ("comments", "commentcount", "commentscount"),
    "shares": ("shares", "sharecount", "sharescount", "reposts", "repostcount"),
    "media_path": ("mediapath", "media", "videopath", "filepath", "filename"),
}  # fmt: skip
