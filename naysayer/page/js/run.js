// The data of a page: a header, and columns of numbers (naysayer/page/columns.py packs them).

/** @typedef {{ops: number[], culprit?: number | null, key: number | null, whole: boolean, cut: number, values: string[],
 *   window: [number, number] | null, text: Record<string, string>, notes?: Record<string, string>,
 *   cycle?: [number, number, string][],
 *   order?: {steps: [number, string, string][], stuck: [number, string][], cut: number}}} Proof */
/** @typedef {{key: number | null, name: string | null, outcome: string, method: string, sentence: string | null,
 *   culprit: number | null}} PartRow */
/** @typedef {{kind: string, label: string, full: string, from: number, to: number, open: boolean,
 *   shown: boolean | null, detail: string, row: number}} Fault */
/** @typedef {Record<string, any>} Header */

const STATUSES = ["ok", "fail", "unknown"];

/** Unpacks the data of a page. @param {string} base64 @returns {Promise<Run>} */
export async function unpack(base64) {
  const deflated = bytesOf(base64.trim());
  const stream = new Blob([deflated]).stream().pipeThrough(new DecompressionStream("deflate"));
  const content = new Uint8Array(await new Response(stream).arrayBuffer());
  const size = content[0] | (content[1] << 8) | (content[2] << 16) | (content[3] << 24);
  const header = JSON.parse(new TextDecoder().decode(content.subarray(4, 4 + size)));
  /** @type {Record<string, Float64Array>} */
  const columns = {};
  let at = 4 + size;
  for (const [name, length] of header.columns) [columns[name], at] = column(content, at, length);
  return new Run(header, columns);
}

/** @param {string} base64 @returns {Uint8Array<ArrayBuffer>} */
function bytesOf(base64) {
  const text = atob(base64);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}

/** Differences in a variable number of bytes become the numbers of a column.
 * @param {Uint8Array} content @param {number} at @param {number} length @returns {[Float64Array, number]} */
function column(content, at, length) {
  const numbers = new Float64Array(length);
  let last = 0;
  for (let i = 0; i < length; i++) {
    let byte = content[at++];
    let zigzag = byte & 127;
    for (let scale = 128; byte > 127; scale *= 128) {
      byte = content[at++];
      zigzag += (byte & 127) * scale;
    }
    last += zigzag % 2 ? -(zigzag + 1) / 2 : zigzag / 2;
    numbers[i] = last;
  }
  return [numbers, at];
}

/** A run as the page knows it. Times are ticks; an operation is named by its row. */
export class Run {
  /** @param {Header} header @param {Record<string, Float64Array>} columns */
  constructor(header, columns) {
    this.header = header;
    this.columns = columns;
    fillTexts(header.valueText, columns, "v");
    fillTexts(header.keyText, columns, "k");
    /** @type {number} */
    this.n = header.n;
    this.call = columns.call;
    /** -1: the end of the operation was never seen. */
    this.dur = columns.dur;
    this.status = columns.status;
    this.f = columns.f;
    this.key = columns.key;
    this.input = columns.input;
    this.output = columns.output;
    this.process = columns.process;
    this.node = columns.node;
    this.error = columns.error;
    /** @type {number} The last tick. */
    this.end = Math.max(1, header.clock.end);
    /** @type {number} Nanoseconds in a tick. */
    this.unit = header.clock.unit;
    /** @type {boolean} There are no times, only an order of events. */
    this.ordered = header.clock.order;
    /** @type {Proof | null} */
    this.proof = header.proof;
    /** @type {Set<number>} */
    this.matter = new Set(this.proof?.ops ?? []);
    /** @type {number | null} */
    this.culprit = this.proof?.culprit ?? null;
    /** @type {Fault[]} */
    this.faults = header.faults.map(
      (/** @type {any[]} */ [kind, label, full, from, to, shown, detail], /** @type {number} */ row) => ({
        kind, label, full, from, to: to ?? this.end, open: to == null, shown, detail, row,
      }),
    );
    const lanes = lanesOf(this);
    /** By row, the lane of its client. */
    this.lane = lanes.lane;
    /** The names of the clients' lanes. */
    this.clients = lanes.names;
    /** The rows of each lane, in order of call. */
    this.rows = lanes.rows;
  }

  /** The end of an operation; infinite where it was never seen. @param {number} i */
  ret(i) {
    return this.dur[i] < 0 ? Infinity : this.call[i] + this.dur[i];
  }

  /** The number of an operation in reports. @param {number} i */
  number(i) {
    return this.columns.index ? this.columns.index[i] : i;
  }

  /** The row of an operation by its number; -1 where there is none. @param {number} number */
  rowOf(number) {
    return this.columns.index ? this.columns.index.indexOf(number) : number >= 0 && number < this.n ? number : -1;
  }

  /** @param {number} code */
  value(code) {
    return textOf(this.header.valueText.text, this.columns.values, code);
  }

  /** @param {number} code */
  keyName(code) {
    return textOf(this.header.keyText.text, this.columns.keys, code);
  }

