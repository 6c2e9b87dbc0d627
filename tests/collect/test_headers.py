"""Columns by many names: any case, common words, dashboards' exports; and tables too doubtful to take."""

import json
from datetime import date, datetime, timezone
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from collect_tables import save, videos

from vvp.collect import parse
from vvp.collect.columns import Settings
from vvp.collect.posts import collect_posts, read_posts
from vvp.collect.preview import preview_of, preview_rows
from vvp.errors import UserError
from vvp.workspace import Workspace


@pytest.fixture
def space(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "space")


def written(tmp_path: Path, text: str, name: str = "p.csv") -> Path:
    path = tmp_path / name
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    ("head", "preset"),
    [
        ("ID,Views,Caption,Date,Author,Followers", "common"),
        ("Video ID,View Count,Title,Publish date,Channel,Subscribers", "common"),
        ("VIDEO_ID,VIEWS,TITLE,PUBLISHED_AT,CHANNEL_ID,CHANNEL_FOLLOWERS", "vvp"),
    ],
)
def test_names_are_known_in_any_case(tmp_path: Path, space: Workspace, head: str, preset: str) -> None:
    summary = collect_posts(written(tmp_path, f'{head}\nx,"1,234",tea,2024-05-01,ann,7\n'), space)
    row = videos(space)["x"]
    assert summary.preset == preset and summary.unused_columns == []
    assert (row["views"], row["title"], row["channel_id"], row["channel_followers"]) == (
        1234,
        "tea",
        "ann",
        7,
    )
    assert row["published_at"] == datetime(2024, 5, 1, tzinfo=timezone.utc)


@pytest.mark.parametrize(
    ("preset", "text", "expected"),
    [
        (
            "meta-business",
            "Post ID,Account ID,Account username,Description,Duration (sec),Publish time,Permalink,Views,"
            "Likes\n"
            "17900000000000001,178400,ann,tea #cozy,31,01/31/2024 06:20,https://x,900,30\n",
            {"video_id": "17900000000000001", "views": 900, "channel_id": "178400", "duration_s": 31.0,
             "published_at": datetime(2024, 1, 31, 6, 20, tzinfo=timezone.utc), "tags": ["cozy"]},
        ),
        (
            "tiktok-studio",
            "Video title,Video link,Post time,Total likes,Total comments,Total shares,Total views\n"
            "tea,https://www.tiktok.com/@ann/video/7330111222333444001?lang=en,2024-01-31,3,2,1,900\n",
            {"video_id": "7330111222333444001", "views": 900, "likes": 3, "platform": "tiktok"},
        ),
        (
            "4cat-tiktok",
            "id,thread_id,author,body,timestamp,unix_timestamp,likes,comments,shares,plays,hashtags\n"
            '7330111222333444001,733,ann,tea,2024-01-31 11:20:00,1706700000,3,2,1,900,"a,b"\n',
            {"video_id": "7330111222333444001", "views": 900, "tags": ["a", "b"], "channel_id": "ann"},
        ),
        (
            "youtube-studio",
            "Content,Video title,Video publish time,Duration,Views\nabCdEfGhIj1,tea,\"Jan 5, 2024\",31,900\n",
            {"views": 900, "duration_s": 31.0, "published_at": datetime(2024, 1, 5, tzinfo=timezone.utc)},
        ),
        (
            "youtube-studio-de",
            'Videos,Videotitel,Veröffentlichungszeitpunkt des Videos,Dauer,Aufrufe,"""Mag ich""-Bewertungen",'
            'Kommentare hinzugefügt,Geteilte Inhalte\nGesamt,,,,"1.221.900",30,2,1\n'
            'abCdEfGhIj1,Tee,05.03.2024,31,"1.221.500",30,2,1\nabCdEfGhIj2,Tee 2,13.03.2024,31,"400",0,0,0\n',
            {"views": 1_221_500, "likes": 30, "comments": 2, "shares": 1, "platform": "youtube",
             "published_at": datetime(2024, 3, 5, tzinfo=timezone.utc)},
        ),
        (
            "youtube-studio-fr",
            "Contenu,Titre de la vidéo,Heure de publication de la vidéo,Durée,Vues\n"
            "abCdEfGhIj1,thé,5 mars 2024,31,900\n",
            {"views": 900, "title": "thé", "published_at": datetime(2024, 3, 5, tzinfo=timezone.utc)},
        ),
        (
            "youtube-studio-es",
            "Contenido,Título del vídeo,Hora de publicación del vídeo,Duración,Visualizaciones,Me gusta\n"
            "abCdEfGhIj1,té,5 ene 2024,31,900,7\n",
            {"views": 900, "likes": 7, "published_at": datetime(2024, 1, 5, tzinfo=timezone.utc)},
        ),
        (
            "youtube-studio-es-latin",
            "Contenido,Título del video,Hora de publicación del video,Duración,Vistas\n"
            "abCdEfGhIj1,té,5 ene 2024,31,900\n",
            {"views": 900, "duration_s": 31.0},
        ),
        (
            "youtube-studio-pt",
            "Conteúdo,Título do vídeo,Horário de publicação do vídeo,Duração,Visualizações\n"
            "abCdEfGhIj1,chá,5 de fev. de 2024,31,900\n",
            {"views": 900, "published_at": datetime(2024, 2, 5, tzinfo=timezone.utc)},
        ),
        (
            "instagram-scraper",
            "shortCode,ownerUsername,caption,timestamp,videoPlayCount,likesCount\n"
            "C1a,ann,tea,2024-01-31T11:20:00.000Z,900,3\n",
            {"video_id": "C1a", "views": 900, "platform": "instagram"},
        ),
    ],
)  # fmt: skip
def test_exports_of_dashboards_and_scrapers(
    tmp_path: Path, space: Workspace, preset: str, text: str, expected: dict[str, Any]
) -> None:
    summary = collect_posts(written(tmp_path, text), space)
    row = next(iter(videos(space).values()))
    assert summary.preset == preset and {key: row[key] for key in expected} == expected


