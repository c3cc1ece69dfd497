// What the inspector says of the nodes and the messages of an operation.

import { counted, el } from "./dom.js";
import { pill } from "./pieces.js";
import { LOST, valueAndVersion } from "./traffic.js";

const MANY = 20;

/** What each node held when an operation began. @param {import("./run.js").Run} run @param {import("./traffic.js").States} states
 * @param {number} row @returns {import("./inspector.js").Extra} */
export function nodesAt(run, states, row) {
  if (!states.known) return null;
  const title = `Nodes when #${run.number(row)} began`;
  if (run.call[row] > states.until) return { title, content: el("div", { class: "sub small", text: `recorded up to ${run.time(states.until)} ${run.timeUnit} only` }) };
  const list = el("dl", { class: "fields" });
  for (const node of states.nodes) {
    const held = states.at(states.held(node, run.key[row]), run.call[row]), standing = states.at(states.standing(node), run.call[row]);
    const down = held?.down || standing?.down, [value, version] = valueAndVersion(held?.text ?? "nothing");
    const words = standing?.text && !down ? el("span", { class: "sub", text: ` ${standing.text}` }) : null;
    list.append(el("dt", { text: node }), down ? el("dd", { class: "sub", text: "down" })
      : el("dd", {}, states.keys.size ? pill(run, value) : null, version ? el("span", { class: "sub", text: ` ${version}` }) : null, words));
  }
  return { title, content: list };
}

/** The messages of an operation. @param {import("./run.js").Run} run @param {import("./traffic.js").Traffic} traffic @param {number} row
 * @returns {import("./inspector.js").Extra} */
export function messagesOf(run, traffic, row) {
  if (!traffic.known) return null;
  const mine = traffic.ofOperation.get(row) ?? [];
  if (!mine.length) return { title: "Messages", content: el("div", { class: "sub small", text: "not in this page, which holds those of the failing window" }) };
  const list = el("div", { class: "messages" });
  for (const m of mine.slice(0, MANY)) {
    const value = traffic.value(m), text = traffic.text(m);
    const bad = traffic.came[m] < 0 || traffic.held[m], atOnce = traffic.came[m] === traffic.sent[m] && traffic.by[m] < 0; // as a proxy sees it
    const fate = atOnce ? "" : traffic.fate(m, run).replace(/^took /, "+");
    list.append(el("span", { class: "n", text: run.time(traffic.sent[m]) }), el("span", { text: traffic.link(m) }),
      el("span", {}, `${traffic.kinds[traffic.kind[m]]} `, value === null ? text : pill(run, value, traffic.came[m] === LOST ? "lost" : ""), el("span", { class: bad ? "bad" : "sub", text: ` ${bad ? "✗ " : ""}${fate}` })));
  }
  const more = mine.length > MANY ? el("div", { class: "sub small", text: `${counted(mine.length - MANY, "more message")}` }) : null;
  const content = el("div", {}, list, more);
  return { title: `Its ${counted(mine.length, "message")}: sent at (${run.timeUnit})`, content };
}
