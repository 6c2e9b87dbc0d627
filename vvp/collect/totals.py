"""Lines of a table that are no post: the sum that a dashboard puts above or below the posts."""

from collections.abc import Sequence

WORDS = {
    "total", "totals", "grand total", "sum", "overall", "all", "gesamt", "summe", "insgesamt", "gesamtsumme",
    "suma", "total general", "total général", "somme", "totale", "somma", "totaal", "totalt", "razem",
    "celkem", "celkom", "tổng", "tổng cộng", "jumlah", "total keseluruhan", "összesen", "yhteensä", "i alt",
    "ukupno", "skupaj", "subtotal", "zwischensumme", "average", "avg", "mean", "median", "mittelwert",
    "durchschnitt", "promedio", "moyenne", "média", "gemiddelde", "średnia", "среднее", "平均", "всього",
    "итого", "всего", "toplam", "合計", "总计", "總計", "합계", "总和",
}  # fmt: skip
FEWEST = 3  # below so many other rows a sum may be chance


def is_total(video_id: str) -> bool:
    """Whether an id is a word for the sum of all rows."""
    return video_id.strip(" :.").casefold() in WORDS


def sum_of_the_others(views: Sequence[int | None]) -> int | None:
    """The place of a row whose views are the sum of all the others', or None."""
    known = [v for v in views if v is not None and v > 0]
    whole = sum(known)
    if len(known) <= FEWEST or whole % 2 or max(known) * 2 != whole:
        return None
    return list(views).index(whole // 2)
