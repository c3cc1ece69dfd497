// The history as a file, in Naysayer's own format, made from what the page holds.

import { $, el } from "./dom.js";

/** @typedef {import("./run.js").Run} Run */

/** @param {Run} run */
export function saveHistory(run) {
  if (!complete(run)) {
    $("#announce").textContent = "Not every value is in this page whole: the history is in the file history.jsonl.";
    $("#save").textContent = "Not whole in this page";
    return;
  }
  const address = URL.createObjectURL(new Blob([lines(run)], { type: "application/jsonl" }));
  const link = /** @type {HTMLAnchorElement} */ (el("a", { href: address, download: "history.jsonl" }));
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}

/** Whether every value is in the page whole, and is one that JSON has. @param {Run} run */
export function complete(run) {
  if (run.header.cut.operations || run.header.cut.values || run.header.cut.calls) return false;
  return ["valueText", "keyText"].every((name) => Object.entries(run.header[name].text).every(([code, text]) => {
    try {
      return text === "nothing" || JSON.stringify(JSON.parse(run.header[name].long[code] ?? text)).length > 0;
    } catch {
      return false;
    }
  }));
}

/** The events as JSON lines, in order of time (whole microseconds, in a run of more than a second). @param {Run} run */
export function lines(run) {
  /** @type {[number, string][]} */
  const events = [];
  for (let i = 0; i < run.n; i++) {
    const process = run.header.process[run.process[i]];
    const base = { process: /^\d+$/.test(process) ? process : JSON.stringify(process), f: JSON.stringify(run.header.f[run.f[i]]), key: json(run, "keyText", "keys", run.key[i]) };
    const node = run.node[i] ? JSON.stringify(run.header.node[run.node[i]]) : undefined;
    const input = json(run, "valueText", "values", run.input[i]), output = json(run, "valueText", "values", run.output[i]);
    events.push([run.call[i], line({ type: '"invoke"', ...base, input, time: nanoseconds(run, run.call[i]), node })]);
    const error = run.error[i] ? JSON.stringify(run.header.error[run.error[i]]) : undefined;
    const ended = Math.min(run.ret(i), run.end);
    events.push([ended, line({ type: ['"ok"', '"fail"', '"info"'][run.status[i]], ...base, output: run.status[i] ? undefined : output, error, time: nanoseconds(run, ended) })]);
  }
  return `${events.sort((a, b) => a[0] - b[0]).map((one) => one[1]).join("\n")}\n`;
}

/** A JSON object of fields whose values are JSON already; undefined ones are left out. @param {Record<string, string | undefined>} fields */
function line(fields) {
  const inner = Object.entries(fields).filter(([, value]) => value !== undefined).map(([name, value]) => `"${name}":${value}`);
  return `{${inner.join(",")}}`;
}

/** A value of a table as JSON; undefined for nothing. @param {Run} run @param {"keyText" | "valueText"} texts
 * @param {"keys" | "values"} numbers @param {number} code @returns {string | undefined} */
function json(run, texts, numbers, code) {
  const text = run.header[texts].long[code] ?? run.header[texts].text[code];
  return text === undefined ? String(run.columns[numbers][code]) : text === "nothing" ? undefined : text;
}

/** @param {Run} run @param {number} tick */
function nanoseconds(run, tick) {
  return String(BigInt(run.header.clock.origin) + BigInt(Math.round(tick)) * BigInt(run.unit));
}
