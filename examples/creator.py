"""A creator: how many views will my draft get? Run after `make demo`: python examples/creator.py demo

The forecast of a draft takes five lines. Its headline and promise say what the evidence allows, no more.
"""

import sys
from pathlib import Path

from vvp import api

home = Path(sys.argv[1] if len(sys.argv) > 1 else "demo")
predictor = api.open_predictor(home / "workspace")
draft = next(iter(sorted((home / "unseen").glob("*.mp4"))), None)
forecast = predictor.forecast(draft, title="the secret of chess again", tags=["chess", "shorts"])
print(forecast.headline)
print(forecast.promise)
for name, also in forecast.targets.items():  # after `vvp tune --target all` and `vvp evaluate`
    print(f"{name}: {also.text}")
