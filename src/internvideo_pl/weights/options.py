"""What a person may ask of weights before they are used."""

from dataclasses import dataclass, field
from pathlib import Path

from internvideo_pl.errors import UserError


@dataclass(kw_only=True)
class WeightsConfig:
    """How the weights that an experiment starts from are read and put together.

    Attributes:
        trust: Whether pickled code may run where a legacy file cannot be read without.
        threshold: Share of the model's and of the file's values that must fit each other, 0 .. 1; the audit names the
            rest. 1 lets nothing differ but what the table of exceptions allows (a fresh classifier and the like).
        average: More weights of the same kind; all of them and the parent are averaged.
        mix: Weights to mix in after that (WiSE-FT): CLIP's, or those of the same kind that the parent was fine-tuned
            from; named as a parent is, null for none.
        mix_ratio: Their share in the mix; 0.5 of CLIP in the release's zero-shot evaluation.
        classes: JSON file that says which row of the file's classifier serves which class here (a list of rows, or
            class names with rows); null for the release's rule, the first 400 of 710.
    """

    trust: bool = field(default=False, metadata={"identity": False})  # it changes whether, not what, is read
    threshold: float = 1.0
    average: list[str] = field(default_factory=list)
    mix: str | None = None
    mix_ratio: float = 0.5
    classes: Path | None = None

    def __post_init__(self) -> None:
        """Refuses impossible shares.

        Raises:
            UserError: A share is outside 0 .. 1.
        """
        for name in ("threshold", "mix_ratio"):
            if not 0 <= getattr(self, name) <= 1:
                raise UserError(f"{name}={getattr(self, name)} is a share: it must lie between 0 and 1.")
