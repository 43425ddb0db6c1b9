"""The tables of docs/models.md: every size with its parameters and cost. `python -m internvideo_pl.models.table`.

Everything is counted on the meta device; nothing is measured.
"""

from dataclasses import dataclass
from typing import Any

import torch

from internvideo_pl.models.cost import parameters, pretrain_flops, video_flops
from internvideo_pl.models.sizes import sized_network
from internvideo_pl.weights.recognize import LAYOUTS
from internvideo_pl.weights.released import RELEASED

VIDEOMAE = "[VideoMAE](https://arxiv.org/abs/2203.12602), InternVideo's release"
UNIFORMER = "[UniFormerV2](https://arxiv.org/abs/2211.09552) and its release"
MULTIMODAL = "[CLIP](https://arxiv.org/abs/2103.00020), InternVideo's release"
PAPER = "[InternVideo](https://arxiv.org/abs/2212.03191), table 2"
OURS = "ours, for miniatures"


@dataclass(frozen=True, kw_only=True)
class Size:
    """A row of the table.

    Attributes:
        name: Row of `SIZES`.
        what: In words.
        source: Where the sizes come from.
        num_classes: Classes of its classifier; None for none.
        expected: Parameters as others count them, in their rounding: those of the public release's classes in millions,
            the paper's in billions; empty where nobody does.
    """

    name: str
    what: str
    source: str
    num_classes: int | None = None
    expected: str = ""


LISTED = (
    Size(name="masked_small", what="ViT-S, decoder 192 x 4", source=VIDEOMAE, expected="24.03 M"),
    Size(name="masked_base", what="ViT-B, decoder 384 x 4", source=VIDEOMAE, expected="94.21 M"),
    Size(name="masked_base", what="ViT-B, classifier", source=VIDEOMAE, num_classes=400, expected="86.53 M"),
    Size(name="masked_large", what="ViT-L, decoder 512 x 12", source=VIDEOMAE, expected="343.00 M"),
    Size(name="masked_large", what="ViT-L, classifier", source=VIDEOMAE, num_classes=710, expected="304.59 M"),
    Size(name="masked_huge", what="ViT-H, decoder 512 x 8", source=VIDEOMAE, expected="658.27 M"),
    Size(name="masked_huge", what="ViT-H, classifier", source=VIDEOMAE, num_classes=710, expected="632.52 M"),
    Size(name="masked_giant", what="ViT-g/14, decoder 512 x 4", source="VideoMAE's code; not released"),
    Size(name="video_tower_base", what="UniFormerV2-B/16", source=UNIFORMER, num_classes=710, expected="114.8 M"),
    Size(name="video_tower_large", what="UniFormerV2-L/14", source=UNIFORMER, num_classes=710, expected="354.4 M"),
    Size(name="video_tower_large_336", what="UniFormerV2-L/14, 336 px", source=UNIFORMER, num_classes=710),
    Size(
        name="motion_tower_base",
        what="UniFormerV2-B/16, local mixers",
        source=UNIFORMER,
        num_classes=174,
        expected="134.5 M",
    ),
    Size(name="motion_tower_base_ssv2", what="the same, 8 global blocks", source=UNIFORMER, num_classes=174),
    Size(name="multimodal_base", what="B/16, 4 caption layers", source=MULTIMODAL, expected="234.3 M"),
    Size(name="multimodal_large", what="L/14, 4 caption layers", source=MULTIMODAL, expected="585.1 M"),
    Size(name="multimodal_large_6", what="L/14, 6 caption layers", source=MULTIMODAL, expected="618.5 M"),
    Size(name="multimodal_large_336", what="L/14, 336 px", source=MULTIMODAL),
    Size(name="internvideo_d", what="ViT-H + UniFormerV2-L", source=PAPER, num_classes=400, expected="1.0 B"),
    Size(name="internvideo_t", what="D + UniFormerV2-L", source=PAPER, num_classes=400, expected="1.3 B"),
    Size(name="masked_tiny", what="masked autoencoder", source=OURS),
    Size(name="video_tower_tiny", what="video tower, classifier", source=OURS, num_classes=12),
    Size(name="multimodal_tiny", what="multimodal encoder", source=OURS),
    Size(name="coordinated_tiny", what="both, coordinated", source=OURS, num_classes=12),
)
"""What the table lists, in its order."""


def meta_network(size: Size) -> Any:
    """The network of a row, without memory."""
    with torch.device("meta"):
        return sized_network(size.name, size.num_classes)


def sizes_table() -> str:
    """All sizes as Markdown."""
    lines = [
        "| name | what | classes | parameters | as printed | GFLOP a clip | GFLOP a pretraining step | sizes from |",
        "| --- | --- | ---: | ---: | ---: | ---: | ---: | --- |",
    ]
    for size in LISTED:
        network = meta_network(size)
        pretraining = f"{pretrain_flops(network) / 1e9:,.1f}" if hasattr(network, "encoder_to_decoder") else ""
        cells = (
            f"`{size.name}`",
            size.what,
            str(size.num_classes or ""),
            f"{parameters(network) / 1e6:,.2f} M",
            size.expected,
            f"{video_flops(network) / 1e9:,.1f}",
            pretraining,
            size.source,
        )
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def released_table() -> str:
    """Released weights by short name as Markdown: what `load` takes, and where each file is."""
    lines = ["| name | model | trained on | file |", "| --- | --- | --- | --- |"]
    for name, entry in RELEASED.items():
        words = LAYOUTS[entry.layout].title + f", {entry.size}" + (f"; {entry.note}" if entry.note else "")
        place = f"hub, `{entry.repository}`" if entry.repository else "authors' object storage"
        lines.append(f"| `{name}` | {words} | {entry.trained_on} | {place}: `{entry.files[0]}` |")
    return "\n".join(lines)


if __name__ == "__main__":
    print(sizes_table(), released_table(), sep="\n\n")
