"""Ego4D's future hand prediction in miniature: hands enter a moving picture and reach for a thing in it.

The thing stands still in the world while the camera drifts. One hand reaches it in the contact frame, slowly first and
last as people reach; the other comes in and rests, or stays away. Where the hands will be follows from where the thing
is, which hand moves and how far it has come, all of which can be seen 1.5 seconds earlier. Every file holds what may be
seen of one reach, as the official baseline cuts the clips; two reaches make a clip of the list.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from internvideo_pl.data.mini.ego4d import FILES, FPS, RELEASE, new_id, write_list
from internvideo_pl.data.mini.layout import MiniClip, MiniOptions
from internvideo_pl.data.mini.render import EDGE, JITTER, Array, background, expose, paint
from internvideo_pl.data.mini.world import Scene, Thing, sample_look, sample_scene

STEM = "fho_hands"
SEEN = 60  # frames before pre_45
MOMENTS = {"pre_45": 0, "pre_30": 15, "pre_15": 30, "pre_frame": 42, "contact_frame": 45}  # frames after pre_45
CONTACT = SEEN + MOMENTS["contact_frame"]
REACH = CONTACT + 5  # frames from one reach of a clip to the next
DRIFT = 0.0012  # largest speed of the camera, frame sides a frame
SKIN = ((0.80, 0.58, 0.45), (0.56, 0.38, 0.28), (0.93, 0.74, 0.62))
HAND, ARM = 0.085, 0.045  # radii, frame sides
TARGET = 0.13  # radius of the thing that is reached for
TURNS = 2  # reaches of a clip
SIDES = ("left_hand", "right_hand")
AWAY = 0.25  # share of reaches in which the other hand stays away


@dataclass(frozen=True, kw_only=True)
class FhpMini(MiniOptions):
    """Sizes of the miniature.

    Attributes:
        size: Side of the frames in pixels.
        frames: Frames of a file; all 60 that may be seen.
        train: Training clips, of two reaches each.
        val: Validation clips.
        test: Clips of the test list, whose points are withheld.
    """

    size: int = 48
    frames: int = SEEN
    train: int = 300
    val: int = 60
    test: int = 6


@dataclass(frozen=True)
class Hand:
    """One hand's way, all in frame sides and frames of the reach; y points down."""

    start: tuple[float, float]  # below the picture
    rest: tuple[float, float] | None  # where it comes to rest; None for the hand that reaches the thing
    begins: int  # frame of the reach in which it starts to move


@dataclass(frozen=True)
class Reach:
    """One reach of a clip."""

    scene: Scene  # background, camera and seed; its thing is the target
    target: Thing
    hands: dict[str, Hand]  # of `SIDES`, those that come
    skin: int
    clip: int  # the numeric clip_id
    first: int  # frame of the clip at which it begins
    frame: int  # of the clip's video


def plan(seed: int, options: FhpMini) -> list[MiniClip]:
    """All reaches, training first."""
    clips: list[MiniClip] = []
    for number, (split, count) in enumerate((("train", options.train), ("val", options.val), ("test", options.test))):
        for place in range(count):
            rng = np.random.default_rng((seed, number, place))
            start, skin = int(rng.integers(0, 9000)), int(rng.integers(len(SKIN)))
            for turn in range(TURNS):
                clip, first = len(clips) // TURNS + 1, turn * REACH
                reach = _reach(rng, (seed, number, place, turn), split, skin, clip, first, start + first)
                path = f"{RELEASE}/cropped_videos_ant/{clip}_{reach.frame + SEEN - 1}.mp4"
                clips.append(MiniClip(path, reach, split))
    return clips


def _reach(
    rng: np.random.Generator, seed: tuple[int, ...], split: str, skin: int, clip: int, first: int, frame: int
) -> Reach:
    """The target's `centre` is where it is seen in the reach's first frame."""
    scene = sample_scene(seed, split, (sample_look(rng, split),))
    place = float(rng.uniform(0.2, 0.8)), float(rng.uniform(0.2, 0.6))
    target = replace(scene.things[0], centre=place, radius=TARGET, speed=0.0, spin=0.0)
    acting, hands = SIDES[int(rng.integers(2))], {}
    for side, low in zip(SIDES, (0.05, 0.6), strict=True):
        start = float(low + rng.uniform(0, 0.35)), float(rng.uniform(1.1, 1.25))
        begins = int(rng.integers(0, 25))
        if side == acting:
            hands[side] = Hand(start, None, begins)
        elif rng.random() >= AWAY:
            rest = float(start[0] + rng.uniform(-0.08, 0.08)), float(rng.uniform(0.65, 0.88))
            hands[side] = Hand(start, rest, begins)
    return Reach(scene, target, hands, skin, clip, first, frame)


