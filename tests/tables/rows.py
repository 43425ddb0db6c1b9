"""A row to vary in tests."""

from internvideo_pl.tables.row import Coverage, Row

CREATED = "2026-01-01T12:00:00+00:00"


def make_row(**changes) -> Row:
    """A sound row of a coordinated model on the miniature, with fields changed."""
    fields = {
        "experiment": "demo",
        "benchmark": None,
        "model": "coordinated",
        "task": "recognition",
        "mini": True,
        "metrics": {"top1": 80.0, "top5": 99.0},
        "headline": "top1",
        "chance": {"top1": 25.0},
        "protocol": {"split": "test", "classes": 4},
        "coverage": Coverage(200, 200),
        "parents": {"masked": "a" * 64},
        "config_hash": "b" * 64,
        "code_version": "0.1.0",
        "seconds": 12.5,
        "gpu_hours": 0.0,
        "kwh": None,
        "kwh_source": "not measured",
        "kg_co2": None,
        "seed": 0,
        "devices": "2 CPU cores",
        "versions": {"torch": "2.13.0"},
        "created": CREATED,
    }
    return Row(**{**fields, **changes})


def k400(top1: float, **changes) -> Row:
    """A row on real Kinetics-400 validation videos."""
    fields = {
        "experiment": "finetune/k400",
        "benchmark": "k400",
        "mini": False,
        "metrics": {"top1": top1},
        "chance": {"top1": 0.25},
        "protocol": {"split": "val", "views": "7x3"},
        "coverage": Coverage(19877, 19877),
    }
    return make_row(**{**fields, **changes})
