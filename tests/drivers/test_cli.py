"""What bad input gets: exit code 2 and one sentence; and what the CLI prints where."""

import json
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path

import pyarrow as pa
import pytest

from jobs.cli import run
from vvp.schema import TABLES
from vvp.workspace import Workspace

Capture = pytest.CaptureFixture[str]

# embed and tune join the session's Ray; left alone they would start one of their own.
pytestmark = pytest.mark.usefixtures("ray_session")


def _sentence(capsys: Capture, *arguments: str) -> str:
    """What stderr says; the exit code is 2, stdout is empty and there is exactly one line."""
    assert run(list(arguments)) == 2
    out, err = capsys.readouterr()
    assert out == ""
    [line] = err.splitlines()
    assert line.startswith("vvp: ") and line.endswith(".")
    return line


@pytest.fixture
def space(tmp_path: Path) -> Workspace:
    """A workspace of three posts without media, none embedded."""
    space = Workspace(tmp_path / "workspace")
    now = datetime(2026, 1, 1, tzinfo=timezone.utc)
    rows = [{"video_id": f"v{i}", "title": "a", "views": 10 + i, "collected_at": now} for i in range(3)]
    space.append("videos", pa.Table.from_pylist(rows, schema=TABLES["videos"]))
    return space


@pytest.fixture
def small(space: Workspace) -> Workspace:
    """The same, embedded: words alone."""
    now = datetime(2026, 1, 2, tzinfo=timezone.utc)
    rows = [
        {"video_id": f"v{i}", "content_key": "k", "status": "ok", "text_embedding": [0.1] * 768,
         "profile": "offline", "text_encoder": "t@1", "embedded_at": now}
        for i in range(3)
    ]  # fmt: skip
    space.append("embeddings", pa.Table.from_pylist(rows, schema=TABLES["embeddings"]))
    return space


def test_help_names_every_verb_and_stays_on_stdout(capsys: Capture) -> None:
    assert run(["--help"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    for verb in ("collect", "embed", "tune", "evaluate", "report", "predict", "demo", "version", "--on"):
        assert verb in out
    assert "Traceback" not in out


@pytest.mark.parametrize(
    "verb", ["collect", "collect ytdlp", "collect posts", "embed", "tune", "evaluate", "predict", "demo"]
)
def test_every_verb_has_a_help_of_its_own(capsys: Capture, verb: str) -> None:
    assert run([*verb.split(), "--help"]) == 0
    assert len(capsys.readouterr().out.splitlines()) > 5


def test_no_verb_shows_the_help(capsys: Capture) -> None:
    assert run([]) == 2
    out, err = capsys.readouterr()
    assert "collect" in out + err


@pytest.mark.parametrize(
    "arguments",
    [["embed", "--nonsense"], ["nonsense"], ["embed"], ["demo", "--videos", "two"], ["predict", "-w"]],
)
def test_a_wrong_command_line_is_exit_code_2(capsys: Capture, arguments: list[str]) -> None:
    assert run(arguments) == 2
    out, err = capsys.readouterr()
    assert out == "" and "Error" in err and "Traceback" not in err


@pytest.mark.parametrize("verb", ["embed", "tune", "evaluate", "predict --title t"])
def test_a_folder_that_is_no_workspace(capsys: Capture, tmp_path: Path, verb: str) -> None:
    assert "is no workspace yet" in _sentence(capsys, *verb.split(), "--workspace", str(tmp_path))


def test_a_damaged_table(capsys: Capture, space: Workspace) -> None:
    (Path(space.root) / "videos" / "x.parquet").write_bytes(b"not parquet")
    assert "cannot be read as Parquet" in _sentence(capsys, "embed", "-w", space.root)


def test_an_unknown_profile(capsys: Capture, space: Workspace) -> None:
    line = _sentence(capsys, "embed", "--profile", "vgg", "-w", space.root)
    assert "'vgg'" in line and "offline" in line


@pytest.mark.parametrize("actors", ["0", "3:1", "many", "1:"])
def test_a_bad_range_of_actors(capsys: Capture, space: Workspace, actors: str) -> None:
    line = _sentence(capsys, "embed", "--video-actors", actors, "-w", space.root)
    assert "number of actors" in line


def test_an_empty_table(capsys: Capture, tmp_path: Path) -> None:
    space = Workspace(tmp_path)
    space.append("videos", TABLES["videos"].empty_table())
    assert "holds no videos" in _sentence(capsys, "embed", "-w", space.root)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("absent.csv", None),
        ("empty.csv", b""),
        ("binary.jsonl", b"\x00\xff\x00"),
        ("broken.parquet", b"PAR1"),
    ],
)
def test_a_table_of_posts_that_cannot_be_read(
    capsys: Capture, tmp_path: Path, name: str, content: bytes | None
) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    assert str(path) in _sentence(capsys, "collect", "posts", str(path), "-w", str(tmp_path / "w"))


@pytest.mark.parametrize("kind", ["ytdlp", "folder"])
def test_a_folder_with_nothing_in_it(capsys: Capture, tmp_path: Path, kind: str) -> None:
    for folder in (tmp_path / "absent", tmp_path):
        assert str(folder) in _sentence(capsys, "collect", kind, str(folder), "-w", str(tmp_path / "w"))


