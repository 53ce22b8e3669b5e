// Questions about the data that more than one view asks.

const PAGE = 4096;
const PTE = {P: 1, W: 2, U: 4, PWT: 8, PCD: 16, A: 32, D: 64, PS: 128, G: 256};

// What a present page is (tools/report.py, PAGE_KINDS), and its colour.
const PAGE_KINDS = [["not there", "k-untouched"], ["the zero page", "k-zero"],
  ["private memory", "k-anon"], ["private, shared until written", "k-shared"],
  ["page of a file", "k-cache"], ["part of a 2 MiB page", "k-huge"], ["other", "k-kernel"]];

const pageOf = (va) => (va & ~(PAGE - 1)) >>> 0;

const spaceName = (s) => `${s.comm} ${s.pid}`;
const spaceOptions = () => D.spaces.map((space, i) => h("option", {value: i}, spaceName(space) +
  (space.ends ? "" : " (until exec)")));
const areaName = (area) => area.name || (area.object ? "shared memory" : "private memory");

function areaAt(space, va) {
  return space.areas.find((area) => area.start <= va && va < area.end);
}

// The last index of `column` in [from, to) whose value is at most `value`, or from - 1.
function lastAtMost(column, value, from, to) {
  while (from < to) {
    const middle = from + to >> 1;
    if (column[middle] <= value)
      from = middle + 1;
    else
      to = middle;
  }
  return from - 1;
}

// The index of a page's entry in the pt_ columns, or -1.
function entryOf(space, va) {
  const [from, count] = space.pt, i = lastAtMost(D.pt_va, va, from, from + count);
  return i >= from && D.pt_va[i] === va ? i : -1;
}

function entryWords(lo, hi) {
  if (!(lo & PTE.P))
    return lo & PTE.G ? "no access, but it owns its frame" : "not present";
  return ["present", lo & PTE.W ? "writable" : "read-only", lo & PTE.U ? "user" : "kernel",
    lo & PTE.PWT ? "write-through" : "", lo & PTE.PCD ? "not cached" : "",
    lo & PTE.A ? "accessed" : "", lo & PTE.D ? "dirty" : "", lo & PTE.G ? "global" : "",
    hi >>> 31 ? "no-execute" : "executable"].filter(Boolean).join(", ");
}

const frameOf = (lo, hi) => (hi & 0xfffff) * 2 ** 20 + (lo >>> 12);

// The faults of an address space, in order, and the first of each page.
function faultsOf(space) {
  if (!space.faults) {
    const all = [], first = new Map(), order = new Map(), number = D.spaces.indexOf(space);
    for (let i = 0; i < D.f_time.length; i++) {
      if (D.f_space[i] !== number)
        continue;
      const va = pageOf(D.f_addr[i]);
      if (!first.has(va)) {
        order.set(va, first.size);
        first.set(va, i);
      }
      all.push(i);
    }
    Object.assign(space, {faults: all, first, order});
  }
  return space.faults;
}

// A fault's access in words: bits of the error code that the CPU pushes.
function accessWords(error) {
  return (error & 16 ? "execute" : error & 2 ? "write" : "read") +
    (error & 4 ? "" : ", by the kernel");
}

function frameText(pfn) {
  if (pfn === 0xffffffff)
    return "–";
  return hex(pfn, 5);
}

// --- Who has a frame, at the moment the machine was looked at ---

const frameKind = (pfn) => D.kinds[D.frame_kind[pfn]];

function frameOwner(pfn) {
  const kind = frameKind(pfn), order = D.frame_order[pfn];
  const explain = D.kindWords[kind] || kind;
  if (kind === "slab")
    return `slab of cache ${D.caches[D.frame_owner[pfn]]?.name ?? "?"}`;
  if (kind === "cache")
    return `page ${D.frame_index[pfn]} of ${D.files[D.frame_owner[pfn]] ?? "a file"}`;
  if (kind === "free")
    return `free: the head of a block of ${plural(2 ** order, "page")}`;
  return explain;
}

// The user pages that map each frame: [pid, address] pairs.
function mappersOf(pfn) {
  if (!D.mappers) {
    D.mappers = new Map();
    for (let i = 0; i < D.map_pfn.length; i++) {
      const list = D.mappers.get(D.map_pfn[i]) || [];
      list.push([D.map_pid[i], D.map_va[i]]);
      D.mappers.set(D.map_pfn[i], list);
    }
  }
  return D.mappers.get(pfn) || [];
}