ITEM = {
    "id": "x",
    "statistics": {"viewCount": "5"},
    "snippet": {"publishedAt": "2024-01-31T11:20:00Z", "title": "hi"},
}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("p.json", json.dumps({"kind": "youtube#videoListResponse", "items": [ITEM]}, indent=2)),
        ("p.json", json.dumps([ITEM], indent=2)),
        ("p.json", json.dumps(ITEM, indent=2)),
        ("p.json", json.dumps(ITEM)),
        ("p.jsonl", json.dumps(ITEM, indent=2)),
        ("p.jsonl", json.dumps(ITEM, indent=2) + "\n" + json.dumps(ITEM | {"id": "y"}, indent=2)),
        ("p.json", json.dumps({"data": {"videos": [ITEM]}})),
    ],
)
def test_json_in_any_print(tmp_path: Path, space: Workspace, name: str, text: str) -> None:
    collect_posts(written(tmp_path, text, name), space)
    assert videos(space)["x"]["views"] == 5 and videos(space)["x"]["title"] == "hi"


def test_a_workbook(tmp_path: Path, space: Workspace) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.append(["ID", "Views", "Date", "Scraped at", "Duration"])
    sheet.append(["7330111222333444001", 1234, datetime(2024, 1, 31, 14, 5), date(2024, 2, 10), 31])
    sheet.append([7330111222333444002, "#NAME?", datetime(2024, 2, 1), None, None])
    book.create_sheet("notes").append(["x"])
    book.save(tmp_path / "p.xlsx")
    summary = collect_posts(tmp_path / "p.xlsx", space)
    row = videos(space)["7330111222333444001"]
    assert row["published_at"] == datetime(2024, 1, 31, 14, 5, tzinfo=timezone.utc) and row["views"] == 1234
    assert row["observed_at"] == datetime(2024, 2, 10, 23, 59, 59, tzinfo=timezone.utc)
    assert summary.set_aside == {"no_id": 1}, "Excel keeps 15 digits of a number: that id is not its own"
    assert any("only sheet 'Sheet' was read, not notes" in remark for remark in summary.remarks)


