// The frames of the machine and who owns each, at any time of the run.

// A frame with something to tell: the one that the shown space got last for its own.
function exampleFrame() {
  const space = D.spaces[D.shown], mine = faultsOf(space).filter((i) => {
    const at = entryOf(space, pageOf(D.f_addr[i]));
    return at >= 0 && frameOf(D.pt_lo[at], D.pt_hi[at]) === D.f_pfn[i] && D.pt_kind[at] === 2;
  });
  return mine.length ? D.f_pfn[mine[mine.length - 1]] : -1;
}

// The history of the frames: the state at the end is known, and each event undone leads back.
class Replay {
  constructor() {
    this.free = D.kinds.indexOf("free");
    this.count = D.frame_kind.length;
    const n = D.p_time.length;
    const state = this.plain(D.frame_kind);
    for (let i = D.snapshot - 1; i >= 0; i--)
      this.fill(state, i, D.p_freed[i] ? D.p_kind[i] : this.free);
    this.marks = [state];
    // What is kept of the way takes 32 MB at most.
    const kept = Math.min(Math.max(Math.floor(2 ** 25 / this.count), 4), 48);
    this.every = Math.max(1000, Math.ceil(n / kept));
    const moving = state.slice();
    for (let i = 0; i < n; i++) {
      this.apply(moving, i);
      if ((i + 1) % this.every === 0)
        this.marks.push(moving.slice());
    }
    this.now = state.slice();
    this.at = 0;
  }

  // Free frames have three names in the kernel; here they are one.
  plain(kinds) {
    const table = Uint8Array.from(D.kinds, (name, kind) => ["free-tail", "pcp"].includes(name) ?
      this.free : kind);
    return kinds.map((kind) => table[kind]);
  }

  fill(state, i, kind) {
    state.fill(kind, D.p_pfn[i], Math.min(D.p_pfn[i] + 2 ** D.p_order[i], this.count));
  }

  apply(state, i) {
    this.fill(state, i, D.p_freed[i] ? this.free : D.p_kind[i]);
  }

  // The owners after the first n events.
  after(n) {
    if (n < this.at || n - this.at > this.every) {
      const mark = Math.min(Math.floor(n / this.every), this.marks.length - 1);
      if (n < this.at || mark * this.every > this.at) {
        this.now = this.marks[mark].slice();
        this.at = mark * this.every;
      }
    }
    for (; this.at < n; this.at++)
      this.apply(this.now, this.at);
    return this.now;
  }
}

let replay;

// Frames by owner at `n` even times: {times, counts: one array of kinds for each}.
function ownersOverTime(n, end) {
  const counts = new Float64Array(D.kinds.length), found = [];
  for (const kind of replay.marks[0])
    counts[kind]++;
  for (let step = 0, i = 0; step < n; step++) {
    const t = end * (step + 1) / n;
    for (; i < D.p_time.length && D.p_time[i] <= t; i++) {
      const pages = 2 ** D.p_order[i], kind = D.p_kind[i];
      counts[kind] += D.p_freed[i] ? -pages : pages;
      counts[replay.free] += D.p_freed[i] ? pages : -pages;
    }
    found.push(counts.slice());
  }
  return found;
}

const lastTime = () => Math.max(D.end, 1);

