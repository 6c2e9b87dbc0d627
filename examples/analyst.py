"""An analyst: what do picture, sound and words add over a simple rule? python examples/analyst.py demo

Prints each model's error against the rule's on videos that none of them had seen, with 95 % intervals.
"""

import sys
from pathlib import Path

from vvp import api

home = Path(sys.argv[1] if len(sys.argv) > 1 else "demo")
result = api.evaluate(home / "workspace")
print(result.verdict)
for split in result.splits.values():
    print(f"of {split.test_rows} test videos, {split.population}")
    for name, one in split.results.items():
        gap = one.versus_rule and one.versus_rule.mae
        if gap and gap.low is not None:
            print(f"  {name:24} {gap.point:+.2f} [{gap.low:+.2f}, {gap.high:+.2f}] log views")
