"""The words around a count: units (K, Mio., 万), what is counted (views, Aufrufe), and ways to say none.

Units are the platforms' own short forms. Some mean two numbers: a Turkish "B" is a thousand, an Indonesian
"M" a thousand million, a Czech or Romanian "mil." a million. `doubt` says when nobody can tell which is
meant. `mil` without a dot is a thousand, as Spanish and Portuguese platforms write it.
Not known here: how the number itself is written (numbers.py).
"""

import re
from collections.abc import Collection

UNITS = {
    # thousand
    "k": 10**3, "thousand": 10**3, "tsd": 10**3, "tys": 10**3, "тыс": 10**3, "mil": 10**3, "mila": 10**3,
    "rb": 10**3, "tis": 10**3, "bin": 10**3,
    "ألف": 10**3, "हज़ार": 10**3, "พัน": 10**3, "천": 10**3, "千": 10**3,
    # ten thousand, hundred thousand
    "万": 10**4, "萬": 10**4, "만": 10**4, "หมื่น": 10**4, "lakh": 10**5, "lac": 10**5,
    "लाख": 10**5, "แสน": 10**5,
    # million
    "m": 10**6, "mio": 10**6, "mln": 10**6, "млн": 10**6, "mn": 10**6, "mi": 10**6, "million": 10**6,
    "mill": 10**6, "milj": 10**6,
    "millions": 10**6, "millionen": 10**6, "millones": 10**6, "millón": 10**6, "milhão": 10**6,
    "milhões": 10**6, "milioni": 10**6, "jt": 10**6, "tr": 10**6, "ล้าน": 10**6, "مليون": 10**6,
    # ten million, hundred million
    "crore": 10**7, "cr": 10**7, "करोड़": 10**7, "亿": 10**8, "億": 10**8, "억": 10**8,
    # thousand million
    "b": 10**9, "bn": 10**9, "bi": 10**9, "mrd": 10**9, "mld": 10**9, "млрд": 10**9, "md": 10**9,
    "billion": 10**9, "milliards": 10**9, "mil m": 10**9,
}  # fmt: skip

_WORDS = """
views view plays play watches likes like comments comment shares share reposts subscribers subscriber
followers follower videos times
Aufrufe Aufruf Abonnenten Abonnent Kommentare Follower
vues vue abonnés abonné mentions commentaires
visualizaciones visualización vistas vista reproducciones suscriptores seguidores comentarios
visualizações visualização inscritos seguidores curtidas
visualizzazioni visualizzazione iscritti follower
weergaven abonnees
wyświetleń wyświetlenia wyświetlenie subskrybentów
просмотров просмотра просмотр подписчиков подписчика подписчик
回視聴 回再生 回 人 人の登録者 次观看 次觀看 次播放 播放 观看 位订阅者 次
조회수 조회 회 명 구독자 チャンネル登録者数 視聴回数 再生回数
"""
NOUNS = {word.casefold() for word in _WORDS.split()}
NOUNS |= {"lượt xem", "x ditonton", "kali ditonton", "j'aime", "me gusta", "mi piace", "de vues", "de vue"}
NOUNS |= {"d'abonnés", "de visualizaciones", "de visualizações", "de vistas", "de suscriptores"}

NONE = {
    "no views", "no likes", "no comments", "no plays", "keine aufrufe", "aucune vue", "sin visualizaciones",
    "sin vistas", "nenhuma visualização", "nessuna visualizzazione", "нет просмотров", "geen weergaven",
    "조회수 없음",
}  # fmt: skip

# Unit → words of languages in which that unit is another number. Where one of them stands in the same column,
# the unit means that other number, or two programs wrote the column.
_ELSEWHERE = {
    "b": {"mn", "mr", "bin", "rb", "jt", "mrd", "mld", "mio", "mln", "tsd", "mil", "mi", "md"},
    "billion": {"mn", "mrd", "mld", "mio", "mln", "tsd", "md", "milliards", "millionen", "millones"},
    "m": {"rb", "jt"},
    "mil": {"tis", "mii", "tys", "mld", "milj", "milijuna"},
}
_COMMA_MEANS_ELSEWHERE = {"b", "billion", "md"}
_WORD = re.compile(r"[^\W\d_]+")

_LONGEST_FIRST = sorted(UNITS, key=len, reverse=True)


def scale(tail: str) -> tuple[int, str]:
    """(factor, unit) of what stands behind a number: ("K views") → (1000, "k"); no unit → (1, "").

    ValueError when it is neither a unit nor one of NOUNS.
    """
    found = tail.casefold().strip(" .+\u00a0\u202f")
    if found in ("", *NOUNS):
        return 1, ""
    for unit in _LONGEST_FIRST:
        rest = found.removeprefix(unit)
        if rest == found:
            continue
        # Between letters of one script a word must end; 万 stands glued to what it counts.
        glued = rest and rest[0].isalpha() and (unit.isascii() or rest[0].isascii())
        if not glued and rest.strip(" .+\u00a0\u202f") in ("", *NOUNS):
            return UNITS[unit], unit
    raise ValueError("not a count")


def unit_word(tail: str) -> str:
    """The word right behind a number, in lower case, known or not; "" when there is none."""
    word = _WORD.match(tail.casefold().lstrip(" \u00a0\u202f"))
    return word[0] if word else ""


def doubt(tail: str, unit: str, words: Collection[str], comma: bool, point: bool) -> str | None:
    """Why nobody can tell how much `unit` is in this column; None: it can only mean what UNITS says.

    tail: what stands behind the number. words: the `unit_word`s of the column. comma, point: whether the
    column shows that this sign begins decimals.
    """
    if unit == "mil" and tail.casefold().lstrip(" \u00a0\u202f").startswith("mil."):
        return "mil. is a thousand in some languages and a million in others"
    if unit in _COMMA_MEANS_ELSEWHERE and comma:
        return f"{unit.upper()} after a decimal comma means thousand in some languages"
    if unit == "b" and tail[:1].isspace() and not point:
        return "B behind a space means thousand in some languages"
    others = _ELSEWHERE.get(unit, set()).intersection(words)
    if others:
        return f"{unit} and {min(others)} stand in one column, and belong to different languages"
    return None


def without_label(written: str) -> str:
    """The count without the word in front of it: Views: 1,234, 조회수 1.2만회."""
    folded = written.casefold()
    for noun in NOUNS:
        if folded.startswith(noun) and not folded[len(noun) : len(noun) + 1].isalpha():
            return written[len(noun) :].lstrip(" :：\u00a0")
    return written
