"""What to read: one file a dataset, in its official layout."""

from data_modules.kinetics import Kinetics400, Kinetics600, Kinetics700, KineticsConfig
from data_modules.msrvtt import MsrVtt
from data_modules.own_videos import OwnVideos, OwnVideosConfig
from internvideo_pl.data.clips import ClipConfig
from internvideo_pl.data.module import VideoData

# name in an experiment: (DataModule, its config)
DATASETS: dict[str, tuple[type[VideoData], type[ClipConfig]]] = {
    "kinetics400": (Kinetics400, KineticsConfig),
    "kinetics600": (Kinetics600, KineticsConfig),
    "kinetics700": (Kinetics700, KineticsConfig),
    "msrvtt": (MsrVtt, ClipConfig),
    "own_videos": (OwnVideos, OwnVideosConfig),
}
