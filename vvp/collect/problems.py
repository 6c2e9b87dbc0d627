"""Counts the values of a run that could not be read. Not known here: how they are read (parse.py)."""

from collections import Counter
from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")


class Problems:
    """By column: how many values became null because nobody could read them, and the first of them."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.examples: dict[str, str] = {}

    def read(self, column: str, reader: Callable[[Any], T | None], value: Any, origin: str) -> T | None:
        try:
            return reader(value)
        except ValueError as error:
            self.note(column, f"{str(value)[:60]!r} at {origin}: {error}")
            return None

    def note(self, column: str, what: str) -> None:
        self.counts[column] += 1
        self.examples.setdefault(column, what)
