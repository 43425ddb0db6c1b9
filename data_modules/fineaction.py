"""FineAction: long videos with fine-grained actions in time, several of which may go on at once.

    annotations_gt.json   {"database": {"v_<number>": {"subset", "duration", "fps", "frame_num",
                          "annotations": [{"label", "segment": [start, end], ...}]}}}
Of three levels of classes (4, 14, 106) the 106 at the bottom are evaluated.
"""

from data_modules.activitynet import ActivityNetList
from internvideo_pl.data.facts import DatasetFacts
from internvideo_pl.data.temporal.module import LocalizationConfig, LocalizationData

FINEACTION = DatasetFacts(
    name="FineAction",
    task="temporal action localization",
    num_classes=106,
    splits={"train": 8_440, "val": 4_174, "test": 4_118},  # arXiv 2105.11107: 16,732 videos, 103,324 instances
    url="https://github.com/Richard-61/FineAction",
    # Neither the repository nor https://deeperaction.github.io/datasets/fineaction.html states one (read 2026-11).
    licence="none stated",
    terms="videos and annotations from OpenDataLab, whose terms apply; each video belongs to its uploader",
    layout="annotations_gt.json and v_<number>.mp4 in any folders",
    defects=(
        "actions of several classes overlap in time, so no video has one label",
        "many instances last less than a second: published features are resampled to one length a video",
    ),
)


class FineAction(ActivityNetList, LocalizationData):
    """FineAction for temporal localisation: average mAP on the validation list."""

    facts = FINEACTION
    folder_name = "fineaction"
    list_names = ("annotations_gt.json", "annotations/annotations_gt.json")
    config: LocalizationConfig
