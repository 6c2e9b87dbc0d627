"""What other downloaders leave beside a clip, said in yt-dlp's words: instaloader and gallery-dl.

    instaloader    NAME.json or NAME.json.xz beside NAME.mp4, with {"node": …, "instaloader": …}
    gallery-dl     NAME.mp4.json, with {"category": "tiktok", …}
Not known here: where a file lies, or how a value is read.
"""

from typing import Any

Info = dict[str, Any]

# yt-dlp's key → where gallery-dl's extractors keep it; a dot goes into an object.
_GALLERY = {
    "id": ("id", "shortcode", "post_shortcode", "tweet_id", "post_id", "media_id"),
    "title": ("title", "desc", "description", "content"),
    "description": ("description", "desc", "content"),
    "tags": ("tags", "hashtags"),
    "timestamp": ("createTime", "date", "post_date", "published"),
    "duration": ("video.duration", "duration", "video_duration"),
    "width": ("video.width", "width"),
    "height": ("video.height", "height"),
    "channel_id": ("author.id", "owner_id", "user.id", "author.uniqueId", "username", "author.name"),
    "channel_follower_count": ("authorStats.followerCount", "author.followers_count"),
    "view_count": ("stats.playCount", "view_count", "video_view_count", "views", "play_count"),
    "like_count": ("stats.diggCount", "likes", "like_count", "favorite_count"),
    "comment_count": ("stats.commentCount", "comments", "comment_count", "reply_count"),
    "repost_count": ("stats.shareCount", "shares", "retweet_count"),
}
_INSTALOADER = {
    "id": ("shortcode", "code"),
    "timestamp": ("taken_at_timestamp", "date"),
    "title": ("edge_media_to_caption.edges.0.node.text", "caption.text"),
    "duration": ("video_duration",),
    "width": ("dimensions.width",),
    "height": ("dimensions.height",),
    "channel_id": ("owner.id", "owner.username"),
    "channel_follower_count": ("owner.edge_followed_by.count",),
    "view_count": ("video_play_count", "video_view_count", "play_count"),
    "like_count": ("edge_media_preview_like.count", "edge_liked_by.count"),
    "comment_count": ("edge_media_to_comment.count", "edge_media_to_parent_comment.count"),
}


def as_ytdlp(found: Info) -> Info | None:
    """The facts under yt-dlp's names; None when the object is of neither program, or no video's."""
    node = found.get("node")
    if isinstance(node, dict) and "instaloader" in found:
        about = found["instaloader"]
        if isinstance(about, dict) and about.get("node_type") not in (None, "Post", "StoryItem"):
            return None
        return _renamed(node, _INSTALOADER) | {"extractor": "instagram"}
    if isinstance(found.get("category"), str) and ("subcategory" in found or "extension" in found):
        return _renamed(found, _GALLERY) | {"extractor": found["category"]}
    return None


def _renamed(found: Info, names: dict[str, tuple[str, ...]]) -> Info:
    out = {}
    for ours, theirs in names.items():
        values = (_inside(found, name) for name in theirs)
        value = next((v for v in values if v is not None and not isinstance(v, dict)), None)
        if value is not None:
            out[ours] = value
    return out


def _inside(found: Any, name: str) -> Any:
    for key in name.split("."):
        if isinstance(found, dict):
            found = found.get(key)
        elif isinstance(found, list) and key.isdecimal() and int(key) < len(found):
            found = found[int(key)]
        else:
            return None
    return found