def camera_of(reach: Reach) -> NDArray[np.float64]:
    """Where the camera has moved the picture in each frame of the reach, (T, 2) frame sides."""
    rng = np.random.default_rng((*reach.scene.seed, 2))
    drift = np.outer(np.arange(REACH), rng.uniform(-DRIFT, DRIFT, 2))
    return drift + rng.normal(0.0, JITTER, (REACH, 2))


def way_of(hand: Hand, reach: Reach, camera: NDArray[np.float64]) -> NDArray[np.float64]:
    """The middle of a hand in the reach's frames, (T, 2); `camera` is (T, 2) over those frames."""
    time = np.arange(len(camera))
    share = np.clip((time - hand.begins) / (CONTACT - hand.begins if hand.rest is None else 40), 0.0, 1.0)
    share = share**3 * (10 - 15 * share + 6 * share**2)  # least jerk: Flash and Hogan, 1985
    goal = np.array(reach.target.centre) + camera - camera[0] if hand.rest is None else np.array([hand.rest])
    return np.array(hand.start) + share[:, None] * (goal - np.array(hand.start))


def draw(clip: MiniClip, options: FhpMini) -> NDArray[np.uint8]:
    """The frames of a reach that may be seen, uint8 (T, S, S, 3)."""
    reach: Reach = clip.scene
    rng = np.random.default_rng((*reach.scene.seed, 3))
    camera = camera_of(reach)[: options.frames]
    picture = background(rng, reach.scene.family, camera, options.size)
    alpha, colour = paint(reach.target, camera, options.size)
    picture += alpha[..., None] * (colour - picture)
    for hand in reach.hands.values():
        cover = _arm(way_of(hand, reach, camera), hand.start, options.size)
        picture += cover[..., None] * (np.array(SKIN[reach.skin], np.float32) - picture)
    return expose(rng, picture)


def _arm(way: NDArray[np.float64], start: tuple[float, float], size: int) -> Array:
    """Coverage (T, S, S) of a hand and the arm that leads to it from below."""
    pixel = ((np.arange(size) + 0.5) / size).astype(np.float32)
    hand = way.astype(np.float32)[:, None, None]  # (T, 1, 1, 2)
    along = np.array([start[0], 1.3], np.float32) - hand  # from the hand to the elbow
    x, y = pixel[None, None, :] - hand[..., 0], pixel[None, :, None] - hand[..., 1]  # (T, 1, S), (T, S, 1)
    share = np.clip((x * along[..., 0] + y * along[..., 1]) / (along**2).sum(-1), 0.0, 1.0)  # (T, S, S)
    arm = np.hypot(x - share * along[..., 0], y - share * along[..., 1]) - np.float32(ARM)
    distance = np.minimum(np.hypot(x, y) - np.float32(HAND), arm)
    return np.clip(0.5 - distance * np.float32(size / EDGE), 0.0, 1.0)


def annotate(folder: Path, clips: list[MiniClip], seed: int, options: FhpMini) -> None:
    """Writes fho_hands_{train,val,test_unannotated}.json; points are pixels of the frames."""
    rng = np.random.default_rng((seed, 9))
    for split in FILES:
        grouped: dict[int, list[dict[str, Any]]] = {}
        for clip in clips:
            if clip.split == split:
                grouped.setdefault(clip.scene.clip, []).append(_frames(clip.scene, options.size, split != "test"))
        entries = [
            {"clip_id": number, "clip_uid": new_id(rng), "video_uid": new_id(rng), "frames": frames}
            for number, frames in grouped.items()
        ]
        write_list(folder, STEM, split, clips=entries)


def _frames(reach: Reach, size: int, told: bool) -> dict[str, Any]:
    """An entry of a clip's "frames"."""
    entry: dict[str, Any] = {}
    for name, frame in (("start", SEEN), ("end", REACH)):
        entry |= {f"action_{name}_sec": (reach.frame + frame) / FPS, f"action_{name}_frame": reach.frame + frame}
        within = reach.first + frame
        entry |= {f"action_clip_{name}_sec": within / FPS, f"action_clip_{name}_frame": within}
    camera = camera_of(reach)
    ways = {side: way_of(hand, reach, camera) for side, hand in reach.hands.items()}
    for moment, after in MOMENTS.items():
        entry[moment] = {"frame": reach.frame + SEEN + after, "clip_frame": reach.first + SEEN + after}
        points = {side: way[SEEN + after] for side, way in ways.items()}
        seen = [{side: [round(float(v) * size, 2) for v in p]} for side, p in points.items() if _inside(p)]
        if told and seen:
            entry[moment]["boxes"] = seen
    return entry


def _inside(point: NDArray[np.float64]) -> bool:
    return bool((point > 0).all() and (point < 1).all())
