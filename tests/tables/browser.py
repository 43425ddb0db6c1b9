"""Headless Chromium through its debugging pipe: two file descriptors and JSON, no driver and no network."""

import base64
import json
import os
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")


def find_browser() -> str | None:
    """The browser's program; None where there is none."""
    return next((found for name in NAMES if (found := shutil.which(name))), None)


class Browser:
    """One page in one browser.

    Args:
        program: As `find_browser` finds it.
        profile: An empty folder.
    """

    def __init__(self, program: str, profile: Path):
        to_browser, write = os.pipe()
        read, from_browser = os.pipe()
        options = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"]

        def place() -> None:  # where the browser looks for its pipes
            for source, target in ((to_browser, 3), (from_browser, 4)):
                os.dup2(source, target, inheritable=True)

        own = {name: str(profile) for name in ("HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME")}
        # the pipes' own numbers must be out of the way of 3 and 4
        to_browser, from_browser = (self._high(number) for number in (to_browser, from_browser))
        self.process = subprocess.Popen(
            [program, *options, "--remote-debugging-pipe", f"--user-data-dir={profile}", "about:blank"],
            preexec_fn=place,
            env=os.environ | own,
            pass_fds=(3, 4),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for number in (to_browser, from_browser):
            os.close(number)
        self.write, self.read, self.unread, self.number, self.session = write, read, b"", 0, ""
        self.console: list[str] = []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            self.call(f"{domain}.enable")

    @staticmethod
    def _high(number: int) -> int:
        import fcntl

        moved = fcntl.fcntl(number, fcntl.F_DUPFD, 50)
        os.close(number)
        return moved

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """One command of the debugging protocol, and its answer."""
        self.number += 1
        order: dict[str, Any] = {"id": self.number, "method": method, "params": parameters}
        if self.session:
            order["sessionId"] = self.session
        os.write(self.write, json.dumps(order).encode() + b"\0")
        while True:
            message = self._next()
            if message.get("id") == self.number:
                assert "error" not in message, message
                return message["result"]

    def open(self, path: Path) -> float:
        """Open a file; returns the seconds from the start of its navigation to the end of its loading."""
        self.call("Page.navigate", url=path.as_uri())
        deadline = time.monotonic() + 60
        while self.js("document.readyState") != "complete" or self.js("location.href") == "about:blank":
            assert time.monotonic() < deadline, "the page does not load"
            time.sleep(0.05)
        time.sleep(0.2)  # for the event of the end itself
        return self.js("performance.getEntriesByType('navigation')[0].loadEventEnd") / 1000

    def js(self, expression: str) -> Any:
        """The value of an expression in the page."""
        result = self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in result, result["exceptionDetails"]
        return result["result"].get("value")

    def key(self, name: str, code: int, text: str = "") -> None:
        """Press and release a key."""
        for kind in ("keyDown", "keyUp"):
            words = {"type": kind, "key": name, "windowsVirtualKeyCode": code}
            self.call("Input.dispatchKeyEvent", **words, **({"text": text} if text and kind == "keyDown" else {}))

    def screen(self, width: int, height: int, dark: bool = False, mobile: bool = False) -> None:
        """Set the window's size, and whether the person wants dark pages."""
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=mobile)
        features = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
        self.call("Emulation.setEmulatedMedia", features=features)

    def shot(self, path: Path) -> None:
        """Keep what is seen as a PNG."""
        path.write_bytes(base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"]))

    def close(self) -> None:
        """End the browser."""
        self.process.kill()
        self.process.wait()
        os.close(self.write)
        os.close(self.read)

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self.unread:
            arrived = os.read(self.read, 1 << 20)
            assert arrived, "the browser has ended"
            self.unread += arrived
        line, _, self.unread = self.unread.partition(b"\0")
        message = json.loads(line)
        kind, said = message.get("method"), message.get("params", {})
        if kind == "Runtime.exceptionThrown":
            self.console.append(json.dumps(said["exceptionDetails"])[:500])
        elif kind == "Log.entryAdded" and said["entry"]["level"] in ("error", "warning"):
            self.console.append(said["entry"]["text"])
        elif kind == "Runtime.consoleAPICalled" and said["type"] in ("error", "warning", "assert"):
            self.console.append(json.dumps(said["args"])[:500])
        return message
