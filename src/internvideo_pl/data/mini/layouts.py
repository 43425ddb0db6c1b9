"""The table of all miniatures."""

from functools import partial

from internvideo_pl.data.mini import (
    activitynet,
    hmdb51,
    howto100m,
    image_text,
    kinetics,
    kinetics710,
    moments,
    msrvtt,
    something_something,
    thumos14,
    ucf101,
    webvid,
)
from internvideo_pl.data.mini.layout import Layout

MINIS: dict[str, Layout] = {
    "kinetics400": Layout(kinetics.KineticsMini, kinetics.plan, kinetics.annotate),
    "kinetics600": Layout(kinetics.KineticsMini, kinetics.plan, partial(kinetics.annotate, columns=kinetics.COLUMNS_2018)),
    "kinetics700": Layout(kinetics.KineticsMini, kinetics.plan, partial(kinetics.annotate, columns=kinetics.COLUMNS_2018)),
    "kinetics710": Layout(kinetics710.Kinetics710Mini, kinetics710.plan, kinetics710.annotate),
    "ssv1": something_something.layout(1),
    "ssv2": something_something.layout(2),
    "hmdb51": hmdb51.LAYOUT,
    "ucf101": ucf101.LAYOUT,
    "mitv2": moments.LAYOUT,
    "activitynet": activitynet.activitynet(),
    "hacs": activitynet.hacs(),
    "fineaction": activitynet.fineaction(),
    "thumos14": thumos14.layout(),
    "msrvtt": Layout(msrvtt.MsrvttMini, msrvtt.plan, msrvtt.annotate),
    "webvid2m": webvid.layout("2M"),
    "webvid10m": webvid.layout("10M"),
    "howto100m": Layout(howto100m.HowToMini, howto100m.plan, howto100m.annotate),
    "image_text": Layout(image_text.ImageTextMini, image_text.plan, image_text.annotate, image_text.pack),
}
