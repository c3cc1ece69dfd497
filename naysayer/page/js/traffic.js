// The messages and the states of the nodes, where the run was traced (naysayer/page/traffic.py and states.py pack them).

import { filled } from "./run.js";

/** What became of a message that did not arrive: lost, held back to the end, arrived at a node that was down. */
export const LOST = -1, HELD = -2, MISSED = -3;

const STANDING = -1, DOWN = -2, NO_SYNC = -2;

export class Traffic {
  /** @param {import("./run.js").Run} run */
  constructor(run) {
    const { header, columns } = run, about = header.messages;
    this.known = about !== null;
    /** @type {string[]} */
    this.names = about?.names ?? [];
    /** @type {string[]} */
    this.kinds = about?.kinds ?? [];
    /** @type {number} */
    this.total = about?.total ?? 0;
    /** @type {number} */
    this.lostTotal = about?.lost ?? 0;
    /** @type {number} How many of the window are left out. */
    this.cut = about?.cut ?? 0;
    /** @type {number} The tick up to which messages were recorded. */
    this.until = about?.until ?? 0;
    const none = new Float64Array(0);
    this.sent = columns.m_sent ?? none;
    /** When it arrived, or one of the above. */
    this.came = (columns.m_took ?? none).map((took, m) => (took < 0 ? took : took + this.sent[m]));
    this.from = columns.m_from ?? none;
    this.to = columns.m_to ?? none;
    this.kind = columns.m_kind ?? none;
    this.op = columns.m_op ?? none;
    this.by = columns.m_by ?? none;
    this.held = columns.m_held ?? none;
    this.sentBins = columns.d_sent ?? none;
    this.lostBins = columns.d_lost ?? none;
    this.columns = columns;
    this.about = about;
    /** @type {Map<number, number[]>} By the row of an operation, its messages. */
    this.ofOperation = new Map();
    for (let m = 0; m < this.sent.length; m++) {
      const mine = this.ofOperation.get(this.op[m]);
      if (mine) mine.push(m);
      else this.ofOperation.set(this.op[m], [m]);
    }
  }

  /** @param {number} m */
  text(m) {
    return filled(this.about.texts, this.columns, "m_text", m);
  }

  /** The value that a message carries, or null. @param {number} m */
  value(m) {
    return this.about.values[this.columns.m_value[m]] || null;
  }

  /** Whether a client sent or gets it. @param {number} m */
  ofClient(m) {
    const kind = this.kinds[this.kind[m]];
    return kind === "Request" || kind === "Reply" || kind === "Reset";
  }

  /** Its link: "n1→n2". @param {number} m */
  link(m) {
    return `${this.names[this.from[m]]}→${this.names[this.to[m]]}`;
  }

  /** The tick at which it is no longer under way. @param {number} m */
  end(m) {
    return this.came[m] >= 0 ? this.came[m] : this.came[m] === HELD ? this.until : this.sent[m];
  }

  /** What became of it. @param {number} m @param {import("./run.js").Run} run */
  fate(m, run) {
    const by = this.by[m] >= 0 ? ` (${run.faults[this.by[m]].full})` : "";
    if (this.came[m] === LOST) return `lost${by}`;
    if (this.came[m] === HELD) return `held back to the end${by}`;
    if (this.came[m] === MISSED) return "arrived at a node that was down";
    const took = `${run.time(this.came[m] - this.sent[m])} ${run.timeUnit}`;
    return this.held[m] ? `held back ${took}${by}` : this.by[m] >= 0 ? `took ${took}${by}` : `took ${took}`;
  }
}

/** @typedef {{time: number, text: string, down: boolean, synced: number}} Change */

export class States {
  /** @param {import("./run.js").Run} run */
  constructor(run) {
    const about = run.header.states, columns = run.columns;
    /** @type {string[]} */
    this.nodes = about?.known ?? [];
    /** @type {number} */
    this.until = about?.until ?? 0;
    /** @type {Map<string, Change[]>} */
    this.changes = new Map();
    /** Whether any node has a role, term or commit index. */
    this.standings = false;
    /** @type {Set<number>} The keys that nodes hold values for. */
    this.keys = new Set();
    /** @type {Set<string>} The nodes that are down. */
    const down = new Set();
    for (let at = 0; at < (columns.s_time?.length ?? 0); at++) {
      const node = about.nodes[columns.s_node[at]], key = columns.s_key[at], text = filled(about.texts, columns, "s_text", at);
      const time = columns.s_time[at], durable = columns.s_synced[at];
      const change = { time, text, down: key === DOWN, synced: durable < 0 ? durable : time + durable };
      if (key === DOWN) {
        down.add(node);
        this.list(node, STANDING).push(change);
        for (const [name, list] of this.changes) if (name.startsWith(`${node} `) && name !== `${node} ${STANDING}`) list.push(change);
        continue;
      }
      if (down.delete(node)) this.upAgain(node, time);
      if (key === STANDING && text) this.standings = true;
      if (key >= 0) this.keys.add(key);
      this.list(node, key).push(change);
    }
  }

  /** A node that starts again holds nothing until it says otherwise. @param {string} node @param {number} time */
  upAgain(node, time) {
    for (const [name, list] of this.changes)
      if (name.startsWith(`${node} `)) list.push({ time, text: name === `${node} ${STANDING}` ? "" : "nothing", down: false, synced: NO_SYNC });
  }

  /** Whether anything is known of what nodes hold and do. */
  get known() {
    return this.standings || this.keys.size > 0;
  }

  /** @param {string} node @param {number} key @returns {Change[]} */
  list(node, key) {
    const name = `${node} ${key}`;
    let found = this.changes.get(name);
    if (!found) this.changes.set(name, (found = []));
    return found;
  }

  /** What a node holds for a key. @param {string} node @param {number} key */
  held(node, key) {
    return this.changes.get(`${node} ${key}`) ?? [];
  }

  /** Role, term and commit index of a node. @param {string} node */
  standing(node) {
    return this.changes.get(`${node} ${STANDING}`) ?? [];
  }

  /** The last change up to a tick. @param {Change[]} changes @param {number} tick @returns {Change | null} */
  at(changes, tick) {
    let low = 0, high = changes.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (changes[middle].time <= tick) low = middle + 1;
      else high = middle;
    }
    return low ? changes[low - 1] : null;
  }
}

/** The value that a node holds, and its version, which follows an at sign. @param {string} text @returns {[string, string]} */
export function valueAndVersion(text) {
  const at = text.lastIndexOf(" @");
  return at < 0 ? [text, ""] : [text.slice(0, at), text.slice(at + 1)];
}
