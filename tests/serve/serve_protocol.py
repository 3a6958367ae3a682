#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""pixelrain serve, asked over HTTP and WebSocket: serve_protocol.py PIXELRAIN SERVE REELSIM"""
import glob
import http.client
import json
import os
import struct
import subprocess
import sys
import tempfile
import threading
import time

from client import Refused, Server, Socket, envelope

pixelrain, serve, reelsim = (os.path.abspath(p) for p in sys.argv[1:4])
n_claims = 0


def claim(what, holds):
    global n_claims
    n_claims += 1
    if not holds:
        raise SystemExit(f"FAILED: {what}")


def equal(what, got, expected):
    claim(f"{what}: {got!r:.200}, not {expected!r:.200}", got == expected)


def make(folder, name, bits, n):
    subprocess.run([reelsim, "-W", "160", "-H", "90", "-b", str(bits), "-n", str(n), "-o", f"{folder}/{name}"],
                   check=True, stdout=subprocess.DEVNULL)
    subprocess.run([pixelrain, "pack", f"{folder}/{name}", "-o", f"{folder}/{name}.pxr"], check=True,
                   stdout=subprocess.DEVNULL)
    frames = [open(f, "rb").read() for f in sorted(glob.glob(f"{folder}/{name}/*.pgm"))]
    return f"{folder}/{name}.pxr", frames


def samples_of(pgm, is_wide):
    """Rows of little-endian samples, as envelopes hold them."""
    body = pgm.split(b"\n", 3)[3]
    return b"".join(body[i + 1:i + 2] + body[i:i + 1] for i in range(0, len(body), 2)) if is_wide else body


def files(archive, frames, is_wide, scratch):
    with Server(serve, archive) as s:
        status, headers, page = s.ask("/")
        equal("page", (status, headers["content-type"]), (200, "text/html; charset=utf-8"))
        claim("no script from elsewhere", b"http://" not in page and b"https://" not in page)
        for path in ("/viewer.js", "/decode.js"):
            equal(path, s.ask(path)[1]["content-type"], "text/javascript; charset=utf-8")
        info = json.loads(s.ask("/info.json")[2])
        equal("info", (info["n_frames"], info["width"], info["height"], info["bits"]),
              (len(frames), 160, 90, 16 if is_wide else 8))
        for i in (0, 7, len(frames) - 1):
            equal(f"frame {i} as pgm", s.ask(f"/frame/{i}.pgm")[2], frames[i])
            header, body = envelope(s.ask(f"/frame/{i}.vcbn")[2])
            equal(f"frame {i} as vcbn", body, samples_of(frames[i], is_wide))
            equal(f"frame {i} says", (header["frame"], header["shape"]), (i, [90, 160]))
        claim("png", s.ask("/frame/0.png")[2].startswith(b"\x89PNG\r\n\x1a\n"))
        for ext in ("px2",) if is_wide else ("px2", "pxs", "dci"):
            status, _, body = s.ask(f"/frame/3.{ext}")
            equal(f"{ext} found", status, 200)
            status, _, answer = s.ask("/upload", data=body)
            equal(f"{ext} uploaded", (status, json.loads(answer)), (200, {"ok": True, "shape": [90, 160]}))
        if is_wide:
            equal("8-bit formats refused", s.ask("/frame/3.dci")[0], 415)
        header, body = envelope(s.ask("/frame/5.vcbn?region=10,20,7,4&step=2")[2])
        whole, size = samples_of(frames[5], is_wide), 2 if is_wide else 1
        want = b"".join(whole[((20 + 2 * y) * 160 + 10 + 2 * x) * size:][:size] for y in range(2) for x in range(4))
        equal("region with a step", (header["shape"], body), ([2, 4], want))
    equal("SIGTERM ends it well", s.code, 0)


