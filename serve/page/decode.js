// SPDX-License-Identifier: MIT
// VCBN envelopes (all four dialects) to typed arrays: docs/serve.md.  An ES module; knows nothing of pages.

const MAGICS = new Set(['VCBN', 'CBIN', 'IMPK']);

function elementBytes(dtype) {
    return { uint8: 1, packed: 1, uint16: 2, float16: 2, uint32: 4, float32: 4, float64: 8 }[dtype];
}

function halfToFloat(h) {
    const sign = h & 0x8000 ? -1 : 1, e = (h >> 10) & 31, m = h & 1023;
    if (e === 31) return m ? NaN : sign * Infinity;
    return sign * (e ? 2 ** (e - 15) * (1 + m / 1024) : 2 ** -14 * (m / 1024));
}

function unpack(bytes, n, bits) {
    const out = bits <= 8 ? new Uint8Array(n) : bits <= 16 ? new Uint16Array(n) : new Uint32Array(n);
    for (let i = 0; i < n; i++) {
        let v = 0;
        for (let k = 0; k < bits; k++) {
            const at = i * bits + k;
            v += ((bytes[at >> 3] >> (at & 7)) & 1) * 2 ** k; // not <<: 32 bits are unsigned
        }
        out[i] = v;
    }
    return out;
}

function numbers(view, offset, n, dtype, little) {
    const get = {
        uint16: (i) => view.getUint16(offset + 2 * i, little), uint32: (i) => view.getUint32(offset + 4 * i, little),
        float16: (i) => halfToFloat(view.getUint16(offset + 2 * i, little)),
        float32: (i) => view.getFloat32(offset + 4 * i, little), float64: (i) => view.getFloat64(offset + 8 * i, little),
    }[dtype];
    const Type = { uint16: Uint16Array, uint32: Uint32Array, float16: Float32Array, float32: Float32Array,
        float64: Float64Array }[dtype];
    if (little && dtype === 'uint16' && new Uint8Array(new Uint16Array([1]).buffer)[0] === 1)
        return new Uint16Array(view.buffer.slice(view.byteOffset + offset, view.byteOffset + offset + 2 * n));
    const out = new Type(n);
    for (let i = 0; i < n; i++) out[i] = get(i);
    return out;
}

// An ArrayBuffer to {header, width, height, data}; throws an Error that says what does not fit.
export function decodeEnvelope(buffer) {
    const view = new DataView(buffer), bytes = new Uint8Array(buffer);
    if (bytes.length < 4) throw new Error('an envelope has at least 4 bytes');
    const magic = String.fromCharCode(...bytes.subarray(0, 4)), hasMagic = MAGICS.has(magic);
    const start = hasMagic ? 9 : 4;
    if (hasMagic && (bytes.length < 9 || bytes[4] !== 1)) throw new Error(`version ${bytes[4]} of ${magic}`);
    const length = view.getUint32(start - 4, false);
    if (length > 65536 || start + length > bytes.length) throw new Error(`a header of ${length} bytes`);
    const header = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes.subarray(start, start + length)));
    const [height, width] = header.shape, n = width * height, unit = elementBytes(header.dtype);
    if (!unit) throw new Error(`dtype ${header.dtype}`);
    const align = hasMagic ? 2 : unit, offset = Math.ceil((start + length) / align) * align;
    const expected = header.dtype === 'packed' ? Math.ceil((n * header.bits) / 8) : n * unit;
    if (bytes.length - offset !== expected) throw new Error(`${bytes.length - offset} bytes of samples, not ${expected}`);
    const body = bytes.subarray(offset);
    const data = header.dtype === 'packed' ? unpack(body, n, header.bits)
        : header.dtype === 'uint8' ? body : numbers(view, offset, n, header.dtype, header.endianness !== 'BE');
    return { header, width, height, data };
}
