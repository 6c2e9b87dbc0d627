"""docs/architecture.md names every module of vvp/, and no others."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_page_names_every_module_and_no_others() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text()
    table = page.split("## The modules")[1].split("\n## ")[0]
    named: set[str] = set()
    package = ""
    for line in table.splitlines():
        if not line.startswith("| `") and not line.startswith("| …"):
            continue
        _, head, modules, _ = line.split("|")
        if found := re.search(r"`(vvp/[a-z/]*)`", head):
            package = found[1]
        new = {f"{package}{name}.py" for name in re.findall(r"`([a-z0-9_]+)`", modules)}
        assert not new & named, "a module stands there twice"
        named |= new
    here = {str(p.relative_to(ROOT)) for p in ROOT.glob("vvp/**/*.py") if p.name != "__init__.py"}
    assert named == here


def test_the_table_of_rooms_names_only_modules_that_there_are() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text()
    rooms = page.split("## The rooms")[1].split("\n## ")[0]
    files = re.findall(r"`((?:vvp/|jobs/|serve/)?[a-z_/]+\.py)`", rooms)
    assert files and all((ROOT / f).exists() or (ROOT / "vvp" / f).exists() for f in files)
