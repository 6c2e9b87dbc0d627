"""An engineer: posts in, a new run beside the old one, a report out. python examples/engineer.py demo

The same calls work on a Ray cluster: call `ray.init(address)` first, and give an s3:// workspace.
"""

import sys
from pathlib import Path

from vvp import api

home = Path(sys.argv[1] if len(sys.argv) > 1 else "demo")
space = home / "workspace"
run = api.tune(space, name="ridge_only", families=["ridge"], trials=2, others=False)
for split, fitted in run.splits.items():
    print(split, fitted.validation_loss)
print(api.evaluate(space, name="ridge_only").verdict)
print(api.report(space, name="ridge_only", thumbnails=False))
