"""`vvp --on URL …` against a real head with token authentication: what a user types, as processes."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from clips import counting, tone, write
from ray_head import Head, started

from vvp.workspace import Workspace

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.slow  # a head of its own, and jobs that start their own Python


@pytest.fixture(scope="module")
def head() -> Iterator[Head]:
    with started() as one:
        yield one


def _ytdlp_folder(folder: Path) -> Path:
    """One clip with sound, and one video whose media is not there."""
    folder.mkdir()
    write(folder / "a.mp4", counting(20), fps=20, sound=tone(1.0, 16_000), rate=16_000)
    for name in ("a", "b"):
        info = {
            "id": name, "title": f"a small clip {name}", "channel_id": "c", "view_count": 1200,
            "timestamp": 1_700_000_000, "epoch": 1_703_000_000, "duration": 1.0, "ext": "mp4",
        }  # fmt: skip
        (folder / f"{name}.info.json").write_text(json.dumps(info))
    return folder


def test_collect_and_embed_run_as_jobs_of_the_cluster(head: Head, tmp_path: Path) -> None:
    space = Workspace(tmp_path / "workspace")
    source = _ytdlp_folder(tmp_path / "clips")
    # An explicit --on wins over the environment, which Ray's own client would obey without a word.
    collected = head.vvp(
        "collect", "ytdlp", str(source), "--workspace", space.root, more={"RAY_ADDRESS": "http://127.0.0.1:1"}
    )
    assert collected.returncode == 0, collected.stderr
    assert "submitted to" in collected.stderr
    assert "in workspace" in collected.stdout, "the job's log was followed"
    assert sorted(space.read("videos")["video_id"].to_pylist()) == ["a", "b"]

    few = ("--video-actors", "1", "--audio-actors", "1")
    embedded = head.vvp("embed", "--no-transcribe", *few, "--json", "--workspace", space.root)
    assert embedded.returncode == 0, embedded.stderr
    summary = json.loads(embedded.stdout)  # the object alone, although a job has a single stream
    assert (summary["done"], summary["by_status"]) == (2, {"ok": 2})
    assert "embed: 2 of 2" in embedded.stderr
    rows = {row["video_id"]: row for row in space.read("embeddings").to_pylist()}
    assert len(rows["a"]["video_embedding"]) == 1280 and len(rows["a"]["audio_embedding"]) == 512
    assert rows["b"]["video_embedding"] is None and len(rows["b"]["text_embedding"]) == 768

    # The driver joined this cluster instead of starting a Ray of its own beside it.
    [job] = [j for j in json.loads(head.ask("/api/jobs/")) if " embed " in j["entrypoint"]]
    assert job["status"] == "SUCCEEDED" and job["job_id"] and job["driver_info"]


def test_a_job_runs_the_code_of_the_checkout_that_submits_it(head: Head, tmp_path: Path) -> None:
    for package in ("vvp", "jobs"):
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "vvp" / "__init__.py").write_text('"""Another one."""\n\n__version__ = "0.1.0+edited"\n')
    cli = tmp_path / "jobs" / "cli.py"
    cli.write_text(cli.read_text().replace("show.out.print(__version__)", 'print(f"this is {__version__}")'))
    for folder in ("workspace", ".venv"):  # what lies beside the code stays at home
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "large.parquet").write_bytes(b"rows")

    done = head.vvp("version", code=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "this is 0.1.0+edited" in done.stdout
    unpacked = [p for p in head.temporary.rglob("py_modules_files/*/*/**/*") if p.is_file()]
    assert {p.suffix for p in unpacked} <= {".py", ".pyc", ".md", ".yaml", ".css", ".js", ".typed"}
    assert {p.name for p in head.temporary.rglob("py_modules_files/*/*")} == {"vvp", "jobs"}


def test_a_users_mistake_inside_the_job_is_exit_code_2_here(head: Head, tmp_path: Path) -> None:
    done = head.vvp("embed", "--workspace", str(tmp_path / "nothing"))
    assert done.returncode == 2
    assert "vvp: " in done.stdout and "is no workspace yet" in done.stdout
    assert done.stderr.splitlines()[-1].endswith("failed: exit code 2, its log above says why")


@pytest.mark.parametrize(
    ("environment", "sentence"),
    [({"RAY_AUTH_TOKEN": "0" * 64}, "refuses this token"), ({"RAY_AUTH_MODE": "disabled"}, "wants a token")],
)
def test_without_the_clusters_token_nothing_is_submitted(
    head: Head, environment: dict[str, str], sentence: str
) -> None:
    done = head.vvp("version", more=environment)
    assert done.returncode == 2
    assert done.stdout == ""
    [line] = done.stderr.splitlines()
    assert line.startswith("vvp: ") and sentence in line
