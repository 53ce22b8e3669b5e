// The page tables of an address space, opened level by level as the CPU walks them.

function tableView() {
  const state = {space: D.spaces[D.shown], va: 0};
  const address = h("div", {class: "address"}), levels = h("div", {class: "levels"});
  const entry = h("div"), cr3 = h("span", {class: "note grow"});
  const who = h("select", {"aria-label": "Address space",
    onchange: () => go(D.spaces[Number(who.value)])},
  D.spaces.map((space, i) => h("option", {value: i}, `${spaceName(space)}${space.ends ? "" :
    " (until exec)"}`)));
  const typed = h("input", {type: "text", size: 12, "aria-label": "Virtual address, hexadecimal",
    onchange: () => {
      const va = parseInt(typed.value.replace(/^0x/, ""), 16);
      if (va >= 0 && va < 2 ** 32)
        go(state.space, va);
    }});

  const tablesIn = (space) => {
    if (!space.directory) {
      space.directory = new Map(space.pd.map(([index, lo, hi]) => [index, [lo, hi]]));
      space.filled = new Map();
      const [from, count] = space.pt;
      for (let i = from; i < from + count; i++) {
        const index = D.pt_va[i] >>> 21;
        space.filled.set(index, (space.filled.get(index) || 0) + 1);
      }
    }
    return space.directory;
  };

  function go(space, va) {
    if (va === undefined)
      va = space.pt[1] ? D.pt_va[space.pt[0]] : 0;
    Object.assign(state, {space, va: (va & ~(PAGE - 1)) >>> 0});
    tablesIn(space);
    show();
  }

  function show() {
    const {space, va} = state, gib = va >>> 30, mib = va >>> 21, index = va >>> 12 & 511;
    who.value = String(D.spaces.indexOf(space));
    typed.value = hex(va);
    cr3.textContent = `CR3 ${hex(space.cr3)}: where the CPU begins`;
    const bits = (n, wide) => n.toString(2).padStart(wide, "0");
    address.replaceChildren(...[[bits(gib, 2), `PDPT entry ${gib}`], [bits(mib & 511, 9),
      `directory entry ${mib & 511}`], [bits(index, 9), `table entry ${index}`],
    ["000000000000", "offset in the page"]].map(([text, small]) =>
      h("span", {class: "bits"}, text, h("small", {}, small))));

    const pdpte = space.pdpt[gib], pde = space.directory.get(mib);
    const top = new Cells("The four entries of the page-directory-pointer table", 4, {
      size: 30, gap: 6, columns: 1,
      paint: (i) => space.pdpt[i][0] & PTE.P ? colour(i === 3 ? "k-reserved" : "k-pgtable") : null,
      describe: (i) => [h("b", {}, `${i} GiB to ${i + 1} GiB`), i === 3 ? "the kernel's: the same in " +
        "every address space" : space.pdpt[i][0] & PTE.P ? `directory in frame ` +
        hex(frameOf(...space.pdpt[i]), 5) : "no page directory: nothing is mapped here"],
      choose: (i) => i < 3 && go(space, firstIn(space, i * 512, 512)),
    });
    top.chosen = gib;
    const middle = new Cells("Page directory: 512 entries of 2 MiB each", 512, {
      size: 12, gap: 2, columns: 32,
      paint: (i) => {
        const found = space.directory.get(gib * 512 + i);
        return found && found[0] & PTE.PS ? colour("k-huge") : found ? fade("k-pgtable", .35 + .65 * (space.filled.get(gib * 512 + i) || 0) / 512) : null;
      },
      describe: (i) => {
        const at = gib * 512 + i, found = space.directory.get(at);
        return [h("b", {class: "mono"}, hex(at * 2 ** 21)), found && found[0] & PTE.PS ?
          `one page of 2 MiB, from frame ${hex(frameOf(...found), 5)} on: no table is needed` : found ?
          `page table in frame ${hex(frameOf(...found), 5)}, ` +
          `${space.filled.get(at) || 0} of 512 entries used` : "no page table: nothing in these 2 MiB"];
      },
      choose: (i) => go(space, firstIn(space, gib * 512 + i, 1)),
    });
    middle.chosen = mib & 511;
    const bottom = new Cells("Page table: 512 entries of 4 KiB each", 512, {
      size: 12, gap: 2, columns: 32,
      paint: (i) => {
        const at = entryOf(space, mib * 2 ** 21 + i * PAGE);
        return at < 0 ? null : colour(PAGE_KINDS[D.pt_kind[at]][1]);
      },
      describe: (i) => {
        const page = mib * 2 ** 21 + i * PAGE, at = entryOf(space, page);
        return [h("b", {class: "mono"}, hex(page)), at < 0 ? "empty: an access faults" :
          PAGE_KINDS[D.pt_kind[at]][0], at < 0 ? null : soft(entryWords(D.pt_lo[at], D.pt_hi[at]))];
      },
      choose: (i) => go(space, mib * 2 ** 21 + i * PAGE),
    });
    bottom.chosen = index;
    levels.replaceChildren(
      level("PDPT", "4 entries, 1 GiB each", top.canvas),
      level("Page directory", pdpte[0] & PTE.P ? `512 entries, 2 MiB each; frame ` +
        hex(frameOf(...pdpte), 5) : "there is none", pdpte[0] & PTE.P ? middle.canvas : ""),
      level("Page table", pde && pde[0] & PTE.PS ? "none: the directory's entry is a page of 2 MiB" :
        pde ? `512 entries, 4 KiB each; frame ${hex(frameOf(...pde), 5)}` :
        "there is none", pde ? bottom.canvas : ""));
    showEntry(pdpte, pde);
  }

  function level(title, small, ...rest) {
    return h("div", {class: "level"}, h("h3", {}, title, h("small", {}, small)), rest);
  }

  function showEntry(pdpte, pde) {
    const {space, va} = state, i = entryOf(space, va);
    if (i < 0) {
      entry.replaceChildren(h("p", {class: "note"}, !(pdpte[0] & PTE.P) ? "The walk ends at the first " +
        "level: no page directory, so an access faults." : !pde ? "The walk ends at the second level: " +
        "no page table, so an access faults." : "The entry is empty: an access faults, and the " +
        "kernel looks for the area that the address lies in."));
      return;
    }
    const lo = D.pt_lo[i], hi = D.pt_hi[i], pfn = frameOf(lo, hi), area = areaAt(space, va);
    faultsOf(space);
    const fault = space.first.get(va);
    const bit = (name, small, on) => h("div", {class: "bit" + (on ? " on" : ""), title: small},
      on ? "1" : "0", h("small", {}, name));
    entry.replaceChildren(h("div", {class: "entry", role: "img",
      "aria-label": entryWords(lo, hi)},
    bit("NX", "no-execute", hi >>> 31), h("div", {class: "bit frame on"}, hex(pfn, 6),
      h("small", {}, "frame (bits 51–12)")),
    bit("G", "global", lo & PTE.G), bit("PAT", "memory type", lo & PTE.PS),
    bit("D", "dirty: written since", lo & PTE.D), bit("A", "accessed since", lo & PTE.A),
    bit("PCD", "cache off", lo & PTE.PCD), bit("PWT", "write-through", lo & PTE.PWT),
    bit("U", "user may", lo & PTE.U), bit("W", "writable", lo & PTE.W), bit("P", "present", lo & PTE.P)),
    facts([
      ["in words", entryWords(lo, hi)],
      ["area", area ? `${areaName(area)} (${area.perms})` : "none"],
      ["leads to", `${PAGE_KINDS[D.pt_kind[i]][0]}, frame ${hex(pfn, 5)}` +
        (D.pt_maps[i] > 1 ? `, which ${D.pt_maps[i]} entries map` : "")],
      area && area.perms[1] === "w" && !(lo & PTE.W) && ["not writable", "although the area is: the " +
        "first write faults, and the kernel decides whether to copy"],
      fault !== undefined && ["made by", placeLink(D.verdicts[D.f_what[fault]].place,
        D.verdicts[D.f_what[fault]].name), ` at ${duration(D.f_time[fault])}, for `,
      placeLink(D.f_ip[fault])],
    ]));
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

// The first mapped page in `count` directory entries from one on, or where they begin.
function firstIn(space, index, count) {
  const start = index * 2 ** 21, [from, n] = space.pt;
  const i = lastAtMost(D.pt_va, start - 1, from, from + n) + 1;
  return i < from + n && D.pt_va[i] < start + count * 2 ** 21 ? D.pt_va[i] : start;
}

function fade(name, part) {
  const [r, g, b] = rgb(name), [x, y, z] = rgb("card");
  const mix = (a, c) => Math.round(c + (a - c) * part);
  return `rgb(${mix(r, x)} ${mix(g, y)} ${mix(b, z)})`;
}
