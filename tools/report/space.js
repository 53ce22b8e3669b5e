// The map of an address space: one square for each page, area by area, and the holes between them.

const MAX_CELLS = 6144; // squares of one area; more pages share squares

const PAINTS = {
  kind: "What it is", touch: "First touch", marks: "The CPU's marks",
};

function spaceView() {
  const state = {space: D.spaces[D.shown], paint: "kind"};
  const picker = h("div", {class: "spaces", role: "group", "aria-label": "Address space"});
  const place = h("div"), key = h("div"), strip = h("div"), words = h("p", {class: "note"}),
    detail = h("div", {class: "detail"});
  let cells = [];

  function pick(space) {
    state.space = space;
    for (const [i, button] of buttons.entries())
      button.setAttribute("aria-pressed", String(D.spaces[i] === space));
    show();
    tell("space", space);
  }

  const buttons = D.spaces.map((space) => h("button", {
    class: space.ends ? "" : "until", "aria-pressed": String(space === state.space),
    title: `${space.exe || "a copy of its parent"}${space.ends ? "" : ", until it ran another program"}`,
    onclick: () => pick(space)},
  h("b", {}, space.comm), ` ${space.pid} · ${plural(rssOf(space), "page")}`));
  const passing = D.spaces.filter((space) => !space.ends).length;
  const more = h("button", {class: "push", onclick: () => {
    picker.replaceChildren(...buttons);
    more.remove();
  }}, `and ${plural(passing, "copy", "copies")} until they ran another program`);
  picker.append(...buttons.filter((_, i) => passing < 12 || D.spaces[i].ends || i === D.shown));

  function show() {
    const space = state.space;
    faultsOf(space);
    cells = [];
    detail.replaceChildren(h("span", {class: "note"}, "Point at a page to see what it is; choose one " +
      "and the views below follow."));
    const rows = [];
    let last = 0x10000;
    rows.push(hole(0, 0x10000, "never mapped: a NULL pointer must fault"));
    for (const area of space.areas) {
      if (area.start > last)
        rows.push(hole(last, area.start));
      rows.push(areaRow(space, area));
      last = area.end;
    }
    if (last < 0xc0000000)
      rows.push(hole(last, 0xc0000000));
    rows.push(tablesRow(space));
    place.replaceChildren(...rows);
    strip.replaceChildren(stripOf(space));
    const faulted = space.faults.length;
    words.textContent = `${space.exe || "?"} · ${plural(space.areas.length, "area")} · ` +
      `${plural(rssOf(space), "page")} in memory · ${plural(faulted, "fault")}` +
      (space.ends ? ` · ${ending(space.status)}` : " · until it ran another program");
    showKey();
  }

  function showKey() {
    if (state.paint === "kind")
      key.replaceChildren(legend([["k-anon", "private memory"], ["k-shared", "shared until written"],
        ["k-zero", "the zero page"], ["k-cache", "page of a file"],
        ...hasHuge(state.space) ? [["k-huge", "2 MiB page"]] : [], ["k-pgtable", "page table"],
        ["card", "never touched", undefined, true]]));
    else if (state.paint === "touch")
      key.replaceChildren(h("ul", {class: "legend"}, h("li", {}, "early",
        [0, .25, .5, .75, 1].map((x) => h("i", {class: "swatch", style: `background:${ramp(x)}`})), "late"),
      h("li", {}, swatch("k-untouched"), "there without a fault of its own: inherited, or mapped " +
        "beside a neighbour"), h("li", {}, swatch("card", true), "never touched")));
    else
      key.replaceChildren(legend([["k-anon", "written (dirty)"], ["k-cache", "read (accessed)"],
        ["k-pcp", "mapped, but never used"], ["card", "not mapped", undefined, true]]));
  }

  // What colour a page has: null for none.
  function paintPage(space, va) {
    const i = entryOf(space, va);
    if (i < 0)
      return null;
    if (state.paint === "kind")
      return colour(PAGE_KINDS[D.pt_kind[i]][1]);
    if (state.paint === "marks")
      return colour(D.pt_lo[i] & PTE.D ? "k-anon" : D.pt_lo[i] & PTE.A ? "k-cache" : "k-pcp");
    const order = space.order.get(va);
    return order === undefined ? colour("k-untouched") :
      ramp(space.order.size > 1 ? order / (space.order.size - 1) : 0);
  }

  function areaRow(space, area) {
    const pages = (area.end - area.start) / PAGE, parts = partsOf(space, area), grids = [];
    const longest = parts.reduce((most, [first, last]) => Math.max(most, last - first), 0);
    let at = 0;
    for (const [first, last] of parts) {
      if (first > at)
        grids.push(fold(first - at));
      grids.push(partGrid(space, area, first, last, longest));
      at = last;
    }
    if (pages > at)
      grids.push(fold(pages - at));
    return h("div", {class: "area"},
      h("div", {class: "what"},
        h("div", {class: "range"}, `${hex(area.start)}–${hex(area.end)}`),
        h("div", {class: "name"}, areaName(area)),
        h("div", {class: "sub"}, `${area.perms} · ${bytes(area.end - area.start)}`,
          ` · ${number(area.there)} of ${plural(pages, "page")} there`),
        area.place >= 0 ? h("div", {class: "sub"}, "made by ", placeLink(area.place, area.call)) : null),
      h("div", {}, grids));
  }

  // One stretch of an area's pages, from page `first` of it on; `longest` sets the scale of all.
  function partGrid(space, area, first, last, longest) {
    const each = 2 ** Math.max(0, Math.ceil(Math.log2(longest / MAX_CELLS)));
    const count = Math.ceil((last - first) / each), page = (i) => area.start + (first + i * each) * PAGE;
    const most = longest / each, size = most <= 256 ? 13 : most <= 1024 ? 10 : most <= 2048 ? 7 : 5;
    const paint = (i) => {
      for (let n = 0; n < each; n++) {
        const fill = paintPage(space, page(i) + n * PAGE);
        if (fill)
          return fill;
      }
      return null;
    };
    const grid = new Cells(`${plural(last - first, "page")} of ${areaName(area)}`, count, {
      size, gap: size > 6 ? 2 : 1, group: 16, paint,
      describe: (i) => pageTip(space, area, page(i), each),
      choose: (i) => {
        cells.forEach((other) => other !== grid && other.unpick());
        detail.replaceChildren(pageDetail(space, area, page(i)));
        tell("page", {space, va: page(i)});
      },
    });
    cells.push(grid);
    return [grid.canvas, each > 1 ? h("div", {class: "note"}, `one square is ${each} pages`) : null];
  }

  function tablesRow(space) {
    const tables = tablesOf(space);
    const grid = new Cells(`${plural(tables.length, "page table")}`, tables.length, {
      size: 13, gap: 2, paint: () => colour("k-pgtable"),
      describe: (i) => [tables[i].text, soft(`frame ${hex(tables[i].pfn, 5)}`)],
      choose: (i) => tell("table", {space, va: tables[i].va}),
    });
    cells.push(grid);
    return h("div", {class: "area"}, h("div", {class: "what"},
      h("div", {class: "name"}, "Page tables"),
      h("div", {class: "sub"}, "what it costs to describe all this: ",
        bytes(tables.length * PAGE), ", seen by the kernel only")), grid.canvas);
  }

  hear("theme", () => showKey());
  requestAnimationFrame(() => {
    picker.scrollTop = buttons[D.shown].offsetTop - picker.offsetTop - 8;
  });
  show();
  return view("space", "Address space", "One square is one page of 4 KiB that the program may use; " +
    "a square is filled once there is memory behind it, which is not before the page is touched.",
  picker, passing < 12 ? null : h("div", {class: "row", style: "margin-bottom:.9rem"}, more),
  h("div", {class: "card"},
    h("div", {class: "row"}, choice("Colour", Object.entries(PAINTS), "kind", (paint) => {
      state.paint = paint;
      cells.forEach((grid) => grid.picture.redraw());
      showKey();
    }), words), key, strip, detail, place));
}

