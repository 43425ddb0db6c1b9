"""The model card: what a model is, what it was made from, what it can do, how to load it."""

from collections.abc import Mapping
from typing import Any

import yaml
from torch import nn

from internvideo_pl.models.config import ModelConfig
from internvideo_pl.models.cost import parameters, video_flops

PAPER = "https://arxiv.org/abs/2212.03191"

# kind -> the network in words, the hub's pipeline, what the example shows
KIND_WORDS: dict[str, tuple[str, str, str]] = {
    "masked_encoder": ("masked video encoder", "feature-extraction", 'model.encode_video("clip.mp4")'),
    "masked_autoencoder": (
        "masked video autoencoder (VideoMAE)",
        "feature-extraction",
        'model.encode_video("clip.mp4"), model.reconstruct("clip.mp4").reconstructed',
    ),
    "masked_classifier": (
        "masked video encoder with a classifier",
        "video-classification",
        'model.classify("clip.mp4")',
    ),
    "video_tower": ("video tower (UniFormerV2)", "feature-extraction", 'model.encode_video("clip.mp4")'),
    "video_tower_classifier": (
        "UniFormerV2, a video tower with a classifier",
        "video-classification",
        'model.classify("clip.mp4")',
    ),
    "multimodal": (
        "multimodal encoder: videos and sentences in one space",
        "zero-shot-classification",
        'model.similarity("clip.mp4", ["a dog runs", "a cat sleeps"]).softmax(dim=1)',
    ),
    "question_answerer": (
        "multimodal encoder that answers questions about videos",
        "visual-question-answering",
        'model.answer("clip.mp4", "what is the man doing?")',
    ),
    "coordinated": (
        "two encoders coordinated by cross-model attention (InternVideo-D's design)",
        "video-classification",
        'model.classify("clip.mp4")',
    ),
    "internvideo_t": (
        "coordinated encoders and a second video tower (InternVideo-T's design)",
        "video-classification",
        'model.classify("clip.mp4")',
    ),
    "ensemble": (
        "two classifiers whose logits are summed",
        "video-classification",
        'model.classify("clip.mp4")',
    ),
}


def write_card(
    config: ModelConfig,
    network: nn.Module,
    *,
    title: str = "",
    name: str = "path/or/owner/name",
    data: str = "",
    license: str = "",
    metrics: Mapping[str, float | str] | None = None,
    note: str = "",
) -> str:
    """The card as Markdown with the hub's YAML header.

    Args:
        config: The model's.
        network: The model itself, on any device; only its sizes are read.
        title: Its heading; by default what it is.
        name: What the example loads.
        data: What it was trained on, with the terms of that data.
        license: Of the weights: one of the hub's words, such as "apache-2.0". Nothing is assumed.
        metrics: Name and protocol to value, as measured.
        note: Anything else, as a clause.
    """
    what, pipeline, example = KIND_WORDS[config.kind]
    sentence = what[0].upper() + what[1:]
    header: dict[str, Any] = {
        "library_name": "internvideo_pl",
        "pipeline_tag": pipeline,
        "tags": ["video", "internvideo"],
    }
    header |= {"license": license} if license else {}
    numbers = [f"| {key} | {value} |" for key, value in (metrics or {}).items()]
    parts = [
        "---\n" + yaml.safe_dump(header, sort_keys=False) + "---",
        f"# {title or sentence}",
        f"{sentence}, after [InternVideo]({PAPER})." + (f" {note[0].upper()}{note[1:]}." if note else ""),
        _facts(config, network),
        "## Data\n\n" + (data or "What it was trained on was not stated."),
        "## Numbers\n\n"
        + ("\n".join(["| metric | value |", "| --- | ---: |", *numbers]) if numbers else "None given."),
        "## Licence\n\n" + (license or "Not stated: the terms of the weights it came from and of its data apply."),
        f'## Use\n\n```python\nfrom internvideo_pl.models import load\n\nmodel = load("{name}")\n{example}\n```',
        *_lineage(config),
    ]
    return "\n\n".join(parts) + "\n"


def _facts(config: ModelConfig, network: nn.Module) -> str:
    reading, classes = config.reading, config.classes
    stride = f" at a stride of {reading.stride}" if reading.sampling == "dense" else ""
    rows = {
        "kind": f"`{config.kind}`",
        "parameters": f"{parameters(network) / 1e6:.2f} M",
        "cost of a clip": f"{video_flops(network) / 1e9:.1f} GFLOP (a multiplication and its addition are two)",
        "reads": f"{reading.num_frames} frames of {reading.size} x {reading.size} pixels, {reading.sampling}{stride}, "
        f"from frames whose shorter side is {reading.short_side}",
    }
    if classes:
        shown = ", ".join(classes[:5]) + (", ..." if len(classes) > 5 else "")
        rows["classes"] = f"{len(classes)}: {shown}"
    return "\n".join(["| | |", "| --- | --- |", *(f"| {key} | {value} |" for key, value in rows.items())])


def _lineage(config: ModelConfig) -> list[str]:
    if config.lineage is None:
        return []
    return ["## Lineage\n\n```\n" + "\n".join(config.lineage.lines()) + "\n```"]