def test_a_table_whose_views_cannot_be_read_is_refused_with_the_way_out(
    tmp_path: Path, space: Workspace
) -> None:
    rows = [{"id": f"v{n}", "views": f"{n}.500" if n % 4 else str(n)} for n in range(1, 41)]
    file = save(tmp_path / "p.csv", rows)
    with pytest.raises(UserError, match=r"30 of 40 views cannot be read.*'1\.500'.*--numbers 1\.234,5"):
        collect_posts(file, space)
    assert not space.has("videos")
    collect_posts(file, space, numbers="1.234,5")
    assert videos(space)["v1"]["views"] == 1500
    junk = save(tmp_path / "q.csv", [{"id": f"v{n}", "views": "lots"} for n in range(12)])
    with pytest.raises(UserError, match="12 of 12 views cannot be read.*--map views=COLUMN"):
        collect_posts(junk, space)


def test_views_that_cannot_be_read_because_they_are_large_are_refused(
    tmp_path: Path, space: Workspace
) -> None:
    """A tenth of the rows alone, but the best ones: the rest would tell another story."""
    rows = [{"id": f"v{n}", "views": str(100 + n)} for n in range(90)]
    large = [{"id": f"w{n}", "views": f"{n}.200.000 x"} for n in range(1, 10)]
    file = save(tmp_path / "p.csv", [*rows, *large])
    with pytest.raises(UserError, match="9 of 99 views cannot be read.*of another size than the others"):
        collect_posts(file, space)
    assert not space.has("videos")
    spread = [{"id": f"w{n}", "views": f"{100 + n} x"} for n in range(1, 10)]
    words = [{"id": f"u{n}", "views": "hidden by the owner"} for n in range(9)]
    summary = collect_posts(save(tmp_path / "q.csv", [*rows, *spread, *words]), space)
    assert summary.videos == 108, "as large as the others, or no number at all: counted, and no more"


def test_doubts_are_said_and_strict_refuses_them(tmp_path: Path, space: Workspace) -> None:
    rows = [
        {
            "video_id": "a",
            "views": 5,
            "likes": 9,
            "title": "t",
            "channel_id": "k",
            "published_at": "2090-01-01",
        },
        {"video_id": "b", "views": 7, "likes": 1, "title": "t", "channel_id": "k", "published_at": None},
        {"video_id": "c", "views": 9, "likes": 1, "title": "u", "channel_id": "k", "published_at": None},
        {"video_id": "d", "views": 21, "likes": 1, "title": "v", "channel_id": "k", "published_at": None},
        {"video_id": "d", "views": 21, "likes": 1, "title": "w", "channel_id": "k", "published_at": None},
    ]
    rows = [row | {"shares": None, "mood": "good"} for row in rows]
    rows[4]["views"] = None
    file = save(tmp_path / "p.jsonl", rows)
    with pytest.raises(UserError, match="nothing was written, because of --strict: .*future"):
        collect_posts(file, space, strict=True)
    assert not space.has("videos") and not space.has("set_aside")
    summary = collect_posts(file, space)
    said = " ".join(summary.doubts)
    for part in (
        "1 post is dated in the future: a",
        "1 post has more likes than views: a",
        "under two ids of one channel",
        "the views of d are the sum",
        "contradicting facts: d",
        "shares (column shares) matched",
    ):
        assert part in said  # fmt: skip
    assert summary.unused_columns == ["mood"]
    lower = save(tmp_path / "q.jsonl", [{"video_id": "c", "views": 4}])
    assert (
        "the views of 1 video fell since the last collect, most for c (by 5)"
        in collect_posts(lower, space).doubts
    )


def test_one_channel_written_in_several_ways_is_a_doubt(tmp_path: Path, space: Workspace) -> None:
    names = ["@Ann", "ann", "https://www.tiktok.com/@ann", "bob", "UCa", "UCA"]
    rows = [{"video_id": f"v{n}", "views": 5 + n, "channel_id": name} for n, name in enumerate(names)]
    [said] = collect_posts(save(tmp_path / "p.jsonl", rows), space).doubts
    assert said.startswith("1 channel is written in several ways (@Ann and ann and https://www.tiktok.com")


