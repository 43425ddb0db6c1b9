"""The published sizes of the masked encoder, its pretraining decoder and the coordination.

Sources: VideoMAE's public model files as copied in InternVideo's release, and that release's pretraining scripts.
Released position tables are made for 16 frames of 224 pixels; a longer or larger clip interpolates them.
"""

from dataclasses import dataclass

from internvideo_pl.backbones.coordinate import CoordinateConfig
from internvideo_pl.backbones.masked_autoencoder import MaskedDecoderConfig
from internvideo_pl.backbones.masked_vit import MaskedViTConfig

GIANT_MLP_RATIO = 48 / 11  # VideoMAE's giant: 1408 -> 6144

MASKED_VIT = {
    # The miniature's own size, 8 frames of 48 pixels as 2 x 6 x 6 tokens; not in the paper.
    "tiny": MaskedViTConfig(
        width=96,
        depth=4,
        heads=4,
        patch_size=8,
        tubelet_size=4,
        image_size=48,
        num_frames=8,
        table_size=48,
        table_frames=8,
    ),
    "small": MaskedViTConfig(width=384, depth=12, heads=6, table_size=224, table_frames=16),
    "base": MaskedViTConfig(width=768, depth=12, heads=12, table_size=224, table_frames=16),
    "large": MaskedViTConfig(width=1024, depth=24, heads=16, table_size=224, table_frames=16),
    "huge": MaskedViTConfig(width=1280, depth=32, heads=16, table_size=224, table_frames=16),
    "giant": MaskedViTConfig(
        width=1408, depth=40, heads=16, patch_size=14, mlp_ratio=GIANT_MLP_RATIO, table_size=224, table_frames=16
    ),
}

MASKED_DECODER = {
    "tiny": MaskedDecoderConfig(width=64, heads=2, depth=1),
    "small": MaskedDecoderConfig(width=192, heads=3, depth=4),
    "base": MaskedDecoderConfig(width=384, heads=6, depth=4),
    "large": MaskedDecoderConfig(width=512, heads=8, depth=12),
    "huge": MaskedDecoderConfig(width=512, heads=8, depth=8),  # VideoMAE's own repository has width 640 here
    "giant": MaskedDecoderConfig(width=512, heads=8, depth=4),  # no script for it: the code's default depth
}


@dataclass(frozen=True, kw_only=True)
class CoordinatedSize:
    """Which encoders are coordinated, and how.

    Attributes:
        masked: Row of `MASKED_VIT`.
        multimodal: Row of `VIDEO_TOWER`.
        coordinate: Where and how they meet.
        second: Row of `VIDEO_TOWER` for one more video tower, whose logits are added; None for none.
    """

    masked: str
    multimodal: str
    coordinate: CoordinateConfig
    second: str | None = None


# Few steps: narrow feed-forward layers, and gates that open within a few hundred steps.
_MINIATURE = CoordinateConfig(mlp_ratio=2.0, gate_scale=10.0)

# The paper's (table 2): which encoders, and that D has 1.0 and T 1.3 B parameters. Ours: the coordination itself (see
# `coordinate`), 224 pixels, and that T adds its second tower as a sum of logits, since the paper does not say how.
# Parameters: the frozen encoders alone are 0.985 B in D and 1.339 B in T, which rounds to the paper's figures; our
# trainable modules are 51 M on top. A T of 1.3 B would leave them 11 M, but the attention of a single pair and of the
# last one takes 10.6 M at the encoders' widths, and three classifiers of 400 classes 1.3 M: it cannot count them all.
COORDINATED = {
    "tiny": CoordinatedSize(masked="tiny", multimodal="tiny", coordinate=_MINIATURE),
    "tiny_t": CoordinatedSize(masked="tiny", multimodal="tiny", coordinate=_MINIATURE, second="tiny"),
    "internvideo_d": CoordinatedSize(masked="huge", multimodal="large", coordinate=CoordinateConfig()),
    "internvideo_t": CoordinatedSize(masked="huge", multimodal="large", coordinate=CoordinateConfig(), second="large"),
}
"""InternVideo-D is ViT-H with a UniFormerV2-L that started from CLIP; InternVideo-T adds to it a UniFormerV2-L that
started from the multimodal pretraining."""
