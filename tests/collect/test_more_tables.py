"""Further tables as people have them: files one behind another, garbled words, usual names beside ours."""

import json
import lzma
from pathlib import Path
from typing import Any

import pytest
from collect_tables import videos

from vvp.collect.parse import count
from vvp.collect.posts import collect_posts, read_posts
from vvp.collect.preview import preview_of
from vvp.collect.summary import CollectSummary
from vvp.collect.ytdlp import collect_ytdlp
from vvp.errors import UserError
from vvp.workspace import Workspace


def collected(tmp_path: Path, text: str, **options: Any) -> tuple[CollectSummary, dict[str, dict[str, Any]]]:
    (tmp_path / "p.csv").write_text(text)
    space = Workspace(tmp_path / "space")
    return collect_posts(tmp_path / "p.csv", space, **options), videos(space)


def test_a_line_that_repeats_the_header_is_no_video(tmp_path: Path) -> None:
    head = "video_id,views,title\n"
    summary, rows = collected(tmp_path, f"{head}a,1,one\n{head}b,2,two\n")
    assert list(rows) == ["a", "b"] and summary.set_aside == {"no_id": 1}
    assert summary.unreadable_values == {}


def test_the_signs_of_a_column_are_not_hidden_by_a_header_in_its_middle(tmp_path: Path) -> None:
    summary, rows = collected(tmp_path, "video_id;views\na;1.234.567\nvideo_id;views\nb;12.000\n")
    assert rows["b"]["views"] == 12_000 and "points group thousands" in summary.remarks[0]


def test_usual_names_stand_beside_our_own(tmp_path: Path) -> None:
    text = "video_id,views,Caption,Date,Followers,Duration,Author\na,1,one,2024-01-31,5,0:31,ann\n"
    summary, rows = collected(tmp_path, text)
    found = {name: rows["a"][name] for name in ("title", "channel_followers", "duration_s", "channel_id")}
    assert found == {"title": "one", "channel_followers": 5, "duration_s": 31.0, "channel_id": "ann"}
    assert rows["a"]["published_at"] is not None and summary.unused_columns == []


def test_our_own_name_beats_a_usual_one(tmp_path: Path) -> None:
    summary, rows = collected(tmp_path, "video_id,views,title,caption,Views\na,1,one,two,9\n")
    assert (rows["a"]["title"], rows["a"]["views"]) == ("one", 1)
    assert summary.unused_columns == ["caption", "Views"]


@pytest.mark.parametrize("title", ["CafÃ©", "ðŸ˜€ fun", "caf\ufffd", "Ã¼ber"])
def test_words_that_were_read_wrongly_are_a_doubt(tmp_path: Path, title: str) -> None:
    summary, rows = collected(tmp_path, f"video_id,views,title\na,1,{title}\n")
    assert rows["a"]["title"] == title
    assert any("read wrongly" in doubt for doubt in summary.doubts)


@pytest.mark.parametrize("title", ["Café", "über Ärger", "नया", "😀", "Año 1 €", "naïve “quoted”", "Ça va"])
def test_words_that_are_right_are_no_doubt(tmp_path: Path, title: str) -> None:
    assert collected(tmp_path, f"video_id,views,title\na,1,{title}\n")[0].doubts == []


def test_a_file_with_a_title_above_its_header_says_what_it_took_for_names(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="columns are Report of posts: is that the line with their names"):
        collected(tmp_path, "Report of posts\n\nvideo_id,views\na,1\n")


@pytest.mark.parametrize("column", ["likes", "comments", "shares"])
def test_any_count_whose_nulls_depend_on_its_size_stops_the_table(tmp_path: Path, column: str) -> None:
    small = "".join(f"s{n};{n + 1}00;{n + 1}\n" for n in range(40))
    large = "".join(f"l{n};{n + 1}00;{n + 21}.{n + 100}\n" for n in range(60))
    with pytest.raises(UserError, match=f"60 of 100 {column} cannot be read.*another size.*--numbers"):
        collected(tmp_path, f"video_id;views;{column}\n{small}{large}")
    _, rows = collected(tmp_path, f"video_id;views;{column}\n{small}{large}", numbers="1.234,5")
    assert rows["l0"][column] == 21_100


def test_likes_that_nobody_shows_do_not_stop_the_table(tmp_path: Path) -> None:
    hidden = "".join(f"h{n},{n + 1}00,hidden\n" for n in range(30))
    summary, rows = collected(tmp_path, f"video_id,views,likes\na,10,5\n{hidden}")
    assert len(rows) == 31 and summary.unreadable_values == {"likes": 30}
    assert any("likes" in doubt and "30 of 31 cannot be read" in doubt for doubt in summary.doubts)


