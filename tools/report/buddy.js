// The buddy system: free memory by block size, and how broken up it is, over time.

const ORDERS = 11;

// Free blocks by order: the largest aligned ones that the free frames make. Frames on the CPUs'
// lists are free here, though the buddies do not have them.
function freeBlocks(owners, free, split) {
  const found = new Uint32Array(ORDERS);
  let at = 0;
  const run = (from, to) => {
    while (from < to) {
      let order = Math.min(from ? 31 - Math.clz32(from & -from) : 10, 10);
      while (from + 2 ** order > to)
        order--;
      found[order]++;
      from += 2 ** order;
    }
  };
  while (at < owners.length) {
    at = owners.indexOf(free, at);
    if (at < 0)
      break;
    let end = at + 1;
    while (end < owners.length && owners[end] === free && !split.includes(end))
      end++;
    run(at, end);
    at = end;
  }
  return found;
}

const pagesIn = (blocks) => blocks.reduce((sum, n, order) => sum + n * 2 ** order, 0);

// The part of free memory that cannot serve a request of this order: 0 none, 1 all.
function unusable(blocks, order) {
  const all = pagesIn(blocks);
  let large = 0;
  for (let k = order; k < ORDERS; k++)
    large += blocks[k] * 2 ** k;
  return all ? (all - large) / all : 0;
}

function buddyView() {
  const split = D.zones.map((zone) => zone.start), end = lastTime();
  const state = {time: D.snapshotTime};
  const samples = D.p_time.length ? Math.min(Math.max(Math.floor(2.4e7 / replay.count), 12), 160) : 1;
  let history;

  const blocksAt = (time) => freeBlocks(replay.after(lastAtMost(D.p_time, time, 0, D.p_time.length) + 1),
    replay.free, split);

  const bars = new Picture("Free blocks by order", 210, (context, width, height) => {
    const blocks = blocksAt(state.time), most = Math.max(1, ...blocks.map((n, k) => n * 2 ** k));
    const wide = width / ORDERS;
    context.font = `11px ${colour("sans")}`;
    context.textAlign = "center";
    for (let order = 0; order < ORDERS; order++) {
      const pages = blocks[order] * 2 ** order, x = order * wide + 5;
      // The root, so that a few single pages are seen beside many megabytes.
      const tall = Math.sqrt(pages / most) * (height - 62);
      context.fillStyle = colour("k-free");
      context.fillRect(x, height - 36 - (height - 62), wide - 10, height - 62);
      context.fillStyle = colour("accent");
      context.fillRect(x, height - 36 - tall, wide - 10, tall);
      context.fillStyle = colour("ink");
      context.textBaseline = "bottom";
      context.fillText(number(blocks[order]), x + wide / 2 - 5, height - 39 - tall);
      context.fillStyle = colour("soft");
      context.textBaseline = "top";
      context.fillText(String(order), x + wide / 2 - 5, height - 31);
      context.fillText(bytes(PAGE * 2 ** order), x + wide / 2 - 5, height - 16);
    }
  });
  bars.canvas.tabIndex = -1;

  const lines = [[2, "f-fill"], [5, "k-slab"], [9, "f-bad"]];
  const curve = new Picture("Unusable free memory over time", 150, (context, width, height) => {
    if (!history) {
      history = [];
      for (let n = 0; n < samples; n++)
        history.push(blocksAt(end * (n + 1) / samples));
    }
    const y = (value) => height - 20 - value * (height - 34), x = (n) => 34 + n / Math.max(1, samples - 1) *
      (width - 40);
    context.font = `11px ${colour("sans")}`;
    context.textBaseline = "middle";
    const top = Math.min(1, Math.max(.02, ...history.flatMap((blocks) =>
      lines.map(([order]) => unusable(blocks, order)))) * 1.15);
    for (const part of [0, .5, 1]) {
      context.fillStyle = colour("line");
      context.fillRect(34, y(part), width - 40, 1);
      context.fillStyle = colour("soft");
      context.textAlign = "right";
      context.fillText(`${(part * top * 100).toFixed(top < .1 ? 1 : 0)}%`, 30, y(part));
    }
    for (const [order, name] of lines) {
      context.strokeStyle = colour(name);
      context.lineWidth = 1.8;
      context.beginPath();
      history.forEach((blocks, n) => context.lineTo(x(n), y(unusable(blocks, order) / top)));
      context.stroke();
    }
    context.lineWidth = 1;
    context.fillStyle = colour("ink");
    context.fillRect(34 + state.time / end * (width - 40), 8, 1, height - 28);
  });
  curve.canvas.tabIndex = -1;

  hear("time", (time) => {
    state.time = time;
    bars.redraw();
    curve.redraw();
  });

  const zones = h("table", {}, h("thead", {}, h("tr", {}, h("th", {}, "zone, at the end"),
    Array.from({length: ORDERS}, (_, k) => h("th", {class: "n"}, String(k))),
    h("th", {class: "n"}, "CPU lists"), h("th", {class: "n"}, "watermarks"))),
  h("tbody", {}, D.zones.filter((zone) => zone.managed).map((zone) => h("tr", {},
    h("td", {}, zone.name, h("div", {class: "note"}, bytes(zone.managed * PAGE))),
    zone.free.map((n) => h("td", {class: "n"}, number(n))), h("td", {class: "n"}, number(zone.pcp)),
    h("td", {class: "n"}, `${zone.min} / ${zone.low} / ${zone.high}`)))));
  return view("buddy", "Free memory", "The buddy system keeps free memory in blocks of 1, 2, 4 … 1024 " +
    "pages; it is fragmented when much is free, but little of it in large blocks.",
  h("div", {class: "card"}, h("h3", {}, "Free blocks by size, at the time chosen above"), bars.canvas),
  D.p_time.length ? h("div", {class: "card"}, h("h3", {}, "Free memory that is of no use to a request of …"),
    curve.canvas, legend(lines.map(([order, name]) => [name, `${2 ** order} pages (${bytes(PAGE *
      2 ** order)})`]))) : null,
  h("div", {class: "card scroll"}, zones));
}
