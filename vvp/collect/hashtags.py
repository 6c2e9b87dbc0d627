"""Tags of a video: from a cell that lists them in any of the usual ways, and from inside its words.

Not known here: which column holds them.
"""

import ast
import html
import json
import unicodedata
from collections.abc import Iterable
from typing import Any

import regex

from vvp.collect import cells

SEPARATORS = ("|", ",", ";")

# A tag is letters, their marks, digits and the joiners that Indic and Persian words need. Python's own \w
# knows no marks: it cuts #हिंदी after its first letter.
_HASHTAG = regex.compile(r"(?<!&)[#＃]([\p{L}\p{N}_][\p{L}\p{M}\p{N}_\u200c\u200d]*)")
# An address, up to the first character that is not ASCII: in "…/abc你好#标签" the words have begun again.
_ADDRESS = regex.compile(r"(?:https?://|www\.)[!-~]*", regex.IGNORECASE)
_QUOTED = r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.|"")*\""""
# Lists of programs: JSON, Python's and numpy's ['a' 'b'], Postgres' {a,"b c"}. Between two quoted words
# stands a comma, or space alone (numpy); without quotes a comma parts them.
_LIST = regex.compile(rf"\[\s*(?:({_QUOTED})(?:\s*,\s*|\s+|$|(?=\s*\])))*\s*\]", regex.DOTALL)
_SET = regex.compile(rf'\{{(?:({_QUOTED}|[^,"{{}}:]*)(?:,|(?=\}})))*\}}', regex.DOTALL)
_ESCAPE = regex.compile(r"\\(.)", regex.DOTALL)


def tags(value: Any, spaces_part: bool = True) -> list[str] | None:
    """Tags without the sign, in order, each once, from a list (of words, or of objects with a name) or from
    text: JSON, Python's, numpy's or Postgres' lists, "a"|"b", "a, b", "#a #b", "a b". None: there are none.

    spaces_part: whether bare words are a tag each; False where the column parts its tags by another sign.
    ValueError: no list of tags.
    """
    if isinstance(value, str | bytes) or value is None or isinstance(value, float):
        if cells.missing(value):
            return None
        value = _words(_unescaped(cells.unguarded(cells.shown(value))), spaces_part)
    if not isinstance(value, list | tuple):
        raise ValueError("not a list of tags")
    named = [t.get("name") or t.get("title") if isinstance(t, dict) else t for t in value]
    found = [(cells.text(t) or "").strip('"').lstrip("#＃").strip() for t in named]
    return list(dict.fromkeys(t for t in found if t)) or None


def separated(values: Iterable[Any]) -> bool:
    """Whether a column parts its tags by one of SEPARATORS, so that a tag may hold spaces."""
    texts = (v.strip() for v in values if isinstance(v, str))
    return any(t[:1] not in "[{" and any(sign in _unescaped(t) for sign in SEPARATORS) for t in texts if t)


def hashtags(*texts: str | None) -> list[str] | None:
    """The #tags inside the texts, in NFC; "#1" is a rank and not a tag. None when there are none.

    What follows a "#" in an address or in HTML's &#x27; is no tag.
    """
    plain = (_ADDRESS.sub(" ", _unescaped(each)) for each in texts if each)
    words = (unicodedata.normalize("NFC", each) for each in plain)
    found = (tag.rstrip("\u200c\u200d") for each in words for tag in _HASHTAG.findall(each))
    return list(dict.fromkeys(t for t in found if not t.isdigit())) or None


def _unescaped(written: str) -> str:
    """Twice, for exports escape what a page had escaped: &amp;#x27;."""
    return html.unescape(html.unescape(written))


def _words(written: str, spaces_part: bool) -> list[Any]:
    if written.startswith("[") and written.endswith("]"):
        return _listed(written)
    if written.startswith("{") and written.endswith("}"):
        found = _SET.fullmatch(written)
        if found is None:
            raise ValueError("not a list of tags")
        return [_unquoted(w.strip()) for w in found.captures(1) if w.strip().upper() != "NULL"]
    for sign in SEPARATORS:
        if sign in written:
            return written.split(sign)
    if "#" in written or "＃" in written:
        return written.replace("＃", "#").split("#")
    return written.split() if spaces_part else [written]


def _listed(written: str) -> list[Any]:
    try:
        found = json.loads(written)
    except (ValueError, RecursionError):
        quoted = _LIST.fullmatch(written)
        if quoted:
            return [_unquoted(word) for word in quoted.captures(1)]
        if "'" not in written and '"' not in written:
            return written[1:-1].split(",")
        found = _literal(written)
    return list(found)


def _literal(written: str) -> list[Any]:
    """Python's list of objects: [{'name': 'a'}]. Bare words are not left to Python, which joins 'a' 'b'."""
    try:
        found = ast.literal_eval(written)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        found = None
    if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
        raise ValueError("not a list of tags")
    return found


def _unquoted(word: str) -> str:
    if len(word) < 2 or word[0] != word[-1] or word[0] not in "'\"":
        return word
    return str(_ESCAPE.sub(r"\1", word[1:-1]))
