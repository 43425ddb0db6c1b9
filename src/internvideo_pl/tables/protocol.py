"""What must agree before two numbers may stand side by side.

A row's protocol is a flat mapping of everything that decides a number besides the model's weights: split, views,
frames, resolution, prompts, captions a video, tie rule. Its fingerprint is part of the row's identity; rows of unlike
fingerprints are never ranked against each other. Variants that one evaluation yields at once (dual softmax or not,
answers outside the vocabulary) are names of metrics instead.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any

# What the paper's own figure was measured on. Only fields that define the question are listed; frames, resolution and
# views are the model's budget, which every table of the paper mixes, and are read in the row. Where the paper is
# silent, the release's scripts and the usual reading of the benchmark are taken.
_VAL, _TEST = {"split": "val"}, {"split": "test"}
_TIOU = {**_VAL, "tiou": "0.5:0.05:0.95"}  # the ActivityNet evaluator; on THUMOS14 papers average over lower overlaps
_AVA = {**_VAL, "classes": 60}
_ONE_CAPTION, _ALL_CAPTIONS, _PARAGRAPH = {"captions": "one a video"}, {"captions": "all"}, {"captions": "paragraph"}
_RETRIEVAL = {  # table 6 and the release's evaluator
    "msrvtt_ret": {"split": "1k-A test", **_ONE_CAPTION},
    "msvd_ret": {**_TEST, **_ALL_CAPTIONS},
    "lsmdc_ret": {"split": "public test 1000", **_ONE_CAPTION},
    "activitynet_ret": {"split": "val_1", **_PARAGRAPH},
    "didemo_ret": {**_TEST, **_PARAGRAPH},
    "vatex_ret": {"split": "test 1500", **_ALL_CAPTIONS},
}
_EGO4D = {"split": "challenge test"}  # the labels of its test split are hidden; figures come from its server
PAPER_PROTOCOLS: dict[str, dict[str, Any]] = {
    **dict.fromkeys(("k400", "k600", "k700", "ssv1", "ssv2", "activitynet", "hacs"), _VAL),
    "hmdb51": {"split": "mean of test 1, 2, 3"},
    "thumos14": {**_TEST, "tiou": "0.3:0.1:0.7"},
    **dict.fromkeys(("activitynet_tal", "hacs_tal", "fineaction"), _TIOU),
    **dict.fromkeys(("ava22", "ava_kinetics"), _AVA),
    **_RETRIEVAL,
    **{f"{name}_zs": protocol for name, protocol in _RETRIEVAL.items()},
    **dict.fromkeys(("msrvtt_qa", "msvd_qa", "tgif_qa", "msrvtt_mc", "lsmdc_mc"), _TEST),
    "k400_zs": {**_TEST, "prompts": 16},
    "ucf101_hmdb51": {"known": "ucf101 test 1", "unknown": "hmdb51 test 1"},
    "ucf101_mitv2": {"known": "ucf101 test 1", "unknown": "mitv2 val"},
    "vlnce_r2r": {"split": "val_unseen"},
    **dict.fromkeys(("ego4d_sta", "ego4d_fhp", "ego4d_nlq", "ego4d_scod", "ego4d_mq"), _EGO4D),
}
NOT_RECORDED = "not recorded"


def fingerprint(protocol: Mapping[str, Any], benchmark: str | None, task: str) -> str:
    """Twelve hexadecimal digits of the SHA-256 of a protocol with its benchmark and task.

    Order of the fields and 1 against 1.0 make no difference.

    Raises:
        TypeError: a value is not one that JSON can hold.
    """
    identity = {"benchmark": benchmark, "task": task, "protocol": _plain(protocol)}
    text = json.dumps(identity, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def differences(protocol: Mapping[str, Any], wanted: Mapping[str, Any]) -> list[str]:
    """Where `protocol` does not have the fields and values that are `wanted`, one clause a field; empty if it has."""
    clauses = []
    for name, value in wanted.items():
        if name not in protocol:
            clauses.append(f"{name} is not recorded, not {value}")
        elif _plain(protocol[name]) != _plain(value):
            clauses.append(f"{name} is {protocol[name]}, not {value}")
    return clauses


def unlike_fields(protocols: Iterable[Mapping[str, Any]]) -> list[str]:
    """What several protocols do not agree in, one clause a field with the values it has, such as "views is 5x3 or 1x1".

    Empty where all are alike.
    """
    return [f"{name} is {' or '.join(words)}" for name, words in unlike_values(protocols).items()]


def unlike_values(protocols: Iterable[Mapping[str, Any]]) -> dict[str, list[str]]:
    """The fields that several protocols do not agree in, each with the values that it has, in words."""
    many = list(protocols)
    found = {}
    for name in dict.fromkeys(name for protocol in many for name in protocol):
        values = {json.dumps(_plain(p[name]), sort_keys=True) if name in p else None: p.get(name) for p in many}
        if len(values) > 1:
            found[name] = [NOT_RECORDED if key is None else str(value) for key, value in values.items()]
    return found


def _plain(value: Any) -> Any:
    """`value` in JSON's own types, whole numbers as integers."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value
