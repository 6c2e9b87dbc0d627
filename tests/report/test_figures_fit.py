"""What a figure says fits on it, and the page's figures and tables give one number for one thing."""

import numpy as np
import pytest
import report_tables as tables
from matplotlib.backends.backend_agg import FigureCanvasAgg

from vvp import words
from vvp.report import counts, gather
from vvp.report.figures import clusters, collection, comparison, errors, maps, posts, reduction
from vvp.report.figures.plot import Plot, style

MODULES = (collection, posts, maps, reduction, clusters, errors, comparison)
SLACK = 0.02  # inches


@pytest.fixture(scope="module", params=[60, 200])
def facts(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> gather.Facts:
    space = tables.posts(tmp_path_factory.mktemp("fit") / "w", request.param)
    return gather.gather(tables.mapped(tables.tested(space)), "default")


def beyond(plot: Plot) -> float:
    """By how many inches what is drawn goes beyond the edge of the figure."""
    assert plot.figure is not None
    canvas = FigureCanvasAgg(plot.figure)
    canvas.draw()
    drawn = plot.figure.get_tightbbox(canvas.get_renderer())
    wide, high = plot.figure.get_size_inches()
    return float(max(-drawn.x0, -drawn.y0, drawn.x1 - wide, drawn.y1 - high))


def test_no_word_is_cut_off_by_the_edge_of_its_figure(facts: gather.Facts) -> None:
    with style():
        plots = [plot for module in MODULES for plot in module.plots(facts) if plot.figure is not None]
        cut = {plot.name: by for plot in plots if (by := beyond(plot)) > SLACK}
    assert len(plots) > 12
    assert cut == {}


def test_the_median_of_the_views_is_one_number(facts: gather.Facts) -> None:
    shown = words.views(float(np.median(facts.videos.counts["views"][facts.videos.labelled])))
    with style():
        histogram = collection.views(facts.videos)
        rows = posts.by_creator(facts.videos)
    assert f"more than {shown} views" in histogram.title
    [table] = [t for t in counts.tables(facts.videos) if t.columns[:2] == ("count", "videos")]
    of_views = next(row for row in table.rows if row[0] == "views")
    assert of_views[table.columns.index("median")] == shown
    channel, _, middle, _ = rows[0]
    own = facts.videos.labelled & (facts.videos.channel_id == channel)
    assert np.expm1(middle) == pytest.approx(np.median(facts.videos.counts["views"][own]))
