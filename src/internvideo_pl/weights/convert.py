"""One function a source: tensors under the names of a release, under ours; and back, one function a target.

Every function is total: what has no place on the other side is left out with a reason, never in silence. Reading
changes names alone; values and precision stay.
Sources: the public model files of VideoMAE, InternVideo, UniFormerV2, CLIP and transformers.
"""

import re
from collections.abc import Mapping

import torch
from torch import Tensor

from internvideo_pl.backbones.released_clip import (
    NOT_WEIGHTS,
    PATCHES,
    clip_from_openai,
    clip_to_openai,
    openai_from_transformers,
    transformers_from_openai,
)
from internvideo_pl.backbones.released_masked import (
    BACKBONE,
    ENCODER,
    classifier_from_released,
    classifier_to_released,
)
from internvideo_pl.backbones.released_multimodal import (
    CLIP,
    DECODER,
    multimodal_from_released,
    multimodal_to_released,
    uniformer_from_released,
    uniformer_to_released,
)
from internvideo_pl.weights.checkpoint import Named

State = Mapping[str, Tensor]

ANSWERS = "vqa_classifier."  # of question-answering checkpoints; ours: head.layers.
_TRAINING = "another part of the training run"
_NUMBERS = "a number, not a weight"
_TASK = "the head of another task"
_MASKED = "backbone.masked."


def same_names(state: State) -> Named:
    """Files of our own; and VideoMAE's pretraining files, whose names a `MaskedAutoencoder` keeps."""
    return Named(dict(state))


def from_videomae_finetune(state: State) -> Named:
    """VideoMAE's fine-tuning files as a `Classifier`."""
    return Named(classifier_from_released(state))


def from_internvideo_mm(state: State) -> Named:
    """InternVideo-MM's Lightning files as a `MultimodalEncoder`.

    The release's loader takes `clip.*` alone; other modules of the training run (momentum copies, queues) are left out.
    """
    ours = {name: value for name, value in state.items() if name.startswith((CLIP, DECODER))}
    return Named(multimodal_from_released(ours), {name: _TRAINING for name in state if name not in ours})


def from_bare_internvideo_mm(state: State) -> Named:
    """The same without `clip.`, as the release's demo keeps them."""
    return from_internvideo_mm({name if name.startswith(DECODER) else CLIP + name: x for name, x in state.items()})


def from_internvideo_qa(state: State) -> Named:
    """InternVideo-MM fine-tuned for question answering as a `QuestionAnswerer`."""
    named = from_internvideo_mm({name: value for name, value in state.items() if not name.startswith(ANSWERS)})
    answers = {f"head.layers.{n.removeprefix(ANSWERS)}": x for n, x in state.items() if n.startswith(ANSWERS)}
    return Named({ENCODER + name: value for name, value in named.tensors.items()} | answers, named.left_out)


def from_uniformer(state: State) -> Named:
    """UniFormerV2's files as a `Classifier` on a `VideoTower`; the prefix `backbone.` may be missing."""
    prefixed = {name if name.startswith(BACKBONE) else BACKBONE + name: value for name, value in state.items()}
    return Named(uniformer_from_released(prefixed))


def from_openai_clip(state: State) -> Named:
    """OpenAI's CLIP as the CLIP part of a `MultimodalEncoder`; the patch embedding gets a time axis of one frame."""
    ours = clip_from_openai(state)
    ours[PATCHES] = ours[PATCHES].unsqueeze(2)  # (D, 3, p, p) -> (D, 3, 1, p, p)
    return Named(ours, {name: _NUMBERS for name in NOT_WEIGHTS if name in state})


def from_transformers_clip(state: State) -> Named:
    """transformers' CLIPModel likewise."""
    tables = {name: _NUMBERS for name in state if name.endswith(".position_ids")}
    named = from_openai_clip(openai_from_transformers(state))
    return Named(named.tensors, named.left_out | tables)


def backbone_alone(state: State) -> Named:
    """The backbone in a model of ours whose head is of another task."""
    found = {name.removeprefix(BACKBONE): value for name, value in state.items() if name.startswith(BACKBONE)}
    return Named(found, {name: _TASK for name in state if not name.startswith(BACKBONE)})


def encoder_alone(state: State) -> Named:
    """The multimodal encoder likewise."""
    found = {name.removeprefix(ENCODER): value for name, value in state.items() if name.startswith(ENCODER)}
    return Named(found, {name: _TASK for name in state if not name.startswith(ENCODER)})


def masked_of_control(state: State) -> Named:
    """The masked encoder in coordination's control, which has no second encoder."""
    found = {name.removeprefix(_MASKED): value for name, value in state.items() if name.startswith(_MASKED)}
    return Named(found, {name: "the control's own attention" for name in state if not name.startswith(_MASKED)})


