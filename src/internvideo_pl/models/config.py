"""A model's config.json: all that is needed, beside its tensors, to build it again and to feed it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Self

from torch import nn

from internvideo_pl.backbones.features import InputSpec, JointInput
from internvideo_pl.errors import UserError, hint
from internvideo_pl.models.networks import KINDS, describe, input_of
from internvideo_pl.models.plain import from_plain, to_plain
from internvideo_pl.models.reading import Reading
from internvideo_pl.weights.lineage import Lineage, parse_json

FORMAT = 1  # of the file; a later, incompatible one gets a higher number
FRAME_BORDER = 8 / 7  # CLIP and UniFormerV2 scale the short side to 256 for a clip of 224 pixels
DENSE_STRIDE = 4  # InternVideo's masked encoder, on everything but Something-Something


@dataclass(kw_only=True)
class Target:
    """What a masked autoencoder was trained to predict.

    Attributes:
        mask_ratio: Fraction of spatial cells that was hidden.
        norm_target: Whether every tube was normalised before it was predicted.
        variance_floor: Added to the standard deviation by which it was.
    """

    mask_ratio: float = 0.9  # these three: InternVideo's pretraining scripts and VideoMAE's training engine
    norm_target: bool = True
    variance_floor: float = 1e-6


@dataclass(kw_only=True)
class ModelConfig:
    """A model without its weights.

    Attributes:
        kind: A row of `KINDS`.
        network: The config of that kind.
        reading: How videos become clips.
        inputs: What each encoder expects of a clip; follows from `network`, and is there for other readers.
        classes: Names of the classes, where there is a classifier and its names are known.
        target: What a masked autoencoder predicts; None for other kinds.
        lineage: Where the weights come from, where it is known.
    """

    kind: str
    network: Any
    reading: Reading
    inputs: list[InputSpec]
    classes: list[str] | None = None
    target: Target | None = None
    lineage: Lineage | None = None

    @classmethod
    def of(cls, network: nn.Module) -> Self:
        """The config of a network, to be read with the protocol of its kind.

        Raises:
            UserError: The network is of no kind that can be saved as a model.
        """
        kind, config = describe(network)
        target = Target() if kind == "masked_autoencoder" else None
        return cls(
            kind=kind, network=config, reading=_protocol(kind, network), inputs=inputs_of(network), target=target
        )

    def build(self) -> nn.Module:
        """The network, with fresh weights.

        Raises:
            UserError: The parts of the config do not fit together.
        """
        network = KINDS[self.kind].build(self.network)
        if inputs_of(network) != self.inputs:
            raise UserError(f"the config's inputs are not those of its network, {to_plain(inputs_of(network))}.")
        return network

    def to_note(self) -> dict[str, Any]:
        """As JSON's values: the content of config.json, and of the note inside our files of weights."""
        note = {"format": FORMAT, **to_plain(self)}
        del note["lineage"]
        return note | ({"lineage": self.lineage.to_dict()} if self.lineage else {})

    def to_json(self) -> str:
        """The content of config.json."""
        return json.dumps(self.to_note(), indent=2) + "\n"

    @classmethod
    def from_note(cls, note: Any, file: str) -> Self:
        """The config of `to_note`.

        Args:
            note: JSON's values.
            file: Where they were written, for errors.

        Raises:
            UserError: They are no such config; the sentence names the key.
        """
        if not is_note(note) or note["format"] != FORMAT:
            raise UserError(f"{file} is not the config of a model of this library, format {FORMAT}.")
        content = {name: value for name, value in note.items() if name != "format"}
        kind, network, lineage = content["kind"], content.pop("network", None), content.pop("lineage", None)
        if not isinstance(kind, str) or kind not in KINDS:
            raise UserError(f"{file}: kind cannot be {kind!r}.{hint(str(kind), KINDS)}")
        network = from_plain(KINDS[kind].config, network, file, "network")
        config = from_plain(cls, {**content, "network": None}, file)
        config.network, config.lineage = network, lineage and Lineage.from_dict(lineage)
        return config

    @classmethod
    def from_json(cls, text: str, file: str = "config.json") -> Self:
        """The config of `to_json`; arguments and errors as `from_note`."""
        return cls.from_note(parse_json(text), file)


def is_note(values: Any) -> bool:
    """Whether JSON's values claim to be a config of this library, which says nothing of whether they are sound."""
    return isinstance(values, Mapping) and {"format", "kind", "reading"} <= values.keys()


def inputs_of(network: nn.Module) -> list[InputSpec]:
    """What each encoder of a network expects of a clip."""
    spec = input_of(network)
    return list(spec.parts) if isinstance(spec, JointInput) else [spec]


def _protocol(kind: str, network: nn.Module) -> Reading:
    """How the kind is tested with one view: InternVideo's release; UniFormerV2's for its classifiers."""
    spec = input_of(network)
    if kind in ("multimodal", "question_answerer", "video_tower", "video_tower_classifier"):
        sampling: Literal["segments", "spread"] = "segments" if kind.startswith("video_tower") else "spread"
        border = round(spec.size * FRAME_BORDER)
        return Reading(num_frames=spec.num_frames, size=spec.size, short_side=border, sampling=sampling)
    return Reading(
        num_frames=spec.num_frames, size=spec.size, short_side=spec.size, sampling="dense", stride=DENSE_STRIDE
    )
