"""Released weights by a short name: where each file is, what it holds, and how it is fetched when asked for.

Nothing is downloaded unless such a name (or a hub id) is given.
Source: the lists of weights in the public releases of InternVideo and UniFormerV2; OpenAI's repositories on the hub.
"""

import re
from dataclasses import dataclass
from pathlib import Path

from huggingface_hub import hf_hub_download
from huggingface_hub.errors import EntryNotFoundError, HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

from internvideo_pl.errors import UserError, hint
from internvideo_pl.weights.tensor_file import SUFFIX

INTERNVIDEO, MAE, CLIP = "OpenGVLab/InternVideo1.0", "OpenGVLab/InternVideoMAE_models", "openai/clip-vit-"
_EITHER = ("model.safetensors", "pytorch_model.bin")  # hub repositories hold one of them or both
HUB_ID = re.compile(r"[\w.-]+/[\w.-]+(:[\w./-]+)?")
FILE_SUFFIXES = (SUFFIX, ".pth", ".pt", ".bin", ".ckpt", ".pyth")  # of files of weights; a hub id may end in others


@dataclass(frozen=True)
class Released:
    """A file of released weights.

    Attributes:
        repository: On the hub; None when the file is on object storage only, from where links come and go.
        files: Names in the repository, of which the first that is there is taken; or the file's name in the release.
        layout: What it should be recognised as.
        size: Of the model.
        millions: Parameters; 0 where the release does not say.
        trained_on: As the release says it.
        note: What one should know.
    """

    repository: str | None
    files: tuple[str, ...]
    layout: str
    size: str
    millions: float
    trained_on: str
    note: str = ""


_PRETRAIN, _FINETUNE, _UNIFORMER = "videomae_pretrain", "videomae_finetune", "uniformerv2"
_CLIP_DATA, _HYBRID = "WebImageText", "UnlabeledHybrid (1 M clips)"
_ANSWERS, _RETRIEVAL = "internvideo_qa", "internvideo_mm"

RELEASED: dict[str, Released] = {
    "internvideo_mm_l14": Released(
        INTERNVIDEO, ("InternVideo-MM-L-14.ckpt",), "internvideo_mm", "L/14", 585.1, "WebVid10M, 14 M more of its own"
    ),
    "internvideo_mm_b16": Released(
        None, ("InternVideo-MM-B-16.ckpt",), "internvideo_mm", "B/16", 234.3, "WebVid10M, 14 M more of its own"
    ),
    "internvideo_mae_b": Released(MAE, ("mae-b/pytorch_model.bin",), _PRETRAIN, "ViT-B", 94.2, _HYBRID),
    "internvideo_mae_l": Released(MAE, ("mae-l/pytorch_model.bin",), _PRETRAIN, "ViT-L", 343.0, _HYBRID),
    "internvideo_mae_h": Released(MAE, ("mae-h/pytorch_model.bin",), _PRETRAIN, "ViT-H", 658.3, _HYBRID),
    "clip_b16": Released(f"{CLIP}base-patch16", _EITHER, "transformers_clip", "B/16", 149.6, _CLIP_DATA),
    "clip_l14": Released(f"{CLIP}large-patch14", _EITHER, "transformers_clip", "L/14", 427.6, _CLIP_DATA),
    "clip_l14_336": Released(f"{CLIP}large-patch14-336", _EITHER, "transformers_clip", "L/14@336", 427.9, _CLIP_DATA),
    "mae_b_k400": Released(None, ("vit_b_hybrid_pt_800e_k400_ft.pth",), _FINETUNE, "ViT-B", 86.5, "Kinetics-400"),
    "mae_b_k710": Released(None, ("vit_b_hybrid_pt_800e_k710_ft.pth",), _FINETUNE, "ViT-B", 86.8, "Kinetics-710"),
    "mae_b_ssv2": Released(None, ("vit_b_hybrid_pt_800e_ssv2_ft.pth",), _FINETUNE, "ViT-B", 86.4, "SSv2"),
    "mae_l_k400": Released(None, ("vit_l_hybrid_pt_800e_k400_ft.pth",), _FINETUNE, "ViT-L", 304.3, "Kinetics-400"),
    "mae_l_k700": Released(None, ("vit_l_hybrid_pt_800e_k700_ft.pth",), _FINETUNE, "ViT-L", 304.6, "Kinetics-700"),
    "mae_l_ssv2": Released(None, ("vit_l_hybrid_pt_800e_ssv2_ft.pth",), _FINETUNE, "ViT-L", 304.1, "SSv2"),
    "mae_h_k400": Released(
        None, ("ViT-H_f32_res384_89.54.pth",), _FINETUNE, "ViT-H", 632.1, "Kinetics-400", "32 frames of 384 pixels"
    ),
    "mae_h_ssv1": Released(None, ("ViT-H.pth",), _FINETUNE, "ViT-H", 631.8, "SSv1"),
    "uniformerv2_k710_b16": Released(
        None, ("k710_uniformerv2_b16_8x224.pyth",), _UNIFORMER, "B/16", 114.8, "CLIP, then Kinetics-710"
    ),
    "uniformerv2_k710_l14": Released(
        None, ("k710_uniformerv2_l14_8x224.pyth",), _UNIFORMER, "L/14", 354.4, "CLIP, then Kinetics-710"
    ),
    "uniformerv2_k710_l14_336": Released(
        None, ("k710_uniformerv2_l14_8x336.pyth",), _UNIFORMER, "L/14@336", 354.7, "CLIP, then Kinetics-710"
    ),
    **{
        f"internvideo_mm_l14_{name}": Released(
            None, ("pytorch_model.bin",), _RETRIEVAL, "L/14", 0, words, "fine-tuned for retrieval"
        )
        for name, words in (
            ("activitynet", "ActivityNet"),
            ("didemo", "DiDeMo"),
            ("lsmdc", "LSMDC"),
            ("msrvtt", "MSR-VTT"),
            ("msvd", "MSVD"),
            ("vatex", "VATEX"),
        )
    },
    "internvideo_mm_l14_msrvtt_qa": Released(None, ("msrvtt.ckpt",), _ANSWERS, "L/14", 0, "MSR-VTT QA"),
    "internvideo_mm_l14_msvd_qa": Released(None, ("msvd.ckpt",), _ANSWERS, "L/14", 0, "MSVD QA"),
    "internvideo_mm_l14_tgif_qa": Released(None, ("tqifqa.ckpt",), _ANSWERS, "L/14", 0, "TGIF QA"),
}
"""Every released file that this library can use, by short name."""


