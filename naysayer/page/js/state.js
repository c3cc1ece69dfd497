// What the page shows at present: the selection, what is hidden, the view; and who wants to know of changes.

/** The kinds of things that can be hidden, by the first letter of a filter: "f:read", "k:3", "c:0". */

/** @typedef {{select: (row: number | null, go?: boolean) => void, redraw: () => void}} Actions */

export class State {
  /** @param {import("./run.js").Run} run */
  constructor(run) {
    this.run = run;
    /** @type {number | null} */
    this.selected = null;
    /** @type {number | null} */
    this.hovered = null;
    /** @type {Set<string>} */
    this.hidden = new Set();
    /** The place of the slider over the order. */
    this.step = 0;
    /** @type {number} The key whose values node lanes show, by its code. */
    this.key = run.proof?.key ?? (run.n ? run.key[0] : 0);
    /** By row: whether no filter hides it. */
    this.visible = new Uint8Array(run.n).fill(1);
    /** How many operations the filters hide. */
    this.hiddenCount = 0;
    /** Grows with every change of what is visible, selected or dark: what was drawn before is stale then. */
    this.version = 0;
    /** @type {((what: string) => void)[]} */
    this.listeners = [];
  }

  /** Calls back when something changes: "select", "filter", "step", "key", "view". @param {(what: string) => void} call */
  on(call) {
    this.listeners.push(call);
  }

  /** @param {string} what */
  changed(what) {
    if (what !== "view") this.version++;
    for (const call of this.listeners) call(what);
  }

  /** @param {number | null} row */
  select(row) {
    this.selected = row;
    this.changed("select");
  }

  /** Hides a filter or shows it again. @param {string} id */
  toggle(id) {
    if (!this.hidden.delete(id)) this.hidden.add(id);
    this.filter();
  }

  /** Shows one of a group alone, or all of it again. @param {string} id @param {string[]} group */
  solo(id, group) {
    const alone = !this.hidden.has(id) && group.every((one) => one === id || this.hidden.has(one));
    for (const one of group) this.hidden.delete(one);
    if (!alone) for (const one of group) if (one !== id) this.hidden.add(one);
    this.filter();
  }

  showAll() {
    this.hidden.clear();
    this.filter();
  }

  /** Finds out again which operations are visible. */
  filter() {
    const { run, hidden, visible } = this;
    const hides = (/** @type {string} */ letter, /** @type {number} */ count) => {
      const found = new Uint8Array(count);
      for (const id of hidden) if (id.startsWith(`${letter}:`)) found[Number(id.slice(2))] = 1;
      return found;
    };
    const f = hides("f", run.header.f.length), key = hides("k", run.columns.keys.length);
    const client = hides("c", run.clients.length), node = hides("n", run.header.node.length), outcome = hides("o", 3);
    this.hiddenCount = 0;
    for (let i = 0; i < run.n; i++) {
      const off = f[run.f[i]] | key[run.key[i]] | client[run.lane[i]] | node[run.node[i]] | outcome[run.status[i]];
      visible[i] = off ? 0 : 1;
      this.hiddenCount += off ? 1 : 0;
    }
    this.changed("filter");
  }
}
