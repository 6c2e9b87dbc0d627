"""The loop of every fuzzer: numbered cases, each drawn from a seed of its own, so that one comes back alone.

VVP_FUZZ_FIRST says where to begin and VVP_FUZZ_CASES how many to run; VVP_FUZZ_SECONDS runs until the time
is over instead. Not known here: what a case is.
"""

import json
import os
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import count

SEED = 12
FIRST = int(os.environ.get("VVP_FUZZ_FIRST", "0"))
SECONDS = float(os.environ.get("VVP_FUZZ_SECONDS", "0"))


@dataclass
class Found:
    """What came of the cases: how often each outcome, and a line for each case that went wrong."""

    outcomes: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)

    @property
    def cases(self) -> int:
        return self.outcomes.total() + len(self.wrong)


def generator(case: int) -> random.Random:
    return random.Random(SEED * 10**6 + case)


def numbers(cases: int) -> Iterator[int]:
    """The numbers of the cases to run. cases: how many, where the environment does not say."""
    end = time.monotonic() + SECONDS
    last = FIRST + int(os.environ.get("VVP_FUZZ_CASES", str(cases)))
    for case in count(FIRST):
        if time.monotonic() >= end if SECONDS else case >= last:
            return
        yield case


def fuzz(run: Callable[[int], str], cases: int, threads: int = 1) -> Found:
    """Runs the cases. run: the outcome of one, in a word; what it raises of AssertionError, ValueError and
    OSError makes the case a wrong one."""
    found, started = Found(), time.monotonic()

    def guarded(case: int) -> str | AssertionError:
        try:
            return run(case)
        except (AssertionError, ValueError, OSError) as error:
            return AssertionError(f"case {case}: {type(error).__name__}: {error}"[:700].replace("\n", " "))

    def note(outcome: str | AssertionError) -> None:
        if isinstance(outcome, str):
            found.outcomes[outcome] += 1
        else:
            found.wrong.append(str(outcome))
            print(outcome, flush=True)

    if threads == 1:
        for case in numbers(cases):
            note(guarded(case))
    else:
        with ThreadPoolExecutor(threads) as pool:
            turns, more = numbers(cases), True
            while more:  # by the hundred, so that the time is asked for now and then
                some = [case for case, _ in zip(turns, range(100), strict=False)]
                more = bool(some)
                for outcome in pool.map(guarded, some):
                    note(outcome)
    seconds = round(time.monotonic() - started)
    print(json.dumps({"cases": found.cases, "seconds": seconds, **found.outcomes}), flush=True)
    return found