def is_hub_id(name: str) -> bool:
    """Whether a name can be "owner/name" or "owner/name:file" on the hub, rather than the path of a file."""
    return HUB_ID.fullmatch(name) is not None and (":" in name or Path(name).suffix not in FILE_SUFFIXES)


def fetch(name: str, download: bool = True) -> Path:
    """The file of a released set of weights or of a hub id, downloaded unless the hub's cache holds it.

    Args:
        name: A key of `RELEASED`, "owner/name" or "owner/name:file".
        download: Whether a file that the hub's cache does not hold is downloaded.

    Raises:
        UserError: There is no such name, the file is on object storage only, or the hub cannot be reached.
    """
    if name in RELEASED:
        entry = RELEASED[name]
        if entry.repository is None:
            raise UserError(
                f"{name} ({entry.files[0]}) is on the authors' object storage only, from where nothing is fetched by "
                "itself: download it by the link in their list of models and give the file's path instead of the name."
            )
        return _download(name, entry.repository, entry.files, download)
    if not HUB_ID.fullmatch(name):
        raise UserError(f"there are no released weights {name!r}.{hint(name, RELEASED)}")
    repository, _, file = name.partition(":")
    return _download(name, repository, (file,) if file else _EITHER, download)


def _download(name: str, repository: str, files: tuple[str, ...], download: bool) -> Path:
    for file in files:
        try:
            return Path(hf_hub_download(repository, file, local_files_only=not download))
        except LocalEntryNotFoundError as error:
            if not download and file != files[-1]:
                continue  # the cache may hold the next one
            raise UserError(
                f"{name} is not in the hub's cache and the hub cannot be reached (or HF_HUB_OFFLINE is set): bring "
                f"{' or '.join(files)} of {repository} from a machine with a network and give its path instead, or "
                "name a mirror with HF_ENDPOINT."
            ) from error
        except EntryNotFoundError:
            continue
        except HFValidationError as error:
            raise UserError(f"{repository!r} is no id of a hub repository: owner/name, or owner/name:file.") from error
        except (HfHubHTTPError, OSError) as error:
            reason = str(error).strip().splitlines()[-1][:200]
            raise UserError(f"{name} cannot be fetched from {repository}: {reason}") from error
    raise UserError(f"{repository} has no {' or '.join(files)}: name another file of it as {repository}:<file>.")
