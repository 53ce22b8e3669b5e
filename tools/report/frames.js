// The frames of the machine and who owns each, at any time of the run.

// A frame with something to tell: the one that the shown space got last for its own.
function exampleFrame() {
  const space = D.spaces[D.shown], mine = faultsOf(space).filter((i) => {
    const at = entryOf(space, pageOf(D.f_addr[i]));
    return at >= 0 && frameOf(D.pt_lo[at], D.pt_hi[at]) === D.f_pfn[i] && D.pt_kind[at] === 2;
  });
  return mine.length ? D.f_pfn[mine[mine.length - 1]] : -1;
}

// What a frame is, and all that happened to it.
function frameLife(pfn) {
  const events = [], mapped = mappersOf(pfn), shown = 40;
  for (let i = 0; i < D.p_time.length; i++)
    if (D.p_pfn[i] <= pfn && pfn < D.p_pfn[i] + 2 ** D.p_order[i])
      events.push(i);
  return h("div", {}, h("h3", {}, `Frame ${hex(pfn, 5)}`), facts([
    ["at the end", frameOwner(pfn)], ["address", h("span", {class: "mono"}, hex(pfn * PAGE))],
    ["references", `${D.frame_refs[pfn]}, mapped ${plural(D.frame_maps[pfn], "time")}`],
    mapped.length && ["mapped by", mapped.slice(0, 6).map(([pid, va]) =>
      h("div", {class: "mono"}, `${pid}: ${hex(va)}`)),
    mapped.length > 6 ? `and ${mapped.length - 6} more` : null],
  ]), h("h3", {style: "margin-top:.8rem"}, plural(events.length, "event")),
  events.slice(-shown).map(frameEvent),
  events.length > shown ? h("div", {class: "note"}, `and ${events.length - shown} before`) : null);
}

function frameEvent(i) {
  const kind = D.kinds[D.p_kind[i]], freed = D.p_freed[i];
  return h("div", {class: "note"}, duration(D.p_time[i]), " ", swatch("k-" + (freed ? "free" : kind)),
    freed ? " given back by " : ` ${kind}, by `, placeLink(D.p_site[i]),
    D.p_order[i] ? ` (block of ${2 ** D.p_order[i]})` : "");
}

function frameView() {
  const end = lastTime(), traced = D.p_time.length > 0;
  replay = new Replay();
  const state = {time: D.snapshotTime, playing: 0, frame: -1};
  const order = ["reserved", "kernel", "trace", "slab", "vmalloc", "kstack", "pgtable", "cache", "anon",
    "zero", "huge"].map((name) => D.kinds.indexOf(name)).filter((kind) => kind >= 0);
  const kindColour = (kind) => colour("k-" + D.kinds[kind]);

  // --- The map ---

  const tiles = new Tiles(replay.count);
  const owners = () => replay.after(countAt(state.time));
  const picture = new Picture("Owners of all frames. Arrows move a mark.", (width) => tiles.fit(width),
    (context) => {
      tiles.paint(context, owners());
      if (state.frame < 0 || tiles.place[state.frame >> 10] < 0)
        return;
      const [x, y] = tiles.corner(state.frame), side = tiles.cell + 4;
      context.strokeStyle = colour("ink");
      context.lineWidth = 1.5;
      context.strokeRect(x - 2, y - 2, side, side);
    });
  const canvas = picture.canvas;
  canvas.addEventListener("mousemove", (event) => {
    const pfn = tiles.at(picture.at(event));
    tip(event.clientX, event.clientY, pfn >= 0 ? frameTip(pfn) : null);
  });
  canvas.addEventListener("mouseleave", () => tip());
  canvas.addEventListener("click", (event) => pick(tiles.at(picture.at(event))));
  canvas.addEventListener("keydown", (event) => {
    const move = {ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1],
      ArrowDown: [0, 1]}[event.key];
    if (!move)
      return;
    event.preventDefault();
    pick(tiles.beside(Math.max(state.frame, 0), move, event.shiftKey));
  });

  function frameTip(pfn) {
    const kind = D.kinds[owners()[pfn]];
    return [h("b", {class: "mono"}, `frame ${hex(pfn, 5)}`), countAt(state.time) === D.snapshot ?
      frameOwner(pfn) : D.kindWords[kind] || kind, soft(`physical ${hex(pfn * PAGE)}`)];
  }

  const life = h("div", {class: "note"}, "Choose a frame to see its life.");

  function pick(pfn) {
    if (pfn < 0)
      return;
    state.frame = pfn;
    picture.redraw();
    life.className = "";
    life.replaceChildren(frameLife(pfn));
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
    const counts = new Uint32Array(D.kinds.length);
    for (const kind of owners())
      counts[kind]++;
    when.textContent = duration(state.time) + (countAt(state.time) === D.snapshot ?
      `: as ${spaceName(D.spaces[D.shown])} was about to give its memory back` : "");
    key.replaceChildren(legend([...order, replay.free].filter((kind) => counts[kind]).map((kind) =>
      ["k-" + D.kinds[kind], D.kindNames[D.kinds[kind]] || D.kinds[kind], number(counts[kind])])));
  }

  const folded = tiles.all - tiles.busy.length;
  const unfold = h("button", {class: "push", "aria-pressed": "false", onclick: () => {
    tiles.fold(!tiles.folded);
    unfold.setAttribute("aria-pressed", String(!tiles.folded));
    unfold.textContent = tiles.folded ? "Show all" : "Show less";
    picture.layout();
  }}, "Show all");

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
