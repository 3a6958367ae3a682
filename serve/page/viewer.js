// SPDX-License-Identifier: MIT
// The viewer: asks the server for frames, never for more than it can draw, and shows them.
import { decodeEnvelope } from './decode.js';

const $ = (id) => document.getElementById(id);
const IN_FLIGHT = 3; // requests that wait for an answer: the server's own queue stays short

const state = {
    info: null, shown: null, samples: null, region: null, step: 1,
    low: 0, high: 255, inverted: false, playing: false, choosing: false,
    zoom: 0, panX: 0, panY: 0, // zoom 0: fit
    pointer: null, drag: null,
};

// ---- the connection ------------------------------------------------------------------------------

class Connection {
    constructor() { this.waiting = new Map(); this.seq = 0; this.bytes = 0; this.open(); }

    open() {
        const url = new URL('stream', location.href);
        url.protocol = url.protocol.replace('http', 'ws');
        this.ready = new Promise((resolve) => {
            this.socket = new WebSocket(url);
            this.socket.binaryType = 'arraybuffer';
            this.socket.onopen = () => { complain(''); resolve(); };
            this.socket.onmessage = (event) => this.take(event.data);
            this.socket.onclose = () => this.lose();
        });
    }

    lose() {
        complain('The connection is gone; trying again.');
        for (const { reject } of this.waiting.values()) reject(new Error('connection lost'));
        this.waiting.clear();
        setTimeout(() => this.open(), 1000);
    }

    take(data) {
        const answer = typeof data === 'string' ? JSON.parse(data) : decodeEnvelope(data);
        const seq = answer.header ? answer.header.seq : answer.seq, asked = this.waiting.get(seq);
        this.waiting.delete(seq);
        if (typeof data !== 'string') this.bytes += data.byteLength;
        if (!asked) return;
        if (answer.header) asked.resolve(answer);
        else asked.reject(new Error(answer.error));
    }

    async ask(frame) {
        await this.ready;
        const seq = ++this.seq, message = { seq, frame, step: state.step };
        if (state.region) message.region = state.region;
        return new Promise((resolve, reject) => {
            this.waiting.set(seq, { resolve, reject });
            this.socket.send(JSON.stringify(message));
        });
    }

    get inFlight() { return this.waiting.size; }
}

let connection;

function complain(text) {
    $('error').hidden = !text;
    $('error').textContent = text;
}

// ---- frames --------------------------------------------------------------------------------------

let wanted = null, asked = null;

// Show a frame, or the one that was asked for last while others were on their way.
async function show(frame) {
    wanted = Math.max(0, Math.min(state.info.n_frames - 1, frame));
    if (asked !== null) return;
    while (wanted !== null) {
        asked = wanted;
        wanted = null;
        try { display(await connection.ask(asked)); } catch (e) { complain(e.message); }
    }
    asked = null;
}

function display(envelope) {
    complain('');
    state.shown = envelope.header;
    state.samples = envelope;
    state.samples.region = state.region || [0, 0, state.info.width, state.info.height];
    $('scrub').value = $('at').value = envelope.header.frame;
    $('number').textContent = `${envelope.header.frame} of ${state.info.n_frames}`;
    $('name').textContent = envelope.header.id;
    $('time').textContent = envelope.header.t === undefined ? '-' : new Date(envelope.header.t * 1000).toISOString();
    $('region').textContent = `${envelope.width} x ${envelope.height}` + (state.step > 1 ? `, every ${state.step}th` : '');
    $('save').href = `frame/${envelope.header.frame}.png`;
    draw();
}