@pytest.mark.parametrize(
    ("written", "number"),
    [("12,5 Tsd.", 12_500), ("1,2 M", 1_200_000), ("1,2 mill.", 1_200_000), ("1,2 milj.", 1_200_000),
     ("3 tis.", 3_000), ("12 bin", 12_000), ("1,2\u00a0Mio.", 1_200_000), ("12,5 k", 12_500)],
)  # fmt: skip
def test_short_forms_of_more_languages(written: str, number: int) -> None:
    assert count(written) == number


STUDIO = {
    "youtube-studio": "Content;Video title;Video publish time;Duration;Views;Likes",
    "youtube-studio-de":
        'Videos;Videotitel;Veröffentlichungszeitpunkt des Videos;Dauer;Aufrufe;"""Mag ich""-Bewertungen"',
    "youtube-studio-es":
        "Contenido;Título del vídeo;Hora de publicación del vídeo;Duración;Visualizaciones;Me gusta",
}  # fmt: skip


@pytest.mark.parametrize("preset", STUDIO)
def test_a_dashboards_export_may_write_counts_as_its_page_shows_them(tmp_path: Path, preset: str) -> None:
    lines = "abCdEfGhIj1;a;2024-01-05;31;12,5 Tsd.;1,2 Tsd.\nabCdEfGhIj2;b;2024-01-06;31;1,2 M;980\n"
    summary, rows = collected(tmp_path, f"{STUDIO[preset]}\n{lines}")
    assert summary.preset == preset
    assert [rows[f"abCdEfGhIj{n}"][c] for n in (1, 2) for c in ("views", "likes")] == [
        12_500, 1_200, 1_200_000, 980
    ]  # fmt: skip


def test_a_preview_shows_what_is_made_and_why_a_value_is_not_there(tmp_path: Path) -> None:
    file = tmp_path / "p.csv"
    file.write_text(
        "video_id,views,title,published_at,media\nTotal,9,,,\n"
        "a,4,fun #cats,May 2024,gone.mp4\nb,5,x,2024-01-31,\n"
    )
    found = preview_of(read_posts(file))
    assert found["first"][0]["tags"] == ["cats"]
    assert {c["ours"]: c["as_in"] for c in found["columns"]}["views"] == "4"
    assert {c["ours"]: c["as_in"] for c in found["columns"]}["published_at"] == "2024-01-31 00:00 UTC"
    assert found["notes"] == {"media_not_found": 1} and "not a date" in found["examples"]["published_at"]
    assert "Total" in found["why_set_aside"]["total_line"]


def info(**facts: Any) -> str:
    return json.dumps({"id": "abCdEfGhIj1", "title": "t", "extractor": "youtube", "view_count": 5} | facts)


def test_a_json_with_a_key_twice_is_not_believed(tmp_path: Path) -> None:
    folder = tmp_path / "f"
    folder.mkdir()
    (folder / "a.info.json").write_text(info())
    (folder / "b.info.json").write_text('{"id": "abCdEfGhIj2", "view_count": 1, "view_count": 900}')
    (folder / "c.info.json").write_text(info(id=7330111222333444001.0))
    summary = collect_ytdlp(folder, Workspace(tmp_path / "space"))
    assert (summary.added, summary.set_aside) == (1, {"unreadable": 1, "no_id": 1})
    aside = Workspace(tmp_path / "space").read("set_aside").to_pylist()
    assert "twice" in aside[0]["detail"] and "lost digits" in aside[1]["detail"]


def test_instaloaders_packed_json_is_read(tmp_path: Path) -> None:
    folder = tmp_path / "f"
    folder.mkdir()
    node = {
        "shortcode": "Cabc",
        "taken_at_timestamp": 1706700000,
        "video_play_count": 100,
        "owner": {"id": "1"},
    }
    packed = lzma.compress(json.dumps({"node": node, "instaloader": {"node_type": "Post"}}).encode())
    for name, data in (("a", packed), ("b", packed[:-20]), ("c", b"\xfd7zXZ\0")):
        (folder / f"{name}.mp4").write_bytes(b"clip")
        (folder / f"{name}.json.xz").write_bytes(data)
    (folder / "notes.json.xz").write_bytes(lzma.compress(b"{}"))
    summary = collect_ytdlp(folder, Workspace(tmp_path / "space"))
    [row] = videos(Workspace(tmp_path / "space")).values()
    assert (row["video_id"], row["views"], row["media_path"]) == ("Cabc", 100, str(folder / "a.mp4"))
    assert summary.set_aside == {"unreadable": 2}
