"""What to read: one file a dataset, in its official layout."""

from data_modules.activitynet import (
    ActivityNet,
    ActivityNetSegments,
    ActivityNetSegmentsConfig,
    UntrimmedClipConfig,
)
from data_modules.activitynet_captions import ActivityNetCaptions
from data_modules.ava import Ava
from data_modules.ava_films import AvaFilms
from data_modules.ava_kinetics import AvaKinetics, AvaKineticsConfig
from data_modules.didemo import DiDeMo
from data_modules.ego4d import Ego4dConfig
from data_modules.ego4d_fhp import Ego4dFhp
from data_modules.ego4d_mq import Ego4dMq
from data_modules.ego4d_nlq import Ego4dNlq, Ego4dNlqConfig
from data_modules.ego4d_scod import Ego4dScod, Ego4dScodConfig
from data_modules.ego4d_sta import Ego4dSta, Ego4dStaConfig
from data_modules.fineaction import FineAction
from data_modules.hacs import HacsClips, HacsClipsConfig, HacsSegments
from data_modules.hmdb51 import FoldConfig, HMDB51Data
from data_modules.howto100m import HowTo100M, HowTo100MConfig
from data_modules.image_text import ImageText
from data_modules.kinetics import Kinetics400, Kinetics600, Kinetics700, KineticsConfig
from data_modules.kinetics710 import Kinetics710
from data_modules.lsmdc import Lsmdc
from data_modules.lsmdc_mc import LsmdcMc
from data_modules.moments import MomentsInTime
from data_modules.msrvtt import MsrVtt, MsrVtt7k, MsrVttFull
from data_modules.msrvtt_mc import MsrVttMc
from data_modules.msrvtt_qa import MsrVttQa, MsrVttQaConfig
from data_modules.msvd import Msvd
from data_modules.msvd_qa import MsvdQa, MsvdQaConfig
from data_modules.open_set import UcfAndHmdb, UcfAndMoments
from data_modules.own_videos import OwnVideos, OwnVideosConfig
from data_modules.r2r_ce import R2RCE, R2RCEConfig
from data_modules.something_something import SomethingConfig, SomethingV1, SomethingV2
from data_modules.tgif_qa import TgifAction, TgifConfig, TgifCount, TgifQa, TgifQaConfig, TgifTransition
from data_modules.thumos14 import Thumos14, Thumos14Config
from data_modules.ucf101 import UCF101Data
from data_modules.vatex import Vatex
from data_modules.webvid import WebVid2M, WebVid10M
from internvideo_pl.data.captions import CaptionConfig
from internvideo_pl.data.clips import ClipConfig
from internvideo_pl.data.keyframes import KeyframeConfig
from internvideo_pl.data.mixture import MixtureData
from internvideo_pl.data.module import VideoData
from internvideo_pl.data.parts import MixtureConfig
from internvideo_pl.data.temporal.module import LocalizationConfig

# name in an experiment: (DataModule, its config)
DATASETS: dict[str, tuple[type[VideoData], type[ClipConfig]]] = {
    "kinetics400": (Kinetics400, KineticsConfig),
    "kinetics600": (Kinetics600, KineticsConfig),
    "kinetics700": (Kinetics700, KineticsConfig),
    "kinetics710": (Kinetics710, KineticsConfig),
    "ssv1": (SomethingV1, SomethingConfig),
    "ssv2": (SomethingV2, SomethingConfig),
    "hmdb51": (HMDB51Data, FoldConfig),
    "ucf101": (UCF101Data, FoldConfig),
    "ucf101_hmdb51": (UcfAndHmdb, FoldConfig),
    "ucf101_mitv2": (UcfAndMoments, FoldConfig),
    "mitv2": (MomentsInTime, ClipConfig),
    "activitynet": (ActivityNet, UntrimmedClipConfig),
    "activitynet_tal": (ActivityNetSegments, ActivityNetSegmentsConfig),
    "hacs": (HacsClips, HacsClipsConfig),
    "hacs_tal": (HacsSegments, LocalizationConfig),
    "thumos14": (Thumos14, Thumos14Config),
    "fineaction": (FineAction, LocalizationConfig),
    "webvid2m": (WebVid2M, ClipConfig),
    "webvid10m": (WebVid10M, ClipConfig),
    "howto100m": (HowTo100M, HowTo100MConfig),
    "image_text": (ImageText, ClipConfig),
    "mixture": (MixtureData, MixtureConfig),
    "msrvtt": (MsrVtt, CaptionConfig),
    "msrvtt_7k": (MsrVtt7k, CaptionConfig),
    "msrvtt_full": (MsrVttFull, CaptionConfig),
    "msvd": (Msvd, CaptionConfig),
    "lsmdc": (Lsmdc, CaptionConfig),
    "activitynet_captions": (ActivityNetCaptions, CaptionConfig),
    "didemo": (DiDeMo, CaptionConfig),
    "vatex": (Vatex, CaptionConfig),
    "msrvtt_qa": (MsrVttQa, MsrVttQaConfig),
    "msvd_qa": (MsvdQa, MsvdQaConfig),
    "tgif_qa": (TgifQa, TgifQaConfig),
    "tgif_action": (TgifAction, TgifConfig),
    "tgif_transition": (TgifTransition, TgifConfig),
    "tgif_count": (TgifCount, TgifConfig),
    "msrvtt_mc": (MsrVttMc, ClipConfig),
    "lsmdc_mc": (LsmdcMc, ClipConfig),
    "r2r_ce": (R2RCE, R2RCEConfig),
    "ego4d_fhp": (Ego4dFhp, Ego4dConfig),
    "ego4d_mq": (Ego4dMq, LocalizationConfig),
    "ego4d_nlq": (Ego4dNlq, Ego4dNlqConfig),
    "own_videos": (OwnVideos, OwnVideosConfig),
    "ava": (Ava, KeyframeConfig),
    "ava_films": (AvaFilms, ClipConfig),
    "ego4d_scod": (Ego4dScod, Ego4dScodConfig),
    "ego4d_sta": (Ego4dSta, Ego4dStaConfig),
    "ava_kinetics": (AvaKinetics, AvaKineticsConfig),
}
