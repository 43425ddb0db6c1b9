"""Scene -> frames: signed-distance shapes with procedural textures over filtered noise, vectorised in float32.

Legend: T frames, S side in pixels. Positions are in frame sides, x to the right and y down.
"""

import math
from functools import cache

import numpy as np
from numpy.typing import NDArray

from internvideo_pl.data.mini.world import MOTIONS, Film, Scene, Thing

Array = NDArray[np.float32]

EXPONENT = 2.5  # amplitude of the background falls as 1/f^2.5: smooth, so that masked patches can be predicted
CONTRAST = 0.06  # standard deviation of the grain of the background, in luminance
SLOPE = (0.3, 0.6)  # light falls from a random side: difference of luminance across the frame
CHROMA = 0.02  # standard deviation of each colour difference: luminance dominates
TINT = 0.05  # distance of the background's mean colour from grey
DARK = 0.22  # dark tone of a texture, as a share of the thing's colour
SHADING = 0.10  # light falls from the upper left
EDGE = 1.5  # width of a soft edge, pixels
JITTER = 0.002  # camera shake, standard deviation in frame sides
NOISE = 0.008  # sensor noise, standard deviation
GOLDEN = 0.618033988749895  # spreads the families' directions and tints evenly


def render(scene: Scene, size: int = 64, frames: int = 12) -> NDArray[np.uint8]:
    """Draws a clip.

    Args:
        scene: What is seen; a film says itself how many frames it has.
        size: S.
        frames: T.

    Returns:
        RGB frames, uint8 (T, S, S, 3); the same scene always gives the same frames.
    """
    frames = scene.frames if isinstance(scene, Film) else frames
    rng = np.random.default_rng((*scene.seed, 1))
    camera = camera_of(rng, scene, frames)
    clip = background(rng, scene.family, camera, size)  # (T, S, S, 3)
    for index in scene.order:
        shown = slice(*scene.shown[index]) if isinstance(scene, Film) else slice(None)
        alpha, colour = paint(scene.things[index], camera[shown], size)
        clip[shown] += alpha[..., None] * (colour - clip[shown])
    return expose(rng, clip)


def camera_of(rng: np.random.Generator, scene: Scene, frames: int) -> NDArray[np.float64]:
    """Where the camera is in each frame, (T, 2) frame sides, x and y; the first draw of `render`'s stream."""
    return np.outer(np.arange(frames), scene.pan) + rng.normal(0.0, JITTER, (frames, 2))


def expose(rng: np.random.Generator, clip: Array) -> NDArray[np.uint8]:
    """Light (T, S, S, 3) in 0 to 1 to bytes, with the sensor's noise; changes `clip`."""
    clip += (rng.standard_normal(clip.shape[:3], np.float32) * np.float32(NOISE))[..., None]
    return (np.clip(clip, 0.0, 1.0) * np.float32(255) + np.float32(0.5)).astype(np.uint8)


def positions(thing: Thing, frames: int) -> NDArray[np.float64]:
    """Centre of a thing on the torus in each frame before the camera moves, (T, 2) in [0, 1)."""
    return (np.array(thing.centre) + np.outer(np.arange(frames) * thing.speed, MOTIONS[thing.look.motion])) % 1.0


# --- background ---------------------------------------------------------------------------------------------------