# transformers' VideoMAE -> VideoMAE's own names, in this order; the first match of each line is replaced.
_TRANSFORMERS_VIDEOMAE = (
    (r"^videomae\.embeddings\.patch_embeddings\.projection\.", "encoder.patch_embed.proj."),
    (r"^videomae\.encoder\.layer\.", "encoder.blocks."),
    (r"^videomae\.layernorm\.", "encoder.norm."),
    (r"^decoder\.decoder_layers\.", "decoder.blocks."),
    (r"^decoder\.(norm|head)\.", r"decoder.\1."),
    (r"^fc_norm\.", "encoder.fc_norm."),
    (r"^classifier\.", "head."),
    (r"\.attention\.attention\.(?:q_bias|query\.bias)$", ".attn.q_bias"),  # transformers 4, transformers 5
    (r"\.attention\.attention\.(?:v_bias|value\.bias)$", ".attn.v_bias"),
    (r"\.attention\.output\.dense\.", ".attn.proj."),
    (r"\.intermediate\.dense\.", ".mlp.fc1."),
    (r"(?<!attention)\.output\.dense\.", ".mlp.fc2."),
    (r"\.layernorm_before\.", ".norm1."),
    (r"\.layernorm_after\.", ".norm2."),
)
_QUERY = ".attention.attention.query.weight"
_TABLES = (".position_embeddings", "position_embeddings")


def _from_transformers_videomae(state: State) -> Named:
    """Names as in a pretraining file, `head.*` aside."""
    named = Named({})
    for name, value in state.items():
        if name.endswith(_TABLES):
            named.left_out[name] = "a fixed table, computed here"
        elif name.endswith(_QUERY):
            rows = [state[name.replace("query", part)] for part in ("query", "key", "value")]
            named.tensors[_videomae_name(name.replace(_QUERY, ".attn.qkv.weight"))] = torch.cat(rows)
        elif not name.endswith((".attention.key.weight", ".attention.value.weight")):
            named.tensors[_videomae_name(name)] = value
    return named


def _videomae_name(name: str) -> str:
    for pattern, replacement in _TRANSFORMERS_VIDEOMAE:
        name = re.sub(pattern, replacement, name)
    return name


def from_transformers_videomae_pretrain(state: State) -> Named:
    """transformers' VideoMAEForPreTraining as a `MaskedAutoencoder`."""
    return _from_transformers_videomae(state)


def from_transformers_videomae_finetune(state: State) -> Named:
    """transformers' VideoMAEForVideoClassification as a `Classifier`."""
    named = _from_transformers_videomae(state)
    return Named({re.sub(f"^{ENCODER}", BACKBONE, name): x for name, x in named.tensors.items()}, named.left_out)


def to_videomae_pretrain(state: State) -> dict[str, Tensor]:
    """A `MaskedAutoencoder` under the names of VideoMAE's pretraining files, which are its own."""
    return dict(state)


def to_videomae_finetune(state: State) -> dict[str, Tensor]:
    """A `Classifier` on a `MaskedEncoder` under the names of VideoMAE's fine-tuning files."""
    return classifier_to_released(state)


def to_internvideo_mm(state: State) -> dict[str, Tensor]:
    """A `MultimodalEncoder` under the names of InternVideo-MM's files."""
    return multimodal_to_released(state)


def to_internvideo_qa(state: State) -> dict[str, Tensor]:
    """A `QuestionAnswerer` under the names of InternVideo-MM's question-answering files, which lack unused parts."""
    encoder = {name.removeprefix(ENCODER): x for name, x in state.items() if name.startswith(ENCODER)}
    unused = ("visual_proj", "text_projection", f"{DECODER}predictor.")
    encoder = {name: value for name, value in encoder.items() if not name.startswith(unused)}
    answers = {n.replace("head.layers.", ANSWERS, 1): x for n, x in state.items() if n.startswith("head.layers.")}
    return multimodal_to_released(encoder) | answers


def to_uniformer(state: State) -> dict[str, Tensor]:
    """A `Classifier` on a `VideoTower` under the names of UniFormerV2's files."""
    return uniformer_to_released(state)


def to_openai_clip(state: State) -> dict[str, Tensor]:
    """The CLIP part of a `MultimodalEncoder` under OpenAI's names.

    Raises:
        UserError: The patch embedding spans several frames, for which CLIP has no place.
    """
    return clip_to_openai(state)


def to_transformers_clip(state: State) -> dict[str, Tensor]:
    """The CLIP part of a `MultimodalEncoder` under the names of transformers' CLIPModel.

    Raises:
        UserError: As `to_openai_clip`.
    """
    return transformers_from_openai(clip_to_openai(state))