def refusals(archive):
    with Server(serve, archive, "--max-upload", "1000") as s:
        for path, status in (("/frame/400.png", 404), ("/frame/x.png", 404), ("/frame/1.gif", 404), ("/nothing", 404),
                             ("/frame/1.vcbn?region=1,2,3", 400), ("/frame/1.vcbn?region=150,0,20,1", 400),
                             ("/frame/1.vcbn?step=0", 400), ("/frame/1.png?step=2", 400), ("/set_array", 405)):
            equal(path, s.ask(path)[0], status)
        equal("post to a page", s.ask("/", data=b"x")[0], 405)
        equal("another method", s.ask("/", method="DELETE")[0], 405)
        for body in (b"", b"{", b"[]", b'{"data":1}', b'{"data":[]}', b'{"data":[[]]}', b'{"data":[[1],[1,2]]}',
                     b'{"data":[["a"]]}', b'{"x":[[1]]}', b'{"data":[[1e999]]}'):
            claim(f"set_array {body}", s.ask("/set_array", data=body)[0] in (400, 422))
        for body in (b'{"dtype":"int7"}', b'{"bits":99}', b'{"dtype":"float64"}', b"7"):
            equal(f"set_mode {body}", s.ask("/set_mode", data=body)[0], 422)
        equal("too large", s.ask("/upload", data=bytes(1001))[0], 413)
        for body in (b"", b"\x01", b"VCBN\x01\0\0\0\x09", b"\x89PX2\r\n\x1a\n", b"hello"):
            claim(f"upload {body}", s.ask("/upload", data=body)[0] in (415, 422))
        equal("a host that is not ours", s.ask("/info.json", headers={"Host": "frames.example"})[0], 421)
        equal("a page of another server", s.ask("/set_mode", data=b"{}", headers={"Origin": "http://a.example"})[0], 403)
        for path in ("/elsewhere", "/frame/0.png"):
            try:
                Socket(s.port, path)
                claim(f"a socket at {path}", False)
            except Refused:
                pass
        try:
            Socket(s.port, "/stream", ["Origin: http://a.example"])
            claim("a socket for another page", False)
        except Refused:
            pass
        equal("still there", s.ask("/info.json")[0], 200)


def original(archive, frames):
    """What the clients of ImgPack expect, as recorded from it."""
    with Server(serve, archive) as s:
        ws = Socket(s.port, "/ws")
        kind, data = ws.receive()
        equal("an envelope at once", (kind, data[:5]), ("binary", b"CBIN\x01"))
        equal("set_array", json.loads(s.ask("/set_array", data=b'{"data":[[0,1,2],[3,4,8]]}')[2]),
              {"ok": True, "shape": [2, 3]})
        ws.send("more")
        header, body = envelope(ws.receive()[1])
        equal("its range", (header["vmin"], header["vmax"], header["resolution"], header["dtype"]),
              (0.0, 8.0, 4096, "uint16"))
        equal("its samples", struct.unpack("<6H", body), (0, 512, 1024, 1536, 2048, 4096))
        equal("set_mode", json.loads(s.ask("/set_mode", data=b'{"dtype":"uint8","bits":null}')[2]),
              {"ok": True, "mode": {"dtype": "uint8", "bits": None}})
        ws.send("again")
        equal("in the new mode", envelope(ws.receive()[1])[0]["dtype"], "uint8")
        ws.send(b"\0\1", is_binary=True)
        equal("binary messages", ws.receive(), ("text", b"error: 'text'"))
        kind, code = ws.receive()
        equal("and the end", (kind, struct.unpack(">H", code[:2])[0]), ("close", 1000))
    with Server(serve, archive, "--dialect", "head") as s:
        ws = Socket(s.port, "/ws")
        ws.send("now")
        kind, data = ws.receive()
        claim("HEAD has no magic", data[:4] == struct.pack(">I", len(data.split(b"}")[0]) - 3))
    del frames


def stream(archive, frames):
    with Server(serve, archive) as s:
        ws = Socket(s.port, "/stream")
        for message in ("", "[]", '{"frame":-1}', '{"seq":4}', '{"frame":1,"region":[1,2,3]}', '{"frame":1,"step":0}'):
            ws.send(message)
            kind, data = ws.receive()
            claim(f"{message}: {data}", kind == "text" and not json.loads(data)["ok"])
        ws.send('{"seq":9,"frame":99999}')
        answer = json.loads(ws.receive()[1])
        equal("no such frame", (answer["seq"], answer["ok"]), (9, False))
        for i in range(30):  # more than the server keeps: it stops reading until there is room
            ws.send(json.dumps({"seq": i, "frame": i % len(frames)}))
        for i in range(30):
            header, body = envelope(ws.receive()[1])
            equal("in order", (header["seq"], header["frame"]), (i, i % len(frames)))
            equal("pixels", body, samples_of(frames[i % len(frames)], True))
        ws.send("x" * 5000)
        equal("a long message ends it", ws.receive()[0], "close")


def one_connection(archive):
    """Many requests of one client are one client."""
    with Server(serve, archive, "--max-clients", "3") as s:
        connection = http.client.HTTPConnection("127.0.0.1", s.port, timeout=20)
        for i in range(20):
            connection.request("GET", f"/frame/{i % 3}.png")
            answer = connection.getresponse()
            answer.read()
            equal(f"request {i} of a connection that stays", answer.status, 200)
        connection.close()


