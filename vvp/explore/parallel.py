"""Work that can run side by side: one function over many jobs, with data that all of them share.

`one_by_one` is the plain way; jobs/explore.py hands in one that makes each job a Ray task. A function given
to it must be importable, its jobs small, its results in the order of the jobs.
Not known here: what the work is.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Protocol, TypeVar

Shared = TypeVar("Shared")
Job = TypeVar("Job")
Result = TypeVar("Result")


class RunJobs(Protocol):
    def __call__(
        self, function: Callable[[Shared, Job], Result], shared: Shared, jobs: Sequence[Job]
    ) -> Iterable[Result]: ...


def one_by_one(
    function: Callable[[Shared, Job], Result], shared: Shared, jobs: Sequence[Job]
) -> Iterable[Result]:
    """function(shared, job) of each job, in this process, one after another."""
    return (function(shared, job) for job in jobs)
