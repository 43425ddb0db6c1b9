"""What an experiment may say: the dataclasses that every YAML file and every `key=value` is checked against.

A field without a default is required. Two words in a field's metadata mean something:
`section` names the table from which the schema is picked by the node's own `name`; `identity=False` leaves the field
out of the configuration's hash, because it changes where a run happens and not what it computes.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from internvideo_pl.callbacks.cost import CostConfig
from internvideo_pl.errors import UserError
from internvideo_pl.folders import cache_folder, data_folder, results_folder
from internvideo_pl.optim import OptimizerConfig
from internvideo_pl.weights.options import WeightsConfig


@dataclass
class TrainerConfig:
    """How long and on what to train; the names are those of `lightning.Trainer`.

    Attributes:
        max_epochs: Passes over the training set; -1 leaves the end to `max_steps`.
        max_steps: Optimizer steps after which training ends; -1 leaves the end to `max_epochs`.
        devices: How many devices of one machine, or "auto" (as well as -1) for all.
        num_nodes: How many machines.
        strategy: How several processes train one model: "ddp" (each has all of it) or "fsdp" (FSDP2: each has a part
            of every weight, gradient and moment; for what does not fit a device). DeepSpeed's ZeRO does the same and
            is not a choice: it reads its checkpoints by executing them.
        compile: Whether transformer blocks are compiled (torch.compile): the first steps take a minute or so longer.
        gradient_clip_val: Largest norm of the gradient; null for no clipping.
        accumulate_grad_batches: Batches whose gradients make up a step; where there is a `global_batch`, it follows.
        global_batch: Videos of a step in all. Then `data.batch_size` is the most that a device takes at a time, and
            gradients are accumulated where there are fewer devices than the recipe had. Null leaves a step at
            `data.batch_size` x devices x `accumulate_grad_batches`.
        checkpoint_minutes: Most minutes between two checkpoints of the whole state.
        checkpoint_steps: Also one after every so many optimizer steps; null for none.
        watchdog_minutes: Time that a step may take; after it the run ends and names the process that holds it up.
        resume: Whether an unfinished run of the same experiment is continued; false starts anew.
    """

    max_epochs: int = -1
    max_steps: int = -1
    accelerator: Literal["auto", "cpu", "gpu"] = "auto"
    devices: int | str = "auto"
    num_nodes: int = 1
    precision: Literal["32-true", "16-mixed", "bf16-mixed"] = "32-true"
    strategy: Literal["ddp", "fsdp"] = field(default="ddp", metadata={"identity": False})
    gradient_clip_val: float | None = None
    compile: bool = field(default=False, metadata={"identity": False})
    accumulate_grad_batches: int = 1
    global_batch: int | None = None
    log_every_n_steps: int = field(default=10, metadata={"identity": False})
    checkpoint_minutes: float = field(default=10.0, metadata={"identity": False})
    checkpoint_steps: int | None = field(default=None, metadata={"identity": False})
    watchdog_minutes: float = field(default=30.0, metadata={"identity": False})
    resume: bool = field(default=True, metadata={"identity": False})
    limit_train_batches: float | int = 1.0
    limit_test_batches: float | int = 1.0

    def __post_init__(self) -> None:
        """Refuses values that cannot be.

        Raises:
            UserError: No device or machine, checkpoints at no interval, no time for a step, or a precision that the
                strategy cannot have.
        """
        if str(self.devices) not in ("auto", "-1") and not (str(self.devices).isdecimal() and int(self.devices) > 0):
            raise UserError(f'trainer.devices={self.devices} (--gpus) must be at least 1, or "auto" for all')
        if self.num_nodes < 1:
            raise UserError(f"trainer.num_nodes={self.num_nodes} (--nodes) must be at least 1")
        if self.strategy == "fsdp" and self.precision == "16-mixed":
            raise UserError("trainer.strategy=fsdp has no 16-mixed: choose trainer.precision=bf16-mixed or 32-true")
        if self.accumulate_grad_batches < 1 or (self.global_batch is not None and self.global_batch < 1):
            raise UserError(
                f"trainer.accumulate_grad_batches={self.accumulate_grad_batches} and global_batch={self.global_batch} "
                "must be at least 1"
            )
        if self.watchdog_minutes <= 0:
            raise UserError(f"trainer.watchdog_minutes={self.watchdog_minutes} must be positive")
        if self.checkpoint_minutes <= 0 or (self.checkpoint_steps is not None and self.checkpoint_steps < 1):
            raise UserError(
                f"trainer.checkpoint_minutes={self.checkpoint_minutes} must be positive and checkpoint_steps="
                f"{self.checkpoint_steps} at least 1, or null for none"
            )


@dataclass
class WandbConfig:
    """Weights & Biases; offline by default, so that nothing leaves the machine unasked."""

    mode: Literal["offline", "online", "disabled"] = "offline"
    project: str = "internvideo"
    entity: str | None = None
    tags: list[str] = field(default_factory=list)


@dataclass
class PathsConfig:
    """Folders of this machine.

    Attributes:
        data: Folder with one sub-folder a dataset (`INTERNVIDEO_DATA`).
        results: Folder that runs write into (`INTERNVIDEO_RESULTS`).
        cache: Folder of what can be made again, such as miniatures (`INTERNVIDEO_CACHE`).
        run: Folder of this one run; by default a new number below `results` and the experiment's name.
    """

    data: Path = field(default_factory=data_folder)
    results: Path = field(default_factory=results_folder)
    cache: Path = field(default_factory=cache_folder)
    run: Path | None = None


@dataclass
class Experiment:
    """One experiment, resolved: what `load_experiment` returns and what is saved beside a run.

    Attributes:
        name: Path of the YAML file below `experiments/`, without its suffix; set by the loader.
        mini: Whether the miniature stands in for the data and the tiny size for the backbone; set by the loader.
        model: What is evaluated, in the words of a table's row; null takes the name.
        benchmark: Which of the paper's benchmarks the run's row belongs to; null for pretraining.
        stages: Other experiments that this one runs, in order; empty for an experiment that trains by itself.
        average: Which splits the stages are, as "test 1, 2, 3"; each model's mean over them becomes a row of this
            experiment. Empty for stages that are not splits of one benchmark.
        jobs: How many stages may run side by side on a CPU, each in a process of its own.
        mini_only: Whether the stages always run in their mini form.
        parents: Role -> what this one starts from, such as `masked: pretrain/k400`: an experiment, a run's folder, a
            file of weights, the short name of released weights (`internvideo weights --list`) or a hub id; null in a
            file takes one away that an earlier file names.
        checkpoint: The same as `parents.backbone`, which it becomes.
        weights: How the weights of the parents are read and put together.
        data: What to read; its schema is picked by `data.name`.
        backbone: Clip to tokens; its schema is picked by `backbone.name`.
        objective: Batch to losses; its schema is picked by `objective.name`.
        cost: How energy becomes carbon dioxide in the rows.
    """

    name: str = field(metadata={"identity": False})
    mini: bool = False
    model: str | None = None
    benchmark: str | None = None
    seed: int = 0
    stages: list[str] = field(default_factory=list)
    average: str = ""
    jobs: int = 1
    mini_only: bool = False
    parents: dict[str, str] = field(default_factory=dict)
    checkpoint: str | None = None
    weights: WeightsConfig = field(default_factory=WeightsConfig)
    data: Any = field(default=None, metadata={"section": "data"})
    backbone: Any = field(default=None, metadata={"section": "backbone"})
    objective: Any = field(default=None, metadata={"section": "objective"})
    optimizer: OptimizerConfig | None = None
    trainer: TrainerConfig = field(default_factory=TrainerConfig)
    cost: CostConfig = field(default_factory=CostConfig, metadata={"identity": False})
    wandb: WandbConfig = field(default_factory=WandbConfig, metadata={"identity": False})
    paths: PathsConfig = field(default_factory=PathsConfig, metadata={"identity": False})

    def __post_init__(self) -> None:
        """Makes `checkpoint` the parent that it stands for.

        Raises:
            UserError: Both are named.
        """
        if self.checkpoint is None:
            return
        if "backbone" in self.parents:
            raise UserError(
                f"checkpoint={self.checkpoint} and parents.backbone={self.parents['backbone']} name the same weights: "
                "keep one of them"
            )
        self.parents = {**self.parents, "backbone": self.checkpoint}
        self.checkpoint = None
