"""Small tables that went wrong once, each an example of a kind; `write` puts one into a folder."""

from pathlib import Path

TABLES: dict[str, str] = {
    "counts/grouped_by_points.csv": (
        "video_id;channel_id;published_at;views;likes;channel_followers\n"
        "a1;k1;2024-03-01 10:00;12.000;1.000;250.000\n"
        "a2;k1;2024-03-02 10:00;12.345;1.001;250.000\n"
        "a3;k2;2024-03-03 10:00;1.234.567;45.000;1.500.000\n"
        "a4;k2;2024-03-04 10:00;950;12;1.500.000\n"
    ),
    "counts/studio_total_line.csv": (
        "Content,Video title,Video publish time,Duration,Views,Watch time (hours),Subscribers"
        ",Impressions,Impressions click-through rate (%)\n"
        "Total,,,,34567,123.4,12,99999,5.5\n"
        'abCdEfGhIj1,one #shorts,"Jan 5, 2024",31,30000,100.0,10,88888,5.0\n'
        'abCdEfGhIj2,two,"Feb 6, 2024",45,4567,23.4,2,11111,6.0\n'
    ),
    "counts/words.csv": (
        "video_id,views,likes,channel_followers\n"
        'v1,"1,234,567 views",12K likes,1.2M subscribers\n'
        "v2,1.2M views,1 like,3K followers\n"
        "v3,No views,0,0\n"
        "v4,1 view,,\n"
        "v5,12K+,,\n"
        'v6,"1,2 Mio.",,\n'
        "v7,3.4 mil,,\n"
        "v8,12万次观看,,\n"
    ),
    "csv/apify_slash_names.csv": (
        "id,text,createTime,createTimeISO,playCount,diggCount,shareCount,commentCount,authorM"
        "eta/id,authorMeta/name,authorMeta/fans,authorMeta/video,videoMeta/duration,videoMeta"
        "/height,hashtags/0/name,hashtags/1/name\n"
        "7330111222333444001,one,1706700000,2024-01-31T11:20:00.000Z,1000,10,1,2,680001,ann,5"
        "000,12,31,1920,cats,fun\n"
        "7330111222333444002,two,1706800000,2024-02-01T15:06:40.000Z,2000,20,1,2,680002,bob,7"
        "000,99,15,1920,dogs,\n"
    ),
    "csv/backslash_quotes.csv": (
        'video_id,title,views\nq1,"he said \\"wow, look\\" again",100\nq2,second,200\nq3,"third",300\n'
    ),
    "csv/header_over_two_lines.csv": ('video_id,views,"title\n(english)"\nq1,100,one\nq2,200,two\n'),
    "csv/latin1_and_too_many_cells.csv": ("video_id,views,title\ne1,100,two,caf\udce9\ne2,200,two\n"),
    "csv/mac.csv": ("video_id,views,title\rr1,100,one\rr2,200,two\r"),
    "csv/mac_semicolon.csv": ("video_id;views;title\rr1;100;one\rr2;200;two\r"),
    "csv/media_cell_too_long.csv": (
        "video_id,views,media\n"
        "x1,100," + "a long caption that was mapped by mistake " * 12 + "\n"
        "x2,100,other.mp4\n"
    ),
    "csv/media_tilde.csv": ("video_id,views,media\nx1,100,~cat [x1].mp4\nx2,100,other.mp4\n"),
    "csv/quote_never_closed.csv": (
        "video_id,title,views\n"
        'q1,"the ""best"" one,100\n'
        "q2,second,200\n"
        "q3,third,300\n"
        'q4,"fourth",400\n'
        "q5,fifth,500\n"
    ),
    "csv/sep_line_first.csv": ("sep=;\nvideo_id;views;title\ns1;100;one\ns2;200;two\n"),
    "dates/dayfirst.csv": (
        "video_id,views,published_at\n"
        "d1,100,31/01/2024 14:05\n"
        "d2,100,15.02.2024\n"
        "d3,100,2024-1-5\n"
        "d4,100,2024/3/9 2:15 PM\n"
        "d5,100,45322\n"
        "d6,100,03-Feb-24\n"
    ),
    "dates/javascript.csv": (
        "video_id,channel_id,published_at,observed_at,views\n"
        "g1,k,Wed Jan 31 2024 14:00:00 GMT+0800 (China Standard Time),2024-02-10,100\n"
        "g2,k,2024-01-31T14:00:00+08:00,2024-02-10,100\n"
        "g3,k,Wed Jan 31 2024 14:00:00 GMT-0500 (Eastern Standard Time),2024-02-10,100\n"
    ),
    "dates/month_only.csv": (
        "video_id,channel_id,published_at,views\nm1,k,May 2024,100\nm2,k,2024-05-31,100\nm3,k,Feb 2024,100\n"
    ),
    "dates/observed_bare_date.csv": (
        "video_id,published_at,observed_at,views\n"
        "a,2024-03-10T02:30:00,2024-03-10,5\n"
        'b,2024-03-10 23:59,"Mar 10, 2024",5\n'
        "c,2024-03-10 23:59,10 March 2024,5\n"
    ),
    "dates/timestamp_null_upload_date.jsonl": (
        '{"id": "abCdEfGhIj1", "title": "t", "extractor": "youtube", "channel_id": "UC1", "up'
        'load_date": "20240131", "timestamp": 1706700000, "view_count": 1000, "duration": 31,'
        ' "epoch": 1707700000, "subtitles": {}, "tags": ["a"], "_type": "video"}\n'
        '{"id": "abCdEfGhIj2", "title": "t", "extractor": "youtube", "channel_id": "UC1", "up'
        'load_date": "20240131", "timestamp": null, "view_count": 5, "duration": 31, "epoch":'
        ' 1707700000, "subtitles": {}, "tags": ["a"], "_type": "video"}\n'
    ),
    "dates/upload_date_float.csv": (
        "id,view_count,upload_date,title,channel_id\n"
        "f1,1000.0,20240131.0,one,k\n"
        "f2,2000.0,,two,k\n"
        "f3,3000.0,20240202.0,three,k\n"
    ),
    "dates/us.csv": (
        "video_id,views,published_at\nd1,100,1/31/2024 2:05:00 PM\nd2,100,2/15/2024\nd3,100,12/25/2023\n"
    ),
    "dates/zone_letters.csv": (
        "video_id,channel_id,published_at,observed_at,views\n"
        "z1,k,2024-01-31 23:30 PST,2024-02-10 12:00 PST,100\n"
        "z2,k,2024-01-31 23:30 UTC,2024-02-10 12:00 UTC,100\n"
        'z3,k,"Jan 31, 2024 11:30 PM EST","Feb 1, 2024 01:00 AM UTC",100\n'
        "z4,k,2024-06-15 10:00 CEST,2024-06-20,100\n"
    ),
    "ids/channel_scientific.csv": (
        "video_id,channel_id,published_at,views\n"
        "7330111222333444001,6.80E+18,2024-01-01,100\n"
        "7330111222333444002,6.80E+18,2024-01-02,900000\n"
        "7330111222333444003,6.81E+18,2024-01-03,300\n"
    ),
    "ids/float_ids.csv": (
        "video_id,views,published_at\n1234567890.0,500.0,2024-01-01\n,,\n1234567891.0,700.0,2024-01-02\n"
    ),
    "ids/float_ids.jsonl": (
        '{"video_id": 1234567890, "views": 500, "published_at": "2024-01-01"}\n'
        '{"video_id": 1234567891, "views": 700, "published_at": "2024-01-02"}\n'
    ),
    "ids/guard.csv": (
        'video_id,views,title\n\'7330111222333444001,100,one\n"=""7330111222333444002""",200,two\n'
    ),
    "ids/plain.jsonl": (
        '{"video_id":"7330111222333444001","views":100,"title":"one"}\n'
        '{"video_id":"7330111222333444002","views":200,"title":"two"}\n'
    ),
    "ids/platform_names.csv": (
        "video_id,platform,views,title\n"
        "abCdEfGhIj1,YouTube Shorts,100,one\n"
        "abCdEfGhIj2,YT,100,two\n"
        "abCdEfGhIj3,youtube.com,100,three\n"
        "abCdEfGhIj4,Youtube,100,four\n"
    ),
    "ids/rounded_by_javascript.jsonl": (
        '{"id": "7330111222333444000", "createTime": 1706700000, "text": "clip 0", "playCount'
        '": 1000, "diggCount": 10, "authorMeta": {"id": "6800000000000000001", "name": "a"}}\n'
        '{"id": "7330111222333444000", "createTime": 1706786400, "text": "clip 1", "playCount'
        '": 2000, "diggCount": 10, "authorMeta": {"id": "6800000000000000001", "name": "a"}}\n'
        '{"id": "7330111222333446000", "createTime": 1706872800, "text": "clip 2", "playCount'
        '": 3000, "diggCount": 10, "authorMeta": {"id": "6800000000000000001", "name": "a"}}\n'
    ),
    "ids/rounded_to_15_digits.csv": (
        "video_id,published_at,views,title\n"
        "7330111222333440000,2024-01-01,100,one\n"
        "7330111222333440000,2024-01-02,900,two\n"
        "7330111222333550000,2024-01-03,300,three\n"
    ),
    "ids/spreadsheet_errors.csv": (
        "video_id,trending_date,title,channel_title,publish_time,tags,views,likes,dislikes,co"
        "mment_count\n"
        "#NAME?,17.14.11,first,Ann,2017-11-13T17:13:01.000Z,a|b,100,5,0,1\n"
        "#NAME?,17.14.11,second,Bob,2017-11-12T10:00:00.000Z,c,90000,50,0,7\n"
        "abCdEfGhIj3,17.14.11,third,Cid,2017-11-12T11:00:00.000Z,d,300,3,0,1\n"
        "#NAME?,17.15.11,fourth,Dan,2017-11-13T12:00:00.000Z,e,700,3,0,1\n"
    ),
    "text/hashtags_combining_marks.csv": (
        "video_id,views,title\nh1,100,नया वीडियो #हिंदी #हास्य\nh4,100,#தமிழ் #मराठी\n"
    ),
    "text/nan_words.csv": (
        "video_id,channel_id,title,description,transcript,platform,tags,published_at,views\n"
        "n1,nan,NaN,None,nan,nan,nan,2024-01-01,100\n"
        "n2,nan,two,null,N/A,nan,nan,2024-01-02,200\n"
        "n3,None,three,NaN,nan,nan,[],2024-01-03,300\n"
    ),
    "text/numpy_and_postgres_tags.csv": (
        "video_id,views,tags\n"
        "t1,100,\"['cats' 'dogs' 'funny']\"\n"
        "t2,100,\"['cats', 'dogs', 'funny']\"\n"
        't3,100,"{cats,dogs,funny}"\n'
        "t4,100,cats dogs funny\n"
    ),
}


def write(folder: Path, name: str) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(TABLES[name].encode("utf-8", "surrogateescape"))
    return path
