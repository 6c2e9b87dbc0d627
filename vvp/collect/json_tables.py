"""Posts in JSON: a line each, a list, one object, objects printed over lines, or a list inside an object.

Nested objects become columns with dotted names (stats.playCount).
Not known here: what a column means.
"""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from vvp.collect.raw_table import RawTable, refuse_wide

# Under which name an answer or an export keeps its list of posts.
LISTS = (
    "items",
    "videos",
    "posts",
    "data",
    "entries",
    "results",
    "medias",
    "media",
    "itemList",
    "aweme_list",
)


def read_jsonl(path: Path) -> RawTable:
    """An object per line; where the lines are none, objects printed over several lines."""
    text = path.read_bytes().decode("utf-8-sig")
    lines = [(number, line) for number, line in enumerate(text.split("\n"), 1) if line.strip()]
    parsed = [(number, _parsed(line)) for number, line in lines]
    readable = sum(isinstance(value, dict) for _, value in parsed)
    if readable * 2 < len(parsed):
        whole = _stream(text)
        if whole:
            return _table(enumerate(whole, 1))
    return _table(parsed)


def read_json(path: Path) -> RawTable:
    """A list of posts, an object that holds one, or one post; else an object per line."""
    try:
        whole = json.loads(path.read_bytes().decode("utf-8-sig"), object_pairs_hook=once)
    except json.JSONDecodeError:
        return read_jsonl(path)
    return _table(enumerate(_posts(whole), 1))


def _posts(whole: Any) -> list[Any]:
    """The list of posts in a document. ValueError: none, or several."""
    if isinstance(whole, list):
        return whole
    if not isinstance(whole, dict):
        raise ValueError("a JSON list of posts, or one object per line, is needed")
    found = [key for key in LISTS if _is_list_of_objects(whole.get(key))]
    if len(found) > 1:
        raise ValueError(f"it holds several lists ({', '.join(found)}): save the one with the posts")
    if found:
        return list(whole[found[0]])
    inner = whole.get("data")
    return _posts(inner) if isinstance(inner, dict) else [whole]


def _is_list_of_objects(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(each, dict) for each in value)


def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object whose keys are there once: of two values for one key nobody knows which is meant."""
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key stands twice in one object")
    return found


def _parsed(line: str) -> Any:
    try:
        return json.loads(line, object_pairs_hook=once)
    except (ValueError, RecursionError) as error:
        return error


def _stream(text: str) -> list[Any]:
    """Objects one behind the other; [] when the text is something else."""
    decoder = json.JSONDecoder(object_pairs_hook=once)
    found, at = [], 0
    try:
        while at < len(text):
            if text[at] in " \t\r\n,":
                at += 1
                continue
            value, at = decoder.raw_decode(text, at)
            found.append(value)
    except (ValueError, RecursionError):
        return []
    return _posts(found[0]) if len(found) == 1 and isinstance(found[0], dict | list) else found


def _table(values: Iterable[tuple[int, Any]]) -> RawTable:
    rows: list[dict[str, Any]] = []
    lines: list[int] = []
    bad: list[tuple[int, str]] = []
    names: dict[str, None] = {}
    for number, value in values:
        if isinstance(value, Exception):
            bad.append((number, f"{type(value).__name__}: {value}"))
            continue
        if not isinstance(value, dict):
            bad.append((number, f"a {type(value).__name__} where an object belongs"))
            continue
        try:
            row = dict(_flat(value))
        except RecursionError:
            bad.append((number, "objects within objects beyond all measure"))
            continue
        names.update(dict.fromkeys(row))
        refuse_wide(len(names))
        rows.append(row)
        lines.append(number)
    return RawTable(
        names=list(names), column=lambda name: [r.get(name) for r in rows], lines=lines, unreadable=bad
    )


def _flat(value: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, inner in value.items():
        name = f"{prefix}{key}".encode("utf-8", "replace").decode("utf-8")
        if isinstance(inner, dict):
            yield from _flat(inner, f"{name}.")
        else:
            yield name, inner
