"""Which tokens of a clip are hidden from the encoder, and which the decoder predicts.

Shapes: B batch, (t, h, w) grid of tokens, N = t*h*w tokens, V visible tokens, P predicted tokens.
All counts are fixed by the grid and the ratio, so that nothing waits for the device and no shape varies.
Sources: VideoMAE (arXiv 2203.12602), tube masking; VideoMAE V2 (arXiv 2303.16727), running cells.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from internvideo_pl.backbones.positions import Grid
from internvideo_pl.errors import UserError

CELL = 2  # VideoMAE V2's running cells are 2 x 2 tokens


class Masks(NamedTuple):
    """A split of every clip's tokens; indices ascend, in (t, h, w) order.

    Attributes:
        visible: int64 (B, V), what the encoder reads.
        predicted: int64 (B, P), what the decoder predicts.
        counted: bool (B, P), which predictions enter the loss; None for all of them.
    """

    visible: Tensor
    predicted: Tensor
    counted: Tensor | None = None

    @classmethod
    def from_hidden(cls, hidden: Tensor) -> "Masks":
        """The split of a dense mask.

        Args:
            hidden: bool or integer (B, N), non-zero where a token is masked; equally many in every row.
        """
        hidden = hidden.bool()
        counts = hidden.sum(dim=1)
        assert bool((counts == counts[0]).all()), f"rows mask different numbers of tokens: {counts.tolist()}"
        order = hidden.to(torch.uint8).argsort(dim=1, stable=True)  # visible first, both parts in token order
        visible = hidden.shape[1] - int(counts[0])
        return cls(order[:, :visible], order[:, visible:])

    def hidden(self, num_tokens: int) -> Tensor:
        """The dense mask, bool (B, N): True for every token that the encoder does not read."""
        mask = torch.ones(self.visible.shape[0], num_tokens, dtype=torch.bool, device=self.visible.device)
        return mask.scatter(1, self.visible, False)


def num_masked_cells(grid: Grid, ratio: float) -> int:
    """Spatial cells that tube masking hides, int(ratio * h * w): 176 of 196 at 0.9.

    Raises:
        UserError: The ratio leaves nothing visible or nothing masked.
    """
    cells = grid[1] * grid[2]
    masked = int(ratio * cells)
    if not 0 < masked < cells:
        raise UserError(
            f"a mask ratio of {ratio} hides {masked} of {cells} cells: choose one strictly between 0 and 1."
        )
    return masked


def sample_tubes(
    batch: int, grid: Grid, ratio: float, device: torch.device | str, generator: torch.Generator | None = None
) -> Masks:
    """Tube masking: one random set of spatial cells a clip, hidden in every temporal slot.

    Args:
        batch: B.
        grid: Tokens along (time, height, width).
        ratio: Fraction of cells to hide, rounded down to whole cells.
        device: Where the masks are drawn; nothing is copied from the host.
        generator: Source of randomness on that device; None for the global one.

    Raises:
        UserError: The ratio leaves nothing visible or nothing masked.
    """
    slots, cells = grid[0], grid[1] * grid[2]
    masked = num_masked_cells(grid, ratio)
    order = torch.rand(batch, cells, device=device, generator=generator).argsort(dim=1)
    hidden = order[:, :masked].sort(dim=1).values  # (B, cells hidden)
    visible = order[:, masked:].sort(dim=1).values
    return Masks(_repeat_over_time(visible, slots, cells), _repeat_over_time(hidden, slots, cells))


def _repeat_over_time(cells: Tensor, slots: int, cells_per_slot: int) -> Tensor:
    start = torch.arange(slots, device=cells.device) * cells_per_slot
    return (start[:, None] + cells[:, None, :]).flatten(1)  # (B, k) -> (B, slots, k) -> (B, slots * k)


def num_decoded_places(grid: Grid, keep: float) -> int:
    """Places of each 2 x 2 cell that running cells decode: 2 of 4 at 0.5.

    Raises:
        UserError: The grid is odd, or the fraction keeps none or all of a cell's places.
    """
    _, rows, columns = grid
    places = round(keep * CELL * CELL)
    if rows % CELL or columns % CELL or not 0 < places < CELL * CELL:
        raise UserError(
            f"decoding {keep} of the tokens needs an even grid and 1 to 3 of every 4 places, got {rows} x {columns} "
            f"tokens and {places} places: choose 0.25, 0.5 or 0.75, or 1 for all masked tokens."
        )
    return places


def run_cells(masks: Masks, grid: Grid, keep: float, phase: Tensor) -> Masks:
    """VideoMAE V2's decoder masking: only a running half (or quarter) of each 2 x 2 cell is decoded.

    The kept places of a cell move on by one from slot to slot. They are the same for all clips of a batch, so a kept
    token may be one that the encoder has seen: it is decoded, but not counted in the loss.

    Args:
        masks: Tube masks of the encoder.
        grid: Tokens along (time, height, width); height and width even.
        keep: Fraction of a cell's places that is decoded: 0.25, 0.5 or 0.75.
        phase: int64 scalar 0..3 on the masks' device, where the run starts; VideoMAE V2 draws it at random.

    Raises:
        UserError: The grid is odd, or the fraction keeps none or all of a cell's places.
    """
    slots, rows, columns = grid
    places = num_decoded_places(grid, keep)
    device = masks.visible.device
    row, column = torch.arange(rows, device=device) % CELL, torch.arange(columns, device=device) % CELL
    place = (row[:, None] * CELL + column).flatten()  # (h * w): place of each token within its cell
    slot = torch.arange(slots, device=device)[:, None]
    decoded = (place + slot + phase) % (CELL * CELL) < places  # (t, h * w), the same count in every slot
    count = slots * (rows * columns // (CELL * CELL)) * places
    predicted = decoded.flatten().to(torch.uint8).argsort(descending=True, stable=True)[:count]
    hidden = masks.hidden(slots * rows * columns)
    return Masks(masks.visible, predicted.expand(len(hidden), -1), hidden[:, predicted])
