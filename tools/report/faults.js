// The fault timeline: when which page was touched for want of memory, and how it ended.

function faultView() {
  const lead = "One dot is one page fault: from left to right in the order of time, at the height " +
    "of the page that was touched, coloured by what the kernel did about it.";
  if (!D.f_time.length)
    return view("faults", "Faults", lead, h("p", {class: "warn"}, D.untraced || "There was no page fault."));

  // From a little before the first one on: the boot has none.
  const end = D.f_time[D.f_time.length - 1] + 1;
  const begin = Math.max(0, D.f_time[0] - Math.ceil((end - D.f_time[0]) / 60));
  const state = {from: begin, to: end, space: -1, brush: null, drag: null, hidden: new Set()};
  const BAR = 54, LEFT = 132, BOTTOM = 22;
  let bands = new Bands(-1), table;

  // --- Drawing ---

  const picture = new Picture("Page faults over time. Arrows move, plus and minus zoom, Escape " +
    "shows all.", 400, draw);
  const canvas = picture.canvas;
  const plot = () => ({x: LEFT, y: BAR + 10, w: picture.width - LEFT - 6,
    h: picture.tall - BAR - 10 - BOTTOM});
  const xOf = (t) => plot().x + (t - state.from) / (state.to - state.from) * plot().w;
  const timeAt = (x) => state.from + (x - plot().x) / plot().w * (state.to - state.from);

  const range = () => [lastAtMost(D.f_time, state.from - 1, 0, D.f_time.length) + 1,
    lastAtMost(D.f_time, state.to, 0, D.f_time.length) + 1];
  const visible = (i) => (state.space < 0 || D.f_space[i] === state.space) &&
    !state.hidden.has(D.f_what[i]);

  function draw(context, width, height) {
    const box = plot(), [from, to] = range();
    drawAxes(context, box);
    drawBars(context, box, from, to);
    const dot = to - from < 1500 ? 5 : to - from < 4000 ? 4 : to - from < 40000 ? 3 : 2;
    const columns = Math.ceil(box.w / dot), lines = Math.ceil(box.h / dot);
    const counts = new Uint32Array(columns * lines), kinds = new Uint8Array(columns * lines);
    const scale = columns / (state.to - state.from);
    let most = 1;
    for (let i = from; i < to; i++) {
      if (!visible(i))
        continue;
      const level = bands.levelOf(D.f_addr[i]);
      if (level < 0)
        continue;
      const column = Math.min(columns - 1, (D.f_time[i] - state.from) * scale | 0);
      const line = Math.min(lines - 1, (1 - level) * lines | 0), cell = line * columns + column;
      if (++counts[cell] > most)
        most = counts[cell];
      kinds[cell] = D.f_what[i];
    }
    const fade = Math.log(most + 1);
    for (let cell = 0; cell < counts.length; cell++) {
      if (!counts[cell])
        continue;
      context.globalAlpha = most < 4 ? 1 : .7 + .3 * Math.log(counts[cell] + 1) / fade;
      context.fillStyle = colour(D.verdicts[kinds[cell]].colour);
      context.fillRect(box.x + cell % columns * dot, box.y + Math.floor(cell / columns) * dot,
        dot - (dot > 2 ? .8 : 0), dot - (dot > 2 ? .8 : 0));
    }
    context.globalAlpha = 1;
    drawBrush(context, box);
  }

  function drawAxes(context, box) {
    context.font = `11px ${colour("sans")}`;
    context.textBaseline = "middle";
    let lastLabel = Infinity;
    for (const [i, band] of bands.list.entries()) {
      const top = box.y + (1 - band.high) * box.h, bottom = box.y + (1 - band.low) * box.h;
      if (i % 2) {
        context.fillStyle = colour("well");
        context.fillRect(box.x, top, box.w, bottom - top);
      }
      const middle = (top + bottom) / 2;
      if (lastLabel - middle < 13)
        continue;
      lastLabel = middle;
      context.fillStyle = colour("soft");
      context.textAlign = "right";
      const name = band.name.replace(", since unmapped", "").split("/").pop();
      context.fillText(name.length > 19 ? name.slice(0, 18) + "…" : name, box.x - 8, middle);
    }
    context.textBaseline = "top";
    context.textAlign = "center";
    for (const [t, text] of ticks(state.from, state.to, box.w / 130)) {
      context.fillStyle = colour("line");
      context.fillRect(xOf(t), box.y, 1, box.h);
      context.fillStyle = colour("soft");
      context.fillText(text, xOf(t), box.y + box.h + 6);
    }
  }

  function drawBars(context, box, from, to) {
    const width = 4, n = Math.ceil(box.w / width), kinds = D.verdicts.length;
    const counts = new Uint32Array(n * kinds), sums = new Uint32Array(n);
    for (let i = from; i < to; i++) {
      if (!visible(i))
        continue;
      const at = Math.min(n - 1, (D.f_time[i] - state.from) / (state.to - state.from) * n | 0);
      counts[at * kinds + D.f_what[i]]++;
      sums[at]++;
    }
    const most = sums.reduce((a, b) => Math.max(a, b), 1);
    for (let at = 0; at < n; at++) {
      let y = BAR;
      for (let kind = 0; kind < kinds; kind++) {
        const tall = counts[at * kinds + kind] / most * (BAR - 6);
        context.fillStyle = colour(D.verdicts[kind].colour);
        context.fillRect(box.x + at * width, y - tall, width - 1, tall);
        y -= tall;
      }
    }
    context.fillStyle = colour("soft");
    context.textAlign = "right";
    context.textBaseline = "top";
    context.fillText("how many", box.x - 8, BAR - 16);
    context.fillStyle = colour("line");
    context.fillRect(box.x, BAR, box.w, 1);
  }

  function drawBrush(context, box) {
    const b = state.brush;
    if (!b)
      return;
    const [x0, x1] = [xOf(b.from), xOf(b.to)].map((x) => Math.min(Math.max(x, box.x), box.x + box.w));
    const [y0, y1] = [1 - b.high, 1 - b.low].map((v) => box.y + v * box.h);
    context.fillStyle = colour("accent");
    context.globalAlpha = .13;
    context.fillRect(x0, y0, x1 - x0, y1 - y0);
    context.globalAlpha = 1;
    context.strokeStyle = colour("accent");
    context.strokeRect(x0 + .5, y0 + .5, x1 - x0, y1 - y0);
  }

  // --- Zoom and brush ---

  function look(from, to) {
    const least = 50;
    if (to - from < least) {
      const middle = (from + to) / 2;
      [from, to] = [middle - least / 2, middle + least / 2];
    }
    const wide = Math.min(to - from, end - begin);
    state.from = Math.min(Math.max(begin, from), end - wide);
    state.to = state.from + wide;
    picture.redraw();
    list();
  }

  function zoom(factor, at = (state.from + state.to) / 2) {
    look(at - (at - state.from) * factor, at + (state.to - at) * factor);
  }

  canvas.addEventListener("wheel", (event) => {
    if (!event.ctrlKey && !event.metaKey && document.activeElement !== canvas)
      return; // the page scrolls; a click into the picture or Ctrl makes the wheel its own
    event.preventDefault();
    zoom(event.deltaY > 0 ? 1.25 : .8, timeAt(picture.at(event)[0]));
  }, {passive: false});
  canvas.addEventListener("dblclick", () => { state.brush = null; look(begin, end); });
  canvas.addEventListener("pointerdown", (event) => {
    state.drag = picture.at(event);
    canvas.setPointerCapture(event.pointerId);
  });
  canvas.addEventListener("pointermove", (event) => {
    const at = picture.at(event);
    if (!state.drag) {
      hover(event, at);
      return;
    }
    const box = plot(), inside = (y) => Math.min(Math.max((y - box.y) / box.h, 0), 1);
    if (Math.abs(at[0] - state.drag[0]) < 4)
      return;
    const times = [timeAt(at[0]), timeAt(state.drag[0])].sort((a, b) => a - b);
    const levels = [1 - inside(at[1]), 1 - inside(state.drag[1])].sort((a, b) => a - b);
    if (levels[1] - levels[0] < .02 || state.drag[1] < box.y)
      levels.splice(0, 2, 0, 1);
    state.brush = {from: times[0], to: times[1], low: levels[0], high: levels[1]};
    picture.redraw();
    tip();
  });
  canvas.addEventListener("pointerup", () => {
    state.drag = null;
    list();
  });
  canvas.addEventListener("pointerleave", () => tip());
  canvas.addEventListener("keydown", (event) => {
    const wide = state.to - state.from;
    const keys = {ArrowLeft: () => look(state.from - wide / 8, state.to - wide / 8),
      ArrowRight: () => look(state.from + wide / 8, state.to + wide / 8),
      "+": () => zoom(.7), "=": () => zoom(.7), "-": () => zoom(1.4),
      Home: () => look(begin, begin + wide), End: () => look(end - wide, end),
      Escape: () => { state.brush = null; look(begin, end); },
      Enter: () => state.brush && look(state.brush.from, state.brush.to)};
    if (!keys[event.key])
      return;
    event.preventDefault();
    keys[event.key]();
  });

  function hover(event, [x, y]) {
    const box = plot(), [from, to] = range(), t = timeAt(x), level = 1 - (y - box.y) / box.h;
    if (x < box.x || y < box.y || level < 0) {
      tip();
      return;
    }
    const near = 5 / box.w * (state.to - state.from);
    let best = -1, distance = 7;
    const start = lastAtMost(D.f_time, t - near, from, to) + 1;
    for (let i = start, n = 0; i < to && D.f_time[i] <= t + near && n < 20000; i++, n++) {
      if (!visible(i))
        continue;
      const away = Math.hypot(xOf(D.f_time[i]) - x, (bands.levelOf(D.f_addr[i]) - level) * box.h);
      if (away < distance)
        [best, distance] = [i, away];
    }
    tip(event.clientX, event.clientY, best >= 0 ? faultTip(best) :
      soft(`${hex(Math.floor(bands.addressAt(level)))} at ${duration(Math.max(0, t))}`));
  }

  // --- The table ---

  function list() {
    const [from, to] = range(), b = state.brush, found = [];
    const first = b ? lastAtMost(D.f_time, b.from - 1, 0, D.f_time.length) + 1 : from;
    const last = b ? lastAtMost(D.f_time, b.to, 0, D.f_time.length) + 1 : to;
    for (let i = first; i < last; i++) {
      if (!visible(i))
        continue;
      if (b && (b.low > 0 || b.high < 1)) {
        const level = bands.levelOf(D.f_addr[i]);
        if (level < b.low || level > b.high)
          continue;
      }
      found.push(i);
    }
    table.show(found);
    count.textContent = plural(found.length, "fault") + (b ? " in the brush" :
      from > 0 || to < D.f_time.length ? " in this window" : "");
    tell("brush", b ? found : null);
  }

  const counts = new Uint32Array(D.verdicts.length);
  for (const kind of D.f_what)
    counts[kind]++;
  const count = h("span", {class: "note grow"});
  const key = h("ul", {class: "legend"}, D.verdicts.map((verdict, kind) => counts[kind] ?
    h("li", {}, h("button", {class: "row", style: "gap:.4rem", "aria-pressed": "true",
      title: verdict.text + " (click: hide or show)", onclick: (event) => {
        const hide = !state.hidden.has(kind);
        state.hidden[hide ? "add" : "delete"](kind);
        event.currentTarget.style.opacity = hide ? .4 : 1;
        event.currentTarget.setAttribute("aria-pressed", String(!hide));
        picture.redraw();
        list();
      }}, swatch(verdict.colour), verdict.name, h("b", {}, number(counts[kind])))) : null));
  const who = h("select", {"aria-label": "Process", onchange: (event) => {
    state.space = Number(event.target.value);
    bands = new Bands(state.space);
    state.brush = null;
    picture.redraw();
    list();
  }}, h("option", {value: -1}, "all processes"),
  spaceOptions());
  table = faultTable();
  list();
  hear("page", ({space, va}) => {
    faultsOf(space);
    const fault = space.first.get(va);
    if (fault !== undefined)
      table.mark(fault);
  });

  return view("faults", "Faults", lead, D.lost ? h("p", {class: "warn"}, D.lost) : null,
    h("div", {class: "card"}, h("div", {class: "row"}, who, count,
      h("span", {class: "note"}, "drag to select · Ctrl+wheel, + and − zoom · double click for all"),
      h("button", {class: "push", onclick: () => zoom(.5), "aria-label": "Zoom in"}, "+"),
      h("button", {class: "push", onclick: () => zoom(2), "aria-label": "Zoom out"}, "−"),
      h("button", {class: "push", onclick: () => { state.brush = null; look(begin, end); }}, "All")),
    h("div", {style: "margin-top:.6rem"}, canvas), key,
    h("div", {class: "scroll", style: "margin-top:.9rem"}, table.element)));
}

// Round times for an axis: [time, text].
function ticks(from, to, about) {
  const span = (to - from) * D.tick, raw = span / Math.max(1, about);
  const power = 10 ** Math.floor(Math.log10(raw)), step = [1, 2, 5, 10].find((m) => m * power >= raw) * power;
  const found = [];
  for (let ns = Math.ceil(from * D.tick / step) * step; ns <= to * D.tick; ns += step) {
    const unit = step >= 1e9 ? [1e9, "s"] : step >= 1e6 ? [1e6, "ms"] : [1e3, "µs"];
    found.push([ns / D.tick, `${Number((ns / unit[0]).toFixed(3)).toLocaleString("en")} ${unit[1]}`]);
  }
  return found;
}