@pytest.fixture
def posts(tmp_path: Path) -> Path:
    path = tmp_path / "posts.csv"
    path.write_text("video_id,views,title\na,541.2K,one\nb,7,two\n")
    return path


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--map", "views"], "OURS=THEIRS"),
        (["--map", "=x"], "OURS=THEIRS"),
        (["--map", "stars=x"], "stars"),
        (["--map", "views=nowhere"], "nowhere"),
        (["--preset", "myspace"], "myspace"),
        (["--observed-at", "yesterday-ish"], "yesterday-ish"),
    ],
)
def test_a_map_that_does_not_fit(
    capsys: Capture, tmp_path: Path, posts: Path, words: list[str], said: str
) -> None:
    assert said in _sentence(capsys, "collect", "posts", str(posts), *words, "-w", str(tmp_path / "w"))


def test_tune_before_embed(capsys: Capture, space: Workspace) -> None:
    assert "embed" in _sentence(capsys, "tune", "-w", space.root)


@pytest.mark.parametrize(
    ("option", "value"), [("--split", "moon"), ("--families", "ridge,xgb"), ("--families", ",")]
)
def test_an_unknown_split_or_family(capsys: Capture, small: Workspace, option: str, value: str) -> None:
    line = _sentence(capsys, "tune", option, value, "-w", small.root)
    assert ("channel" if option == "--split" else "gbdt") in line


def test_too_few_rows_for_the_split_asked_for(capsys: Capture, small: Workspace) -> None:
    line = _sentence(capsys, "tune", "--split", "random", "--trials", "1", "-w", small.root)
    assert "only 3 of 3" in line and "needs 20" in line


@pytest.mark.parametrize("verb", ["evaluate", "predict --title t"])
def test_a_run_that_was_never_made(capsys: Capture, small: Workspace, verb: str) -> None:
    assert "nosuch" in _sentence(capsys, *verb.split(), "--name", "nosuch", "-w", small.root)


def test_a_forecast_of_nothing(capsys: Capture, small: Workspace) -> None:
    assert "nothing to forecast" in _sentence(capsys, "predict", "-w", small.root)


def test_a_time_that_is_none(capsys: Capture, small: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vvp.forecast.files.load", lambda *_: None)  # not reached
    assert "2026-31-31 is no time" in _sentence(
        capsys, "predict", "--title", "t", "--published-at", "2026-31-31", "-w", small.root
    )


@pytest.mark.parametrize(
    "call",
    [
        lambda folder, posts: ["collect", "posts", str(posts), "-w", str(folder / "w")],
        lambda folder, posts: ["collect", "folder", str(folder), "-w", str(folder / "w")],
    ],
)
def test_json_is_all_that_stdout_gets(
    capsys: Capture, tmp_path: Path, posts: Path, call: Callable[[Path, Path], list[str]]
) -> None:
    (tmp_path / "clip.mp4").write_bytes(b"not a video, and no matter here")
    assert run([*call(tmp_path, posts), "--json"]) == 0
    out, _ = capsys.readouterr()
    assert json.loads(out)["source"] in ("posts", "folder")


def test_version(capsys: Capture) -> None:
    assert run(["version"]) == 0
    assert capsys.readouterr().out.strip().count(".") == 2


def test_the_words_are_those_of_the_report_and_help_names_the_verb(capsys: Capture) -> None:
    from vvp.report.glossary import WORDS

    assert run(["words"]) == 0
    said = capsys.readouterr().out
    assert all(word in said and meaning in said for word, meaning in WORDS.items()) and len(WORDS) == 10
    assert run(["--help"]) == 0
    assert "vvp words" in capsys.readouterr().out


def test_version_as_an_option(capsys: Capture) -> None:
    assert run(["--version"]) == 0
    assert capsys.readouterr().out.strip().count(".") == 2


@pytest.mark.parametrize("verb", ["collect posts {posts}", "embed", "predict --title t", "export {posts}"])
def test_a_workspace_without_a_name(capsys: Capture, tmp_path: Path, posts: Path, verb: str) -> None:
    assert "has no name" in _sentence(capsys, *verb.format(posts=posts).split(), "-w", "")


def test_a_preview_writes_nothing_and_a_doubt_is_exit_code_2(capsys: Capture, tmp_path: Path) -> None:
    table, space = tmp_path / "p.csv", tmp_path / "w"
    table.write_text("ID,Views,Likes\na,5,9\nb,7,1\n")
    assert run(["collect", "posts", str(table), "--preview", "-w", str(space)]) == 0
    out, _ = capsys.readouterr()
    assert "map common" in out and "worth a look" in out and not space.exists()
    assert run(["collect", "posts", str(table), "--preview", "--json", "-w", str(space)]) == 0
    assert json.loads(capsys.readouterr().out)["rows"] == 2
    assert "more likes than views" in _sentence(
        capsys, "collect", "posts", str(table), "--strict", "-w", str(space)
    )
    assert not space.exists(), "nothing was written, so no folder is left"
    assert run(["collect", "posts", str(table), "-w", str(space)]) == 0
    out, _ = capsys.readouterr()
    assert "worth a look" in out and "next: `vvp embed`" in out


@pytest.mark.parametrize(("option", "value"), [("--numbers", "1234,56"), ("--dates", "iso")])
def test_a_style_that_is_none(capsys: Capture, tmp_path: Path, posts: Path, option: str, value: str) -> None:
    line = _sentence(capsys, "collect", "posts", str(posts), option, value, "-w", str(tmp_path / "w"))
    assert f"{option} {value}: choose one of" in line


@pytest.mark.parametrize("out", ["f.docx", "gone/f.csv"])
def test_a_calendar_that_cannot_be_written_is_refused_first(
    capsys: Capture, small: Workspace, posts: Path, out: str
) -> None:
    line = _sentence(capsys, "predict", "--table", str(posts), "--out", out, "-w", small.root)
    assert "write a .csv or .xlsx" in line or "make the folder first" in line
