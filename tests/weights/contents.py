"""What tests put into files of weights: two tensors, and an object that does harm once it is unpickled."""

import os
from pathlib import Path
from typing import Any

import torch

STATE = {"a.weight": torch.arange(12.0).reshape(3, 4), "b": torch.ones(2, dtype=torch.float16)}


class Evil:
    """Leaves a mark when it is unpickled by anything that runs code."""

    def __init__(self, mark: Path, function: Any = os.system) -> None:
        self.mark, self.function = mark, function

    def __reduce__(self):
        if self.function is eval:
            return (eval, (f"open({str(self.mark)!r}, 'w').close()",))
        return (self.function, (f"touch {self.mark}",))
