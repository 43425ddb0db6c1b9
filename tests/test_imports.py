"""Imports go one way: a module imports only from those above it in the order in which data flows."""

import ast
from pathlib import Path

import pytest

import internvideo_pl

ORDER = [
    # simulators know nothing but geometry and pixels; data/ opens them for episodes and draws its miniature in one
    *(
        "errors",
        "folders",
        "cores",
        "whole_file",
        "video",
        "text",
        "simulators",
        "data",
        "backbones",
        "heads",
        "weights",
        "models",
        "search",
        "losses",
    ),
    *("objectives", "metrics", "submissions", "optim", "modules", "tables", "callbacks", "config", "bench", "run"),
    *("commands", "__main__"),
]
COMPOSITION_ROOT = "run"  # the only part of the library that may know the datasets
LIBRARY = Path(internvideo_pl.__file__).parent
DATA_MODULES = LIBRARY.parents[1] / "data_modules"


def imported(source: str, package: str) -> set[str]:
    """Every module that the source names in an import, at any depth; relative ones count from `package`."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(package.split(".")[: len(package.split(".")) + 1 - node.level]) if node.level else ""
            module = ".".join(part for part in (base, node.module) if part)
            names |= {f"{module}.{alias.name}" for alias in node.names}
    return names


def is_wrong(package: str, part: str, name: str) -> bool:
    """Whether `part` of a package (its first folder or file) may not import `name`."""
    root, _, rest = name.partition(".")
    target = rest.split(".")[0]
    if root == "data_modules":
        return package == "internvideo_pl" and part != COMPOSITION_ROOT
    if root != "internvideo_pl" or target not in ORDER:
        return False
    if package == "data_modules":
        return target in (COMPOSITION_ROOT, "__main__")
    return part == "__init__" or ORDER.index(target) > ORDER.index(part)


def violations(folder: Path, package: str) -> list[str]:
    """One line for each import that goes against the order."""
    found = []
    for path in sorted(folder.rglob("*.py")):
        parts = path.relative_to(folder).with_suffix("").parts
        names = imported(path.read_text(encoding="utf-8"), ".".join((package, *parts[:-1])))
        found += [f"{'/'.join(parts)}.py imports {name}" for name in sorted(names) if is_wrong(package, parts[0], name)]
    return found


def test_library_imports_one_way():
    assert violations(LIBRARY, "internvideo_pl") == []


def test_data_modules_import_the_library_but_not_its_composition_root():
    assert violations(DATA_MODULES, "data_modules") == []


def test_every_part_of_the_library_has_its_place_in_the_order():
    parts = {path.stem for path in LIBRARY.iterdir() if path.suffix == ".py" or any(path.glob("*.py"))}
    assert parts - {"__init__", "__pycache__"} <= set(ORDER)


@pytest.mark.parametrize(
    ("file", "source", "wrong"),
    [
        ("video/decode.py", "from internvideo_pl.text import tokenizer", "internvideo_pl.text.tokenizer"),
        ("video/decode.py", "from internvideo_pl import text", "internvideo_pl.text"),
        ("video/decode.py", "import internvideo_pl.run", "internvideo_pl.run"),
        ("video/decode.py", "from ..text import tokenizer", "internvideo_pl.text.tokenizer"),
        ("losses/masked.py", "def f():\n    from internvideo_pl.objectives.masked import M", "objectives.masked.M"),
        ("errors.py", "import internvideo_pl.video.decode as d", "internvideo_pl.video.decode"),
        ("modules/base.py", "from data_modules import BENCHMARKS", "data_modules.BENCHMARKS"),
        ("__init__.py", "from internvideo_pl import video", "internvideo_pl.video"),
    ],
)
def test_wrong_import_is_found(tmp_path, file, source, wrong):
    (tmp_path / file).parent.mkdir(exist_ok=True)
    (tmp_path / file).write_text(source)
    assert [line for line in violations(tmp_path, "internvideo_pl") if wrong in line]


@pytest.mark.parametrize(
    ("file", "source"),
    [
        ("text/tokenizer.py", "from internvideo_pl.video.decode import probe\nfrom internvideo_pl.text import prompts"),
        ("video/decode.py", "import torch\nfrom internvideo_pl import __version__\nfrom .sample import dense"),
        ("run/build.py", "def f():\n    import data_modules.kinetics"),
    ],
)
def test_right_import_passes(tmp_path, file, source):
    (tmp_path / file).parent.mkdir(exist_ok=True)
    (tmp_path / file).write_text(source)
    assert violations(tmp_path, "internvideo_pl") == []


def test_data_module_that_imports_run_is_found(tmp_path):
    (tmp_path / "kinetics.py").write_text("from internvideo_pl.run import main")
    assert violations(tmp_path, "data_modules") == ["kinetics.py imports internvideo_pl.run.main"]
