"""Files that break things and requests that nobody means: each is answered, and the app goes on."""

import json
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode, checks
from serve_fakes import film

from serve.schemas import RankedDraft

ODD = Path(__file__).parents[3] / "shared" / "data" / "odd"


@pytest.mark.skipif(not ODD.is_dir(), reason="the folder of odd files is not on this machine")
def test_every_odd_file_is_answered(app: Any) -> None:
    files = [json.loads(line)["file"] for line in (ODD / "expected.jsonl").read_text().splitlines()]
    with ThreadPoolExecutor(4) as pool:
        got = dict(zip(files, pool.map(lambda f: app.post(film=(ODD / f).read_bytes()), files), strict=True))
    assert len(got) == 55
    wrong = {file: a.text[:200] for file, a in got.items() if a.status_code not in (200, 413, 422)}
    assert not wrong
    refused = {f: a.json()["error"]["kind"] for f, a in got.items() if a.status_code != 200}
    assert refused == {
        "d_truncated_50pct.mp4": "unreadable",
        "d_truncated_95pct.mp4": "unreadable",
        "mp4_long_180p_av1.mp4": "too_long",
        "vp9_invalid-bitstream.webm": "picture_undecodable",
    }
    assert got["mp4_sample_audio_only.mp4"].json()["missing"][0] == "picture"
    assert app.post(title="still here").status_code == 200


FEW = settings(
    max_examples=25, derandomize=True, deadline=None, database=None, phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)  # fmt: skip
CHECKS = (
    checks.not_a_server_error, checks.status_code_conformance, checks.content_type_conformance,
    checks.response_schema_conformance,
)  # fmt: skip


def _ask(operation: Any, mode: GenerationMode, statuses: Counter[str]) -> None:
    @FEW
    @given(case=operation.as_strategy(generation_mode=mode))
    def ask(case: Any) -> None:
        if mode is GenerationMode.POSITIVE and case.path == "/v1/forecasts":
            # Else all would end at the first gate: random bytes are no video, most dates are out of range.
            case.body |= {"video": film(brightness=7), "published_at": "2025-05-01"}
        answer = case.call_and_validate(checks=CHECKS, timeout=60)
        statuses[f"{case.path} {answer.status_code}"] += 1

    ask()


def test_whatever_its_own_description_allows_or_forbids_does_not_break_it(app: Any) -> None:
    schema = schemathesis.openapi.from_url(f"{app.url}/openapi.json")
    statuses: Counter[str] = Counter()
    for operation in (one.ok() for one in schema.get_all_operations()):
        _ask(operation, GenerationMode.POSITIVE, statuses)
        if operation.method == "post":  # the others take nothing that could be wrong
            _ask(operation, GenerationMode.NEGATIVE, statuses)
    assert statuses["/v1/forecasts 200"] > 5 and statuses["/v1/forecasts 422"] > 5, statuses
    assert statuses["/v1/rankings 422"] and statuses["/healthz 200"]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)
FIELDS = st.sampled_from([*RankedDraft.model_fields, "colour"])
DRAFTS = st.lists(st.dictionaries(FIELDS, JSON, max_size=5) | JSON, min_size=1, max_size=3) | JSON


def test_drafts_of_any_json_do_not_break_a_ranking(app: Any) -> None:
    @FEW
    @given(drafts=DRAFTS)
    def ask(drafts: Any) -> None:
        files = {"drafts": (None, json.dumps(drafts))}
        answer = requests.post(f"{app.url}/v1/rankings", files=files, timeout=60)
        assert answer.status_code in (200, 422), answer.text
        assert answer.status_code == 200 or answer.json()["error"]["kind"] == "bad_request"

    ask()
