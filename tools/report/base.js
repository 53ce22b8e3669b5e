// What all views share: elements, words for numbers, colours, pictures on canvas, the tooltip, the
// drawer with source text, and the news that views send each other.

let D; // the data, once it is unpacked

// --- Elements ---

function h(tag, attributes, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) {
    if (value === undefined || value === null || value === false)
      continue;
    if (name.startsWith("on"))
      element.addEventListener(name.slice(2), value);
    else
      element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat(9).filter((child) => child !== null && child !== undefined));
  return element;
}

function view(id, title, lead, ...children) {
  return h("section", {class: "view", id, "aria-labelledby": id + "-title"},
    h("h2", {id: id + "-title"}, title), h("p", {class: "lead"}, lead), children);
}

// Buttons of which one is pressed. `values` are [value, text].
function choice(label, values, chosen, change) {
  const buttons = values.map(([value, text, title]) => h("button", {
    "aria-pressed": String(value === chosen), title, onclick: () => {
      for (const [i, button] of buttons.entries())
        button.setAttribute("aria-pressed", String(values[i][0] === value));
      change(value);
    }}, text));
  return h("div", {class: "choice", role: "group", "aria-label": label}, buttons);
}

function swatch(name, hollow) {
  return h("i", {class: "swatch" + (hollow ? " hollow" : ""), style: `background: var(--${name})`});
}

function legend(items) {
  return h("ul", {class: "legend"}, items.map(([name, text, count, hollow]) =>
    h("li", {}, swatch(name, hollow), text, count === undefined ? null : h("b", {}, count))));
}

function facts(pairs) {
  return h("dl", {class: "facts"}, pairs.filter(Boolean).map(([term, ...what]) =>
    [h("dt", {}, term), h("dd", {}, what)]));
}

// --- Words for numbers ---

const hex = (n, width = 8) => n.toString(16).padStart(width, "0");
const number = (n) => n.toLocaleString("en");
const plural = (n, one, many) => `${number(n)} ${n === 1 ? one : many || one + "s"}`;

function bytes(n) {
  for (const [size, unit] of [[2 ** 30, "GiB"], [2 ** 20, "MiB"], [1024, "KiB"]])
    if (n >= size)
      return `${Number((n / size).toFixed(n / size < 10 ? 1 : 0))} ${unit}`;
  return `${n} B`;
}

// Times are counted in D.tick nanoseconds from the first event on.
function duration(ticks) {
  const ns = ticks * D.tick;
  if (ns >= 1e9)
    return (ns / 1e9).toFixed(3) + " s";
  return ns >= 1e6 ? (ns / 1e6).toFixed(2) + " ms" : (ns / 1e3).toFixed(1) + " µs";
}

// --- Colours ---

const colours = new Map();

function colour(name) {
  if (!colours.has(name))
    colours.set(name, getComputedStyle(document.documentElement).getPropertyValue("--" + name).trim()
      || "#888888");
  return colours.get(name);
}

function rgb(name) {
  const value = parseInt(colour(name).slice(1), 16);
  return [value >> 16, value >> 8 & 255, value & 255];
}

// The ramp of first touches, early to late, for 0 to 1.
function ramp(x) {
  const at = Math.min(Math.max(x, 0), 1) * 4, i = Math.min(Math.floor(at), 3), part = at - i;
  const [a, b] = [rgb("ramp" + i), rgb("ramp" + (i + 1))];
  return `rgb(${a.map((v, n) => Math.round(v + (b[n] - v) * part)).join(" ")})`;
}

