"""cluster.yaml against Ray's own launcher schema, rayjob.yaml against the CLI that it calls.

Neither has a cloud here: what only AWS or Kubernetes can refuse is not tested.
"""

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml
from ray.autoscaler._private.util import prepare_config, validate_config

from jobs import cli
from vvp.embed.pools import GPU_WEIGHT, parse_actors

ROOT = Path(__file__).parents[2]
LOCKED = dict(
    line.split(" ")[0].split("==")
    for line in (ROOT / "requirements.lock").read_text().split("\n")
    if "==" in line
)


def _yaml(path: str) -> Any:
    return yaml.safe_load((ROOT / path).read_text())


@pytest.fixture(scope="module")
def cluster() -> Any:
    """As `ray up` sees it: Ray's defaults filled in, then its schema."""
    config = prepare_config(_yaml("cluster.yaml"))
    validate_config(config)
    return config


def test_the_schema_would_notice_a_mistake() -> None:
    from jsonschema import ValidationError

    wrong = _yaml("cluster.yaml") | {"max_wrokers": 3}
    with pytest.raises(ValidationError, match="max_wrokers"):
        validate_config(prepare_config(wrong))


def test_node_types_make_sense(cluster: Any) -> None:
    types = cluster["available_node_types"]
    head = types.pop(cluster["head_node_type"])
    assert head["max_workers"] == 0 and head["resources"] == {"CPU": 0}
    assert "InstanceMarketOptions" not in head["node_config"], "a head that vanishes takes the job with it"
    for one in types.values():
        assert one["min_workers"] == 0, "an idle cluster costs its head only"
        assert 0 < one["max_workers"] <= cluster["max_workers"]
        assert one["node_config"]["InstanceMarketOptions"] == {"MarketType": "spot"}
    # Ray's default image has a Python that the lock does not support.
    images = {one["node_config"]["ImageId"] for one in (head, *types.values())}
    assert images == {"ami-REPLACE"}


def test_every_node_gets_the_lock_and_the_token(cluster: Any) -> None:
    mounts = cluster["file_mounts"]
    [lock] = [there for there, here in mounts.items() if here == "requirements.lock"]
    assert (ROOT / "requirements.lock").is_file()
    for kind in ("head", "worker"):
        assert any(f"-r {lock}" in step for step in cluster[f"{kind}_setup_commands"])
        # No system-wide pip: its packages are not those of the environment, and newer systems refuse it.
        pips = [step for step in cluster[f"{kind}_setup_commands"] if "pip " in step]
        assert pips and all("~/vvp-env/bin/pip" in step for step in pips)
        [start] = [step for step in cluster[f"{kind}_start_ray_commands"] if "ray start" in step]
        assert "RAY_AUTH_MODE=token" in start and "PATH=$HOME/vvp-env/bin:$PATH" in start
        assert "--head" in start if kind == "head" else "--address=$RAY_HEAD_IP:6379" in start
    assert mounts["/home/ubuntu/.ray/auth_token"] == "~/.ray/auth_token"  # where Ray looks, without settings
    assert "--num-cpus=0" in " ".join(cluster["head_start_ray_commands"])
    assert "--dashboard-host=127.0.0.1" in " ".join(cluster["head_start_ray_commands"])


def _parse(arguments: list[str]) -> tuple[str, dict[str, Any]]:
    """The verb and its parameters, as the CLI reads them; nothing is run. Raises on an unknown option."""
    if not cli.app.registered_groups:
        cli._verbs()
    group: Any = typer.main.get_command(cli.app)
    verb, *rest = arguments
    context = group.commands[verb].make_context(verb, rest)
    return verb, context.params


def test_the_rayjob_calls_a_command_line_that_exists() -> None:
    spec = _yaml("jobs/rayjob.yaml")["spec"]
    program, *arguments = shlex.split(spec["entrypoint"])
    assert program == "vvp"
    verb, parameters = _parse(arguments)
    assert (verb, parameters["profile"], parameters["video_actors"]) == ("embed", "paper", "1:8")
    assert parameters["workspace"].startswith("/data/") and parameters["models"].startswith("/data/")


def test_what_the_rayjob_waits_for_and_asks_for_fits_its_cluster() -> None:
    spec = _yaml("jobs/rayjob.yaml")["spec"]
    _, asked = _parse(shlex.split(spec["entrypoint"])[1:])
    cpus = gpus = most = 0
    for group in spec["rayClusterSpec"]["workerGroupSpecs"]:
        limits = group["template"]["spec"]["containers"][0]["resources"]["limits"]
        cpus += group["replicas"] * int(limits["cpu"])
        gpus += group["replicas"] * int(limits.get("nvidia.com/gpu", 0))
        most += group["maxReplicas"] * int(limits.get("nvidia.com/gpu", 0))
    assert (asked["min_cpus"], asked["min_gpus"]) == (cpus, gpus)
    encoders = [parse_actors(asked[f"{stage}_actors"]) for stage in GPU_WEIGHT]
    assert sum(low for low, _ in encoders) * asked["gpus_per_actor"] <= gpus
    assert sum(high for _, high in encoders) * asked["gpus_per_actor"] <= most


def test_the_rayjob_is_of_the_locked_ray_and_its_resources_make_sense() -> None:
    job = _yaml("jobs/rayjob.yaml")
    assert (job["apiVersion"], job["kind"]) == ("ray.io/v1", "RayJob")
    cluster = job["spec"]["rayClusterSpec"]
    assert cluster["rayVersion"] == LOCKED["ray"]
    assert cluster["authOptions"] == {"mode": "token"}
    assert cluster["headGroupSpec"]["rayStartParams"]["num-cpus"] == "0"
    assert isinstance(yaml.safe_load(job["spec"]["runtimeEnvYAML"])["env_vars"], dict)
    groups = {group["groupName"]: group for group in cluster["workerGroupSpecs"]}
    assert set(groups) == {"cpu", "gpu"}
    images = set()
    for group in [cluster["headGroupSpec"], *groups.values()]:
        [container] = group["template"]["spec"]["containers"]
        # Ray reads a pod's size from its limits: requests below them would promise what is not there.
        assert container["resources"]["requests"] == container["resources"]["limits"]
        images.add(container["image"])
    assert len(images) == 1, "all pods run one environment"
    for group in groups.values():
        assert group["minReplicas"] <= group["replicas"] <= group["maxReplicas"]
    # The driver, on the head, reads the workspace and checks the weights; a decoder may run on any worker.
    for group in [cluster["headGroupSpec"], *groups.values()]:
        pod = group["template"]["spec"]
        assert [mount["mountPath"] for mount in pod["containers"][0]["volumeMounts"]] == ["/data"]
        assert pod["volumes"][0]["persistentVolumeClaim"] == {"claimName": "vvp-data"}


def test_commands_in_the_jobs_readme_exist() -> None:
    text = (ROOT / "jobs" / "README.md").read_text()
    blocks = "\n".join(re.findall(r"```(?:sh|console)\n(.*?)```", text, re.DOTALL)).replace("\\\n", " ")
    lines = [line.strip("$ ") for line in blocks.split("\n") if line.strip("$ ").startswith("vvp ")]
    assert len(lines) > 5
    for line in lines:
        words = shlex.split(line, comments=True)[1:]
        if words[0] == "--on":
            words = words[2:]
        _parse(words)
