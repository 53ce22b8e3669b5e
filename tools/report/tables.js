// The page tables of an address space, opened level by level as the CPU walks them.

function tableView() {
  const state = {space: D.spaces[D.shown], va: 0};
  const address = h("div", {class: "address"}), levels = h("div", {class: "levels"});
  const entry = h("div"), cr3 = h("span", {class: "note grow"});
  const who = h("select", {"aria-label": "Address space",
    onchange: () => go(D.spaces[Number(who.value)])}, spaceOptions());
  const typed = h("input", {type: "text", size: 12, "aria-label": "Virtual address, hexadecimal",
    onchange: () => {
      const va = parseInt(typed.value.replace(/^0x/, ""), 16);
      if (va >= 0 && va < 2 ** 32)
        go(state.space, va);
    }});

  function go(space, va = space.pt[1] ? D.pt_va[space.pt[0]] : 0) {
    Object.assign(state, {space, va: pageOf(va)});
    const walk = walkTo(space, state.va);
    who.value = String(D.spaces.indexOf(space));
    typed.value = hex(state.va);
    cr3.textContent = `CR3 ${hex(space.cr3)}: where the CPU begins`;
    address.replaceChildren(...addressBits(walk));
    levels.replaceChildren(
      level("PDPT", "4 entries, 1 GiB each", pointerCells(walk, go)),
      level("Page directory", walk.pdpte[0] & PTE.P ? `512 entries, 2 MiB each; frame ` +
        hex(frameOf(...walk.pdpte), 5) : "there is none", walk.pdpte[0] & PTE.P &&
        directoryCells(walk, go)),
      level("Page table", !walk.pde ? "there is none" : walk.pde[0] & PTE.PS ?
        "none: the directory's entry is a page of 2 MiB" :
        `512 entries, 4 KiB each; frame ${hex(frameOf(...walk.pde), 5)}`, walk.pde &&
        entryCells(walk, go)));
    entry.replaceChildren(...entryParts(walk));
  }

  hear("table", ({space, va, quiet}) => {
    go(space, va);
    if (!quiet)
      document.getElementById("tables").scrollIntoView();
  });
  hear("page", ({space, va}) => go(space, va));
  hear("space", (space) => go(space));
  go(state.space);
  return view("tables", "Page tables", "The CPU splits an address into three numbers and a rest; " +
    "each number picks an entry of the next table, and the last entry names the frame.",
  h("div", {class: "card"}, h("div", {class: "row"}, who, typed, cr3), h("div", {
    style: "margin-top:.9rem"}, address), levels, entry));
}

// The entries on the way to an address, and how many entries each table has in use.
function walkTo(space, va) {
  if (!space.directory) {
    space.directory = new Map(space.pd.map(([index, lo, hi]) => [index, [lo, hi]]));
    space.filled = new Map();
    const [from, count] = space.pt;
    for (let i = from; i < from + count; i++) {
      const index = D.pt_va[i] >>> 21;
      space.filled.set(index, (space.filled.get(index) || 0) + 1);
    }
  }
  const gib = va >>> 30, mib = va >>> 21;
  return {space, va, gib, mib, index: va >>> 12 & 511, pdpte: space.pdpt[gib],
    pde: space.directory.get(mib)};
}

function addressBits({gib, mib, index}) {
  const bits = (n, wide) => n.toString(2).padStart(wide, "0");
  return [[bits(gib, 2), `PDPT entry ${gib}`], [bits(mib & 511, 9), `directory entry ${mib & 511}`],
    [bits(index, 9), `table entry ${index}`], [bits(0, 12), "offset in the page"]]
    .map(([text, small]) => h("span", {class: "bits"}, text, h("small", {}, small)));
}

function level(title, small, cells) {
  return h("div", {class: "level"}, h("h3", {}, title, h("small", {}, small)),
    cells ? cells.canvas : null);
}

// --- The three levels ---

function pointerCells({space, gib}, go) {
  const cells = new Cells("The four entries of the page-directory-pointer table", 4, {
    size: 30, gap: 6, columns: 1,
    paint: (i) => space.pdpt[i][0] & PTE.P ? colour(i === 3 ? "k-reserved" : "k-pgtable") : null,
    describe: (i) => [h("b", {}, `${i} GiB to ${i + 1} GiB`), i === 3 ? "the kernel's: the same in " +
      "every address space" : space.pdpt[i][0] & PTE.P ? "directory in frame " +
      hex(frameOf(...space.pdpt[i]), 5) : "no page directory: nothing is mapped here"],
    choose: (i) => i < 3 && go(space, firstIn(space, i * 512, 512)),
  });
  cells.chosen = gib;
  return cells;
}

