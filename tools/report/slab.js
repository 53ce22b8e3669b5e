// The slab caches and how full their slabs are.

function slabView() {
  const rows = D.caches.map((cache) => {
    const counts = [0, 0, 0];
    for (const slab of cache.slabs)
      for (const letter of slab.state)
        counts[letter]++;
    return {cache, free: counts[0], waiting: counts[1], used: counts[2],
      pages: cache.slabs.length << cache.order};
  }).filter((row) => row.pages).sort((a, b) => b.pages - a.pages || b.used - a.used);
  const all = rows.reduce((sum, row) => sum + row.pages, 0);

  const body = h("tbody", {}, rows.map((row) => {
    const {cache, free, waiting, used} = row, total = free + waiting + used;
    const more = h("tr", {hidden: true}, h("td", {colspan: 7}));
    const open = h("button", {class: "link", "aria-expanded": "false", onclick: () => {
      more.hidden = !more.hidden;
      open.setAttribute("aria-expanded", String(!more.hidden));
      if (!more.hidden && !more.firstChild.firstChild)
        more.firstChild.append(slabsOf(cache));
    }}, cache.name);
    const part = (n) => `width:${n / total * 100}%`;
    return [h("tr", {}, h("td", {}, open), h("td", {class: "n"}, `${cache.objsize} B`),
      h("td", {class: "n"}, number(used)), h("td", {class: "n"}, number(waiting)),
      h("td", {class: "n"}, number(total)), h("td", {class: "n"}, bytes(row.pages * PAGE)),
      h("td", {}, h("div", {class: "bar", title: `${used} in use, ${waiting} in magazines, ${free} free`},
        h("i", {style: `${part(used)};background:var(--k-slab)`}),
        h("i", {style: `${part(waiting)};background:var(--k-pcp)`})))), more];
  }));
  return view("slab", "Slab caches", "Small kernel objects of one kind share pages: a slab is a few " +
    "pages cut into equal objects, and freed objects wait in a CPU's magazine to be used again.",
  h("div", {class: "card scroll"}, h("p", {class: "note"}, `${plural(rows.length, "cache")} with ` +
    `${bytes(all * PAGE)} of slabs, as ${spaceName(D.spaces[D.shown])} ended; open one to see its ` +
    "slabs, object by object."),
  h("table", {}, h("thead", {}, h("tr", {}, h("th", {}, "cache"), ["object", "in use", "in magazines",
    "all", "memory"].map((text) => h("th", {class: "n"}, text)), h("th", {}, "how full"))), body),
  legend([["k-slab", "in use"], ["k-pcp", "waits in a magazine"], ["k-free", "free"]])));
}

function slabsOf(cache) {
  const names = ["k-free", "k-pcp", "k-slab"], words = ["free", "waits in a magazine", "in use"];
  const shown = cache.slabs.slice(0, 64);
  return h("div", {}, h("p", {class: "note"}, `${cache.per_slab} objects of ${cache.size} bytes in ` +
    `${bytes(PAGE << cache.order)}`, cache.ctor >= 0 ? [", made ready by ", placeLink(cache.ctor)] : "",
  cache.site >= 0 ? [", most asked for by ", placeLink(cache.site)] : ""),
  h("div", {class: "slabs"}, shown.map((slab) => {
    const columns = Math.ceil(Math.sqrt(slab.state.length * 2));
    const grid = new Cells(`slab in frame ${hex(slab.pfn, 5)}`, slab.state.length, {
      size: 7, gap: 1, columns, paint: (i) => colour(names[slab.state[i]]),
      describe: (i) => [`object ${i}: ${words[slab.state[i]]}`, soft(`slab in frame ${hex(slab.pfn, 5)}` +
        `, colour ${slab.colour}`)],
    });
    return h("div", {style: `width:${columns * 8 + 2}px`}, grid.canvas);
  })), cache.slabs.length > shown.length ? h("p", {class: "note"},
    `and ${cache.slabs.length - shown.length} more`) : null);
}
