"""A headless Chromium, spoken to in its own protocol (CDP) through two pipes: no driver and no socket between."""

import base64
import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)

_FLAGS = [
    "--headless=new",
    "--no-sandbox",  # containers of continuous integration have none
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
    "--remote-debugging-pipe",
]


class Browser:
    """One page, and everything that it asks the network for."""

    def __init__(self, commands: int, events: BinaryIO) -> None:
        self._commands, self._events = commands, events
        self._sent, self._session = 0, ""
        self.requests: list[dict[str, Any]] = []
        self.messages: list[str] = []
        target = self.send("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.send("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Network", "Runtime", "DOM", "Log"):
            self.send(f"{domain}.enable")
        # The page's worker asks for itself.
        self.send("Target.setAutoAttach", autoAttach=True, waitForDebuggerOnStart=False, flatten=True)

    def send(self, method: str, **parameters: Any) -> dict[str, Any]:
        """The answer to a command."""
        return self._answer(self._write(method, parameters, self._session))

    def _answer(self, number: int) -> dict[str, Any]:
        while (event := self._read()).get("id") != number:
            pass
        assert "error" not in event, event["error"]
        result: dict[str, Any] = event["result"]
        return result

    def processor_s(self) -> dict[int, float]:
        """Seconds of processor time by process of the browser."""
        number = self._write("SystemInfo.getProcessInfo", {}, session="")
        processes = self._answer(number)["processInfo"]
        return {process["id"]: process["cpuTime"] for process in processes}

    def _write(self, method: str, parameters: dict[str, Any], session: str) -> int:
        self._sent += 1
        command = {"id": self._sent, "method": method, "params": parameters} | (
            {"sessionId": session} if session else {}
        )
        os.write(self._commands, json.dumps(command).encode() + b"\0")
        return self._sent

    def _read(self) -> dict[str, Any]:
        data = bytearray()
        while (byte := self._events.read(1)) != b"\0":
            assert byte, "the browser ended"
            data += byte
        event: dict[str, Any] = json.loads(data)
        self._note(event.get("method", ""), event.get("params", {}))
        return event

    def _note(self, method: str, about: dict[str, Any]) -> None:
        if method == "Network.requestWillBeSent":
            self.requests.append(about["request"])
        elif method == "Target.attachedToTarget" and self._session:
            self._write("Network.enable", {}, about["sessionId"])
        elif method == "Log.entryAdded":
            self.messages.append(about["entry"]["text"])
        elif method == "Runtime.exceptionThrown":
            self.messages.append(str(about["exceptionDetails"].get("exception", about)))

    def open(self, url: str) -> None:
        self.send("Page.navigate", url=url)

    def ask(self, expression: str) -> Any:
        """What an expression of JavaScript is in the page; promises are awaited."""
        answer = self.send("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def until(self, expression: str, seconds: float = 60) -> Any:
        """The first value of an expression that is true."""
        end = time.monotonic() + seconds
        while not (value := self.ask(expression)):
            assert time.monotonic() < end, f"never came true: {expression}; {self.messages}"
            time.sleep(0.05)
        return value

    def choose(self, selector: str, file: Path) -> None:
        """What the dialog of a file input does."""
        document = self.send("DOM.getDocument")["root"]["nodeId"]
        node = self.send("DOM.querySelector", nodeId=document, selector=selector)["nodeId"]
        self.send("DOM.setFileInputFiles", nodeId=node, files=[str(file)])

    def press(self, key: str, text: str = "") -> None:
        code = {"Tab": 9, "Enter": 13, "Escape": 27}[key]
        about = {"key": key, "code": key, "windowsVirtualKeyCode": code}
        self.send("Input.dispatchKeyEvent", type="keyDown", text=text, **about)
        self.send("Input.dispatchKeyEvent", type="keyUp", **about)

    def look(self, file: Path, *, width: int, height: int, dark: bool = False) -> None:
        """Write a screenshot of the whole page, which a phone shows where ``width`` is a phone's."""
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500}
        self.send("Emulation.setDeviceMetricsOverride", **size)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.send("Emulation.setEmulatedMedia", features=[scheme])
        shot = self.send("Page.captureScreenshot", format="png", captureBeyondViewport=True)
        file.write_bytes(base64.b64decode(shot["data"]))


@contextmanager
def browser(profile: Path) -> Iterator[Browser]:
    """Chromium with a profile of its own, until the end of the block."""
    to_browser, commands = os.pipe()
    answers, from_browser = os.pipe()

    def as_three_and_four() -> None:
        """The file descriptors that Chromium expects."""
        first, second = os.dup(to_browser), os.dup(from_browser)
        os.dup2(first, 3)
        os.dup2(second, 4)

    # The descriptors are placed between fork and exec; Chromium starts processes of its own and needs nothing else.
    started = subprocess.Popen(
        [str(CHROMIUM), *_FLAGS, f"--user-data-dir={profile}"],
        preexec_fn=as_three_and_four,
        close_fds=False,
        stderr=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    )
    os.close(to_browser)
    os.close(from_browser)
    try:
        with os.fdopen(answers, "rb") as events:
            opened = Browser(commands, events)
            yield opened
            with suppress(AssertionError, OSError):  # the browser may be gone before it has answered
                opened.send("Browser.close")
    finally:
        os.close(commands)
        try:
            started.wait(10)
        except subprocess.TimeoutExpired:
            started.kill()
            started.wait()
