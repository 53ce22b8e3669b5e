// Where each frame is drawn: tiles of 4 MiB, the largest block of the buddy system, with the frames of
// a tile in Z order, so that every block is a square or two squares side by side.

const TILE = 32;

// Frame n of a tile: its place, row by row.
const IN_TILE = Uint16Array.from({length: TILE * TILE}, (_, i) => {
  let x = 0, y = 0;
  for (let bit = 0; bit < 5; bit++) {
    x |= (i >> 2 * bit & 1) << bit;
    y |= (i >> 2 * bit + 1 & 1) << bit;
  }
  return y * TILE + x;
});

class Tiles {
  constructor(count) {
    this.count = count;
    this.all = Math.ceil(count / (TILE * TILE));
    this.busy = this.used();
    this.fold(true);
  }

  // Tiles in which something happened, or that are more than free, reserved or this trace's ring.
  used() {
    const used = new Uint8Array(this.all), idle = D.kinds.map((name) => ["free", "reserved", "trace"]
      .includes(name));
    replay.marks[0].forEach((kind, pfn) => { used[pfn >> 10] |= !idle[kind]; });
    for (const pfn of D.p_pfn)
      used[pfn >> 10] = 1;
    return Array.from(used.keys()).filter((tile) => used[tile]);
  }

  // Only those, or all.
  fold(folded) {
    this.folded = folded;
    this.shown = folded ? this.busy : Array.from({length: this.all}, (_, i) => i);
    this.place = new Int32Array(this.all).fill(-1);
    this.shown.forEach((tile, i) => { this.place[tile] = i; });
  }

  // Chooses the size of a frame for a width. Returns the height of all.
  fit(width) {
    this.cell = [6, 5, 4, 3, 2, 1].find((size) => this.shown.length * (TILE * size + 4) ** 2 <
      width * 640) || .5;
    this.side = TILE * this.cell;
    this.step = this.side + (this.cell > 1 ? 4 : 2);
    this.columns = Math.max(1, Math.floor((width + this.step - this.side) / this.step));
    this.lines = Math.ceil(this.shown.length / this.columns);
    return this.lines * this.step;
  }

  // The upper left corner of a frame.
  corner(pfn) {
    const tile = Math.max(0, this.place[pfn >> 10]), at = IN_TILE[pfn & 1023];
    return [tile % this.columns * this.step + (at & 31) * this.cell,
      Math.floor(tile / this.columns) * this.step + (at >> 5) * this.cell];
  }

  // The frame at a point, or -1.
  at([x, y]) {
    const column = Math.floor(x / this.step), line = Math.floor(y / this.step);
    const cx = Math.floor((x - column * this.step) / this.cell);
    const cy = Math.floor((y - line * this.step) / this.cell);
    if (column >= this.columns || cx >= TILE || cy >= TILE || cx < 0 || cy < 0)
      return -1;
    let inside = 0;
    for (let bit = 0; bit < 5; bit++)
      inside |= (cx >> bit & 1) << 2 * bit | (cy >> bit & 1) << 2 * bit + 1;
    const tile = this.shown[line * this.columns + column], pfn = tile * TILE * TILE + inside;
    return tile !== undefined && pfn < this.count ? pfn : -1;
  }

  // The frame beside one, in a direction; with `far` in the next tile.
  beside(pfn, [dx, dy], far) {
    const [x, y] = this.corner(pfn), half = this.cell / 2, way = far ? this.step : this.cell;
    const gap = this.step - this.side, there = [x + half + dx * way, y + half + dy * way];
    const found = this.at(there);
    return found >= 0 ? found : this.at([there[0] + dx * gap, there[1] + dy * gap]);
  }

  // All frames in the colours of their owners: first one dot each, then tile by tile at size.
  paint(context, owners) {
    const wide = TILE * this.columns, tall = TILE * this.lines;
    if (!this.image || this.image.width !== wide || this.image.height !== tall) {
      this.image = new OffscreenCanvas(wide, tall);
      this.pixels = new ImageData(wide, tall);
    }
    this.dots(new Uint32Array(this.pixels.data.buffer), wide, owners);
    this.image.getContext("2d").putImageData(this.pixels, 0, 0);
    context.imageSmoothingEnabled = this.cell < 1;
    for (let tile = 0; tile < this.shown.length; tile++) {
      const column = tile % this.columns, line = Math.floor(tile / this.columns);
      context.drawImage(this.image, column * TILE, line * TILE, TILE, TILE, column * this.step,
        line * this.step, this.side, this.side);
    }
  }

  dots(words, wide, owners) {
    const shade = D.kinds.map((name) => {
      const [r, g, b] = rgb("k-" + name);
      return (255 << 24 | b << 16 | g << 8 | r) >>> 0;
    });
    words.fill(0);
    this.shown.forEach((tile, i) => {
      const first = tile * TILE * TILE, last = Math.min(first + TILE * TILE, this.count);
      const origin = Math.floor(i / this.columns) * TILE * wide + i % this.columns * TILE;
      for (let pfn = first; pfn < last; pfn++) {
        const at = IN_TILE[pfn - first];
        words[origin + (at >> 5) * wide + (at & 31)] = shade[owners[pfn]];
      }
    });
  }
}