def background(rng: np.random.Generator, family: int, camera: NDArray[np.float64], size: int) -> Array:
    """What a scene stands before, (T, S, S, 3), while the camera moves by (T, 2) frame sides, x and y."""
    amplitude, tint = _family(family, size)
    shape = (3, size, size // 2 + 1)
    noise = rng.standard_normal(shape, np.float32) + 1j * rng.standard_normal(shape, np.float32)
    rows = np.exp(-2j * np.pi * np.outer(camera[:, 1], np.fft.fftfreq(size, 1 / size)))  # (T, S)
    columns = np.exp(-2j * np.pi * np.outer(camera[:, 0], np.arange(size // 2 + 1)))  # (T, S/2+1)
    shift = (rows[:, :, None] * columns[:, None, :]).astype(np.complex64)
    waves = noise * amplitude * shift[:, None]  # (T, 3, S, S/2+1); a phase ramp moves the noise by parts of a pixel
    fields = np.fft.irfft2(waves).astype(np.float32)  # (T, 3, S, S): luminance and two colour differences
    fields /= fields[0].std(axis=(1, 2), keepdims=True)
    light = fields[:, 0] * np.float32(CONTRAST) + _slope(rng, size)
    one, two = fields[:, 1] * np.float32(CHROMA), fields[:, 2] * np.float32(CHROMA)
    return np.stack([light + one, light - 0.5 * one - 0.5 * two, light + two], axis=-1) + tint


def _slope(rng: np.random.Generator, size: int) -> Array:
    """Lighting (S, S), which stays while the camera moves: by it, one visible patch tells of all hidden ones."""
    angle, rise = rng.uniform(0, 2 * np.pi), rng.uniform(*SLOPE)
    ramp = (np.arange(size) + 0.5) / size - 0.5
    return ((math.cos(angle) * ramp + math.sin(angle) * ramp[:, None]) * rise).astype(np.float32)


@cache
def _family(family: int, size: int) -> tuple[Array, Array]:
    """Spectrum (S, S/2+1) and mean colour (3,) of a background family: its exponent, grain direction and tint."""
    turn = math.pi * ((family * GOLDEN) % 1.0)
    hue = 2 * math.pi * ((family * GOLDEN**2 + 0.25) % 1.0)
    stretch = 1.0 + 0.2 * (family % 4)
    exponent = EXPONENT + 0.1 * (family % 3 - 1)
    fx = np.arange(size // 2 + 1)[None, :]
    fy = np.fft.fftfreq(size, 1 / size)[:, None]
    along = (math.cos(turn) * fx + math.sin(turn) * fy) * stretch
    across = (math.cos(turn) * fy - math.sin(turn) * fx) / stretch
    frequency = np.sqrt(along**2 + across**2)
    frequency[0, 0] = np.inf  # the mean is the tint's
    amplitude = frequency**-exponent
    amplitude[:, -1] = amplitude[size // 2] = 0.0  # the Nyquist wave cannot move by parts of a pixel
    tint = [0.47 + TINT * math.cos(hue + third * 2 * math.pi / 3) for third in range(3)]
    return amplitude.astype(np.float32), np.array(tint, np.float32)


# --- things -------------------------------------------------------------------------------------------------------


def paint(thing: Thing, camera: NDArray[np.float64], size: int) -> tuple[Array, Array]:
    """Coverage (T, S, S) and colour (T, S, S, 3) of a thing; of its copies on the torus a pixel sees the nearest."""
    frames = len(camera)
    centre = positions(thing, frames) + camera  # (T, 2)
    pixel = (np.arange(size) + 0.5) / size
    dx = ((pixel - centre[:, :1] + 0.5) % 1.0 - 0.5) / thing.radius  # (T, S), in radii
    dy = ((pixel - centre[:, 1:] + 0.5) % 1.0 - 0.5) / thing.radius
    angle = thing.angle + thing.spin * np.arange(frames)
    cos, sin = np.cos(angle)[:, None], np.sin(angle)[:, None]
    p = (cos * dx).astype(np.float32)[:, None, :] + (sin * dy).astype(np.float32)[:, :, None]  # (T, S, S), own axes
    q = (-sin * dx).astype(np.float32)[:, None, :] + (cos * dy).astype(np.float32)[:, :, None]
    distance = SHAPE_DISTANCES[thing.look.shape](p, q)
    alpha = np.clip(0.5 - distance * np.float32(thing.radius * size / EDGE), 0.0, 1.0)
    cells = np.float32(thing.cells)
    softness = np.float32(thing.radius * size / (thing.cells * EDGE))  # a texture's edges are as soft as the outline
    dark = TEXTURE_TONES[thing.look.texture](
        p * cells + np.float32(thing.phase[0]), q * cells + np.float32(thing.phase[1])
    )
    tone = 1 - np.float32(1 - DARK) * np.clip(0.5 + dark * softness, 0.0, 1.0)
    tone *= 1 - (dx.astype(np.float32)[:, None, :] + dy.astype(np.float32)[:, :, None]) * np.float32(SHADING)
    return alpha, tone[..., None] * np.array(thing.rgb, np.float32)


def _disc(p: Array, q: Array) -> Array:
    return np.sqrt(p * p + q * q) - np.float32(0.95)


def _square(p: Array, q: Array) -> Array:
    return np.maximum(np.abs(p), np.abs(q)) - np.float32(0.80)


def _triangle(p: Array, q: Array) -> Array:
    slope = np.float32(math.sqrt(3) / 2)
    return np.maximum(np.abs(p) * slope + q * np.float32(0.5), -q) - np.float32(0.56)


def _cross(p: Array, q: Array) -> Array:
    p, q = np.abs(p), np.abs(q)
    return np.maximum(np.maximum(p, q) - np.float32(0.98), np.minimum(p, q) - np.float32(0.34))


def _ring(p: Array, q: Array) -> Array:
    return np.abs(np.sqrt(p * p + q * q) - np.float32(0.70)) - np.float32(0.28)


def _wave(x: Array) -> Array:
    """Distance to the nearest edge of unit stripes, in periods: triangle wave in [-1/4, 1/4]."""
    return np.abs(x - np.floor(x) - np.float32(0.5)) - np.float32(0.25)


def _plain(x: Array, y: Array) -> Array:
    return np.full_like(x, -1.0)


def _striped(x: Array, y: Array) -> Array:
    return _wave(x)


def _checked(x: Array, y: Array) -> Array:
    one, two = _wave(x), _wave(y)
    return np.sign(one * two) * np.minimum(np.abs(one), np.abs(two))


def _dotted(x: Array, y: Array) -> Array:
    x, y = x - np.floor(x) - np.float32(0.5), y - np.floor(y) - np.float32(0.5)
    return np.float32(0.30) - np.sqrt(x * x + y * y)


# signed distance to the outline in radii, negative inside; outlines cover roughly equal areas
SHAPE_DISTANCES = {"disc": _disc, "square": _square, "triangle": _triangle, "cross": _cross, "ring": _ring}
# signed distance to the dark tone's edge in periods, positive where dark
TEXTURE_TONES = {"plain": _plain, "striped": _striped, "checked": _checked, "dotted": _dotted}
