"""What a cell says: nothing, words, an id, a platform. One list of words for "nothing" serves every reader.

Every reader of collect returns None for a value that is missing (None, NaN, "", "N/A", …) and raises
ValueError for one that is there and cannot be read; problems.py turns that error into a null that is counted.
Text, ids and names are in Unicode's composed form (NFC), so that a name from a Mac is the same name.
Not known here: counts (numbers.py), dates (dates.py), tags (hashtags.py), or what a column is for.
"""

import math
import re
import unicodedata
from decimal import Decimal
from typing import Any

MISSING = {
    "", "-", "--", "---", "–", "—", "n/a", "n.a.", "na", "nan", "nat", "none", "null", "nil", "undefined",
    "[none]", "(none)", "(null)", "<na>", "<null>", "\\n", "[]", "{}",
}  # fmt: skip

# What a spreadsheet shows where a formula failed, in the languages whose words differ.
SPREADSHEET_ERRORS = {
    "#NAME?", "#REF!", "#VALUE!", "#N/A", "#N/A!", "#DIV/0!", "#ERROR!", "#NUM!", "#NULL!", "#SPILL!",
    "#CALC!", "#FIELD!", "#BLOCKED!", "#CONNECT!", "#UNKNOWN!", "#BUSY!", "#GETTING_DATA", "#NV", "#WERT!",
    "#BEZUG!", "#ZAHL!", "#NOM?", "#VALEUR!", "#NOMBRE!", "#NOMBRE?", "#¿NOMBRE?", "#¡VALOR!", "#¡REF!",
    "#¡DIV/0!", "#¡NUM!", "#VALOR!", "#NOME?", "#VALORE!", "#NAAM?", "#WAARDE!", "#VERW!", "#ИМЯ?", "#ЗНАЧ!",
    "#ССЫЛКА!", "#Н/Д", "#ДЕЛ/0!", "#NAZWA?", "#N/D", "#N/D!", "#ARG!", "#ADR!", "#LICZBA!", "#DZIEL/0!",
    "#HODNOTA!", "#ODKAZ!", "#ČÍSLO!", "#CISLO!", "#NÁZEV?", "#NÁZOV?", "#DELENIE.NULOU!", "#DĚLENÍ_NULOU!",
    "#DEĞER!", "#AD?", "#BAŞV!", "#SAYI!", "#SAYI/0!", "#YOK", "#ADRESSE!", "#ÉRTÉK!", "#HIV!", "#SZÁM!",
    "#NÉV?", "#HIÁNYZIK", "#ZÉRÓOSZTÓ!", "#ONBEKEND!", "#GETAL!", "#DEEL/0!", "#N/B", "#LEEG!", "#DIV/0",
    "#REF", "#NAME", "#NAVN?", "#VÆRDI!", "#VERDI!", "#REFERENCE!", "#REFERANSE!", "#I/T", "#NAMN?",
    "#VÄRDEFEL!", "#REFERENS!", "#OGILTIGT!", "#SAKNAS!", "#DIVISION/0!", "#NIMI?", "#ARVO!", "#VIITTAUS!",
    "#LUKU!", "#PUUTTUU!", "#JAKO/0!", "#RIF!", "#NUMERO!", "#TAL!",
}  # fmt: skip

NO_PLATFORM = ("generic", "html5")  # extractors that say how a file was fetched, not from where
PLATFORMS = {
    "yt": "youtube", "youtu.be": "youtube", "youtube shorts": "youtube", "youtubeshorts": "youtube",
    "youtube short": "youtube", "yt shorts": "youtube", "shorts": "youtube", "you tube": "youtube",
    "tt": "tiktok", "tik tok": "tiktok", "tik-tok": "tiktok",
    "ig": "instagram", "insta": "instagram", "instagram reels": "instagram", "instagram reel": "instagram",
    "ig reels": "instagram", "reels": "instagram", "reel": "instagram",
    "fb": "facebook", "facebook reels": "facebook", "facebook reel": "facebook", "fb reels": "facebook",
    "x.com": "twitter", "x": "twitter", "snap": "snapchat",
}  # fmt: skip
EXACT = 2**53 - 1  # whole numbers up to here survive a float; 2**53 may have been 2**53 + 1

FLAGS = {
    "true": True, "yes": True, "1": True, "1.0": True, "false": False, "no": False, "0": False, "0.0": False,
}  # fmt: skip
# What clings to a copied id, number or date and is not seen: a BOM, zero-width spaces, marks of direction.
_INVISIBLE = "\ufeff\u200b\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\u2066\u2067\u2068\u2069"
_FORMULA = re.compile(r'="(.*)"', re.DOTALL)
_ROUNDED = re.compile(r"\d([.,]\d+)?e\+?\d{1,3}", re.IGNORECASE)
_GROUPED_ID = re.compile(r"[1-9]\d{0,2}([.,'’\s]\d{3})+")
# A video's page, from which its id is taken: dashboards export links.
_LINK = re.compile(
    r"https?://(?:[\w-]+\.)*(?:tiktok\.com/@[^/]+/(?:video|photo)/(\d+)"
    r"|youtube\.com/(?:watch\?(?:[^#]*&)?v=|shorts/|embed/|live/)([\w-]{11})|youtu\.be/([\w-]{11})"
    r"|instagram\.com/(?:[^/]+/)?(?:p|reel|reels|tv)/([\w-]+))(?:[/?&#].*)?"
)
_SITE = re.compile(r"(?:https?://)?(?:www\.|m\.)?([a-z]+)\.(?:com|net)(?:/.*)?")


