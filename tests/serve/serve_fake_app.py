"""The app with the fakes of serve_fakes.py: what a test's deploy names as its import path."""

from ray.serve import Application
from serve_fakes import PROFILE, decode

from serve.app import make
from serve.config import FUSED, STAGES, AppArgs


def build(args: AppArgs) -> Application:
    """It reserves no CPU of the session's Ray, so tests of other folders do not notice it."""
    stages = FUSED if args.layout == "fused" else STAGES
    free = {name: stage.model_copy(update={"num_cpus": 0}) for name, stage in stages.items()}
    return make(args.model_copy(update={"stages": free}), PROFILE, decode)