const hasHuge = (space) => space.pd.some(([, lo]) => lo & PTE.PS);

const FOLDED = 512; // pages in a row that nobody touched: not drawn one by one

// The stretches of an area in which pages were touched: [first, last + 1] in pages of the area.
function partsOf(space, area) {
  const pages = (area.end - area.start) / PAGE, touched = [];
  const [from, count] = space.pt;
  for (let i = lastAtMost(D.pt_va, area.start - 1, from, from + count) + 1;
    i < from + count && D.pt_va[i] < area.end; i++)
    touched.push((D.pt_va[i] - area.start) / PAGE);
  for (const va of space.first.keys())
    if (area.start <= va && va < area.end)
      touched.push((va - area.start) / PAGE);
  if (pages <= 2 * FOLDED)
    return [[0, pages]];
  const parts = [];
  for (const page of touched.sort((a, b) => a - b)) {
    const last = parts[parts.length - 1], end = Math.min((page | 15) + 1, pages);
    if (last && page - last[1] < FOLDED)
      last[1] = Math.max(last[1], end);
    else
      parts.push([page & ~15, end]);
  }
  return parts;
}

const fold = (pages) => h("div", {class: "fold"}, `${plural(pages, "page")} never touched · ` +
  bytes(pages * PAGE));

const rssOf = (space) => space.rss.reduce((a, b) => a + b, 0);

