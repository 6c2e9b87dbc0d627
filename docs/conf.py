"""Sphinx: `make docs` builds these pages offline. A broken link or reference is an error (-W, nitpicky)."""

import re
import sys
from pathlib import Path

from sphinx.application import Sphinx

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

import generate  # noqa: E402

from vvp import __version__  # noqa: E402

project = "vvp"
release = version = __version__
author = "the vvp contributors"
extensions = ["myst_parser", "sphinx.ext.autodoc"]
exclude_patterns = ["_build"]

html_theme = "furo"
html_title = f"vvp {version}"
html_show_copyright = False

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3

nitpicky = True
# Only the public API has targets here; the documentation of other projects is not fetched.
nitpick_ignore_regex = [(r"py:.*", r"(?!vvp\.(api|errors)\.).*")]

autodoc_member_order = "bysource"
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented_params"

# Before Sphinx lists its sources: the pages that are made from the code.
generate.write(HERE / "generated")


def plain(app: object, what: str, name: str, obj: object, options: object, lines: list[str]) -> None:
    """Docstrings here are plain text: `names` become code, indented passages literal blocks."""
    paragraphs = [block.split("\n") for block in "\n".join(lines).split("\n\n")]
    lines.clear()
    for block in paragraphs:
        deep = [line for line in block if line.startswith(" ")]
        if deep:
            lines += ["::", "", *("    " + line for line in block), ""]
            continue
        for line in block:
            for sign in "\\*|":
                line = line.replace(sign, "\\" + sign)
            lines.append(re.sub(r"`+([^`]+)`+", r"``\1``", line).replace("_ ", "\\_ "))
        lines.append("")


def setup(app: Sphinx) -> None:
    app.connect("autodoc-process-docstring", plain)
