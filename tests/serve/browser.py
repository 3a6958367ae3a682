# SPDX-License-Identifier: MIT
"""Headless Chromium for tests."""
import base64
import json
import subprocess
import time
import urllib.request


class Browser:
    """Chromium through WebDriver."""

    def __init__(self, folder, *arguments):
        self.driver = subprocess.Popen(["chromedriver", "--port=0", f"--log-path={folder}/driver.log"],
                                       stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        for line in self.driver.stdout:
            if "port" in line and "successfully" in line:
                self.base = f"http://127.0.0.1:{line.rstrip('. ').split()[-1].rstrip('.')}"
                break
        options = {"args": ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
                            "--window-size=1200,760", f"--user-data-dir={folder}/profile", *arguments]}
        answer = self.call("POST", "/session", {"capabilities": {"alwaysMatch": {"goog:chromeOptions": options}}})
        self.base += f"/session/{answer['sessionId']}"

    def call(self, method, path, data=None):
        body = json.dumps(data).encode() if data is not None else None
        request = urllib.request.Request(self.base + path, data=body, method=method,
                                         headers={"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=120) as answer:
            return json.load(answer)["value"]

    def open(self, url):
        self.call("POST", "/url", {"url": url})

    def run(self, script):
        return self.call("POST", "/execute/sync", {"script": script, "args": []})

    def wait(self, condition, seconds=30):
        end = time.monotonic() + seconds
        while not self.run(f"return !!({condition})"):
            if time.monotonic() > end:
                raise SystemExit(f"FAILED: waited for {condition}; the page says: {self.run('return document.body.innerText')}")
            time.sleep(0.05)

    def keys(self, text):
        actions = [a for k in text for a in ({"type": "keyDown", "value": k}, {"type": "keyUp", "value": k})]
        self.call("POST", "/actions", {"actions": [{"type": "key", "id": "keys", "actions": actions}]})

    def drag(self, x0, y0, x1, y1):
        at = {"type": "pointerMove", "duration": 0}
        self.call("POST", "/actions", {"actions": [{"type": "pointer", "id": "mouse", "actions": [
            {**at, "x": x0, "y": y0}, {"type": "pointerDown", "button": 0}, {**at, "x": x1, "y": y1},
            {"type": "pointerUp", "button": 0}]}]})

    def picture(self, path):
        with open(path, "wb") as f:
            f.write(base64.b64decode(self.call("GET", "/screenshot")))

    def close(self):
        try:
            self.call("DELETE", "")
        finally:
            self.driver.terminate()
            self.driver.wait(10)
