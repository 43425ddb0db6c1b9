"""A small world of schemas and experiment files that stands for the real ones."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pytest

from internvideo_pl.errors import UserError


@dataclass
class Kinetics:
    name: Literal["kinetics400", "kinetics600"]
    batch_size: int = 8
    root: Path | None = field(default=None, metadata={"identity": False})
    csv: str = "train.csv"


@dataclass
class Retrieval:
    name: str
    batch_size: int = 8
    captions: list[str] = field(default_factory=list)
    weights: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Vit:
    name: str
    size: Literal["tiny", "base"] = "base"
    drop_path: float = 0.0

    def __post_init__(self) -> None:
        if self.drop_path < 0:
            raise UserError("drop_path must not be negative")


@dataclass(frozen=True)
class Joined:
    name: str
    masked: Any = field(default=None, metadata={"section": "backbone"})
    towers: dict[str, Any] = field(default_factory=dict, metadata={"section": "backbone"})
    every: list[Any] = field(default_factory=list, metadata={"section": "backbone"})
    fixed: Vit = field(default_factory=lambda: Vit(name="vit", size="tiny"))
    picked: Any = field(default_factory=lambda: Vit(name="vit", size="tiny"), metadata={"section": "backbone"})


@dataclass
class Supervised:
    name: str
    smoothing: float
    grid: tuple[int, int, int] = (1, 2, 2)
    flip: bool = False
    weight: float | None = None


SCHEMAS: Mapping[str, Mapping[str, type]] = {
    "data": {"kinetics400": Kinetics, "kinetics600": Kinetics, "msrvtt": Retrieval},
    "backbone": {"vit": Vit, "joined": Joined},
    "objective": {"supervised": Supervised},
}

FILES = {
    "base/trainer": """
trainer: {max_epochs: 10, precision: bf16-mixed}
mini: {trainer: {max_steps: 300, max_epochs: 1}}
""",
    "base/finetune": """
extends: [base/trainer]
objective: {name: supervised, smoothing: 1e-1}
optimizer: {lr: 1e-3}
trainer: {max_epochs: 50}
mini: {trainer: {max_steps: 100}}
""",
    "base/vit": "extends: [base/trainer]\nbackbone: {name: vit, drop_path: 0.1}\n",
    "finetune/k400": """# Table 3
extends: [base/finetune, base/vit]
data: {name: kinetics400, csv: val.csv}
wandb: {tags: [a, b]}
mini: {backbone: {size: tiny}}
""",
    "zeroshot/msrvtt": "data: {name: msrvtt, captions: ['yes', 'off', 1e3]}\n",
    "demo": "stages: [finetune/k400, zeroshot/msrvtt]\n",
    "sweeps/lr": "method: grid\n",
}


@pytest.fixture
def schemas() -> Mapping[str, Mapping[str, type]]:
    return SCHEMAS


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str, str], Path]:
    """Writes one experiment file and returns its path."""

    def _write(name: str, text: str) -> Path:
        path = tmp_path / "experiments" / f"{name}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    return _write


@pytest.fixture
def root(tmp_path: Path, write: Callable[[str, str], Path], monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of experiments; the working directory is above it, so that messages name `experiments/...`."""
    for name, text in FILES.items():
        write(name, text)
    monkeypatch.chdir(tmp_path)
    return tmp_path / "experiments"


@pytest.fixture
def load(root: Path) -> Callable[..., Any]:
    from internvideo_pl.config import load_experiment

    def _load(name: str, *overrides: str, mini: bool = False) -> Any:
        return load_experiment(name, overrides, mini, schemas=SCHEMAS, root=root)

    return _load


@pytest.fixture
def complaint(load: Callable[..., Any]) -> Callable[..., str]:
    """The sentence with which a load is refused."""

    def _complaint(name: str, *overrides: str, mini: bool = False) -> str:
        with pytest.raises(UserError) as refusal:
            load(name, *overrides, mini=mini)
        return str(refusal.value)

    return _complaint
