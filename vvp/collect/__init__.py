"""From what people have (a yt-dlp folder, a table of posts, bare files) to the `videos` table."""