function frameView() {
  const end = lastTime(), traced = D.p_time.length > 0;
  replay = new Replay();
  const state = {time: D.snapshotTime, playing: 0, frame: -1};
  const order = ["reserved", "kernel", "trace", "slab", "vmalloc", "kstack", "pgtable", "cache", "anon",
    "zero", "huge"].map((name) => D.kinds.indexOf(name)).filter((kind) => kind >= 0);
  const kindColour = (kind) => colour("k-" + D.kinds[kind]);

  // --- The map: tiles of 4 MiB, the largest block; in Z order, so that blocks are rectangles ---

  const TILE = 32, all = Math.ceil(replay.count / (TILE * TILE)), busy = busyTiles();
  let tiles = busy, where = placeTiles();

  // Tiles in which something happened, or that are more than free, reserved or this trace's ring.
  function busyTiles() {
    const used = new Uint8Array(all), idle = D.kinds.map((name) => ["free", "reserved", "trace"]
      .includes(name));
    replay.marks[0].forEach((kind, pfn) => { used[pfn >> 10] |= !idle[kind]; });
    for (const pfn of D.p_pfn)
      used[pfn >> 10] = 1;
    return Array.from(used.keys()).filter((tile) => used[tile]);
  }

  function placeTiles() {
    const found = new Int32Array(all).fill(-1);
    tiles.forEach((tile, i) => { found[tile] = i; });
    return found;
  }

  const inTile = new Uint16Array(TILE * TILE);
  for (let i = 0; i < TILE * TILE; i++) {
    let x = 0, y = 0;
    for (let bit = 0; bit < 5; bit++) {
      x |= (i >> 2 * bit & 1) << bit;
      y |= (i >> 2 * bit + 1 & 1) << bit;
    }
    inTile[i] = y * TILE + x;
  }
  const place = {};
  let image, pixels;

  function fit(width) {
    const cell = [6, 5, 4, 3, 2, 1].find((size) => tiles.length * (TILE * size + 4) ** 2 <
      width * 640) || .5;
    Object.assign(place, {side: TILE * cell, cell, gap: cell > 1 ? 4 : 2});
    place.columns = Math.max(1, Math.floor((width + place.gap) / (place.side + place.gap)));
    place.lines = Math.ceil(tiles.length / place.columns);
    return place.lines * (place.side + place.gap);
  }

  const picture = new Picture("Owners of all frames. Arrows move a mark, Enter shows the frame.", fit,
    (context, width, height) => {
      const owners = replay.after(countAt(state.time));
      const wide = TILE * place.columns, tall = TILE * place.lines;
      if (!image || image.width !== wide || image.height !== tall) {
        image = new OffscreenCanvas(wide, tall);
        pixels = new ImageData(wide, tall);
      }
      const words = new Uint32Array(pixels.data.buffer);
      words.fill(0);
      const shade = D.kinds.map((name) => {
        const [r, g, b] = rgb("k-" + name);
        return (255 << 24 | b << 16 | g << 8 | r) >>> 0;
      });
      for (let pfn = 0; pfn < owners.length; pfn++) {
        const tile = where[pfn >> 10], at = inTile[pfn & 1023];
        if (tile < 0) {
          pfn |= 1023;
          continue;
        }
        words[((Math.floor(tile / place.columns) * TILE + (at >> 5)) * wide) +
          tile % place.columns * TILE + (at & 31)] = shade[owners[pfn]];
      }
      image.getContext("2d").putImageData(pixels, 0, 0);
      context.imageSmoothingEnabled = place.cell < 1;
      for (let tile = 0; tile < tiles.length; tile++) {
        const column = tile % place.columns, line = Math.floor(tile / place.columns);
        context.drawImage(image, column * TILE, line * TILE, TILE, TILE,
          column * (place.side + place.gap), line * (place.side + place.gap), place.side, place.side);
      }
      if (state.frame >= 0 && where[state.frame >> 10] >= 0) {
        const [x, y] = cornerOf(state.frame);
        context.strokeStyle = colour("ink");
        context.lineWidth = 1.5;
        context.strokeRect(x - 2, y - 2, place.cell + 4, place.cell + 4);
      }
    });

  function cornerOf(pfn) {
    const tile = Math.max(0, where[pfn >> 10]), at = inTile[pfn & 1023];
    return [tile % place.columns * (place.side + place.gap) + (at & 31) * place.cell,
      Math.floor(tile / place.columns) * (place.side + place.gap) + (at >> 5) * place.cell];
  }

  function frameAt([x, y]) {
    const step = place.side + place.gap, column = Math.floor(x / step), line = Math.floor(y / step);
    const cx = Math.floor((x - column * step) / place.cell), cy = Math.floor((y - line * step) / place.cell);
    if (column >= place.columns || cx >= TILE || cy >= TILE || cx < 0 || cy < 0)
      return -1;
    let inside = 0;
    for (let bit = 0; bit < 5; bit++)
      inside |= (cx >> bit & 1) << 2 * bit | (cy >> bit & 1) << 2 * bit + 1;
    const tile = tiles[line * place.columns + column];
    return tile !== undefined && tile * 1024 + inside < replay.count ? tile * 1024 + inside : -1;
  }

  const canvas = picture.canvas;
  canvas.addEventListener("mousemove", (event) => {
    const pfn = frameAt(picture.at(event));
    tip(event.clientX, event.clientY, pfn >= 0 ? frameTip(pfn) : null);
  });
  canvas.addEventListener("mouseleave", () => tip());
  canvas.addEventListener("click", (event) => pick(frameAt(picture.at(event))));
  canvas.addEventListener("keydown", (event) => {
    const move = {ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1]}[event.key];
    if (!move)
      return;
    event.preventDefault();
    const [x, y] = cornerOf(Math.max(state.frame, 0)), far = event.shiftKey ? place.side + place.gap :
      place.cell;
    let at = [x + place.cell / 2 + move[0] * far, y + place.cell / 2 + move[1] * far];
    let pfn = frameAt(at);
    if (pfn < 0)
      pfn = frameAt([at[0] + move[0] * place.gap, at[1] + move[1] * place.gap]);
    pick(pfn);
  });

  function frameTip(pfn) {
    const kind = D.kinds[replay.now[pfn]];
    return [h("b", {class: "mono"}, `frame ${hex(pfn, 5)}`), state.time >= D.snapshotTime ?
      frameOwner(pfn) : D.kindWords[kind] || kind, soft(`physical ${hex(pfn * PAGE)}`)];
  }

  // --- One frame's life ---

  const life = h("div", {class: "note"}, "Choose a frame to see its life.");

  function pick(pfn) {
    if (pfn < 0)
      return;
    state.frame = pfn;
    picture.redraw();
    const events = [];
    for (let i = 0; i < D.p_time.length; i++)
      if (D.p_pfn[i] <= pfn && pfn < D.p_pfn[i] + 2 ** D.p_order[i])
        events.push(i);
    const mapped = mappersOf(pfn);
    life.className = "";
    life.replaceChildren(h("div", {}, h("h3", {}, `Frame ${hex(pfn, 5)}`), facts([
      ["at the end", frameOwner(pfn)], ["address", h("span", {class: "mono"}, hex(pfn * PAGE))],
      ["references", `${D.frame_refs[pfn]}, mapped ${plural(D.frame_maps[pfn], "time")}`],
      mapped.length && ["mapped by", mapped.slice(0, 6).map(([pid, va]) => h("div", {class: "mono"},
        `${pid}: ${hex(va)}`)), mapped.length > 6 ? `and ${mapped.length - 6} more` : null],
    ]), h("h3", {style: "margin-top:.8rem"}, plural(events.length, "event")),
    events.slice(-40).map((i) => h("div", {class: "note"}, duration(D.p_time[i]), " ",
      h("i", {class: "swatch", style: `background:${D.p_freed[i] ? "var(--k-free)" :
        `var(--k-${D.kinds[D.p_kind[i]]})`}`}), D.p_freed[i] ? " given back by " :
        ` ${D.kinds[D.p_kind[i]]}, by `, placeLink(D.p_site[i]),
      D.p_order[i] ? ` (block of ${2 ** D.p_order[i]})` : "")),
    events.length > 40 ? h("div", {class: "note"}, `and ${events.length - 40} before`) : null));
  }

  // --- Time ---

  // What never changes would only hide the rest.
  const aside = (kind) => ["reserved", "trace"].includes(D.kinds[kind]);

  const countAt = (t) => t >= D.snapshotTime && t < D.snapshotTime + 1 ? D.snapshot :
    lastAtMost(D.p_time, t, 0, D.p_time.length) + 1;

  const river = new Picture("Frames in use by owner over time", 84, (context, width, height) => {
    const step = 2, found = ownersOverTime(Math.floor(width / step), end);
    const used = found.map((counts) => order.reduce((sum, kind) => aside(kind) ? sum :
      sum + counts[kind], 0));
    const most = used.reduce((a, b) => Math.max(a, b), 1);
    found.forEach((counts, n) => {
      let y = height - 2;
      for (const kind of order) {
        if (aside(kind))
          continue;
        const tall = counts[kind] / most * (height - 8);
        context.fillStyle = kindColour(kind);
        context.fillRect(n * step, y - tall, step, tall);
        y -= tall;
      }
    });
    const x = state.time / end * width;
    context.fillStyle = colour("ink");
    context.fillRect(Math.min(x, width - 2), 0, 1.5, height);
    context.font = `11px ${colour("sans")}`;
    context.textBaseline = "top";
    context.textAlign = "left";
    context.fillStyle = colour("soft");
    context.fillText(`${bytes(most * PAGE)} in use at most`, 6, 2);
  });
  river.canvas.tabIndex = -1;
  river.canvas.style.cursor = "ew-resize";
  for (const name of ["pointerdown", "pointermove"])
    river.canvas.addEventListener(name, (event) => {
      if (event.buttons & 1)
        goTo(Math.min(Math.max(river.at(event)[0] / river.width, 0), 1) * end);
    });

  const slider = h("input", {type: "range", min: 0, max: 1000, step: 1, "aria-label": "Time",
    value: Math.round(state.time / end * 1000), disabled: !traced,
    oninput: () => goTo(Number(slider.value) / 1000 * end)});
  const when = h("span", {class: "note grow"}), key = h("div");
  const play = h("button", {class: "push", disabled: !traced, onclick: () => {
    state.playing = state.playing ? 0 : requestAnimationFrame(step);
    play.textContent = state.playing ? "❚❚ Pause" : "▶ Play";
    if (state.playing && state.time >= end)
      goTo(0);
  }}, "▶ Play");

  function step() {
    if (!state.playing)
      return;
    goTo(Math.min(end, state.time + end / 480));
    if (state.time >= end) {
      state.playing = 0;
      play.textContent = "▶ Play";
    } else
      state.playing = requestAnimationFrame(step);
  }

  function goTo(time) {
    state.time = time;
    slider.value = Math.round(time / end * 1000);
    picture.redraw();
    river.redraw();
    account();
    tell("time", time);
  }

  function account() {
    const owners = replay.after(countAt(state.time)), counts = new Uint32Array(D.kinds.length);
    for (const kind of owners)
      counts[kind]++;
    when.textContent = duration(state.time) + (countAt(state.time) === D.snapshot ?
      `: as ${spaceName(D.spaces[D.shown])} was about to give its memory back` : "");
    key.replaceChildren(legend([...order, replay.free].filter((kind) => counts[kind]).map((kind) =>
      ["k-" + D.kinds[kind], D.kindNames[D.kinds[kind]] || D.kinds[kind], number(counts[kind])])));
  }

  const folded = all - busy.length;
  const unfold = folded ? h("button", {class: "push", "aria-pressed": "false", onclick: () => {
    tiles = tiles === busy ? Array.from({length: all}, (_, i) => i) : busy;
    where = placeTiles();
    unfold.setAttribute("aria-pressed", String(tiles !== busy));
    unfold.textContent = tiles === busy ? "Show all" : "Show less";
    picture.layout();
  }}, "Show all") : null;

  account();
  pick(exampleFrame());
  hear("page", ({space, va}) => {
    const i = entryOf(space, va);
    if (i >= 0)
      pick(frameOf(D.pt_lo[i], D.pt_hi[i]));
  });
  return view("frames", "Frames", "All memory of the machine: one dot is a frame of 4 KiB, one tile the " +
    "4 MiB of the largest block; inside a tile frames run in Z order, so that a block of the buddy " +
    "system is a square or two.",
  D.untraced ? h("p", {class: "warn"}, D.untraced) : null,
  h("div", {class: "card"}, h("div", {class: "row"}, play, when,
    h("button", {class: "push", onclick: () => goTo(D.snapshotTime)}, "The end of the command")),
  h("div", {style: "margin:.6rem 0 .2rem"}, river.canvas), slider, key,
  folded ? h("div", {class: "row", style: "margin-top:.8rem"}, h("span", {class: "note"},
    `${plural(folded, "tile")} more, ${bytes(folded * 1024 * PAGE)}, stayed as they were: free, ` +
    "reserved, or holding this trace."),
  unfold) : null,
  h("div", {class: "split", style: "margin-top:1rem"}, canvas, life)));
}