// Frames of one run go out in order; answers come in that order too.
async function play() {
    let next = state.shown ? state.shown.frame + 1 : 0, frames = 0, bytes = connection.bytes, since = performance.now();
    const started = performance.now(), first = next, queue = [];
    while (state.playing) {
        while (queue.length < IN_FLIGHT) { queue.push(connection.ask(next % state.info.n_frames)); next++; }
        let answer;
        try { answer = await queue.shift(); } catch (e) { complain(e.message); break; }
        const due = started + ((next - queue.length - 1 - first) * 1000) / Number($('rate').value || 60);
        if (due > performance.now()) await new Promise((resolve) => setTimeout(resolve, due - performance.now()));
        if (!state.playing) break;
        await new Promise(requestAnimationFrame);
        display(answer);
        frames++;
        const seconds = (performance.now() - since) / 1000;
        if (seconds >= 0.5) {
            $('speed').textContent = `${(frames / seconds).toFixed(1)} frames/s, ` +
                `${((connection.bytes - bytes) / seconds / 1e6).toFixed(1)} MB/s`;
            since = performance.now(); frames = 0; bytes = connection.bytes;
        }
    }
    for (const rest of queue) rest.catch(() => {});
    setPlaying(false);
}

function setPlaying(on) {
    const was = state.playing;
    state.playing = on;
    $('play').setAttribute('aria-pressed', on);
    $('play').textContent = on ? 'pause' : 'play';
    if (on && !was) play();
}

function step(n) {
    setPlaying(false);
    show((wanted ?? asked ?? (state.shown ? state.shown.frame : 0)) + n);
}

// ---- drawing -------------------------------------------------------------------------------------

// From samples to gray: a table for all values, made when the window changes.
let table = null, tableKey = '';
function grayTable() {
    const n = state.info.bits === 8 ? 256 : 65536, key = `${n} ${state.low} ${state.high} ${state.inverted}`;
    if (key === tableKey) return table;
    const span = Math.max(1, state.high - state.low);
    table = new Uint32Array(n);
    for (let v = 0; v < n; v++) {
        let g = Math.max(0, Math.min(255, Math.floor(((v - state.low) * 255) / span)));
        if (state.inverted) g = 255 - g;
        table[v] = 0xff000000 | (g << 16) | (g << 8) | g;
    }
    tableKey = key;
    return table;
}

function draw() {
    const { width, height, data } = state.samples, canvas = $('frame'), gray = grayTable();
    if (canvas.width !== width || canvas.height !== height) { canvas.width = width; canvas.height = height; }
    const context = canvas.getContext('2d', { willReadFrequently: true });
    const image = context.createImageData(width, height), pixels = new Uint32Array(image.data.buffer);
    for (let i = 0; i < data.length; i++) pixels[i] = gray[data[i]];
    context.putImageData(image, 0, 0);
    drawHistogram(data);
    place();
    showPixel();
}

function fitZoom() {
    const stage = $('stage').getBoundingClientRect(), { width, height } = state.samples;
    return Math.min(stage.width / width, stage.height / height);
}

function place() {
    if (!state.samples) return;
    const stage = $('stage').getBoundingClientRect(), { width, height } = state.samples, zoom = state.zoom || fitZoom();
    if (!state.zoom) { state.panX = (stage.width - width * zoom) / 2; state.panY = (stage.height - height * zoom) / 2; }
    $('frame').style.transform = `translate(${state.panX}px, ${state.panY}px) scale(${zoom})`;
    drawMarks();
}

function zoomBy(factor, x, y) {
    const before = state.zoom || fitZoom();
    place();
    state.zoom = Math.max(0.02, Math.min(64, before * factor));
    state.panX = x - ((x - state.panX) * state.zoom) / before;
    state.panY = y - ((y - state.panY) * state.zoom) / before;
    place();
}

function sampleAt(x, y) { // of the stage, in CSS pixels
    const zoom = state.zoom || fitZoom(), s = state.samples;
    const column = Math.floor((x - state.panX) / zoom), row = Math.floor((y - state.panY) / zoom);
    if (column < 0 || row < 0 || column >= s.width || row >= s.height) return null;
    return { column, row, x: s.region[0] + column * state.step, y: s.region[1] + row * state.step,
        value: s.data[row * s.width + column] };
}

function showPixel() {
    const at = state.pointer && state.samples && sampleAt(state.pointer.x, state.pointer.y);
    $('place').textContent = at ? `${at.x}, ${at.y}` : '-';
    $('value').textContent = at ? at.value : '-';
}

