"""What a person sees: tables and JSON on stdout, progress and complaints on stderr. Knows no verb."""

import json
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from vvp.words import UNSEEN
from vvp.words import visible as shown

PIPE_CLOSED = 141  # 128 + SIGPIPE: what a shell says of a program whose reader has gone


class _Console(Console):
    """Rich's, which prints control characters of a text as they are."""

    def print(self, *objects: Any, **options: Any) -> None:
        super().print(*(shown(part) if isinstance(part, str) else part for part in objects), **options)

    def on_broken_pipe(self) -> None:
        """The reader has gone: a shell's 141, not the 1 of a failure."""
        try:
            super().on_broken_pipe()
        except SystemExit:
            raise SystemExit(PIPE_CLOSED) from None


# Piped output gets a fixed width, because tables cut at 80 columns are of no use in a log.
out = _Console(highlight=False, width=None if sys.stdout is not None and sys.stdout.isatty() else 140)
err = _Console(stderr=True, highlight=False, soft_wrap=True)


class Update(Protocol):
    def __call__(self, done: int, total: int, note: str = "") -> None: ...


LINE_EVERY_S = 5.0


def table(
    title: str,
    heads: Sequence[str],
    rows: Sequence[Sequence[Any]],
    note: str | None = None,
    left: Sequence[int] = (0,),
) -> None:
    """One table; numbers should come formatted, None is shown as a dash. left: columns of words."""
    out.print(f"[bold]{escape(title)}[/bold]")
    grid = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for index, head in enumerate(heads):
        grid.add_column(shown(head), justify="left" if index in left else "right", overflow="fold")
    for row in rows:
        grid.add_row(*("–" if cell is None else escape(shown(str(cell))) for cell in row))
    out.print(grid)
    if note:
        out.print(note, markup=False)


def facts(title: str, pairs: Sequence[tuple[str, Any]]) -> None:
    """A short list of name and value under a heading."""
    out.print(f"[bold]{escape(title)}[/bold]")
    width = max((len(name) for name, _ in pairs), default=0)
    for name, value in pairs:
        out.print(f"  {name:<{width}}  {value}", markup=False, soft_wrap=True)


def as_json(value: Any) -> None:
    """The whole result on stdout, for another program; what nobody sees is escaped: nothing is lost."""
    text = json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False, default=str)
    sys.stdout.write(UNSEEN.sub(lambda m: m[0] if m[0] == "\n" else f"\\u{ord(m[0]):04x}", text) + "\n")


@contextmanager
def progress(label: str) -> Iterator[Update]:
    """update(done, total, note): a bar on a terminal, a line every few seconds in a log."""
    if err.is_terminal:
        bar = Progress(
            TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
            TextColumn("{task.fields[note]}"), console=err,
        )  # fmt: skip
        task = bar.add_task(label, total=None, note="")

        def move(done: int, total: int, note: str = "") -> None:
            bar.update(task, completed=done, total=total, note=escape(shown(note)))

        with bar:
            yield move
        return
    last = [0.0, -1]

    def line(done: int, total: int, note: str = "") -> None:
        now = time.monotonic()
        if done != last[1] and (now - last[0] >= LINE_EVERY_S or done == total):
            last[:] = [now, done]
            err.print(f"{label}: {done} of {total} {note}".rstrip(), markup=False)

    yield line


def count(number: int) -> str:
    """1234567 → 1,234,567."""
    return f"{number:,}"


def interval(triple: Sequence[float | None] | None, digits: int = 2) -> str | None:
    """[point, low, high] → '0.61 [0.42, 0.75]'; None stays None."""
    if triple is None or triple[0] is None:
        return None
    point, low, high = triple
    if low is None or high is None:
        return f"{point:.{digits}f} [no interval]"
    return f"{point:.{digits}f} [{low:.{digits}f}, {high:.{digits}f}]"
