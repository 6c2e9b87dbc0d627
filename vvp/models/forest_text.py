"""LightGBM's text of a forest, checked before LightGBM sees it: its own reader trusts every number in it.

A child index that is out of range, a loop among nodes or a missing size ends the process or never ends, so a
text from elsewhere is read here first: as many numbers as it says, in range, each node reached once.
Not known here: what the trees predict.
"""

import math
import re
from collections.abc import Mapping, Sequence

from vvp.errors import UserError

MOST_BYTES, MOST_COLUMNS, MOST_TREES, MOST_LEAVES = 64 * 2**20, 100_000, 10_000, 2**15
TAIL_BYTES = 1 << 20  # what follows the trees: importances and the parameters of training
HEADER = {
    "version", "num_class", "num_tree_per_iteration", "label_index", "max_feature_idx", "objective",
    "feature_names", "feature_infos", "tree_sizes",
}  # fmt: skip
PER_NODE = {
    "split_feature", "split_gain", "threshold", "decision_type", "left_child", "right_child",
    "internal_value", "internal_weight", "internal_count",
}  # fmt: skip
PER_LEAF = {"leaf_value", "leaf_weight", "leaf_count"}
NEEDED = {"split_feature", "threshold", "decision_type", "left_child", "right_child", "leaf_value"}
WHOLE = {"split_feature", "decision_type", "left_child", "right_child", "leaf_count", "internal_count"}
FINITE = {"leaf_value", "shrinkage"}
ORDERED = {"threshold"}  # infinite where a split tells known from unknown values; never NaN
SINGLE = {"num_leaves", "num_cat", "is_linear", "shrinkage"}
CATEGORICAL = 1  # bit of decision_type
END = "end of trees\n"
INTEGER = re.compile(r"-?[0-9]{1,10}")
NUMBER = re.compile(r"-?([0-9]{1,40}(\.[0-9]{1,40})?(e[+-]?[0-9]{1,3})?|inf|nan)")
RANGE = re.compile(rf"none|\[{NUMBER.pattern}:{NUMBER.pattern}\]")
NAME = re.compile(r"[A-Za-z0-9_.-]{1,200}")


class _BadError(Exception):
    """What is wrong with the text."""


MOST_OUTPUTS = 16
OBJECTIVE = re.compile(
    r"regression(_l1)?( sqrt)?|binary sigmoid:1|multiclass num_class:(?P<classes>[0-9]{1,2})"
)


def trees(text: str) -> str:
    """The text without what follows the trees: LightGBM's reader of parameters ends the process over a few
    damaged signs, and no prediction needs them."""
    return text.partition(END)[0] + END


def check(text: str) -> None:
    """UserError unless `text` is a forest over numbers alone, as Gbdt saves it."""
    try:
        _check(text)
    except _BadError as error:
        raise UserError(f"the saved gbdt model is damaged or no forest of vvp's: {error}.") from error


def _check(text: str) -> None:
    if len(text) > MOST_BYTES or not text.isascii() or "\0" in text or "\r" in text:
        raise _BadError("it is too long, or no plain text")
    head, blank, rest = text.partition("\n\n")
    first, _, lines = head.partition("\n")
    if first != "tree" or not blank:
        raise _BadError("it does not begin as LightGBM's text")
    facts = _facts(lines, HEADER)
    columns = _whole(facts, "max_feature_idx", 0, MOST_COLUMNS - 1) + 1
    objective = OBJECTIVE.fullmatch(facts.get("objective", ""))
    if facts.get("version") not in ("v3", "v4") or objective is None:
        raise _BadError("its version or objective is another one")
    outputs = int(objective["classes"] or 1)
    if not 1 <= outputs <= MOST_OUTPUTS:
        raise _BadError("it has too many outputs")
    _whole(facts, "num_class", outputs, outputs), _whole(facts, "num_tree_per_iteration", outputs, outputs)
    for name, form in (("feature_names", NAME), ("feature_infos", RANGE)):
        words = facts.get(name, "").split(" ")
        if len(words) != columns or not all(map(form.fullmatch, words)):
            raise _BadError(f"{name} does not fit its {columns} columns")
    sizes = _numbers(facts, "tree_sizes", True)
    if len(sizes) > MOST_TREES:
        raise _BadError(f"it has more than {MOST_TREES} trees")
    at = 0
    for number, size in enumerate(sizes):
        block = rest[at : at + max(int(size), 0)]
        title, _, body = block.partition("\n")
        if title != f"Tree={number}" or len(block) != size:
            raise _BadError(f"tree {number} is not where tree_sizes says")
        _tree(number, _facts(body, PER_NODE | PER_LEAF | SINGLE), columns)
        at += int(size)
    tail = rest[at:]
    if not tail.startswith(END) or len(tail) > TAIL_BYTES or "Tree=" in tail:
        raise _BadError("what follows its trees is no end")
    *_, last = tail.rstrip("\n").splitlines()
    if "pandas_categorical" in tail and last != "pandas_categorical:null":
        raise _BadError("it has categories")


