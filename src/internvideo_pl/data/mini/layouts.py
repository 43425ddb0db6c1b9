"""The table of all miniatures."""

from internvideo_pl.data.mini import kinetics, msrvtt
from internvideo_pl.data.mini.layout import Layout

MINIS: dict[str, Layout] = {
    "kinetics400": Layout(kinetics.KineticsMini, kinetics.plan, kinetics.annotate),
    "msrvtt": Layout(msrvtt.MsrvttMini, msrvtt.plan, msrvtt.annotate),
}
