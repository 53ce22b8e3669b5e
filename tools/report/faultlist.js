// One fault in words, and the table of faults, of which only the rows in sight exist.

const faultSpace = (i) => D.spaces[D.f_space[i]];

function faultArea(i) {
  const va = D.f_addr[i], space = faultSpace(i), area = space && areaAt(space, va);
  if (area)
    return areaName(area);
  const gone = space && space.gone.find(([start, end]) => start <= va && va < end);
  return gone ? `${gone[2] || "private memory"}, since unmapped` : va >= 0xc0000000 ? "the kernel's" :
    "no area";
}

function faultTip(i) {
  const verdict = D.verdicts[D.f_what[i]], space = faultSpace(i);
  return [h("b", {class: "mono"}, hex(D.f_addr[i])), `${verdict.name}: ${verdict.text}`,
    soft(`${accessWords(D.f_error[i])} · ${space ? spaceName(space) : ""} · ${faultArea(i)}`),
    soft(`${placeText(D.f_ip[i])} · ${duration(D.f_time[i])}`)];
}

function faultTable() {
  const TALL = 26, body = h("div", {style: "position:relative"});
  const element = h("div", {class: "rows", tabindex: "0", role: "table", "aria-label": "Faults"},
    h("div", {class: "head", role: "row"}, ["time", "process", "address", "access", "the kernel",
      "frame", "area", "the program, at"].map((text) => h("span", {role: "columnheader"}, text))), body);
  let rows = [], chosen = -1;

  function draw() {
    const first = Math.max(0, Math.floor(element.scrollTop / TALL) - 8);
    const last = Math.min(rows.length, first + Math.ceil(element.clientHeight / TALL) + 16);
    body.replaceChildren(...rows.slice(first, last).map((i, n) => line(i, first + n)));
  }

  function line(i, n) {
    const verdict = D.verdicts[D.f_what[i]], space = faultSpace(i);
    return h("div", {class: "line", role: "row", style: `top:${n * TALL}px`,
      "aria-selected": String(i === chosen),
      onmousemove: (event) => tip(event.clientX, event.clientY, faultTip(i)), onmouseleave: () => tip(),
      onclick: () => choose(n)},
    [duration(D.f_time[i]), space ? spaceName(space) : "", h("span", {class: "mono"}, hex(D.f_addr[i])),
      accessWords(D.f_error[i]), h("span", {}, swatch(verdict.colour),
        verdict.place >= 0 ? placeLink(verdict.place, verdict.name) : verdict.name),
      h("span", {class: "mono"}, frameText(D.f_pfn[i])), faultArea(i), placeLink(D.f_ip[i])]
      .map((cell) => h("span", {role: "cell"}, cell)));
  }

  // A fault is chosen: the views of page tables and frames follow.
  function choose(n) {
    chosen = rows[n];
    if (n * TALL < element.scrollTop)
      element.scrollTop = n * TALL;
    else if ((n + 3) * TALL > element.scrollTop + element.clientHeight)
      element.scrollTop = (n + 3) * TALL - element.clientHeight;
    draw();
    const space = faultSpace(chosen);
    if (space)
      tell("table", {space, va: D.f_addr[chosen], quiet: true});
  }

  element.addEventListener("keydown", (event) => {
    const move = {ArrowDown: 1, ArrowUp: -1, PageDown: 10, PageUp: -10}[event.key];
    if (!move || !rows.length || event.target !== element)
      return;
    event.preventDefault();
    const now = rows.indexOf(chosen);
    choose(Math.min(Math.max(now < 0 ? 0 : now + move, 0), rows.length - 1));
  });
  element.addEventListener("scroll", draw);
  new ResizeObserver(draw).observe(element);
  return {
    element,
    show(found) {
      rows = found;
      // Browsers do not go beyond some millions of pixels.
      body.style.height = Math.min(rows.length * TALL, 1.5e7) + "px";
      draw();
    },
    mark(fault) {
      chosen = fault;
      const n = rows.indexOf(fault);
      if (n >= 0)
        element.scrollTop = Math.max(0, n * TALL - 100);
      draw();
    },
  };
}
