// The data in the page: base64 of a deflated file, which begins with the length of a JSON header;
// columns of numbers follow it, as tools/report.py (class Columns) wrote them.

const TYPES = {u8: Uint8Array, u16: Uint16Array, u32: Uint32Array};

async function unpack(text) {
  const bytes = await inflated(decoded(text.trim()));
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const length = view.getUint32(0, true);
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(4, 4 + length)));
  const data = {...header.meta};
  for (const [name, column] of Object.entries(header.columns))
    whenAsked(data, name, () => readColumn(bytes, 4 + length + column.at, column));
  return data;
}

// A property that is made when it is read first.
function whenAsked(object, name, make) {
  Object.defineProperty(object, name, {configurable: true, get() {
    const value = make();
    Object.defineProperty(object, name, {value});
    return value;
  }});
}

function decoded(text) {
  const binary = atob(text), bytes = new Uint8Array(binary.length);
  for (let i = 0; i < binary.length; i++)
    bytes[i] = binary.charCodeAt(i);
  return bytes;
}

async function inflated(bytes) {
  if (typeof DecompressionStream === "undefined" || location.hash === "#inflate")
    return inflate(bytes);
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

// All lowest bytes of the numbers come first, then all second ones: they compress better so.
function readColumn(bytes, at, {type, count, delta}) {
  const column = new TYPES[type](count), width = column.BYTES_PER_ELEMENT;
  for (let plane = 0; plane < width; plane++) {
    const from = at + plane * count, shift = 8 * plane;
    for (let i = 0; i < count; i++)
      column[i] |= bytes[from + i] << shift;
  }
  if (delta)
    for (let i = 1; i < count; i++)
      column[i] += column[i - 1];
  return column;
}

// --- Inflate, for browsers without DecompressionStream (RFC 1951) ---

function inflate(input) {
  let output = new Uint8Array(input.length * 8 + 1024), length = 0, at = 0, bits = 0, count = 0;

  const need = (n) => {
    while (count < n) {
      bits |= input[at++] << count;
      count += 8;
    }
  };
  const take = (n) => {
    need(n);
    const value = bits & ((1 << n) - 1);
    bits >>>= n;
    count -= n;
    return value;
  };
  const room = (n) => {
    if (length + n <= output.length)
      return;
    const larger = new Uint8Array(Math.max(output.length * 2, length + n));
    larger.set(output);
    output = larger;
  };
  const symbol = (code) => {
    let value = 0, first = 0, index = 0;
    for (let n = 1; n < 16; n++) {
      value |= take(1);
      const those = code.counts[n];
      if (value - those < first)
        return code.symbols[index + value - first];
      index += those;
      first = (first + those) << 1;
      value <<= 1;
    }
    throw new Error("damaged data");
  };
  const code = (lengths) => {
    const counts = new Uint16Array(16), offsets = new Uint16Array(16), symbols = [];
    for (const n of lengths)
      counts[n]++;
    counts[0] = 0;
    for (let n = 1; n < 15; n++)
      offsets[n + 1] = offsets[n] + counts[n];
    lengths.forEach((n, i) => { if (n) symbols[offsets[n]++] = i; });
    return {counts, symbols};
  };
  const stored = () => {
    at -= count >> 3;
    bits = count = 0;
    const n = input[at] | input[at + 1] << 8;
    room(n);
    output.set(input.subarray(at + 4, at + 4 + n), length);
    length += n;
    at += 4 + n;
  };
  const dynamic = () => {
    const literals = take(5) + 257, distances = take(5) + 1, known = take(4) + 4;
    const order = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];
    const first = new Array(19).fill(0);
    for (let i = 0; i < known; i++)
      first[order[i]] = take(3);
    const lengthCode = code(first), lengths = [];
    while (lengths.length < literals + distances) {
      const s = symbol(lengthCode);
      if (s < 16)
        lengths.push(s);
      else {
        const again = s === 16 ? lengths[lengths.length - 1] : 0;
        let n = s === 16 ? 3 + take(2) : s === 17 ? 3 + take(3) : 11 + take(7);
        while (n--)
          lengths.push(again);
      }
    }
    return [code(lengths.slice(0, literals)), code(lengths.slice(literals))];
  };
  const fixed = () => [
    code(Array.from({length: 288}, (_, i) => i < 144 ? 8 : i < 256 ? 9 : i < 280 ? 7 : 8)),
    code(new Array(30).fill(5))];
  const base = [3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99,
    115, 131, 163, 195, 227, 258];
  const extra = (i) => i < 8 || i === 28 ? 0 : (i >> 2) - 1;
  const far = (i) => i < 4 ? i + 1 : (2 + (i & 1) << (i >> 1) - 1) + 1;
  const block = ([literal, distance]) => {
    for (;;) {
      const s = symbol(literal);
      if (s === 256)
        return;
      room(258);
      if (s < 256) {
        output[length++] = s;
        continue;
      }
      const n = base[s - 257] + take(extra(s - 257)), d = symbol(distance);
      const back = far(d) + take(d < 4 ? 0 : (d >> 1) - 1);
      for (let i = 0; i < n; i++, length++)
        output[length] = output[length - back];
    }
  };
  for (let last = 0; !last;) {
    last = take(1);
    const kind = take(2);
    if (kind === 0)
      stored();
    else
      block(kind === 1 ? fixed() : dynamic());
  }
  return output.subarray(0, length);
}
