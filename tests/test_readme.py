"""The README stays true: its tree is the tree, its commands exist."""

import re

from internvideo_pl.folders import list_experiments, project_root
from internvideo_pl.run.sweep.document import list_sweeps

ROOT = project_root()
README = (ROOT / "README.md").read_text(encoding="utf-8")


def tree() -> dict[str, str]:
    """Path to gloss of every line of the README's tree."""
    block = README.split("## The tree")[1].split("```")[1]
    entries, folders = {}, []
    for line in block.strip("\n").splitlines():
        depth = (len(line) - len(line.lstrip())) // 2
        name, _, gloss = line.strip().partition(" ")
        folders = [*folders[:depth], name.rstrip("/")]
        path = "/".join(folders)
        assert path not in entries, f"{path} stands twice"
        entries[path] = gloss.strip()
    return entries


def test_every_source_file_is_in_the_tree_and_every_entry_exists():
    files = {
        path.relative_to(ROOT).as_posix()
        for folder in ("src/internvideo_pl", "data_modules")
        for path in (ROOT / folder).rglob("*")
        if path.suffix in (".py", ".yaml", ".css") and path.name != "__init__.py"
    }
    # `src/internvideo_pl/` is one line of the tree, so the paths agree as they are
    assert files - tree().keys() == set()
    assert [name for name in tree() if not (ROOT / name).exists()] == []


def test_glosses_are_short():
    assert {name: gloss for name, gloss in tree().items() if gloss and not 1 <= len(gloss.split()) <= 6} == {}


def test_experiments_that_the_readme_names_exist():
    named = set(re.findall(r"NAME=([a-z0-9_/]+)", README))
    assert named
    assert named <= {*list_experiments(), *(f"sweeps/{name}" for name in list_sweeps())}


def test_makefile_has_every_verb_that_the_readme_uses():
    verbs = set(re.findall(r"^make ([a-z-]+)", README, flags=re.M))
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.M))
    assert {"experiment", "test", "list", "install"} <= verbs <= targets