function drawMarks() {
    const canvas = $('marks'), box = $('stage').getBoundingClientRect();
    canvas.width = box.width; canvas.height = box.height;
    if (!state.drag || !state.choosing) return;
    const context = canvas.getContext('2d'), { x0, y0, x1, y1 } = state.drag;
    context.strokeStyle = '#6cb6ff';
    context.strokeRect(Math.min(x0, x1) + 0.5, Math.min(y0, y1) + 0.5, Math.abs(x1 - x0), Math.abs(y1 - y0));
}

// ---- contrast ------------------------------------------------------------------------------------

function histogramOf(data, bins, shift) {
    const counts = new Uint32Array(bins), stride = Math.max(1, Math.floor(data.length / 200000));
    for (let i = 0; i < data.length; i += stride) counts[Math.min(bins - 1, data[i] >> shift)]++;
    return counts;
}

function drawHistogram(data) {
    const canvas = $('histogram'), context = canvas.getContext('2d');
    const shift = Math.max(0, Math.log2(maxValue() + 1) - 8), counts = histogramOf(data, 256, shift);
    const most = Math.log1p(Math.max(...counts)), width = canvas.width / 256;
    context.clearRect(0, 0, canvas.width, canvas.height);
    context.fillStyle = '#8b919c';
    counts.forEach((count, b) => {
        const h = (Math.log1p(count) / most) * canvas.height;
        context.fillRect(b * width, canvas.height - h, Math.ceil(width), h);
    });
    context.fillStyle = '#6cb6ff';
    for (const v of [state.low, state.high]) context.fillRect((v * canvas.width) / (maxValue() + 1), 0, 1, canvas.height);
}

function maxValue() { return state.info.bits === 8 ? 255 : 2 ** Math.max(state.info.significant_bits, 9) - 1; }

function setWindow(low, high) {
    state.low = Math.max(0, Math.min(low, maxValue() - 1));
    state.high = Math.max(state.low + 1, Math.min(high, maxValue()));
    for (const id of ['low', 'low-number']) $(id).value = state.low;
    for (const id of ['high', 'high-number']) $(id).value = state.high;
    if (state.samples) draw();
}

// All but a five-hundredth of the samples at each end.
function autoWindow() {
    const sorted = Float64Array.from(state.samples.data.filter((_, i, a) => i % Math.max(1, Math.floor(a.length / 100000)) === 0)).sort();
    setWindow(sorted[Math.floor(sorted.length * 0.002)], sorted[Math.ceil(sorted.length * 0.998) - 1]);
}

// ---- region --------------------------------------------------------------------------------------

function setRegion(region) {
    state.region = region;
    state.zoom = 0;
    // More samples than the screen can show are not sent.
    const [, , w, h] = region || [0, 0, state.info.width, state.info.height];
    state.step = Math.max(1, Math.floor(Math.max(w, h) / 4096));
    choose(false);
    show(state.shown ? state.shown.frame : 0);
}

function choose(on) {
    state.choosing = on;
    state.drag = null;
    $('choose').setAttribute('aria-pressed', on);
    drawMarks();
}

function regionOfDrag() {
    const { x0, y0, x1, y1 } = state.drag, s = state.samples, zoom = state.zoom || fitZoom();
    const clamp = (v, n) => Math.max(0, Math.min(n, Math.round(v)));
    const left = clamp((Math.min(x0, x1) - state.panX) / zoom, s.width), right = clamp((Math.max(x0, x1) - state.panX) / zoom, s.width);
    const top = clamp((Math.min(y0, y1) - state.panY) / zoom, s.height), bottom = clamp((Math.max(y0, y1) - state.panY) / zoom, s.height);
    if (right - left < 2 || bottom - top < 2) return null;
    return [s.region[0] + left * state.step, s.region[1] + top * state.step, (right - left) * state.step,
        (bottom - top) * state.step].map((v, i) => Math.min(v, [state.info.width, state.info.height][i % 2]));
}

// ---- hands ---------------------------------------------------------------------------------------

