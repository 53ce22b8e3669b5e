// The page: unpacks the data, puts the views in order, and knows the keys.

const VIEWS = [
  ["overview", "Overview", overview], ["space", "Address space", spaceView],
  ["faults", "Faults", faultView], ["tables", "Page tables", tableView],
  ["frames", "Frames", frameView], ["buddy", "Free memory", buddyView],
  ["slab", "Slab caches", slabView], ["sites", "Who allocates", siteView],
  ["counters", "Counters", counterView],
];

function overview() {
  const figures = [
    [number(D.f_time.length), "page faults"], [number(D.pageFaultsSaved), "pages mapped without one"],
    [number(D.spaces.length), D.spaces.length === 1 ? "address space" : "address spaces"],
    [bytes(D.mostUsed * PAGE), "of private memory at most"],
    [bytes(D.tables * PAGE), "of page tables, with the kernel's"],
    [number(D.events), "trace events"], [duration(D.end), "of the machine's time"],
  ];
  return h("header", {id: "overview"},
    h("h1", {}, h("span", {class: "prompt"}, "$ "), D.command),
    h("p", {class: "lead"}, D.summary),
    h("div", {class: "figures"}, figures.map(([value, text]) => {
      const [first, ...rest] = value.split(" ");
      return h("div", {class: "figure"}, h("b", {}, first, rest.length ? h("span", {
        style: "font-size:.9rem"}, " " + rest.join(" ")) : null), h("span", {}, text));
    })),
    D.output ? h("details", {}, h("summary", {}, "What the command printed"),
      h("pre", {class: "output", tabindex: "0"}, D.output)) : null);
}

const KEYS = [["1 … 9", "go to a view"], ["t", "light or dark"], ["Tab", "from picture to picture"],
  ["← ↑ ↓ →", "move inside a picture, or a timeline"], ["Enter", "choose; zoom to what is selected"],
  ["+ −", "zoom the fault timeline"], ["Esc", "close the source, show everything"], ["?", "these keys"]];

function showKeys() {
  const box = h("dialog", {onclick: () => box.close(), onclose: () => box.remove()},
    h("h3", {}, "Keys"), h("dl", {class: "facts"}, KEYS.map(([key, text]) =>
      [h("dt", {}, h("kbd", {}, key)), h("dd", {}, text)])));
  document.body.append(box);
  box.showModal();
}

function follow(links) {
  const seen = new IntersectionObserver((entries) => {
    for (const entry of entries)
      if (entry.isIntersecting)
        for (const link of links)
          if (link.hash === "#" + entry.target.id) {
            link.setAttribute("aria-current", "true");
            link.parentNode.scrollLeft = link.offsetLeft - link.parentNode.offsetLeft - 60;
          } else
            link.removeAttribute("aria-current");
  }, {rootMargin: "-20% 0px -70% 0px"});
  for (const [id] of VIEWS)
    seen.observe(document.getElementById(id));
}

function keys(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || /INPUT|SELECT/.test(event.target.tagName))
    return;
  const n = Number(event.key);
  if (n >= 1 && n <= VIEWS.length)
    document.getElementById(VIEWS[n - 1][0]).scrollIntoView();
  else if (event.key === "t")
    chooseTheme();
  else if (event.key === "?")
    showKeys();
  else if (event.key === "Escape") {
    closeSource();
    tip();
  }
}

async function start() {
  const place = document.getElementById("data"), main = document.getElementById("main");
  try {
    D = await unpack(place.textContent);
  } catch (error) {
    main.textContent = `The data in this file cannot be read: ${error.message}`;
    throw error;
  }
  place.remove();
  document.title = `${D.command} · Tessera`;
  main.replaceChildren(...VIEWS.map(([, , make]) => make()));
  const links = VIEWS.map(([id, text]) => h("a", {href: "#" + id}, text));
  document.getElementById("links").append(...links);
  follow(links);
  document.getElementById("theme").addEventListener("click", chooseTheme);
  document.getElementById("help").addEventListener("click", showKeys);
  document.addEventListener("keydown", keys);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", themeChanged);
  document.documentElement.dataset.ready = String(Math.round(performance.now()));
}

start();