function directoryCells({space, gib, mib}, go) {
  const used = (at) => space.filled.get(at) || 0;
  const cells = new Cells("Page directory: 512 entries of 2 MiB each", 512, {
    size: 12, gap: 2, columns: 32,
    paint: (i) => {
      const at = gib * 512 + i, pde = space.directory.get(at);
      if (!pde)
        return null;
      return pde[0] & PTE.PS ? colour("k-huge") : fade("k-pgtable", .35 + .65 * used(at) / 512);
    },
    describe: (i) => {
      const at = gib * 512 + i, pde = space.directory.get(at);
      const what = !pde ? "no page table: nothing in these 2 MiB" : pde[0] & PTE.PS ?
        `one page of 2 MiB, from frame ${hex(frameOf(...pde), 5)} on: no table is needed` :
        `page table in frame ${hex(frameOf(...pde), 5)}, ${used(at)} of 512 entries used`;
      return [h("b", {class: "mono"}, hex(at * 2 ** 21)), what];
    },
    choose: (i) => go(space, firstIn(space, gib * 512 + i, 1)),
  });
  cells.chosen = mib & 511;
  return cells;
}

function entryCells({space, mib, index}, go) {
  const page = (i) => mib * 2 ** 21 + i * PAGE;
  const cells = new Cells("Page table: 512 entries of 4 KiB each", 512, {
    size: 12, gap: 2, columns: 32,
    paint: (i) => {
      const at = entryOf(space, page(i));
      return at < 0 ? null : colour(PAGE_KINDS[D.pt_kind[at]][1]);
    },
    describe: (i) => {
      const at = entryOf(space, page(i));
      return [h("b", {class: "mono"}, hex(page(i))), ...at < 0 ? ["empty: an access faults"] :
        [PAGE_KINDS[D.pt_kind[at]][0], soft(entryWords(D.pt_lo[at], D.pt_hi[at]))]];
    },
    choose: (i) => go(space, page(i)),
  });
  cells.chosen = index;
  return cells;
}

// --- The last entry ---

function entryParts({space, va, pdpte, pde}) {
  const i = entryOf(space, va);
  if (i < 0)
    return [h("p", {class: "note"}, !(pdpte[0] & PTE.P) ? "The walk ends at the first level: no page " +
      "directory, so an access faults." : !pde ? "The walk ends at the second level: no page table, " +
      "so an access faults." : "The entry is empty: an access faults, and the kernel looks for the " +
      "area that the address lies in.")];
  return [entryBits(D.pt_lo[i], D.pt_hi[i]), entryFacts(space, va, i)];
}

function entryBits(lo, hi) {
  const bit = (name, small, on) => h("div", {class: "bit" + (on ? " on" : ""), title: small},
    on ? "1" : "0", h("small", {}, name));
  return h("div", {class: "entry", role: "img", "aria-label": entryWords(lo, hi)},
    bit("NX", "no-execute", hi >>> 31),
    h("div", {class: "bit frame on"}, hex(frameOf(lo, hi), 6), h("small", {}, "frame (bits 51–12)")),
    bit("G", "global", lo & PTE.G), bit("PAT", "memory type; 2 MiB page", lo & PTE.PS),
    bit("D", "dirty: written since", lo & PTE.D), bit("A", "accessed since", lo & PTE.A),
    bit("PCD", "cache off", lo & PTE.PCD), bit("PWT", "write-through", lo & PTE.PWT),
    bit("U", "user may", lo & PTE.U), bit("W", "writable", lo & PTE.W),
    bit("P", "present", lo & PTE.P));
}

function entryFacts(space, va, i) {
  const lo = D.pt_lo[i], hi = D.pt_hi[i], area = areaAt(space, va);
  faultsOf(space);
  const fault = space.first.get(va), verdict = fault !== undefined && D.verdicts[D.f_what[fault]];
  return facts([
    ["in words", entryWords(lo, hi)],
    ["area", area ? `${areaName(area)} (${area.perms})` : "none"],
    ["leads to", `${PAGE_KINDS[D.pt_kind[i]][0]}, frame ${hex(frameOf(lo, hi), 5)}` +
      (D.pt_maps[i] > 1 ? `, which ${D.pt_maps[i]} entries map` : "")],
    area && area.perms[1] === "w" && !(lo & PTE.W) && ["not writable", "although the area is: the " +
      "first write faults, and the kernel decides whether to copy"],
    verdict && ["made by", placeLink(verdict.place, verdict.name), ` at ${duration(D.f_time[fault])}` +
      ", for ", placeLink(D.f_ip[fault])],
  ]);
}

// The first mapped page in `count` directory entries from one on, or where they begin.
function firstIn(space, index, count) {
  const start = index * 2 ** 21, [from, n] = space.pt;
  const i = lastAtMost(D.pt_va, start - 1, from, from + n) + 1;
  return i < from + n && D.pt_va[i] < start + count * 2 ** 21 ? D.pt_va[i] : start;
}