function ending(status) {
  return status & 127 ? `killed by signal ${status & 127}` : `ended with status ${status >> 8 & 255}`;
}

function hole(start, end, why) {
  return h("div", {class: "hole"}, `hole · ${bytes(end - start)}${why ? " · " + why : ""}`);
}

// The whole 4 GiB as one line: how little of it is used, and where.
function stripOf(space) {
  const picture = new Picture("The whole address space, 0 to 4 GiB", 46, (context, width) => {
    const x = (va) => va / 2 ** 32 * width;
    context.fillStyle = colour("well");
    context.fillRect(0, 6, width, 18);
    context.fillStyle = colour("k-reserved");
    context.fillRect(x(0xc0000000), 6, width - x(0xc0000000), 18);
    for (const area of space.areas) {
      context.fillStyle = colour(area.object ? "k-cache" : "k-anon");
      context.fillRect(x(area.start), 6, Math.max(2, x(area.end) - x(area.start)), 18);
    }
    context.fillStyle = colour("soft");
    context.font = `11px ${colour("sans")}`;
    for (const [va, text, align] of [[0, "0", "left"], [2 ** 30, "1 GiB", "center"],
      [2 ** 31, "2 GiB", "center"], [0xc0000000, "3 GiB: the kernel's, the same in all", "left"]]) {
      context.textAlign = align;
      context.fillText(text, Math.min(x(va), width), 38);
    }
  });
  picture.canvas.style.marginTop = ".8rem";
  picture.canvas.tabIndex = -1;
  return picture.canvas;
}

function pageTip(space, area, va, each) {
  const i = entryOf(space, va), fault = space.first.get(va);
  const lines = [h("b", {class: "mono"}, hex(va)),
    each > 1 ? soft(`the first of ${each} pages`) : null];
  if (i < 0)
    lines.push(fault === undefined ? "never touched: no memory behind it" :
      "touched, but given back since");
  else
    lines.push(PAGE_KINDS[D.pt_kind[i]][0], soft(`frame ${frameText(frameOf(D.pt_lo[i], D.pt_hi[i]))}` +
      (D.pt_maps[i] > 1 ? `, mapped ${D.pt_maps[i]} times` : "")),
    soft(entryWords(D.pt_lo[i], D.pt_hi[i])));
  if (fault !== undefined)
    lines.push(soft(`first touched at ${duration(D.f_time[fault])}, as the ` +
      `${ordinal(space.order.get(va) + 1)} page`), soft(placeText(D.f_ip[fault])));
  return lines;
}

// The chosen page, with the ways on from it.
function pageDetail(space, area, va) {
  const i = entryOf(space, va), fault = space.first.get(va);
  const to = (view, text) => h("a", {class: "link", href: "#" + view}, text);
  return facts([
    [h("b", {class: "mono"}, hex(va)), i < 0 ? "no memory behind it" : PAGE_KINDS[D.pt_kind[i]][0],
      ` · page ${number((va - area.start) / PAGE)} of ${areaName(area)}`],
    i >= 0 && ["entry", entryWords(D.pt_lo[i], D.pt_hi[i]), " · ", to("tables", "walk to it")],
    i >= 0 && ["frame", hex(frameOf(D.pt_lo[i], D.pt_hi[i]), 5), " · ", to("frames", "its life")],
    fault !== undefined ? ["first touched", `${duration(D.f_time[fault])}, `, placeLink(D.f_ip[fault]),
      " · ", to("faults", "the fault"), ": ", placeLink(D.verdicts[D.f_what[fault]].place,
        D.verdicts[D.f_what[fault]].name)] : i >= 0 && ["first touched", "without a fault of its own: " +
        "inherited from a fork, or mapped beside a neighbour"],
  ]);
}

function ordinal(n) {
  const tail = n % 100 > 10 && n % 100 < 14 ? "th" : ["th", "st", "nd", "rd"][n % 10] || "th";
  return number(n) + tail;
}

// The pages that the tables of a space take.
function tablesOf(space) {
  if (!space.tables) {
    space.tables = [];
    for (let gib = 0; gib < 3; gib++)
      if (space.pdpt[gib][0] & PTE.P)
        space.tables.push({pfn: frameOf(...space.pdpt[gib]), va: gib * 2 ** 30,
          text: `page directory of ${hex(gib * 2 ** 30)}–${hex((gib + 1) * 2 ** 30)}`});
    for (const [index, lo, hi] of space.pd)
      if (lo & PTE.P && !(lo & PTE.PS))
        space.tables.push({pfn: frameOf(lo, hi), va: index * 2 ** 21,
          text: `page table of ${hex(index * 2 ** 21)}–${hex((index + 1) * 2 ** 21)}`});
  }
  return space.tables;
}
