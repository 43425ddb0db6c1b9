"""The table of all miniatures."""

from functools import partial

from internvideo_pl.data.mini import (
    activitynet,
    activitynet_captions,
    ava,
    didemo,
    hmdb51,
    howto100m,
    image_text,
    kinetics,
    kinetics710,
    lsmdc_mc,
    moments,
    msrvtt,
    msrvtt_challenge,
    msrvtt_qa,
    msvd_qa,
    r2r_ce,
    open_set,
    lsmdc,
    moments,
    msrvtt,
    msvd,
    something_something,
    tgif_qa,
    thumos14,
    ucf101,
    vatex,
    webvid,
)
from internvideo_pl.data.mini import ego4d, ego4d_fhp, howto100m, image_text, kinetics, kinetics710, msrvtt, webvid
from internvideo_pl.data.mini.layout import Layout
from internvideo_pl.data.mini.questions import QuestionMini

_TGIF = Layout(tgif_qa.TgifMini, tgif_qa.plan, tgif_qa.annotate, draw=tgif_qa.draw)

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
    "ucf101_hmdb51": open_set.layout("hmdb51"),
    "ucf101_mitv2": open_set.layout("mitv2"),
    "activitynet": activitynet.activitynet(),
    "hacs": activitynet.hacs(),
    "fineaction": activitynet.fineaction(),
    "thumos14": thumos14.layout(),
    "msrvtt": Layout(msrvtt.MsrvttMini, msrvtt.plan, msrvtt.annotate),
    "r2r_ce": Layout(r2r_ce.R2RMini, r2r_ce.plan, r2r_ce.annotate),
    "msrvtt_full": Layout(msrvtt.MsrvttMini, msrvtt.plan, msrvtt.annotate),
    "msvd": msvd.LAYOUT,
    "lsmdc": lsmdc.LAYOUT,
    "activitynet_captions": activitynet_captions.LAYOUT,
    "didemo": didemo.LAYOUT,
    "vatex": vatex.LAYOUT,
    "webvid2m": webvid.layout("2M"),
    "webvid10m": webvid.layout("10M"),
    "howto100m": Layout(howto100m.HowToMini, howto100m.plan, howto100m.annotate),
    "msrvtt_qa": Layout(QuestionMini, msrvtt_qa.plan, msrvtt_qa.annotate),
    "msvd_qa": Layout(QuestionMini, msvd_qa.plan, msvd_qa.annotate),
    "tgif_qa": _TGIF,
    "tgif_action": _TGIF,
    "tgif_transition": _TGIF,
    "tgif_count": _TGIF,
    "msrvtt_mc": Layout(msrvtt_challenge.ChallengeMini, msrvtt_challenge.plan, msrvtt_challenge.annotate),
    "lsmdc_mc": Layout(lsmdc_mc.LsmdcMini, lsmdc_mc.plan, lsmdc_mc.annotate),
    "image_text": Layout(image_text.ImageTextMini, image_text.plan, image_text.annotate, image_text.pack),
    "ava": Layout(ava.AvaMini, ava.plan, ava.annotate),
    "ava_kinetics": Layout(ava.AvaKineticsMini, ava.plan_both, ava.annotate_both),
    "ego4d_fhp": Layout(
        ego4d_fhp.FhpMini, ego4d_fhp.plan, ego4d_fhp.annotate, draw=ego4d_fhp.draw, fps=ego4d.FPS
    ),
}