def test_a_table_without_doubts_passes_strict(tmp_path: Path, space: Workspace) -> None:
    rows = [{"video_id": f"v{n}", "views": n} for n in range(1, 8)]
    assert collect_posts(save(tmp_path / "p.jsonl", rows), space, strict=True).added == 7


def test_an_unused_column_is_a_doubt_until_it_is_named(tmp_path: Path, space: Workspace) -> None:
    rows = [{"video_id": f"v{n}", "views": n, "Mood": "good", "mood[1]": "x"} for n in range(1, 8)]
    file = save(tmp_path / "p.jsonl", rows)
    with pytest.raises(UserError, match=r"nothing used the columns Mood, mood\[1\] \(say --ignore COLUMN"):
        collect_posts(file, space, strict=True)
    assert not space.has("videos")
    with pytest.raises(UserError, match="--ignore colour: .* has no such column; it has video_id, views"):
        collect_posts(file, space, ignore=["colour"])
    assert collect_posts(file, space, ignore=["mood"]).unused_columns == ["mood[1]"]
    assert collect_posts(file, space, ignore=["m*"], strict=True).already_known == 7
    assert collect_posts(file, space, ignore=["mood", "mood[1]"], strict=True).already_known == 7


def test_the_parts_of_a_list_are_used_where_the_list_is(tmp_path: Path, space: Workspace) -> None:
    text = "id,views,tags/0/name,tags/1/name,marks/0/name,marks/1/name\na,5,cats,dogs,x,y\n"
    assert collect_posts(written(tmp_path, text), space).unused_columns == ["marks"]
    assert videos(space)["a"]["tags"] == ["cats", "dogs"]


def test_a_preview_shows_what_each_column_became_and_writes_nothing(tmp_path: Path, space: Workspace) -> None:
    file = written(tmp_path, "ID;Plays;Date;Mood\na;1.234.567;31/01/2024;x\nb;950;01/02/2024;y\n;1;;\n")
    found = preview_of(read_posts(file))
    columns = {each["ours"]: each for each in found["columns"]}
    assert found["preset"] == "common" and found["unused_columns"] == ["Mood"]
    assert columns["views"]["decided"] == "points group thousands, 1 row shows it"
    assert columns["published_at"]["decided"] == "day-first, 1 row shows it"
    assert found["set_aside"] == {"no_id": 1} and found["rows"] == 2
    heads, rows = preview_rows(found)
    assert heads == ["", "row 1", "row 2"] and ["views", "1234567", "950"] in rows
    json.dumps(found, default=str)


def test_dates_that_the_rows_do_not_decide_are_null_and_the_way_out_is_named(
    tmp_path: Path, space: Workspace
) -> None:
    file = written(tmp_path, "video_id,views,published_at\na,1,05/04/2024\nb,2,06/04/2024\nc,3,07/07/2024\n")
    summary = collect_posts(file, space)
    assert summary.unreadable_values == {"published_at": 2} and "--dates" in " ".join(summary.doubts)
    assert videos(space)["c"]["published_at"] == datetime(2024, 7, 7, tzinfo=timezone.utc)
    collect_posts(file, space, dates="day-first")
    assert videos(space)["a"]["published_at"] == datetime(2024, 4, 5, tzinfo=timezone.utc)


@pytest.mark.parametrize("given", [{"numbers": "1234,5"}, {"dates": "sideways"}])
def test_a_style_that_is_none_is_refused(given: dict[str, str]) -> None:
    with pytest.raises(UserError, match="choose one of"):
        Settings(**given)


@pytest.mark.parametrize(
    ("link", "video_id"),
    [
        ("https://www.youtube.com/watch?v=abCdEfGhIj1&t=3s", "abCdEfGhIj1"),
        ("https://youtu.be/abCdEfGhIj1?si=x", "abCdEfGhIj1"),
        ("https://youtube.com/shorts/abCdEfGhIj1", "abCdEfGhIj1"),
        ("https://www.instagram.com/reel/C1a_x/", "C1a_x"),
        ("https://www.tiktok.com/@ann.b/video/7330111222333444001", "7330111222333444001"),
        ("https://example.org/a", "https://example.org/a"),
    ],
)
def test_the_id_of_a_link(link: str, video_id: str) -> None:
    assert parse.identifier(link) == video_id
