// What the explorer knows of the run: its branches, the branch that is looked at, the play head, and the state there.

import { ask, escaped, tell } from "./api.js";

/** @typedef {[number, number, number, number | null, string, boolean, string, string, string | null, string]} Operation
 *   index, lane, from, to, status, reads, text, key, node, value */
/** @typedef {[string, string, number, number | null, string, number | null, number, boolean]} Message
 *   source, dest, sent, delivered, text, operation, number, held */
/** @typedef {{id: number, parent: number | null, label: string, target: string, after: number | null, atMs: number | null, outcome: string,
 *   kind: string, sentence: string | null, failedMs: number | null, culprit: number | null, events: number, startsAt: number,
 *   window: [number, number], untilMs: number, differs: number | null, differsMs: number | null, endMs: number,
 *   changed: [number, string, string][]}} Branch */
/** @typedef {{target: string, workload: string, seed: number, scenario: boolean, script: boolean, names: string[], model: string, nodes: string[], clients: number, offers: string[],
 *   identical: boolean | null, twin: string | null, key: string | null, values: string[], branches: Branch[]}} Run */
/** @typedef {{end: number, clients: string[], operations: Operation[], proof: number[], culprit: number | null,
 *   faults: [string, number, number | null][], moments: [number, string][], steps: [number, string][], called: Record<string, string>, events: number[],
 *   nodes: Record<string, [number, string | null, string][]>, keys: string[]}} Data */
/** @typedef {{event: number, time_ms: number, futures: number, failed: number, named: number, undecided: number, until_ms: number}} Likely */

export class Model {
  /** @param {string} name of the run */
  constructor(name) {
    this.name = name;
    this.run = /** @type {Run} */ (/** @type {unknown} */ (null));
    this.data = /** @type {Data} */ (/** @type {unknown} */ (null));
    this.at = 0;
    this.event = 1;
    /** @type {any} the state after the event */
    this.state = null;
    /** @type {string | null} the key whose values nodes show */
    this.key = null;
    /** @type {number | null} the operation that is looked at */
    this.selected = null;
    /** @type {string} the node that is looked at */
    this.node = "";
    /** @type {{from: number, to: number, total: number, shown: Message[], left: number}} */
    this.messages = { from: 0, to: 0, total: 0, shown: [], left: 0 };
    /** @type {Likely[]} */
    this.likely = [];
    /** @type {Set<number>} the operations of the proof */
    this.matter = new Set();
    this.asked = 0;
  }

  get branch() {
    return this.run.branches[this.at];
  }

  get values() {
    return this.run.values;
  }

  get culprit() {
    return this.data.culprit;
  }

  /** The time of the play head. */
  get headMs() {
    return (this.data.events[this.event - 1] ?? 0) / 1000;
  }

  /** The last event that has happened by a time. @param {number} ms */
  eventAt(ms) {
    const { events } = this.data, us = ms * 1000;
    let low = 0, high = events.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (events[middle] <= us) low = middle + 1;
      else high = middle;
    }
    return Math.max(1, low);
  }

  /** @param {string} what @param {Record<string, string | number>} [query] */
  get(what, query = {}) {
    return ask(`/api/explore/${what}/${escaped(this.name)}`, { branch: this.at, ...query });
  }

  async open() {
    this.run = await ask(`/api/explore/run/${escaped(this.name)}`);
    this.key = this.run.key;
    this.node = this.run.nodes[0];
    await this.show(0);
    this.selected = this.data.culprit;
  }

  /** Looks at a branch. @param {number} id @param {number} [event] */
  async show(id, event) {
    const before = this.at;
    this.at = id;
    try {
      this.data = await this.get("clock", this.key === null ? {} : { key: this.key });
    } catch (error) {
      this.at = before;
      throw error;
    }
    this.matter = new Set([...this.data.proof, ...(this.at ? this.run.branches[0].window ? this.first : [] : [])]);
    if (!id) this.first = this.data.proof;
    this.likely = [];
    this.messages = { from: 0, to: 0, total: 0, shown: [], left: 0 };
    this.event = Math.max(1, Math.min(event ?? this.branch.startsAt, this.branch.events));
  }

  /** The proof of the recorded run: its operations stay marked in every branch. @type {number[]} */
  first = [];

  /** @param {string | null} key */
  async showKey(key) {
    this.key = key;
    const data = await this.get("clock", key === null ? {} : { key });
    this.data.nodes = data.nodes;
  }

  /** The state after the event of the play head; null: another event was asked for meanwhile. */
  async load() {
    const asked = ++this.asked, state = await this.get("state", { event: this.event });
    if (asked !== this.asked) return null;
    this.state = state;
    return state;
  }

  /** @param {number} from @param {number} to in ms */
  async loadMessages(from, to) {
    const asked = [this.at, from, to].join(), found = await this.get("messages", { from, to });
    this.loaded = asked;
    this.messages = found;
  }
  loaded = "";

  /** A new branch. @param {number} after @param {unknown[]} changes */
  async edit(after, changes) {
    const made = /** @type {Branch} */ (await tell(`/api/explore/branch/${escaped(this.name)}`, { branch: this.at, after, changes }));
    this.run.branches[made.id] = made;
    return made;
  }

  async twin() {
    const made = /** @type {Branch} */ (await tell(`/api/explore/twin/${escaped(this.name)}`));
    this.run.branches[made.id] = made;
    return made;
  }
}