def crowd(archive, frames):
    """Twenty clients, one of which asks and never reads."""
    with Server(serve, archive) as s:
        stalled = Socket(s.port, "/stream", receive_buffer=4096)
        stalled.socket.settimeout(0.5)
        try:
            for i in range(2000):
                stalled.send(json.dumps({"seq": i, "frame": i % len(frames)}))
        except OSError:
            pass  # its own messages wait in its socket: that is the point
        wrong = []

        def watch(first):
            ws = Socket(s.port, "/stream")
            for i in range(60):
                frame = (first + i) % len(frames)
                ws.send(json.dumps({"seq": i, "frame": frame}))
                if envelope(ws.receive()[1])[1] != samples_of(frames[frame], True):
                    wrong.append((first, i))
            ws.close()

        began = time.monotonic()
        threads = [threading.Thread(target=watch, args=(3 * n,)) for n in range(19)]
        for t in threads:
            t.start()
        for t in threads:
            t.join(60)
        claim("all are through", not any(t.is_alive() for t in threads))
        equal("all pixels", wrong, [])
        with open(f"/proc/{s.process.pid}/status") as f:
            peak = next(int(line.split()[1]) for line in f if line.startswith("VmHWM"))
        print(f"19 clients, 60 frames each beside a stalled one: {time.monotonic() - began:.1f} s; peak {peak >> 10} MiB")
        claim(f"memory is bounded: {peak} KiB", peak < 400 << 10)
    equal("it ends with the stalled client still there", s.code, 0)


def tokens(archive):
    for options in (["--listen", "0.0.0.0:0"], ["--token", "short"], ["--listen", "nowhere"]):
        got = subprocess.run([serve, archive, *options], capture_output=True, text=True, timeout=20)
        equal(f"refused: {options}", got.returncode, 2)
    with Server(serve, archive, "--token", "correct-horse") as s:
        equal("without", s.ask("/info.json")[0], 401)
        equal("a wrong one", s.ask("/info.json?token=correct-horsf")[0], 401)
        equal("in the query", s.ask("/info.json?token=correct-horse")[0], 200)
        equal("as bearer", s.ask("/info.json", headers={"Authorization": "Bearer correct-horse"})[0], 200)
        cookie = s.ask("/?token=correct-horse")[1]["set-cookie"].split(";")[0]
        equal("as cookie", s.ask("/info.json", headers={"Cookie": cookie})[0], 200)
        try:
            Socket(s.port, "/stream")
            claim("a socket without", False)
        except Refused:
            pass
        Socket(s.port, "/stream", [f"Cookie: {cookie}"]).close()
    with Server(serve, archive, "--max-clients", "3") as s:
        kept = [Socket(s.port, "/stream") for _ in range(3)]
        claim("a fourth client", s.ask("/info.json")[0] in (503,))
        kept[0].close()
        time.sleep(0.3)
        equal("when one has gone", s.ask("/info.json")[0], 200)


def confined(archive):
    """Each thread of the server has given up what it does not need, after it has answered, too."""
    with open(serve, "rb") as f:
        has_filter = b"libseccomp" in f.read() and os.path.exists("/proc/sys/kernel/seccomp")
    for options, is_confined in (([], True), (["--no-sandbox"], False)):
        with Server(serve, archive, *options) as s:
            s.ask("/frame/0.png")
            threads = glob.glob(f"/proc/{s.process.pid}/task/*/status")
            claim("threads that decode, and those that answer", len(threads) >= 3)
            for path in threads:
                with open(path, encoding="ascii") as f:
                    status = dict(line.rstrip("\n").split(":\t", 1) for line in f if ":\t" in line)
                equal(f"{options}: no new privileges", status["NoNewPrivs"], str(int(is_confined)))
                equal(f"{options}: a filter", status["Seccomp"], "2" if is_confined and has_filter else "0")
            equal("it still answers", s.ask("/frame/1.pgm")[0], 200)


with tempfile.TemporaryDirectory() as folder:
    wide, wide_frames = make(folder, "wide", 12, 40)
    narrow, narrow_frames = make(folder, "narrow", 8, 12)
    files(narrow, narrow_frames, False, folder)
    files(wide, wide_frames, True, folder)
    refusals(wide)
    original(narrow, narrow_frames)
    stream(wide, wide_frames)
    one_connection(wide)
    crowd(wide, wide_frames)
    tokens(narrow)
    confined(narrow)
print(f"serve_protocol: {n_claims} claims hold")
