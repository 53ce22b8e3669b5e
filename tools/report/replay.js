// The history of the frames: the state at the end is known, and each event undone leads back.

class Replay {
  constructor() {
    this.free = D.kinds.indexOf("free");
    this.count = D.frame_kind.length;
    const n = D.p_time.length;
    const state = this.plain(D.frame_kind);
    for (let i = D.snapshot - 1; i >= 0; i--)
      this.fill(state, i, D.p_freed[i] ? D.p_kind[i] : this.free);
    this.marks = [state];
    // What is kept of the way takes 32 MB at most.
    const kept = Math.min(Math.max(Math.floor(2 ** 25 / this.count), 4), 48);
    this.every = Math.max(1000, Math.ceil(n / kept));
    const moving = state.slice();
    for (let i = 0; i < n; i++) {
      this.apply(moving, i);
      if ((i + 1) % this.every === 0)
        this.marks.push(moving.slice());
    }
    this.now = state.slice();
    this.at = 0;
  }

  // Free frames have three names in the kernel; here they are one.
  plain(kinds) {
    const table = Uint8Array.from(D.kinds, (name, kind) => ["free-tail", "pcp"].includes(name) ?
      this.free : kind);
    return kinds.map((kind) => table[kind]);
  }

  fill(state, i, kind) {
    state.fill(kind, D.p_pfn[i], Math.min(D.p_pfn[i] + 2 ** D.p_order[i], this.count));
  }

  apply(state, i) {
    this.fill(state, i, D.p_freed[i] ? this.free : D.p_kind[i]);
  }

  // The owners after the first n events; good until somebody asks for another n.
  after(n) {
    if (n < this.at || n - this.at > this.every) {
      const mark = Math.min(Math.floor(n / this.every), this.marks.length - 1);
      if (n < this.at || mark * this.every > this.at) {
        this.now = this.marks[mark].slice();
        this.at = mark * this.every;
      }
    }
    for (; this.at < n; this.at++)
      this.apply(this.now, this.at);
    return this.now;
  }
}

let replay; // made by the view of frames

// Frames by owner at `n` even times: for each an array of counts by kind.
function ownersOverTime(n, end) {
  if (replay.history && replay.history.length === n)
    return replay.history;
  const counts = new Float64Array(D.kinds.length), found = [];
  for (const kind of replay.marks[0])
    counts[kind]++;
  for (let step = 0, i = 0; step < n; step++) {
    const t = end * (step + 1) / n;
    for (; i < D.p_time.length && D.p_time[i] <= t; i++) {
      const pages = 2 ** D.p_order[i], kind = D.p_kind[i];
      counts[kind] += D.p_freed[i] ? -pages : pages;
      counts[replay.free] += D.p_freed[i] ? pages : -pages;
    }
    found.push(counts.slice());
  }
  replay.history = found;
  return found;
}

const lastTime = () => Math.max(D.end, 1);
