"""`vvp explore`: embeddings/ → map/, the collection reduced, laid out, clustered and described."""

import math
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from jobs import options, show
from vvp.paths import MAP, RunPaths

SHOWN = 2  # differences of a cluster that the table shows
NAMES = {
    "motion_mean": "motion",
    "cut_rate_per_min": "cuts per minute",
    "visual_density": "visual density",
    "audio_rms_mean": "loudness",
    "audio_rms_std": "changes of loudness",
    "duration_s": "duration",
    "log_views": "views",
}


@options.writes
def command(
    workspace: options.Workspace,
    name: options.Name = "default",
    seed: options.Seed = 0,
    min_cpus: options.MinCpus = 0,
    json: options.Json = False,
) -> None:
    """See what kinds of videos there are: PCA, UMAP, clusters, what each is like, where the model is wrong.

    Fitted on the training part of the run's split. The run need not exist; with it the forecast's error in
    each cluster is shown too.
    """
    from jobs.cluster import connect
    from vvp.explore import store
    from vvp.explore.collection import collect
    from vvp.explore.explore import explore
    from vvp.workspace import Workspace

    space = Workspace.existing(workspace)
    RunPaths(name)
    seen = collect(space, name)
    connect(min_cpus)
    started = time.monotonic()
    with show.progress("explore") as update:
        atlas = explore(seen, seed=seed, run_jobs=ray_tasks, tell=update)
    store.write(space, atlas)
    if json:
        show.as_json({**atlas.facts, "at": space.uri(MAP)})
        return
    _print(atlas.facts, name, space.uri(MAP), time.monotonic() - started)


def ray_tasks(function: Callable[[Any, Any], Any], shared: Any, jobs: Sequence[Any]) -> Iterable[Any]:
    """parallel.RunJobs as Ray tasks of one CPU each; the shared data goes to the object store once."""
    import ray

    held = ray.put(shared)
    task = ray.remote(num_cpus=1)(function)
    waiting = [task.remote(held, job) for job in jobs]
    return (ray.get(reference) for reference in waiting)


def _print(facts: dict[str, Any], name: str, at: str, seconds: float) -> None:
    out = ", ".join(f"{n} {why}" for why, n in facts["left_out"].items())
    split = f"of the {facts['split']} split" if facts["split"] else "all of them"
    pairs = [
        ("videos", f"{show.count(facts['rows'])}" + (f" ({out}, left out)" if out else "")),
        ("fitted on", f"{show.count(facts['train_rows'])} training videos, {split}"),
        ("variance kept", _section(facts["pca"], _pca)),
        ("neighbours kept", _section(facts["umap"], _overlap)),
        ("placing", _section(facts["umap"], _placing)),
        ("KMeans", _section(facts["kmeans"], lambda kmeans: kmeans["sentence"])),
        ("HDBSCAN", _section(facts["hdbscan"], _hdbscan)),
        ("agreement", _section(facts["agreement"], _agreement)),
    ]
    show.facts("explore", pairs)
    if facts["clusters"]:
        heads = (
            "cluster",
            "videos",
            "share",
            "words of its titles",
            "largest differences",
            "forecast off by",
        )
        title = "clusters (differences in standard deviations from the rest, with 95 % intervals)"
        show.table(title, heads, [_row(cluster) for cluster in facts["clusters"]], left=(0, 3, 4))
        for why in dict.fromkeys(c["error_unavailable"] for c in facts["clusters"] if c["error"] is None):
            show.out.print(f"no forecast error: {why}", markup=False)
    for note in facts["notes"]:
        show.out.print(f"note: {note}", markup=False)
    show.out.print(
        f"written: {at} ({seconds:.0f} s); next: `vvp report --name {name}` draws it", markup=False
    )


def _section(section: dict[str, Any], say: Callable[[dict[str, Any]], str]) -> str:
    return f"not computed: {section['unavailable']}" if "unavailable" in section else say(section)


def _pca(pca: dict[str, Any]) -> str:
    need = ", ".join(f"{pca[f'need_{p}']} would keep {p} %" for p in (86, 95))
    return f"{pca['kept']:.0%} in {pca['components']} components; {need}"


def _overlap(umap: dict[str, Any]) -> str:
    kept = umap["overlap"]
    return (
        f"{kept['value']:.0%} of the {kept['k']} nearest in PCA are among the {kept['k']} nearest in UMAP's"
        f" {umap['dimensions']} dimensions; a random layout keeps {kept['random']:.0%}"
    )


def _placing(umap: dict[str, Any]) -> str:
    off = umap["placed_again"]["median_share_of_spread"]
    if off is None:
        return "not measured: the map has no spread"
    return f"placed as if new, a video lands {off:.0%} of the map's spread from its own place (median)"


def _hdbscan(hdbscan: dict[str, Any]) -> str:
    size, noise = hdbscan["min_cluster_size"], hdbscan["noise"]
    return f"{hdbscan['clusters']} clusters of at least {size}, {noise:.0%} noise"


def _agreement(agreement: dict[str, Any]) -> str:
    videos = show.count(agreement["rows"])
    return f"adjusted Rand {agreement['adjusted_rand']:.2f} on {videos} videos that are no noise"


def _row(cluster: dict[str, Any]) -> tuple[Any, ...]:
    return (
        cluster["cluster"],
        show.count(cluster["size"]),
        f"{cluster['share']:.0%}",
        ", ".join(word for word, _ in cluster["words"]) or None,
        "\n".join(_differences(cluster["differences"])) or None,
        _error(cluster["error"]),
    )


def _differences(differences: dict[str, dict[str, Any]]) -> list[str]:
    """The largest whose interval leaves 0 out."""
    sure = [
        (name, d)
        for name, d in differences.items()
        if d["low"] is not None and (d["low"] > 0 or d["high"] < 0)
    ]  # fmt: skip
    sure.sort(key=lambda pair: -abs(pair[1]["point"]))
    return [f"{NAMES[n]} {d['point']:+.1f} [{d['low']:+.1f}, {d['high']:+.1f}]" for n, d in sure[:SHOWN]]


def _error(error: dict[str, Any] | None) -> str | None:
    """The mean absolute error of log views as a factor."""
    if error is None:
        return None
    return f"× {math.exp(error['mae']['point']):.1f} ({error['rows']} test)"
