# SPDX-License-Identifier: MIT
"""The viewer's stream over loopback beside the same frames as PNG files over HTTP: frames per second and bytes per frame.

Frames are taken in order and without pause, by one client and by twenty at once (one of which asks and never reads); each client
keeps a few requests on their way, as the viewer does.  Client and server share the machine, and the client is Python: it unpacks no PNG,
which a browser has to. The first frames of each are compared with their source.
"""
import http.client
import json
import os
import struct
import sys
import threading
import time
import zlib

from measure import Wrong, note, run, table

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "tests", "serve"))
from client import Server, Socket, envelope  # pylint: disable=wrong-import-position

AHEAD, N_CLIENTS, N_COMPARED = 4, 20, 3


def samples_of_png(data, row_bytes):
    """The rows of a grayscale PNG without filters."""
    body, at = b"", 8
    while at < len(data):
        n, kind = struct.unpack(">I4s", data[at:at + 8])
        if kind == b"IDAT":
            body += data[at + 8:at + 8 + n]
        at += 12 + n
    rows = zlib.decompress(body)
    if any(rows[i] for i in range(0, len(rows), row_bytes + 1)):
        raise Wrong("a PNG has filters")
    return b"".join(rows[i + 1:i + 1 + row_bytes] for i in range(0, len(rows), row_bytes + 1))


def swapped(samples):
    out = bytearray(samples)
    out[0::2], out[1::2] = samples[1::2], samples[0::2]
    return bytes(out)


def source_frame(seq, frame):
    with open(seq.raw, "rb") as f:
        f.seek(frame * seq.frame_bytes)
        return f.read(seq.frame_bytes)


def watch_stream(port, seq, n_frames, count):
    ws = Socket(port, "/stream")
    n_all = len(seq.files)
    for i in range(n_frames + AHEAD):
        if i < n_frames:
            ws.send(json.dumps({"seq": i, "frame": i % n_all}))
        if i < AHEAD:
            continue
        got = i - AHEAD
        kind, data = ws.receive()
        count["frames"] += 1
        count["bytes"] += len(data)
        if kind != "binary":
            raise Wrong(f"{seq.name}: the stream says {data[:80]}")
        if got < N_COMPARED and envelope(data)[1] != source_frame(seq, got):
            raise Wrong(f"{seq.name}: frame {got} of the stream")
    ws.close()


def watch_png(port, seq, n_frames, count):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    row_bytes = seq.width * seq.sample_bytes
    for i in range(n_frames):
        connection.request("GET", f"/frame/{i % len(seq.files)}.png")
        answer = connection.getresponse()
        data = answer.read()
        count["frames"] += 1
        count["bytes"] += len(data)
        if answer.status != 200:
            raise Wrong(f"{seq.name}: frame {i}: status {answer.status}: {data[:200]}")
        if i < N_COMPARED:
            samples = samples_of_png(data, row_bytes)
            if (swapped(samples) if seq.sample_bytes == 2 else samples) != source_frame(seq, i):
                raise Wrong(f"{seq.name}: frame {i} as PNG")
    connection.close()


def stall(port, n_all):
    """A client that asks for more than its connection holds, and never reads."""
    ws = Socket(port, "/stream", receive_buffer=4096)
    ws.socket.settimeout(0.5)
    try:
        for i in range(2000):
            ws.send(json.dumps({"seq": i, "frame": i % n_all}))
    except OSError:
        pass
    return ws


def watched(how, server, seq, n_frames, n_clients):
    """{"fps", "bytes": of a frame} of n_clients at once."""
    counts = [{"frames": 0, "bytes": 0} for _ in range(n_clients)]
    failures = []

    def one(count):
        try:
            how(server.port, seq, n_frames, count)
        except (Wrong, OSError, EOFError) as e:
            failures.append(e)

    threads = [threading.Thread(target=one, args=(c,)) for c in counts]
    start = time.perf_counter()
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    seconds = time.perf_counter() - start
    if failures:
        raise Wrong(str(failures[0]))
    n = sum(c["frames"] for c in counts)
    return {"fps": n / seconds, "bytes": sum(c["bytes"] for c in counts) / n}


def bench_serve(sequences, build):
    results = {}
    for seq in sequences:
        note(f"serve: {seq.name}")
        archive = seq.path(".pxr")
        run(os.path.join(build, "bin/pixelrain"), "pack", "-q", "-f", seq.folder, "-o", archive)
        row = results[seq.name] = {"frame_bytes": seq.frame_bytes}
        for name, how in (("stream", watch_stream), ("png", watch_png)):
            with Server(os.path.join(build, "bin/pixelrain-serve"), archive) as server:
                row[name] = watched(how, server, seq, 3 * len(seq.files), 1)
                stalled = stall(server.port, len(seq.files))
                row[name + "_crowd"] = watched(how, server, seq, len(seq.files) // 2, N_CLIENTS - 1)
                stalled.close()
        os.unlink(archive)
    return results


def tell_serve(results):
    print("Over loopback: the viewer's stream beside PNG files by HTTP (each kept-alive connection, frames in order)\n")
    table(["", "frames/s: stream", "PNG", "bytes a frame: stream", "PNG", "raw",
           f"{N_CLIENTS} clients, one stalled: frames/s of all, stream", "PNG"],
          [[name, *(f"{r[k]['fps']:.0f}" for k in ("stream", "png")), *(f"{r[k]['bytes']:.0f}" for k in ("stream", "png")),
            r["frame_bytes"], *(f"{r[k]['fps']:.0f}" for k in ("stream_crowd", "png_crowd"))] for name, r in results.items()])
