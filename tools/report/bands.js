// The height of the fault timeline: stretches of touched addresses, one above the other, without the
// holes between them. 0 is the lowest, 1 the highest.

const MOST_BANDS = 40;

class Bands {
  // Of all faults, or of those of one address space by its number.
  constructor(space) {
    const pages = Uint32Array.from(D.f_addr.filter((_, i) => space < 0 || D.f_space[i] === space),
      (va) => va >>> 12).sort();
    let apart = 32;
    do {
      this.list = clusters(pages, apart);
      apart *= 4;
    } while (this.list.length > MOST_BANDS && apart < 2 ** 20);
    this.spread();
    this.name(space);
  }

  // Large stretches get more room, but not as much more as they are larger.
  spread() {
    const weight = (band) => Math.sqrt((band.end - band.start) / PAGE) + 4;
    const total = this.list.reduce((sum, band) => sum + weight(band), 0);
    let at = 0;
    for (const band of this.list) {
      band.low = at / total;
      at += weight(band);
      band.high = at / total;
    }
  }

  // Each is called as the area that most of its faults lie in.
  name(space) {
    const step = Math.ceil(D.f_time.length / 20000), names = new Map(this.list.map((band) =>
      [band, new Map()]));
    for (let i = 0; i < D.f_time.length; i += step)
      if (space < 0 || D.f_space[i] === space) {
        const count = names.get(this.at(D.f_addr[i])), name = faultArea(i);
        count.set(name, (count.get(name) || 0) + 1);
      }
    for (const [band, count] of names)
      band.name = [...count].reduce((best, one) => one[1] > best[1] ? one : best,
        [hex(band.start), 0])[0];
  }

  // The one that holds an address, or the next above.
  at(va) {
    let low = 0, high = this.list.length;
    while (low < high) {
      const middle = low + high >> 1;
      if (this.list[middle].end <= va)
        low = middle + 1;
      else
        high = middle;
    }
    return this.list[low];
  }

  // How high an address is, or -1.
  levelOf(va) {
    const band = this.at(va);
    if (!band || va < band.start)
      return -1;
    return band.low + (va - band.start) / (band.end - band.start) * (band.high - band.low);
  }

  addressAt(level) {
    const band = this.list.find((b) => level < b.high) || this.list[this.list.length - 1];
    const part = Math.max(0, (level - band.low) / (band.high - band.low));
    return band.start + part * (band.end - band.start);
  }
}

// Stretches of touched pages, at least `apart` pages from each other.
function clusters(pages, apart) {
  const found = [];
  for (const page of pages) {
    const last = found[found.length - 1];
    if (last && page * PAGE < last.end + apart * PAGE)
      last.end = (page + 1) * PAGE;
    else
      found.push({start: page * PAGE, end: (page + 1) * PAGE});
  }
  return found;
}
