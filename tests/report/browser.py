"""A headless Chromium, driven through its debugging pipe: pages, what scripts say, pictures."""
import base64
import json
import os
import select
import shutil
import subprocess
import tempfile
import time


class BrowserError(Exception):
    """The page or the browser did not do as asked."""


class Browser:
    """`with Browser() as browser: browser.open("file:///...")`"""

    def __init__(self, width=1400, height=900, dark=False):
        self.width, self.height, self.dark = width, height, dark
        self.number, self.buffer, self.errors = 0, b"", []

    def __enter__(self):
        self.profile = tempfile.mkdtemp(prefix="report.")
        ours_in, theirs_out = os.pipe()
        theirs_in, ours_out = os.pipe()

        def pipes():
            # The pipe's ends are 3 and 4; whatever number they have now, they are copied there.
            copies = os.dup(theirs_in), os.dup(theirs_out)
            os.dup2(copies[0], 3)
            os.dup2(copies[1], 4)

        self.process = subprocess.Popen(
            ["chromium", "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-extensions",
             "--disable-dev-shm-usage", "--no-first-run", "--hide-scrollbars",
             f"--user-data-dir={self.profile}", "--remote-debugging-pipe", "about:blank"],
            preexec_fn=pipes, close_fds=False, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(theirs_in)
        os.close(theirs_out)
        self.read_end, self.write_end = ours_in, ours_out
        self.session = None
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=target,
                                 flatten=True)["sessionId"]
        for domain in "Page", "Runtime", "Log", "Network":
            self.call(domain + ".enable")
        self.look(self.width, self.height, self.dark)
        return self

    def __exit__(self, *_):
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        os.close(self.read_end)
        os.close(self.write_end)
        shutil.rmtree(self.profile, ignore_errors=True)

    # --- The protocol ---

    def call(self, method, timeout=60, **parameters):
        self.number += 1
        message = {"id": self.number, "method": method, "params": parameters}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.write_end, json.dumps(message).encode() + b"\0")
        end = time.monotonic() + timeout
        while True:
            answer = self._next(end)
            if answer.get("id") == self.number:
                if "error" in answer:
                    raise BrowserError(f"{method}: {answer['error']['message']}")
                return answer["result"]
            self._event(answer)

    def _next(self, end):
        while b"\0" not in self.buffer:
            ready, _, _ = select.select([self.read_end], [], [], max(0, end - time.monotonic()))
            more = os.read(self.read_end, 1 << 20) if ready else b""
            if not more:
                raise BrowserError("the browser does not answer")
            self.buffer += more
        message, _, self.buffer = self.buffer.partition(b"\0")
        return json.loads(message)

    def _event(self, message):
        method, what = message.get("method"), message.get("params", {})
        if method == "Runtime.exceptionThrown":
            details = what["exceptionDetails"]
            self.errors.append(details.get("exception", {}).get("description", details["text"]))
        elif method == "Log.entryAdded" and what["entry"]["level"] == "error":
            self.errors.append(what["entry"]["text"])
        elif method == "Network.requestWillBeSent":
            url = what["request"]["url"]
            if not url.startswith(("file:", "data:", "about:", "blob:")):
                self.errors.append(f"asks the network for {url}")

    # --- What tests do ---

    def look(self, width, height, dark):
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height,
                  deviceScaleFactor=1, mobile=False)
        self.call("Emulation.setEmulatedMedia", features=[
            {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}])

    def open(self, path, timeout=60, anchor=""):
        """Loads a file and waits until its script says that it is ready; returns milliseconds."""
        self.call("Page.navigate", url="file://" + os.path.abspath(path) + anchor, timeout=timeout)
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            ready = self.run("document.documentElement?.dataset.ready || ''")
            if ready:
                return int(ready)
            if self.errors:
                break
            time.sleep(0.05)
        raise BrowserError("; ".join(self.errors) or "the page does not get ready")

    def run(self, expression):
        """The value of a JavaScript expression; of what it resolves to, if it is a promise."""
        result = self.call("Runtime.evaluate", expression=expression, returnByValue=True,
                           awaitPromise=True)
        if "exceptionDetails" in result:
            thrown = result["exceptionDetails"]["exception"]
            raise BrowserError(thrown.get("description", expression))
        return result["result"].get("value")

    def settle(self):
        """Two frames have been drawn since."""
        self.run("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame("
                 "() => setTimeout(done, 60))))")

    def mouse(self, kind, x, y, **more):
        self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, **more)

    def key(self, name, text=""):
        code = {"type": "keyDown", "key": name, **({"text": text} if text else {})}
        self.call("Input.dispatchKeyEvent", **code)
        self.call("Input.dispatchKeyEvent", type="keyUp", key=name)

    def shot(self, path, whole=False):
        self.settle()
        data = self.call("Page.captureScreenshot", captureBeyondViewport=whole)["data"]
        with open(path, "wb") as file:
            file.write(base64.b64decode(data))