function onKey(event) {
    if (event.target.tagName === 'INPUT' && event.target.type === 'number') return;
    const box = $('stage').getBoundingClientRect(), many = event.shiftKey ? 10 : 1;
    const actions = {
        ' ': () => setPlaying(!state.playing), ArrowLeft: () => step(-many), ArrowRight: () => step(many),
        Home: () => step(-Infinity), End: () => step(Infinity), c: autoWindow, f: () => setWindow(0, maxValue()),
        i: invert, r: () => choose(!state.choosing), Escape: () => setRegion(null),
        '+': () => zoomBy(1.5, box.width / 2, box.height / 2), '-': () => zoomBy(1 / 1.5, box.width / 2, box.height / 2),
        0: () => { state.zoom = 0; place(); }, 1: () => { zoomBy(1 / (state.zoom || fitZoom()), box.width / 2, box.height / 2); },
    };
    const action = actions[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (!action || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    action();
}

function invert() {
    state.inverted = !state.inverted;
    $('invert').setAttribute('aria-pressed', state.inverted);
    draw();
}

function inStage(event) {
    const box = $('stage').getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
}

function onPointerMove(event) {
    state.pointer = inStage(event);
    if (state.drag && state.choosing) {
        state.drag.x1 = state.pointer.x; state.drag.y1 = state.pointer.y;
    } else if (state.drag) {
        place();
        state.zoom ||= fitZoom();
        state.panX += event.movementX; state.panY += event.movementY;
        place();
    }
    drawMarks();
    showPixel();
}

function listen() {
    const stage = $('stage');
    stage.addEventListener('pointermove', onPointerMove);
    stage.addEventListener('pointerleave', () => { state.pointer = null; showPixel(); });
    stage.addEventListener('pointerdown', (event) => {
        const { x, y } = inStage(event);
        state.drag = { x0: x, y0: y, x1: x, y1: y };
        stage.setPointerCapture(event.pointerId);
    });
    stage.addEventListener('pointerup', () => {
        const region = state.choosing && state.drag && regionOfDrag();
        state.drag = null;
        if (region) setRegion(region);
        drawMarks();
    });
    stage.addEventListener('wheel', (event) => {
        event.preventDefault();
        const { x, y } = inStage(event);
        zoomBy(event.deltaY < 0 ? 1.2 : 1 / 1.2, x, y);
    }, { passive: false });
    addEventListener('resize', place);
    addEventListener('keydown', onKey);
    $('play').onclick = () => setPlaying(!state.playing);
    $('back').onclick = () => step(-1);
    $('forth').onclick = () => step(1);
    $('scrub').oninput = () => { setPlaying(false); show(Number($('scrub').value)); };
    $('at').onchange = () => { setPlaying(false); show(Number($('at').value)); };
    for (const id of ['low', 'low-number']) $(id).oninput = () => setWindow(Number($(id).value), state.high);
    for (const id of ['high', 'high-number']) $(id).oninput = () => setWindow(state.low, Number($(id).value));
    $('auto').onclick = autoWindow;
    $('full').onclick = () => setWindow(0, maxValue());
    $('invert').onclick = invert;
    $('choose').onclick = () => choose(!state.choosing);
    $('whole').onclick = () => setRegion(null);
}

async function start() {
    const answer = await fetch('info.json');
    state.info = await answer.json();
    if (!answer.ok) { complain(state.info.error); return; }
    const i = state.info;
    document.title = `PixelRain: ${i.n_frames} frames`;
    $('what').textContent = `${i.n_frames} frames, ${i.width} x ${i.height}, ${i.significant_bits} bits, ` +
        `${(i.archive_bytes / 2 ** 20).toFixed(1)} MiB, ${(i.pixel_bytes / i.archive_bytes).toFixed(2)}x`;
    $('scrub').max = $('at').max = i.n_frames - 1;
    for (const id of ['low', 'high', 'low-number', 'high-number']) { $(id).min = 0; $(id).max = maxValue(); }
    setWindow(0, maxValue());
    listen();
    connection = new Connection();
    setRegion(null);
}

// What tests and curious people use from the console.
window.pixelrain = { state, show, setPlaying, setWindow, setRegion, autoWindow };
start().catch((e) => complain(e.message));