function chooseTheme() {
  const root = document.documentElement, now = root.dataset.theme ||
    (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
  root.dataset.theme = now === "dark" ? "light" : "dark";
  themeChanged();
}

function themeChanged() {
  colours.clear();
  tell("theme");
}

// A colour mixed with the card's: 0 is the card, 1 the colour.
function fade(name, part) {
  const card = rgb("card"), mixed = rgb(name).map((value, i) =>
    Math.round(card[i] + (value - card[i]) * part));
  return `rgb(${mixed.join(" ")})`;
}

// --- News ---

const listeners = {};
const hear = (name, function_) => (listeners[name] = listeners[name] || []).push(function_);
const tell = (name, value) => (listeners[name] || []).forEach((function_) => function_(value));

// --- Pictures ---

// Calls back when the element comes near the window, once.
function whenNear(element, callback) {
  const observer = new IntersectionObserver((entries) => {
    if (!entries.some((entry) => entry.isIntersecting))
      return;
    observer.disconnect();
    callback();
  }, {rootMargin: "600px"});
  observer.observe(element);
}

// A canvas as wide as its place, drawn when it is near the window, has a new size or the theme
// changes. `height(width)` and `draw(context, width, height)` count in CSS pixels.
class Picture {
  constructor(label, height, draw) {
    this.height = typeof height === "function" ? height : () => height;
    this.draw = draw;
    this.canvas = h("canvas", {tabindex: "0", role: "img", "aria-label": label});
    this.width = 0;
    new ResizeObserver(() => this.resized()).observe(this.canvas);
    hear("theme", () => this.redraw());
    whenNear(this.canvas, () => { this.near = true; this.redraw(); });
  }

  resized() {
    const width = Math.floor(this.canvas.clientWidth);
    if (!width || width === this.width || !this.canvas.isConnected)
      return;
    this.width = width;
    this.layout();
  }

  // Also after what `height` depends on has changed. Room is made at once, so that nothing moves
  // when the picture is drawn.
  layout() {
    if (!this.width)
      return;
    this.tall = Math.max(1, Math.round(this.height(this.width)));
    this.canvas.style.height = this.tall + "px";
    this.redraw();
  }

  redraw() {
    if (!this.width || !this.near || this.waiting)
      return;
    this.waiting = true;
    requestAnimationFrame(() => {
      this.waiting = false;
      const scale = devicePixelRatio || 1, context = this.canvas.getContext("2d");
      this.canvas.width = Math.round(this.width * scale);
      this.canvas.height = Math.round(this.tall * scale);
      context.setTransform(scale, 0, 0, scale, 0, 0);
      this.draw(context, this.width, this.tall);
    });
  }

  // The place of a mouse event.
  at(event) {
    const box = this.canvas.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  }
}

// Cells in rows, one for each thing; arrows move a mark, Enter chooses, the mouse does both.
//   paint(i): a colour, or null for a hollow cell      columns: fixed, else as many as fit
//   describe(i): nodes for the tooltip                 choose(i): after a click or Enter
class Cells {
  constructor(label, count, {size = 11, gap = 1.5, columns, group, paint, describe, choose}) {
    Object.assign(this, {count, size, gap, fixed: columns, group, paint, describe, choose});
    this.mark = this.chosen = -1;
    this.picture = new Picture(label, (width) => this.fit(width), (c) => this.drawAll(c));
    const canvas = this.canvas = this.picture.canvas;
    canvas.addEventListener("mousemove", (event) => this.point(event));
    canvas.addEventListener("mouseleave", () => this.leave());
    canvas.addEventListener("blur", () => this.leave());
    canvas.addEventListener("click", (event) => {
      const i = this.hit(event);
      if (i >= 0)
        this.pick(i);
    });
    canvas.addEventListener("keydown", (event) => this.key(event));
  }

  fit(width) {
    if (this.fixed) {
      this.columns = this.fixed;
      this.step = Math.min(this.size + this.gap, width / this.fixed);
    } else {
      this.step = this.size + this.gap;
      this.columns = Math.max(1, Math.floor((width + this.gap) / this.step));
      if (this.group)
        this.columns = Math.max(this.group, this.columns - this.columns % this.group);
    }
    return Math.ceil(this.count / this.columns) * this.step + 2;
  }

  place(i) {
    return [i % this.columns * this.step + 1, Math.floor(i / this.columns) * this.step + 1];
  }

  drawAll(context) {
    const side = this.step - this.gap, radius = side > 6 ? 2 : 0;
    for (let i = 0; i < this.count; i++) {
      const [x, y] = this.place(i), fill = this.paint(i);
      if (fill) {
        context.fillStyle = fill;
        if (radius) {
          context.beginPath();
          context.roundRect(x, y, side, side, radius);
          context.fill();
        } else
          context.fillRect(x, y, side, side);
      } else {
        context.strokeStyle = colour("line");
        context.strokeRect(x + .5, y + .5, side - 1, side - 1);
      }
    }
    for (const [i, width] of [[this.chosen, 2.5], [this.mark, 1.5]])
      if (i >= 0 && i < this.count) {
        const [x, y] = this.place(i);
        context.strokeStyle = colour("ink");
        context.lineWidth = width;
        context.strokeRect(x - .5, y - .5, side + 1, side + 1);
        context.lineWidth = 1;
      }
  }

  hit(event) {
    const [x, y] = this.picture.at(event), column = Math.floor((x - 1) / this.step);
    const i = Math.floor((y - 1) / this.step) * this.columns + column;
    return column >= 0 && column < this.columns && i >= 0 && i < this.count ? i : -1;
  }

  point(event) {
    const i = this.hit(event);
    if (i !== this.mark) {
      this.mark = i;
      this.picture.redraw();
    }
    if (i >= 0)
      tip(event.clientX, event.clientY, this.describe(i));
    else
      tip();
  }

  leave() {
    this.mark = -1;
    tip();
    this.picture.redraw();
  }

  pick(i) {
    this.chosen = i;
    this.picture.redraw();
    if (this.choose)
      this.choose(i);
  }

  unpick() {
    if (this.chosen >= 0) {
      this.chosen = -1;
      this.picture.redraw();
    }
  }

  key(event) {
    const move = {ArrowLeft: -1, ArrowRight: 1, ArrowUp: -this.columns, ArrowDown: this.columns,
      Home: -this.count, End: this.count, PageUp: -8 * this.columns, PageDown: 8 * this.columns};
    if (event.key === "Enter" || event.key === " ") {
      if (this.mark >= 0)
        this.pick(this.mark);
    } else if (move[event.key]) {
      const from = this.mark >= 0 ? this.mark : Math.max(this.chosen, 0);
      this.mark = Math.min(Math.max(from + (this.mark < 0 ? 0 : move[event.key]), 0), this.count - 1);
      this.picture.redraw();
      const box = this.canvas.getBoundingClientRect(), [x, y] = this.place(this.mark);
      tip(box.left + x + this.step, box.top + y + this.step, this.describe(this.mark));
    } else
      return;
    event.preventDefault();
  }
}

// --- The tooltip ---

function tip(x, y, what) {
  const box = document.getElementById("tip");
  if (!what) {
    box.hidden = true;
    return;
  }
  box.replaceChildren(...[what].flat(9).filter(Boolean).map((line) =>
    line instanceof Node ? line : h("div", {}, line)));
  box.hidden = false;
  const {width, height} = box.getBoundingClientRect();
  box.style.left = Math.max(8, Math.min(x + 14, innerWidth - width - 8)) + "px";
  box.style.top = (y + height + 24 > innerHeight ? Math.max(8, y - height - 12) : y + 16) + "px";
}

const soft = (...text) => h("div", {class: "soft"}, text);

// --- Places in the source ---

// A place in words: `function  file:line`.
function placeText(site) {
  const place = D.places[site];
  if (!place)
    return "";
  const [name, file, line] = place;
  return file < 0 ? name : `${name}  ${D.sources[file].path.split("/").pop()}:${line}`;
}

// The same, opening the source where there is some.
function placeLink(site, text) {
  const place = D.places[site];
  if (!place)
    return h("span", {class: "note"}, text || "");
  if (place[1] < 0)
    return h("span", {class: "mono"}, text || place[0]);
  return h("button", {class: "link", title: `${D.sources[place[1]].path}:${place[2]}`,
    onclick: (event) => { event.stopPropagation(); openSource(site); }}, text || placeText(site));
}

const WORDS = new Set(("auto break case char const continue default do double else enum extern float " +
  "for goto if inline int long register return short signed sizeof static struct switch typedef " +
  "union unsigned void volatile while bool true false NULL u8 u16 u32 u64 s32 s64 size_t").split(" "));

function coloured(line, state) {
  const parts = [], pattern = /\/\*|\/\/.*|"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|[A-Za-z_]\w*/g;
  let at = 0;
  const push = (text, kind) => text && parts.push(kind ? h("span", {class: kind}, text) : text);
  const comment = (from) => {
    const end = line.indexOf("*/", from);
    state.comment = end < 0;
    const to = end < 0 ? line.length : end + 2;
    push(line.slice(from === at + 2 ? at : from, to), "c-comment");
    at = pattern.lastIndex = to;
  };
  if (state.comment)
    comment(0);
  for (let found; (found = pattern.exec(line));) {
    push(line.slice(at, found.index));
    at = found.index;
    if (found[0] === "/*") {
      comment(at + 2);
      continue;
    }
    push(found[0], found[0].startsWith("//") ? "c-comment" : /^["']/.test(found[0]) ? "c-text" :
      WORDS.has(found[0]) ? "c-word" : null);
    at = pattern.lastIndex;
  }
  push(line.slice(at));
  return parts;
}

let beforeDrawer;

function openSource(site) {
  const [name, file, line] = D.places[site], source = D.sources[file], state = {comment: false};
  const drawer = document.getElementById("drawer");
  const lines = source.text.split("\n").map((text, i) => h("div", {class: i + 1 === line ? "here" : ""},
    h("i", {}, String(i + 1)), h("span", {}, coloured(text, state))));
  const close = h("button", {class: "quiet", "aria-label": "Close", title: "Close (Esc)",
    onclick: closeSource}, "✕");
  drawer.replaceChildren(h("div", {class: "title"},
    h("div", {}, h("b", {}, `${source.path}:${line}`), h("span", {}, name)), close),
  h("div", {class: "code", tabindex: "0"}, lines));
  if (drawer.hidden)
    beforeDrawer = document.activeElement;
  drawer.hidden = false;
  close.focus({preventScroll: true});
  const here = drawer.querySelector(".here");
  if (here)
    here.scrollIntoView({block: "center", behavior: "instant"});
}

function closeSource() {
  const drawer = document.getElementById("drawer");
  if (drawer.hidden)
    return;
  drawer.hidden = true;
  if (beforeDrawer)
    beforeDrawer.focus({preventScroll: true});
}
