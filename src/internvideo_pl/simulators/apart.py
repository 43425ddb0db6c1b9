"""A simulator in a process of its own, for back ends of which one process can hold only one.

Calls go there and back one at a time over a pipe between the two processes.
"""

import signal
import weakref
from collections.abc import Callable
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any

import numpy as np
from numpy.typing import NDArray

from internvideo_pl.errors import RunFailed, UserError
from internvideo_pl.simulators.simulator import Action, Camera, Pose, Position, Simulator

PATIENCE = 5.0  # seconds that a process is given to end by itself


class SimulatorApart(Simulator):
    """One scene in another process, which ends when nobody holds this any more.

    Args:
        make: Makes the simulator over there; it goes there by pickling.
        name: What errors call the scene.
        camera: As of the simulator.
        sliding: Likewise.

    Raises:
        UserError: What making it says.
        RunFailed: The process died.
    """

    def __init__(self, make: Callable[[], Simulator], name: str, camera: Camera, sliding: bool = True):
        super().__init__(camera, sliding)
        self.name = name
        context = get_context("spawn")  # a fork would take along CUDA, after which no picture can be rendered
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(make, theirs), daemon=True)
        self._process.start()
        theirs.close()
        self.close = weakref.finalize(self, _end, self._pipe, self._process)
        self._answer()

    def check(self, position: Position) -> None:
        """Refuse a position at which an agent cannot stand.

        Raises:
            UserError: This is one.
        """
        self._ask("check", position)

    def step(self, pose: Pose, action: Action) -> tuple[Pose, bool]:
        """Where an action leads from a pose, and whether something was in the way."""
        there: tuple[Pose, bool] = self._ask("step", pose, action)
        return there

    def rgb(self, position: Position) -> NDArray[np.uint8]:
        """Colour views (V, S, S, 3)."""
        views: NDArray[np.uint8] = self._ask("rgb", position)
        return views

    def depth(self, position: Position) -> NDArray[np.float32]:
        """Depth views (V, D, D)."""
        views: NDArray[np.float32] = self._ask("depth", position)
        return views

    def ranges(self, position: Position) -> NDArray[np.float64]:
        """Distance (R,) to the first obstacle in each direction."""
        found: NDArray[np.float64] = self._ask("ranges", position)
        return found

    def distances(self, positions: NDArray[np.float64], goal: Position) -> NDArray[np.float64]:
        """Length (N,) of the shortest walks."""
        found: NDArray[np.float64] = self._ask("distances", positions, goal)
        return found

    def is_straight(self, start: Position, end: Position) -> bool:
        """Whether one can walk from one position to the other in a straight line."""
        return bool(self._ask("is_straight", start, end))

    def _ask(self, method: str, *arguments: Any) -> Any:
        """What a method of the simulator over there returns.

        Raises:
            UserError: What the method says.
            RunFailed: The process died.
        """
        try:
            self._pipe.send((method, arguments))
        except OSError as error:
            raise self._died() from error
        return self._answer()

    def _answer(self) -> Any:
        try:
            well, value = self._pipe.recv()
        except (EOFError, OSError) as error:
            raise self._died() from error
        if not well:
            raise value
        return value

    def _died(self) -> RunFailed:
        self._process.join(PATIENCE)
        return RunFailed(
            f"the simulator of {self.name} ended by itself (exit code {self._process.exitcode}); what it said is above"
        )


def _serve(make: Callable[[], Simulator], pipe: Connection) -> None:
    """Answer calls until the other end of the pipe is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the other process's to handle
    try:
        simulator = make()
        pipe.send((True, None))
        while True:
            method, arguments = pipe.recv()
            try:
                answer = True, getattr(simulator, method)(*arguments)
            except UserError as error:
                answer = False, error
            pipe.send(answer)
    except UserError as error:
        pipe.send((False, error))
    except (EOFError, BrokenPipeError):
        return


def _end(pipe: Connection, process: BaseProcess) -> None:
    """Close the pipe, upon which the process ends; one that does not is stopped."""
    pipe.close()
    process.join(PATIENCE)
    if process.is_alive():
        process.kill()
