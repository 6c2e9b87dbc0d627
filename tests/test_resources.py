"""The plan: what fits, what is refused at once, and that reservations never exceed the machines."""

import pytest

from vvp.embed.pools import STAGES, WRITE_CPUS, Request, parse_actors, plan
from vvp.errors import PlanError, UserError

GB = 2**30


def machine(cpus: float, gpus: float = 0, memory: float = 64) -> dict[str, float]:
    return {"CPU": cpus, "GPU": gpus, "memory": memory * GB}


def test_actor_ranges_are_read():
    assert parse_actors("4") == (4, 4)
    assert parse_actors("1:8") == (1, 8)
    for wrong in ("0", "8:1", "a", "1:", ":3", "-1:2", "1:2:3", ""):
        with pytest.raises(UserError, match="number of actors"):
            parse_actors(wrong)


@pytest.mark.parametrize("cpus", [1, 2, 3, 4, 8, 16, 64, 100])
def test_all_actors_at_their_most_fit_the_cpus(cpus):
    one = machine(cpus, memory=8 * cpus + 8)
    pools = plan(one, [one], Request())
    assert set(pools) == set(STAGES)
    assert sum(p.max_actors * p.cpus for p in pools.values()) + WRITE_CPUS <= cpus


@pytest.mark.parametrize("gpus", [1, 2, 8])
def test_all_encoders_at_their_most_fit_the_gpus(gpus):
    one = machine(16 * gpus, gpus, 128 * gpus)
    pools = plan(one, [one], Request())
    assert sum(p.max_actors * p.gpus for p in pools.values()) <= gpus
    many = plan(one, [one], Request(actors={"video": (4 * gpus, 4 * gpus)}))
    assert sum(p.max_actors * p.gpus for p in many.values()) <= gpus
    later = plan(one, [one], Request(actors={"video": (1, 8)}))["video"]
    assert later.gpus == 0.5, "one more actor needs one more GPU, not a smaller share of this one"
    assert pools["decode"].gpus == 0, "decoding must not hold a GPU"
    assert all(pools[s].gpus > 0 for s in STAGES if s != "decode")


def test_a_stage_that_cannot_use_the_gpus_is_planned_for_the_cpus():
    one = machine(16, 1)
    pools = plan(one, [one], Request(on_cpu=frozenset({"transcribe"})))
    alone = plan(machine(16), [machine(16)], Request())["transcribe"]
    assert pools["transcribe"] == alone and pools["video"].gpus > 0
    assert sum(p.max_actors * p.cpus for p in pools.values()) + WRITE_CPUS <= 16


def test_two_nodes_with_one_gpu_each_hold_what_one_node_cannot_share():
    nodes = [machine(8, 1), machine(8, 1)]
    pools = plan(machine(16, 2, 128), nodes, Request(gpus_per_actor=0.5, stages=("decode", "video", "audio")))
    assert pools["video"].gpus == 0.5
    whole = Request(gpus_per_actor=1.0, stages=("decode", "video", "audio"))
    assert plan(machine(16, 2, 128), nodes, whole)["audio"].gpus == 1.0


def test_three_whole_gpu_pools_on_one_gpu_are_refused_instead_of_hanging():
    with pytest.raises(PlanError, match="do not fit.*finds no node"):
        plan(machine(16, 1), [machine(16, 1)], Request(gpus_per_actor=1.0))


def test_more_actors_than_memory_holds_are_refused():
    with pytest.raises(PlanError, match="500 video actors do not fit"):
        plan(machine(2, memory=16), [machine(2, memory=16)], Request(actors={"video": (500, 500)}))


def test_a_gpu_share_without_a_gpu_is_refused():
    with pytest.raises(PlanError, match="no GPU"):
        plan(machine(4), [machine(4)], Request(gpus_per_actor=0.5))


def test_no_cpus_is_said():
    with pytest.raises(PlanError, match="no CPUs"):
        plan({}, [], Request())