  /** A key in a sentence: one that is a text stands out by itself. @param {number} code */
  keyCalled(code) {
    const name = this.keyName(code);
    return name.startsWith('"') ? name : `key ${name}`;
  }

  /** ok, fail or unknown. @param {number} i */
  outcome(i) {
    return STATUSES[this.status[i]];
  }

  /** The value that an operation is about: what a read found, else what it was given. @param {number} i */
  about(i) {
    const name = this.header.f[this.f[i]];
    if (name === "read" && this.status[i] === 0) return this.value(this.output[i]);
    if (name === "cas") return this.text(i).replace(/^cas | refused$/g, "");
    const code = this.input[i] || this.output[i];
    return code && name !== "txn" ? this.value(code) : null;
  }

  /** True for what reads only, as far as its name says. @param {number} i */
  reads(i) {
    return this.header.f[this.f[i]] === "read";
  }

  /** What was asked and answered: "write 1", "read → 0". @param {number} i */
  text(i) {
    const own = this.proof?.text[i], call = this.columns.text?.[i] ?? 0;
    if (own !== undefined) return own;
    if (call) return filled(this.header.calls, this.columns, "c_text", call - 1);
    const asked = this.header.f[this.f[i]] + (this.input[i] ? ` ${this.value(this.input[i])}` : "");
    const answers = this.output[i] || (!this.input[i] && this.header.answers[this.f[i]]);
    return answers && this.status[i] !== 2 ? `${asked} → ${this.value(this.output[i])}` : asked;
  }

  /** The process and the node of an operation: "p1 → n2". @param {number} i */
  who(i) {
    const process = this.header.process[this.process[i]];
    const name = /^\d+$/.test(process) ? `p${process}` : process;
    return this.node[i] ? `${name} → ${this.header.node[this.node[i]]}` : name;
  }

  /** Whether times are shown in µs: the whole record is that short. */
  get micro() {
    return !this.ordered && this.end * this.unit < 2e6;
  }

  /** A time in ms (in µs, or the number of an event) with so many decimals. @param {number} tick @param {number} [digits] */
  time(tick, digits = 1) {
    if (this.ordered) return String(Math.round(tick));
    const shown = (tick * this.unit) / (this.micro ? 1e3 : 1e6);
    return shown.toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits });
  }

  /** The unit of `time`. */
  get timeUnit() {
    return this.ordered ? "events" : this.micro ? "µs" : "ms";
  }

  /** The first row that is called at a tick or later. @param {number} tick */
  firstFrom(tick) {
    let low = 0, high = this.n;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.call[middle] < tick) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** A text from its template and its numbers (naysayer/page/templates.py). @param {string[]} templates
 * @param {Record<string, Float64Array>} columns @param {string} name @param {number} at */
export function filled(templates, columns, name, at) {
  let hole = 0;
  return templates[columns[name][at]].replaceAll("\0", () => String(columns[`${name}${hole++}`][at]));
}

/** Fills in the texts of values. @param {{text: Record<string, string>, templates: string[]}} table
 * @param {Record<string, Float64Array>} columns @param {string} name */
function fillTexts(table, columns, name) {
  table.text = {};
  for (let at = 0; at < columns[`${name}_code`].length; at++) table.text[columns[`${name}_code`][at]] = filled(table.templates, columns, `${name}_text`, at);
}

/** @param {Record<string, string>} texts @param {Float64Array} numbers @param {number} code */
function textOf(texts, numbers, code) {
  return texts[code] ?? String(numbers[code]);
}

/** A lane for each client: a client goes on under a new number after an operation of unknown outcome.
 * @param {Run} run */
function lanesOf(run) {
  /** @type {string[]} */
  const processes = run.header.process;
  const clients = run.header.clients;
  /** @type {Map<string, number>} */
  const known = new Map();
  const byCode = processes.map((name) => {
    const number = /^\d+$/.test(name) ? Number(name) : null;
    return number === null ? name : `p${clients ? number % clients : number}`;
  });
  const used = new Uint8Array(processes.length);
  for (let i = 0; i < run.n; i++) used[run.process[i]] = 1;
  const names = [...new Set(byCode.filter((_, code) => used[code]))].sort(byName);
  names.forEach((name, lane) => known.set(name, lane));
  const laneOfCode = Int32Array.from(byCode, (name) => known.get(name) ?? 0);
  const lane = new Int32Array(run.n);
  const sizes = new Int32Array(names.length);
  for (let i = 0; i < run.n; i++) sizes[(lane[i] = laneOfCode[run.process[i]])]++;
  const rows = names.map((_, number) => new Int32Array(sizes[number]));
  sizes.fill(0);
  for (let i = 0; i < run.n; i++) rows[lane[i]][sizes[lane[i]]++] = i;
  return { names, lane, rows };
}

/** Names in the order in which people count: p2 before p10. @param {string} a @param {string} b */
export function byName(a, b) {
  return a.localeCompare(b, "en", { numeric: true });
}
