"""RandAugment's operations on clips, batched and on any device: the pictures that Pillow's own operations give.

Public recipes run Pillow on one frame after the other; magnitudes mean here what they mean there. Everything is integer
arithmetic, or float32 steps whose result does not depend on the device.

Shapes: N clips, T frames, H height, W width. Every operation takes uint8 (N, T, H, W, 3) and an amount for each clip,
float64 (N,) on the CPU, and gives a new tensor of the same shape.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from internvideo_pl.video.resample import move

Operation = Callable[[Tensor, Tensor], Tensor]

# Luma of ITU-R 601 in 65,536ths, as Pillow's conversion to grey has it.
LUMA = (19595, 38470, 7471)
DARK = 128  # values below it are what `solarize_add` brightens


def auto_contrast(video: Tensor, _: Tensor) -> Tensor:
    """Stretches each channel of each frame to 0 to 255; one of a single value stays."""
    low, high = video.amin(2).amin(2).float(), video.amax(2).amax(2).float()  # (N, T, 3)
    flat = high == low
    low, span = low.masked_fill(flat, 0), (high - low).masked_fill(flat, 255)
    low, span = (part[:, :, None, None].tile(1, 1, 1, video.shape[3], 1) for part in (low, span))  # whole rows: quicker
    return _whole(video.float().sub_(low).mul_(255).div_(span))


def equalize(video: Tensor, _: Tensor) -> Tensor:
    """Flattens the histogram of each channel of each frame."""
    clips, frames, height, width = video.shape[:4]
    planes = clips * frames * 3
    own = torch.arange(planes, device=video.device).view(clips, frames, 1, 1, 3) * 256  # a plane counts apart
    places = video + own
    counts = torch.bincount(places.flatten(), minlength=planes * 256).view(planes, 256)
    brightest = video.amax(2).amax(2).flatten()[:, None].long()
    step = (height * width - counts.gather(1, brightest)) // 255
    flat = ((counts.cumsum(1) - counts + step // 2) // step.clamp(min=1)).clamp_(max=255)
    table = torch.where(step > 0, flat, torch.arange(256, device=video.device)).to(torch.uint8)
    return table.flatten()[places]


def invert(video: Tensor, _: Tensor) -> Tensor:
    """255 less each value."""
    return ~video


def posterize(video: Tensor, bits: Tensor) -> Tensor:
    """Keeps the highest bits of each value, 0 to 8 of them."""
    return video & _each(256 - 2 ** (8 - bits), torch.uint8, video)


def solarize(video: Tensor, threshold: Tensor) -> Tensor:
    """Inverts values from the threshold on, 0 to 256."""
    inverted = (video >= _each(threshold, torch.int16, video)).view(torch.uint8).neg_()  # 255 or 0
    return inverted.bitwise_xor_(video)


def solarize_add(video: Tensor, added: Tensor) -> Tensor:
    """Adds to dark values; at most 128, which keeps them a byte."""
    return (video < DARK).view(torch.uint8).mul_(_each(added, torch.uint8, video)).add_(video)


def color(video: Tensor, factor: Tensor) -> Tensor:
    """From grey at 0 past the clip itself at 1 to stronger colours."""
    return _blend(_grey(video)[..., None].float().expand_as(video).contiguous(), video, factor)


def contrast(video: Tensor, factor: Tensor) -> Tensor:
    """From the mean grey of the frame at 0 past the frame itself at 1 to stronger contrast."""
    grey = _grey(video)
    pixels = grey[0, 0].numel()
    mean = (2 * grey.sum((2, 3)) + pixels) // (2 * pixels)  # to the nearest whole grey
    return _blend(mean[:, :, None, None, None].float(), video, factor)


def brightness(video: Tensor, factor: Tensor) -> Tensor:
    """From black at 0 past the clip itself at 1 to brighter."""
    return _blend(torch.zeros((), device=video.device), video, factor)


def sharpness(video: Tensor, factor: Tensor) -> Tensor:
    """From a 3 x 3 blur (1 1 1, 1 5 1, 1 1 1 of 13, border pixels kept) at 0 past the clip itself at 1 to sharper."""
    values = video.short()
    rows = values[:, :, :-2] + values[:, :, 1:-1] + values[:, :, 2:]
    box = rows[:, :, :, :-2] + rows[:, :, :, 1:-1] + rows[:, :, :, 2:]
    inner = box.add_(values[:, :, 1:-1, 1:-1], alpha=4)
    blurred = video.float()
    blurred[:, :, 1:-1, 1:-1] = (inner.float() / 13 + 0.5).floor_()  # 13ths never lie near one half
    return _blend(blurred, video, factor)


def rotate(video: Tensor, degrees: Tensor) -> Tensor:
    """Turns counter-clockwise about the middle."""
    height, width = video.shape[2:4]
    turn = -torch.deg2rad(degrees)
    cos, sin = turn.cos(), turn.sin()
    right = (width - cos * width - sin * height) / 2
    down = (height + sin * width - cos * height) / 2
    return move(video, torch.stack([cos, sin, right, -sin, cos, down], dim=1))


def shear_x(video: Tensor, slope: Tensor) -> Tensor:
    """Takes column x of row y from x + slope * y."""
    return move(video, _affine(b=slope), "x")


def shear_y(video: Tensor, slope: Tensor) -> Tensor:
    """Takes row y of column x from y + slope * x."""
    return move(video, _affine(d=slope), "y")


def translate_x(video: Tensor, share: Tensor) -> Tensor:
    """Takes column x from x + share * width."""
    return move(video, _affine(c=share * video.shape[3]), "x")


def translate_y(video: Tensor, share: Tensor) -> Tensor:
    """Takes row y from y + share * height."""
    return move(video, _affine(f=share * video.shape[2]), "y")


# The names that RandAugment's public code uses.
OPERATIONS: dict[str, Operation] = {
    "AutoContrast": auto_contrast,
    "Equalize": equalize,
    "Invert": invert,
    "Rotate": rotate,
    "Posterize": posterize,
    "Solarize": solarize,
    "SolarizeAdd": solarize_add,
    "Color": color,
    "Contrast": contrast,
    "Brightness": brightness,
    "Sharpness": sharpness,
    "ShearX": shear_x,
    "ShearY": shear_y,
    "TranslateX": translate_x,
    "TranslateY": translate_y,
}


def _each(amount: Tensor, dtype: torch.dtype, video: Tensor) -> Tensor:
    """Amounts (N,) beside the video they belong to, (N, 1, 1, 1, 1)."""
    return amount.to(dtype)[:, None, None, None, None].to(video.device)


def _affine(**changes: Tensor) -> Tensor:
    """(N, 6): a to f of the map that changes nothing, but for the parts that are given."""
    (given,) = changes.values()
    parts = {"a": torch.ones_like(given), "e": torch.ones_like(given)} | changes
    return torch.stack([parts.get(name, torch.zeros_like(given)) for name in "abcdef"], dim=1)


def _grey(video: Tensor) -> Tensor:
    """int32 (N, T, H, W)."""
    red, green, blue = (video[..., channel].int() * share for channel, share in enumerate(LUMA))
    return red.add_(green).add_(blue).add_(1 << 15).bitwise_right_shift_(16)


def _blend(poor: Tensor, video: Tensor, factor: Tensor) -> Tensor:
    """poor + factor * (video - poor), cut off to whole bytes as Pillow does."""
    blended = video.float().sub_(poor).mul_(_each(factor, torch.float32, video)).add_(poor)
    return _whole(blended.clamp_(0, 255))


def _whole(values: Tensor) -> Tensor:
    """Cuts 0 to 255 off to whole bytes; by way of int16, which takes half the time."""
    return values.to(torch.int16).to(torch.uint8)
