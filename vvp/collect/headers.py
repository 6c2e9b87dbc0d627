"""Which column of a table is which of ours: the ready-made map that fits, and the user's own over it.

Names are compared without regard to case, and with a slash for a dot. A map that was made for a shape beats
the common names.
Not known here: the maps themselves (presets.py), or how a value is read.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from vvp.collect.presets import ALIASES, COMMON, COMMON_NAMES, OWN, PRESETS, TARGETS, Preset
from vvp.errors import UserError
from vvp.schema import COUNTS


@dataclass(frozen=True, kw_only=True)
class Header:
    """columns: ours → theirs, in the order in which a row tries them. fixed: values that hold for every row.
    formats: strptime formats of columns whose dates would else be unreadable. preset: whose map it is.
    """

    columns: dict[str, tuple[str, ...]]
    fixed: dict[str, Any]
    formats: dict[str, str]
    preset: str | None

    def unused(self, names: Iterable[str], made_of: Mapping[str, Iterable[str]]) -> list[str]:
        """Columns of the table that nothing uses. made_of: see RawTable; the list stands for its parts."""
        used = {theirs for each in self.columns.values() for theirs in each}
        used |= {part for parts in made_of.values() for part in parts}
        return [name for name in names if name and name not in used]


def read_header(names: Sequence[str], mapping: Mapping[str, str], preset: str | None, file: str) -> Header:
    """UserError: no such ready-made map, a column that we or the table do not have, none for the id, none
    for any count."""
    chosen = choose(names, preset)
    own = checked(mapping, names, file)
    shape = PRESETS.get(chosen or "", Preset(columns={}, signature=()))
    columns = resolve(names, shape) if chosen in PRESETS else common(names)
    if chosen == OWN:  # such names are common ones too: what stands beside them may be called anything usual
        taken = {theirs for each in columns.values() for theirs in each}
        usual = common([name for name in names if name not in taken])
        columns |= {ours: theirs for ours, theirs in usual.items() if ours not in columns}
    columns |= {ours: (theirs,) for ours, theirs in own.items()}
    missing = [] if "video_id" in columns else ["video_id"]
    if not set(COUNTS) & set(columns):
        missing.append("views")
    if missing:
        used = (
            f"the ready-made map {chosen}"
            if chosen in PRESETS
            else f"none of the ready-made maps ({', '.join(PRESETS)})"
        )
        wanted = " ".join(f"--map {name}=COLUMN" for name in missing)
        raise UserError(
            f"{file} has no column for {' and '.join(missing)}: {used} fits its columns "
            f"{', '.join(names)}; name them with {wanted}."
        )
    return Header(
        columns=columns,
        fixed={"platform": shape.platform} if shape.platform and "platform" not in columns else {},
        formats={ours: f for ours, f in shape.date_formats.items() if ours not in own},
        preset=chosen,
    )


def choose(names: Iterable[str], preset: str | None) -> str | None:
    """The preset asked for, else the one that the table's columns fit (most columns used), else COMMON where
    the names themselves say what is what, else None.

    UserError: no such preset.
    """
    have = list(names)
    if preset is not None:
        if preset not in (*PRESETS, COMMON):
            raise UserError(
                f"there is no ready-made map {preset!r}; there are {', '.join((*PRESETS, COMMON))}."
            )
        return preset
    folded = {_folded(name) for name in have}
    fitting = [name for name, each in PRESETS.items() if folded.issuperset(map(_folded, each.signature))]
    if fitting:
        return max(fitting, key=lambda name: len(resolve(have, PRESETS[name])))
    return COMMON if {"video_id", "views"} <= set(common(have)) else None


def resolve(names: Iterable[str], preset: Preset) -> dict[str, tuple[str, ...]]:
    """Our column → the table's, for what the table has."""
    have = list(names)
    found = {
        ours: tuple(t for t in (_find(each, have) for each in theirs) if t is not None)
        for ours, theirs in preset.columns.items()
    }
    return {ours: theirs for ours, theirs in found.items() if theirs}


def checked(mapping: Mapping[str, str], names: Iterable[str], file: str) -> dict[str, str]:
    """The user's map with aliases resolved. UserError: a column that we or the table do not have."""
    have = list(names)
    out = {}
    for given, theirs in mapping.items():
        ours = ALIASES.get(given, given)
        if ours not in TARGETS:
            raise UserError(
                f"--map {given}={theirs}: vvp has no column {given!r}; it has {', '.join(TARGETS)}."
            )
        found = _find(theirs, have)
        if found is None:
            raise UserError(
                f"--map {given}={theirs}: {file} has no column {theirs!r}; it has {', '.join(have)}."
            )
        out[ours] = found
    return out


def common(names: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """The map by common names; of several that fit one of ours, the first in COMMON_NAMES."""
    squeezed: dict[str, str] = {}
    for name in names:
        squeezed.setdefault(re.sub(r"[\W_]", "", name).casefold(), name)
    found = {ours: next((n for n in known if n in squeezed), None) for ours, known in COMMON_NAMES.items()}
    return {ours: (squeezed[name],) for ours, name in found.items() if name is not None}


def _find(wanted: str, have: Sequence[str]) -> str | None:
    """The table's column of that name: written so, else the first that differs in case or slash alone."""
    if wanted in have:
        return wanted
    return next((name for name in have if _folded(name) == _folded(wanted)), None)


def _folded(name: str) -> str:
    return name.strip().casefold().replace("/", ".")
