"""The table of all miniatures."""

from internvideo_pl.data.mini import howto100m, image_text, kinetics, kinetics710, msrvtt, webvid
from internvideo_pl.data.mini.layout import Layout

MINIS: dict[str, Layout] = {
    "kinetics400": Layout(kinetics.KineticsMini, kinetics.plan, kinetics.annotate),
    "kinetics710": Layout(kinetics710.Kinetics710Mini, kinetics710.plan, kinetics710.annotate),
    "msrvtt": Layout(msrvtt.MsrvttMini, msrvtt.plan, msrvtt.annotate),
    "webvid2m": webvid.layout("2M"),
    "webvid10m": webvid.layout("10M"),
    "howto100m": Layout(howto100m.HowToMini, howto100m.plan, howto100m.annotate),
    "image_text": Layout(image_text.ImageTextMini, image_text.plan, image_text.annotate, image_text.pack),
}
