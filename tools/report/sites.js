// Who asks for memory: the places in the source, and the kernel's counters.

function sortable(columns, rows, first) {
  const body = h("tbody"), heads = columns.map((column, i) => h("th", {class: column.text ? "" : "n"},
    h("button", {onclick: () => sort(i)}, column.title)));
  let by = first, down = true;

  function sort(i) {
    down = i === by ? !down : !columns[i].text;
    by = i;
    show();
  }

  function show() {
    const {value} = columns[by], sign = down ? -1 : 1;
    rows.sort((a, b) => sign * (value(a) < value(b) ? -1 : value(a) > value(b) ? 1 : 0));
    heads.forEach((head, i) => i === by ? head.setAttribute("aria-sort", down ? "descending" :
      "ascending") : head.removeAttribute("aria-sort"));
    body.replaceChildren(...rows.slice(0, 60).map((row) => h("tr", {}, columns.map((column) =>
      h("td", {class: column.text ? "" : "n"}, column.show(row))))));
  }

  show();
  return h("table", {}, h("thead", {}, h("tr", {}, heads)), body);
}

function siteView() {
  const most = D.sites.reduce((a, site) => Math.max(a, site.bytes), 1);
  const table = sortable([
    {title: "place", text: true, value: (s) => placeText(s.place), show: (s) => placeLink(s.place)},
    {title: "what", text: true, value: (s) => s.what, show: (s) => h("span", {},
      swatch("k-" + s.colour), " ", s.what)},
    {title: "calls", value: (s) => s.calls, show: (s) => number(s.calls)},
    {title: "asked for", value: (s) => s.bytes, show: (s) => bytes(s.bytes)},
    {title: "kept at the end", value: (s) => s.live, show: (s) => s.live > 0 ? bytes(s.live) : "–"},
    {title: "", text: true, value: (s) => s.bytes, show: (s) => h("div", {class: "bar"},
      h("i", {style: `width:${s.bytes / most * 100}%;background:var(--k-${s.colour})`}))},
  ], D.sites, 3);
  return view("sites", "Who allocates", "Every call that asked for pages or for objects of a slab " +
    "cache during the run, by the line of source that made it.",
  h("div", {class: "card scroll"}, D.sites.length ? table : D.untraced || "Nothing was asked for."));
}

function counterView() {
  return view("counters", "Counters", "What the kernel itself counted from boot until the command's " +
    "end; a name leads to the line that counts.",
  h("div", {class: "card"}, h("div", {class: "counters"}, D.counters.map((counter) =>
    h("div", {class: "counter"}, counter.place >= 0 ? placeLink(counter.place, counter.name) :
      h("span", {class: "mono"}, counter.name), h("b", {}, number(counter.value)),
    h("small", {}, counter.text))))));
}