def missing(value: Any) -> bool:
    """Whether a cell says nothing: None, NaN, or one of MISSING in any case."""
    if value is None or (isinstance(value, float | Decimal) and math.isnan(value)):
        return True
    if isinstance(value, bytes):
        return not value
    return isinstance(value, str) and value.strip(_INVISIBLE + " \t\r\n\u00a0").lower() in MISSING


def shown(value: Any) -> str:
    """The cell as text in NFC, without outer space and invisible marks. ValueError: no UTF-8, or no cell."""
    if isinstance(value, list | tuple | dict | set):
        raise ValueError(f"a {type(value).__name__} where one value belongs")
    written = value.decode("utf-8") if isinstance(value, bytes) else str(value)
    found = unicodedata.normalize("NFC", written.encode("utf-8", "replace").decode("utf-8")).strip()
    if _INVISIBLE and found and (found[0] in _INVISIBLE or found[-1] in _INVISIBLE):
        found = found.strip(_INVISIBLE + " \t\r\n\u00a0")
    if found.upper() in SPREADSHEET_ERRORS or found.startswith("####") or re.fullmatch(r"Err:\d{3}", found):
        raise ValueError("a spreadsheet's error, not a value")
    return found


def unguarded(written: str) -> str:
    """The value behind what keeps a spreadsheet from changing it: `="…"`, or an apostrophe in front."""
    formula = _FORMULA.fullmatch(written)
    if formula:
        return formula[1].replace('""', '"').strip()
    # An apostrophe may be the first letter of a title ('Tis the season), so it goes only where it guards.
    guards = written.startswith("'") and written.count("'") == 1
    return written[1:] if guards and re.match(r"[=+\-@]|[\d.,\s]+$", written[1:]) else written


def plain(value: Any) -> str:
    """`shown` and `unguarded`, for numbers, dates and ids, where no quote belongs to the value."""
    found = unguarded(shown(value))
    if len(found) > 1 and found[0] == found[-1] and found[0] in "'\"":
        return found[1:-1].strip()
    return found[1:] if found.startswith("'") else found


def text(value: Any) -> str | None:
    """Words as they stand, outer space aside; None when there are none. ValueError: a list, or true/false.

    Half a surrogate pair (cut emoji in some JSON) cannot be stored as UTF-8 and becomes "?".
    """
    if missing(value):
        return None
    if isinstance(value, bool):
        raise ValueError("true/false where words belong")
    found = unguarded(shown(value))
    return None if missing(found) else found


def flag(value: Any) -> bool | None:
    """Yes or no. ValueError for anything but true, false, yes, no, 1 and 0."""
    if missing(value):
        return None
    if isinstance(value, bool):
        return value
    written = plain(value).lower()
    if written not in FLAGS:
        raise ValueError("neither yes nor no")
    return FLAGS[written]


def platform(value: Any) -> str | None:
    """tiktok, youtube, … from a platform's name, its site, or yt-dlp's extractor (`youtube:shorts`)."""
    if missing(value):
        return None
    name = plain(value).lower()
    if missing(name):
        return None
    site = _SITE.fullmatch(name)
    name = site[1] if site else " ".join(name.split(":")[0].split())
    return None if not name or name in NO_PLATFORM else PLATFORMS.get(name, name)


def identifier(value: Any) -> str | None:
    """An id as a string, out of a video's link too. ValueError for one that was rounded or grouped."""
    if missing(value) or isinstance(value, bool):
        return None
    if isinstance(value, float | Decimal):
        if (
            not math.isfinite(value)
            or value != int(value)
            or (isinstance(value, float) and abs(value) > EXACT)
        ):
            raise ValueError(f"the id {value!r} was stored as a number and has lost digits")
        value = int(value)
    found = plain(value)
    if missing(found):
        return None
    if found.startswith("#"):
        raise ValueError(f"{found[:20]!r} is a spreadsheet's error or a hashtag, not an id")
    if found in ("TRUE", "FALSE"):
        raise ValueError(f"the id {found!r} was made a truth value by a spreadsheet")
    link = _LINK.fullmatch(found)
    if link:
        return str(next(part for part in link.groups() if part))
    if _ROUNDED.fullmatch(found):
        raise ValueError(f"the id {found!r} was rounded by a spreadsheet")
    if found.endswith(".0") and found[:-2].isdecimal():  # pandas writes whole floats so
        if int(found[:-2]) > EXACT:
            raise ValueError(f"the id {found!r} was stored as a number and has lost digits")
        return found[:-2]
    if _GROUPED_ID.fullmatch(found):
        raise ValueError(f"the id {found!r} was grouped as a number by a spreadsheet")
    return found


def looks_rounded(video_id: str) -> bool:
    """Whether an id of 17 digits or more is what a float shows of one: few others end so (about 1 in 500)."""
    if not (video_id.isascii() and video_id.isdecimal() and 17 <= len(video_id) <= 22):
        return False
    number = int(video_id)
    stored = float(number)
    return number in (int(stored), int(Decimal(repr(stored))))
