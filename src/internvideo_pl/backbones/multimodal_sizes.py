"""The sizes of the multimodal encoder and of UniFormerV2, as tables of facts.

`tiny` is the miniature's size of the same architecture. `base` is CLIP's B/16, `large` L/14, `large_336`
L/14 at 336 px.
Sources: CLIP (arXiv 2103.00020, table 20); UniFormerV2 (arXiv 2211.09552) and its public release (which blocks are
followed by a global one); InternVideo (arXiv 2212.03191) and its public release (caption decoder).
"""

from dataclasses import replace

from internvideo_pl.backbones.caption_decoder import CaptionDecoderConfig
from internvideo_pl.backbones.multimodal import MultimodalConfig
from internvideo_pl.backbones.text_tower import TextTowerConfig
from internvideo_pl.backbones.video_tower import VideoTowerConfig

VIDEO_TOWER = {
    "tiny": VideoTowerConfig(size=48, patch=8, width=96, depth=4, heads=4, global_after=(2, 3), num_frames=4),
    "base": VideoTowerConfig(size=224, patch=16, width=768, depth=12, heads=12, global_after=(8, 9, 10, 11)),
    "large": VideoTowerConfig(size=224, patch=14, width=1024, depth=24, heads=16, global_after=(20, 21, 22, 23)),
    "large_336": VideoTowerConfig(size=336, patch=14, width=1024, depth=24, heads=16, global_after=(20, 21, 22, 23)),
}
"""InternVideo's towers, and UniFormerV2's for Kinetics: global blocks only."""

MOTION_VIDEO_TOWER = {
    size: replace(config, num_frames=2 * config.num_frames, local_mixers=2, temporal_downsample=True)
    for size, config in VIDEO_TOWER.items()
} | {
    # Public release, Something-Something V2 with B/16: global blocks after the last eight, more stochastic depth.
    "base_ssv2": replace(
        VIDEO_TOWER["base"],
        num_frames=16,
        local_mixers=2,
        temporal_downsample=True,
        global_after=tuple(range(4, 12)),
        drop_path=0.2,
        global_drop_path=0.4,
    )
}
"""UniFormerV2 with local temporal mixers and strided frames, as it is trained where motion matters."""

TEXT_TOWER = {
    "tiny": TextTowerConfig(width=96, depth=2, heads=4, vocab_size=1024, context_length=32),
    "base": TextTowerConfig(width=512, depth=12, heads=8),
    "large": TextTowerConfig(width=768, depth=12, heads=12),
}

CAPTION_DECODER = {
    "tiny": CaptionDecoderConfig(width=96, depth=1, heads=4, vision_width=96, vocab_size=1024, queries=16),
    "base": CaptionDecoderConfig(width=512, depth=4, heads=8, vision_width=768),
    "large": CaptionDecoderConfig(width=768, depth=4, heads=12, vision_width=1024),
    "large_6": CaptionDecoderConfig(width=768, depth=6, heads=12, vision_width=1024),
}
"""Four layers is the public release's default, six the paper's text (section 3.1)."""

MULTIMODAL = {
    "tiny": MultimodalConfig(
        video=VIDEO_TOWER["tiny"], text=TEXT_TOWER["tiny"], embed_dim=64, caption=CAPTION_DECODER["tiny"]
    ),
    "base": MultimodalConfig(
        video=VIDEO_TOWER["base"], text=TEXT_TOWER["base"], embed_dim=512, caption=CAPTION_DECODER["base"]
    ),
    "large": MultimodalConfig(
        video=VIDEO_TOWER["large"], text=TEXT_TOWER["large"], embed_dim=768, caption=CAPTION_DECODER["large"]
    ),
    "large_6": MultimodalConfig(
        video=VIDEO_TOWER["large"], text=TEXT_TOWER["large"], embed_dim=768, caption=CAPTION_DECODER["large_6"]
    ),
    "large_336": MultimodalConfig(
        video=VIDEO_TOWER["large_336"], text=TEXT_TOWER["large"], embed_dim=768, caption=CAPTION_DECODER["large"]
    ),
}
