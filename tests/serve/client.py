# SPDX-License-Identifier: MIT
"""A server under test, and a small WebSocket client (RFC 6455)."""
import base64
import json
import os
import signal
import socket
import struct
import subprocess
import tempfile
import urllib.error
import urllib.request


class Server:
    def __init__(self, program, archive, *options):
        self.log = tempfile.TemporaryFile()
        self.process = subprocess.Popen([program, archive, "--listen", "127.0.0.1:0", *options],
                                        stdout=subprocess.PIPE, stderr=self.log, text=True)
        self.url = self.process.stdout.readline().strip()
        if not self.url:
            raise RuntimeError(f"the server ended with {self.process.wait()}")
        self.port = int(self.url.split(":")[2].split("/")[0])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            self.code = self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise
        self.process.stdout.close()

    def ask(self, path, data=None, headers=None, method=None):
        """(status, headers, body)"""
        base = self.url.split("?")[0]
        request = urllib.request.Request(base + path.lstrip("/"), data=data, headers=headers or {}, method=method)
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                return answer.status, answer.headers, answer.read()
        except urllib.error.HTTPError as e:
            return e.code, e.headers, e.read()


class Refused(Exception):
    pass


class Socket:
    """One WebSocket; frames are masked, as clients must."""

    def __init__(self, port, path, headers=(), receive_buffer=None):
        self.socket = socket.socket()
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(20)
        self.socket.connect(("127.0.0.1", port))
        key = base64.b64encode(os.urandom(16)).decode()
        lines = [f"GET {path} HTTP/1.1", f"Host: 127.0.0.1:{port}", "Upgrade: websocket", "Connection: Upgrade",
                 f"Sec-WebSocket-Key: {key}", "Sec-WebSocket-Version: 13", *headers]
        self.socket.sendall("\r\n".join(lines + ["", ""]).encode())
        self.pending = b""
        while b"\r\n\r\n" not in self.pending:
            part = self.socket.recv(4096)
            if not part:
                raise Refused("closed without an answer")
            self.pending += part
        head, self.pending = self.pending.split(b"\r\n\r\n", 1)
        if b" 101 " not in head.split(b"\r\n")[0]:
            raise Refused(head.split(b"\r\n")[0].decode())

    def close(self):
        self.socket.close()

    def send(self, payload, is_binary=False):
        data = payload.encode() if isinstance(payload, str) else payload
        mask = os.urandom(4)
        head = bytes([0x80 | (2 if is_binary else 1)])
        head += bytes([0x80 | len(data)]) if len(data) < 126 else bytes([0x80 | 126]) + struct.pack(">H", len(data))
        self.socket.sendall(head + mask + bytes(b ^ mask[i & 3] for i, b in enumerate(data)))

    def take(self, n):
        got = bytearray(n)
        at = min(n, len(self.pending))
        got[:at], self.pending = self.pending[:at], self.pending[at:]
        while at < n:
            count = self.socket.recv_into(memoryview(got)[at:], n - at)
            if not count:
                raise EOFError
            at += count
        return got

    def receive(self):
        """('text' | 'binary' | 'close', payload), fragments joined."""
        kind, whole = None, []
        while True:
            first, second = self.take(2)
            n = second & 127
            if n == 126:
                n = struct.unpack(">H", self.take(2))[0]
            elif n == 127:
                n = struct.unpack(">Q", self.take(8))[0]
            payload, opcode = self.take(n), first & 15
            if opcode == 8:
                return "close", payload
            if opcode == 9:
                continue
            kind = {1: "text", 2: "binary", 0: kind}[opcode]
            whole.append(payload)
            if first & 0x80:
                return kind, b"".join(whole)


def envelope(data):
    """(header, samples) of a VCBN envelope with a magic."""
    assert data[:4] in (b"VCBN", b"CBIN", b"IMPK") and data[4] == 1, data[:9]
    n = struct.unpack(">I", data[5:9])[0]
    return json.loads(data[9:9 + n]), data[9 + n + (9 + n) % 2:]
