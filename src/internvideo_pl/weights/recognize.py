"""Which model a set of tensors is, by their names and never by the file's."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from torch import Tensor

from internvideo_pl.backbones.released_masked import BACKBONE, ENCODER
from internvideo_pl.errors import UserError
from internvideo_pl.weights import convert
from internvideo_pl.weights.checkpoint import Named, shorter

State = Mapping[str, Tensor]


@dataclass(frozen=True)
class Layout:
    """How a project names the tensors of a model.

    Attributes:
        title: In a person's words.
        kind: Our model that holds the same: "masked_autoencoder", "masked_classifier", "masked_encoder", "multimodal",
            "question_answerer", "video_tower_classifier", "video_tower", "coordinated" or "internvideo_t".
        needs: Names that are all there.
        read: Names there to names here.
        write: Names here to names there; None where the names are the same or nobody needs them.
        lacks: A name that is not there, to tell a layout from one that has all of its names and more.
        lacks: A name that is not there, to tell a layout from a later one.
    """

    title: str
    kind: str
    needs: tuple[str, ...]
    read: Callable[[State], Named]
    write: Callable[[State], dict[str, Tensor]] | None = None
    lacks: str = ""


_TUBES, _QKV, _TOWER = "patch_embed.proj.weight", "blocks.0.attn.qkv.weight", "transformer.resblocks.0.ln_1.weight"
_GLOBAL, _ANSWER, _PROJ = "transformer.temporal_cls_token", "head.layers.1.weight", "transformer.proj.2.weight"
_HF_TUBES = "videomae.embeddings.patch_embeddings.projection.weight"

# The first whose names are all there is taken.
LAYOUTS: dict[str, Layout] = {
    "internvideo_t": Layout(
        "InternVideo-T of ours",
        "internvideo_t",
        (f"coordinated.backbone.masked.{_TUBES}", "second.conv1.weight", "second_head.weight"),
        convert.same_names,
    ),
    "coordinated": Layout(
        "coordinated encoders of ours",
        "coordinated",
        (f"backbone.masked.{_TUBES}", "backbone.tower.conv1.weight", "masked_head.weight"),
        convert.same_names,
    ),
    "control": Layout(
        "coordination's control of ours",
        "masked_encoder",
        (f"backbone.masked.{_TUBES}", "backbone.cross.0.norm_q.weight", "masked_head.weight"),
        convert.masked_of_control,
        lacks="backbone.tower.conv1.weight",
    ),
    "question_answerer": Layout(
        "question answerer of ours", "question_answerer", ("encoder.visual.conv1.weight", _ANSWER), convert.same_names
    ),
    "our_clip": Layout(
        "CLIP under our names",
        "multimodal",
        ("visual.conv1.weight", "text.token_embedding.weight"),
        convert.same_names,
        lacks=f"visual.{_GLOBAL}",
    ),
    "multimodal": Layout(
        "multimodal encoder of ours",
        "multimodal",
        ("visual.conv1.weight", "text.token_embedding.weight"),
        convert.same_names,
    ),
    "video_tower_classifier": Layout(
        "classifier on a video tower of ours",
        "video_tower_classifier",
        (BACKBONE + "conv1.weight", BACKBONE + _TOWER, "head.weight"),
        convert.same_names,
    ),
    "masked_classifier": Layout(
        "classifier on a masked encoder of ours",
        "masked_classifier",
        (BACKBONE + _TUBES, BACKBONE + _QKV, "head.weight"),
        convert.same_names,
    ),
    "videomae_pretrain": Layout(
        "VideoMAE or InternVideo MAE, pretrained",
        "masked_autoencoder",
        ("mask_token", "encoder_to_decoder.weight", ENCODER + _TUBES, ENCODER + _QKV),
        convert.same_names,
        convert.to_videomae_pretrain,
    ),
    "videomae_finetune": Layout(
        "VideoMAE or InternVideo MAE, fine-tuned",
        "masked_classifier",
        (_TUBES, _QKV, "head.weight"),
        convert.from_videomae_finetune,
        convert.to_videomae_finetune,
    ),
    "masked_encoder": Layout("masked encoder alone", "masked_encoder", (_TUBES, _QKV), convert.same_names),
    "masked_backbone": Layout(
        "model of ours on a masked encoder",
        "masked_encoder",
        (BACKBONE + _TUBES, BACKBONE + _QKV),
        convert.backbone_alone,
    ),
    "tower_backbone": Layout(
        "model of ours on a video tower",
        "video_tower",
        (BACKBONE + "conv1.weight", BACKBONE + _TOWER, BACKBONE + _GLOBAL),
        convert.backbone_alone,
        lacks=BACKBONE + _PROJ,
    ),
    "multimodal_backbone": Layout(
        "model of ours on a multimodal encoder",
        "multimodal",
        ("encoder.visual.conv1.weight", "encoder.text.token_embedding.weight"),
        convert.encoder_alone,
    ),
    "internvideo_qa": Layout(
        "InternVideo-MM, fine-tuned for question answering",
        "question_answerer",
        ("clip.visual.conv1.weight", f"clip.visual.{_GLOBAL}", "vqa_classifier.1.weight"),
        convert.from_internvideo_qa,
        convert.to_internvideo_qa,
    ),
    "internvideo_mm": Layout(
        "InternVideo-MM",
        "multimodal",
        ("clip.visual.conv1.weight", f"clip.visual.{_GLOBAL}", "clip.token_embedding.weight"),
        convert.from_internvideo_mm,
        convert.to_internvideo_mm,
    ),
    "internvideo_mm_bare": Layout(
        "InternVideo-MM without its prefix",
        "multimodal",
        ("visual.conv1.weight", f"visual.{_GLOBAL}", "token_embedding.weight"),
        convert.from_bare_internvideo_mm,
    ),
    "uniformerv2": Layout(
        "UniFormerV2",
        "video_tower_classifier",
        (BACKBONE + "conv1.weight", BACKBONE + _TOWER, BACKBONE + _PROJ),
        convert.from_uniformer,
        convert.to_uniformer,
    ),
    "uniformerv2_bare": Layout(
        "UniFormerV2 without its prefix",
        "video_tower_classifier",
        ("conv1.weight", _TOWER, _PROJ),
        convert.from_uniformer,
    ),
    "video_tower": Layout("video tower alone", "video_tower", ("conv1.weight", _TOWER, _GLOBAL), convert.same_names),
    "openai_clip": Layout(
        "OpenAI CLIP",
        "multimodal",
        ("visual.conv1.weight", f"visual.{_TOWER}", "visual.proj", "token_embedding.weight"),
        convert.from_openai_clip,
        convert.to_openai_clip,
    ),
    "transformers_clip": Layout(
        "transformers CLIPModel",
        "multimodal",
        (
            "vision_model.embeddings.patch_embedding.weight",
            "text_model.embeddings.token_embedding.weight",
            "visual_projection.weight",
        ),
        convert.from_transformers_clip,
        convert.to_transformers_clip,
    ),
    "transformers_videomae_pretrain": Layout(
        "transformers VideoMAEForPreTraining",
        "masked_autoencoder",
        (_HF_TUBES, "mask_token"),
        convert.from_transformers_videomae_pretrain,
    ),
    "transformers_videomae_finetune": Layout(
        "transformers VideoMAEForVideoClassification",
        "masked_classifier",
        (_HF_TUBES, "classifier.weight"),
        convert.from_transformers_videomae_finetune,
    ),
}
"""Every layout that is known, by its name in options and audits."""

# What `released` stands for, for weights that were read from another file than a release's.
RELEASED_NAMES = {
    "masked_autoencoder": "videomae_pretrain",
    "masked_classifier": "videomae_finetune",
    "multimodal": "internvideo_mm",
    "question_answerer": "internvideo_qa",
    "video_tower_classifier": "uniformerv2",
}

# A name that gives a model away which is not read here.
_OTHERS = {
    "visual.layer1.0.conv1.weight": "a CLIP with a ResNet; only those with a vision transformer are read",
    "visual.attnpool.positional_embedding": "a CLIP with a ResNet; only those with a vision transformer are read",
    "vision_model.embeddings.patch_embedding.weight": "one half of a transformers CLIP; the whole CLIPModel is needed",
    "text_model.embeddings.token_embedding.weight": "one half of a transformers CLIP; the whole CLIPModel is needed",
    "vision_encoder.patch_embed.proj.weight": "a later InternVideo, with another architecture",
    "vision_encoder.conv1.weight": "ViCLIP, with another architecture",
    "cls_token": "an image or video transformer with a class token, with another architecture",
}


def recognize(state: State) -> tuple[str, dict[str, Tensor]]:
    """The layout of a model's tensors, and the tensors without what a training script put before their names.

    Raises:
        UserError: The tensors are of no model that is known.
    """
    for view in _views(state):
        for name, layout in LAYOUTS.items():
            if all(need in view for need in layout.needs) and layout.lacks not in view:
                return name, dict(view)
    some = ", ".join(sorted(state)[:3])
    for view in _views(state):
        if other := next((words for name, words in _OTHERS.items() if name in view), None):
            raise UserError(f"these {len(state)} tensors ({some}, ...) are of {other}.")
    known = "; ".join(layout.title for layout in LAYOUTS.values() if layout.write)
    raise UserError(f"these {len(state)} tensors ({some}, ...) are of no model that is known here ({known}; our own).")


def _views(state: State) -> Iterator[State]:
    """The tensors as they are named, then with fewer and fewer first words; last, with mixed prefixes taken off."""
    view: State | None = state
    while view is not None:
        yield view
        view = shorter(view)
    bare = {name.removeprefix("module.").removeprefix(BACKBONE).removeprefix(ENCODER): x for name, x in state.items()}
    if len(bare) == len(state):
        yield bare