def _facts(lines: str, known: set[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for line in filter(None, lines.split("\n")):
        name, sign, value = line.partition("=")
        if not sign or name not in known or name in found:
            raise _BadError(f"the line {name[:40]!r} is unknown or stands twice")
        found[name] = value
    return found


def _numbers(facts: Mapping[str, str], name: str, whole: bool) -> Sequence[float]:
    if name not in facts:
        raise _BadError(f"{name} is missing")
    words = facts[name].split(" ") if facts[name] else []
    form = INTEGER if whole else NUMBER
    if not all(map(form.fullmatch, words)):  # Python's own reading takes more than LightGBM's
        raise _BadError(f"{name} holds what is no number")
    values = [int(v) if whole else float(v) for v in words]
    if whole and not all(-(2**31) <= v < 2**31 for v in values):
        raise _BadError(f"{name} holds a number that is too large")
    if name in FINITE and not all(map(math.isfinite, values)):
        raise _BadError(f"{name} holds what is no finite number")
    if name in ORDERED and any(map(math.isnan, values)):
        raise _BadError(f"{name} holds what is no number")
    return values


def _whole(facts: Mapping[str, str], name: str, low: int, high: int) -> int:
    values = _numbers(facts, name, True)
    if len(values) != 1 or not low <= values[0] <= high:
        raise _BadError(f"{name} is not one number from {low} to {high}")
    return int(values[0])


def _tree(number: int, facts: Mapping[str, str], columns: int) -> None:
    leaves = _whole(facts, "num_leaves", 1, MOST_LEAVES)
    _whole(facts, "num_cat", 0, 0)
    if "is_linear" in facts:
        _whole(facts, "is_linear", 0, 0)
    _numbers(facts, "shrinkage", False)
    arrays = {
        name: _numbers(facts, name, name in WHOLE) for name in (PER_NODE | PER_LEAF) & facts.keys() | NEEDED
        if leaves > 1 or name == "leaf_value"
    }  # fmt: skip
    for name, values in arrays.items():
        if len(values) != (leaves if name in PER_LEAF else leaves - 1):
            raise _BadError(f"tree {number}: {name} has {len(values)} numbers for {leaves} leaves")
    if leaves == 1:
        return
    if not all(0 <= column < columns for column in arrays["split_feature"]):
        raise _BadError(f"tree {number} splits on a column that is not there")
    if not all(0 <= kind < 16 and not int(kind) & CATEGORICAL for kind in arrays["decision_type"]):
        raise _BadError(f"tree {number} has a kind of split that is not known")
    reached = []
    for node, pair in enumerate(zip(arrays["left_child"], arrays["right_child"], strict=True)):
        for child in pair:
            # A node's children were made after it: so none leads back. A leaf is written as ~leaf.
            if not (node < child < leaves - 1 or -leaves <= child < 0):
                raise _BadError(f"tree {number}: node {node} has no child {child:.0f}")
            reached.append(child)
    if len(set(reached)) != len(reached):
        raise _BadError(f"tree {number}: a node is reached twice")
