// The state after the event of the play head: what happened last, and a card for each node.

import { place } from "../../page/js/colours.js";
import { $, counted, el, fixed, int } from "../../page/js/dom.js";

/** @typedef {import("./model.js").Model} Model */
/** @typedef {{edit: (changes: unknown[], after?: number) => void, select: (index: number) => void, node: (name: string) => void}} Act */

const KEYS_MAX = 3;
/** What is always shown of a node that shows much, and what its log says better. */
const MAIN = new Set(["role", "term", "voted_for", "commit_index", "applied", "last_index"]);
/** @type {Record<string, string>} Fields by what people call them. */
const NAMES = { voted_for: "voted for", commit_index: "commit index", last_index: "last index", last_applied: "last applied", last_term: "last term", snapshot_index: "snapshot index" };
const LOGGED = new Set(["last_index", "last_term"]);
const MESSAGES_MAX = 5;

/** A sentence with the operations it names as buttons. @param {string} text @param {Act} act */
function linked(text, act) {
  return text.split(/(#\d+)\b/).map((piece) => /^#\d+$/.test(piece)
    ? el("button", { type: "button", class: "op", text: piece, onclick: () => act.select(Number(piece.slice(1))) }) : piece);
}

/** @param {Model} model @param {Act} act */
export function showState(model, act) {
  const { state } = model;
  $("#sentence").replaceChildren(...linked(state.sentence, act));
  showEffects(model, act);
  const focused = document.activeElement instanceof HTMLElement ? document.activeElement.dataset.focus : undefined;
  $("#cards").replaceChildren(...state.nodes.map((/** @type {any} */ node) => card(model, node, act)), pending(model, act));
  if (focused) /** @type {HTMLElement | null} */ (document.querySelector(`[data-focus="${CSS.escape(focused)}"]`))?.focus();
}

/** What the node did, in order, and a kill before each of it. @param {Model} model @param {Act} act */
function showEffects(model, act) {
  const { effects, place: node, event } = model.state, isNode = model.run.nodes.includes(node);
  if (!isNode || !effects.length || event < 2) return $("#effects").replaceChildren();
  const before = (/** @type {number} */ n) => el("button", { type: "button", class: "op", text: "die here", "aria-label": `Kill ${node} ${n ? `after ${effects[n - 1]}` : "before its first effect"}`,
    title: "ends the process between these two effects; what it wrote and did not sync may be lost", onclick: () => act.edit([`kill ${node} power after ${n} effects`], event - 1) });
  $("#effects").replaceChildren(el("details", {}, el("summary", { text: `${int(effects.length)} ${effects.length === 1 ? "effect" : "effects"} of this event, and a crash between them` }),
    el("ol", { class: "effects" }, ...effects.map((/** @type {string} */ effect, /** @type {number} */ n) => el("li", {}, effect, " ", before(n + 1))), el("li", { class: "first" }, before(0), el("span", { class: "sub", text: " before all of them" })))));
}

/** @param {Model} model @param {any} node @param {Act} act */
function card(model, node, act) {
  const { name } = node, up = node.status !== "down";
  const button = (/** @type {string} */ text, /** @type {unknown[]} */ changes) => el("button", { type: "button", class: "op", text, "data-focus": `${name} ${text}`, "aria-label": `${text} ${name}`, onclick: () => act.edit(changes) });
  const status = [node.status, node.clock ? `clock ${node.clock}` : "", node.waiting ? `${node.waiting} inputs wait` : ""].filter(Boolean).join(", ");
  return el("section", { class: `card${node.last ? " last" : ""}`, "aria-label": `Node ${name}` },
    el("h2", {}, el("button", { type: "button", class: `node${model.node === name ? " chosen" : ""}`, text: name, "aria-pressed": String(model.node === name), title: "steps with n and p are those of this node", "data-focus": `node ${name}`, onclick: () => act.node(name) }),
      el("span", { class: "sub", text: ` ${status}${node.last ? ", took the last event" : ""}` })),
    ...fields(model, node),
    ...(node.working ?? []).map((/** @type {any} */ one) => el("p", { class: `line${model.matter.has(one.operation) ? " matters" : ""}` }, el("button", { type: "button", class: "op what", text: `#${one.operation}`, onclick: () => act.select(one.operation) }), el("span", { text: one.text }))),
    log(node),
    node.after_loss ? el("p", { class: "bad small", text: `After a power loss it ${node.after_loss}` }) : null,
    ...timers(node, act),
    ...messages(model, node, act),
    el("p", { class: "do" }, ...(up
      ? [button("kill", [`kill ${name}`]), button("power loss", [`kill ${name} power`]), node.status === "paused" ? button("resume", [`resume ${name}`]) : button("pause", [`pause ${name}`])]
      : [button("restart", [`restart ${name}`])])));
}

/** What it shows: the key that is looked at and what changed first. @param {Model} model @param {any} node */
function fields(model, node) {
  const all = node.fields ?? [], own = model.key === null ? null : model.key.replace(/^"(.*)"$/, "$1");
  const rank = (/** @type {any} */ field) => (field.name === own ? 0 : field.changed ? 1 : field.after_loss === undefined ? 3 : 2);
  const keys = all.filter((/** @type {any} */ field) => field.of_key), most = keys.length > KEYS_MAX + 1 ? KEYS_MAX : keys.length;
  const shown = new Set([...keys].sort((a, b) => rank(a) - rank(b)).filter((field, at) => at < most && (rank(field) < 3 || keys.length <= KEYS_MAX + 1)));
  const rows = (/** @type {any[]} */ list) => list.flatMap((/** @type {any} */ field) => {
    const at = field.of_key ? place(model.values, field.text.split(" @")[0]) : -1;
    return [el("dt", { class: field.changed ? "changed" : null, text: NAMES[field.name] ?? field.name }),
      el("dd", {}, el("span", { class: at >= 0 ? `pill v${at}` : field.changed ? "changed" : null, text: field.text }), field.changed ? el("span", { class: "sub", text: " changed" }) : null,
        field.after_loss === undefined || (LOGGED.has(field.name) && node.cells?.length) ? null : el("span", { class: "loss", text: `not durable: a power loss leaves ${field.after_loss}` }))];
  });
  const left = keys.filter((/** @type {any} */ field) => !shown.has(field));
  const others = all.filter((/** @type {any} */ field) => !field.of_key), few = others.length <= MAIN.size;
  const minor = (/** @type {any} */ field) => !few && !MAIN.has(field.name) && !field.changed && (field.after_loss === undefined || LOGGED.has(field.name));
  const keyed = model.state.nodes.some((/** @type {any} */ one) => (one.fields ?? []).some((/** @type {any} */ field) => field.of_key));
  if (own !== null && keyed && !keys.some((/** @type {any} */ field) => field.name === own)) {
    keys.push({ name: own, text: "nothing", of_key: true });
    shown.add(keys[keys.length - 1]);
  }
  const found = rows(others.filter((/** @type {any} */ field) => !minor(field)).concat(keys.filter((/** @type {any} */ field) => shown.has(field))));
  const rest = others.filter(minor).concat(left);
  const what = [others.some(minor) ? counted(others.filter(minor).length, "more field") : "", left.length ? counted(left.length, "more key") : ""].filter(Boolean).join(", ");
  const more = rest.length ? el("details", {}, el("summary", { text: what }), el("dl", { class: "facts" }, ...rows(rest))) : null;
  return [found.length ? el("dl", { class: "facts" }, ...found) : null, more];
}

/** @type {string[]} */
let names = [];

/** What clients are called. @param {string[]} given */
export function nameClients(given) {
  names = given;
}

/** A node, or a client by the name that reports give it. @param {string} name */
export function called(name) {
  return /^c\d+$/.test(name) ? names[Number(name.slice(1))] ?? `p${name.slice(1)}` : name;
}

/** The log as cells: committed solid, durable outlined, not yet synced dashed. @param {any} node */
function log(node) {
  const cells = node.cells ?? [];
  if (!cells.length) return null;
  const word = (/** @type {any} */ cell) => (cell.committed ? "committed" : cell.durable ? "durable" : "not yet synced");
  return el("div", { class: "log", role: "list", "aria-label": "Log" },
    node.cells_before ? el("span", { class: "sub small", text: `${int(node.cells_before)} before` }) : null,
    ...cells.map((/** @type {any} */ cell) => el("span", {
      role: "listitem", class: `cell ${cell.committed ? "committed" : cell.durable ? "durable" : "volatile"}${cell.committed && !cell.durable ? " volatile" : ""}`,
      title: `entry ${cell.slot}, term ${cell.term}: ${cell.text}; ${word(cell)}${cell.durable ? "" : ", a power loss would take it"}`, text: String(cell.term),
    }, el("span", { class: "hidden-visually", text: ` entry ${cell.slot}: ${cell.text}, ${word(cell)}` }))),
    el("span", { class: "sub small key", text: "terms; filled: committed, dashed: not synced" }));
}

/** @param {any} node @param {Act} act */
function timers(node, act) {
  return (node.timers ?? []).slice(0, 4).map((/** @type {any} */ timer) => el("p", { class: "line" }, el("span", { class: "what sub", text: "timer" }),
    el("span", {}, `${timer.text} at ${fixed(timer.due_ms, 1)} ms `, el("button", { type: "button", class: "op", text: "fire", "aria-label": `Fire timer ${timer.text} of ${node.name}`, "data-focus": `fire ${node.name} ${timer.name}`, onclick: () => act.edit([`fire ${node.name} ${timer.name}`]) }))));
}

/** Messages under way to it, and held back. @param {Model} model @param {any} node @param {Act} act */
function messages(model, node, act) {
  const line = (/** @type {any} */ one, /** @type {boolean} */ isHeld) => {
    const [source, dest] = one.link, id = `message ${one.number} of ${source} -> ${dest}`, from = called(source), said = `${one.text} from ${from}`;
    const act1 = (/** @type {string} */ verb, /** @type {string} */ text = verb) => el("button", { type: "button", class: "op", text, "aria-label": `${text}: ${said}`, "data-focus": `${verb} ${id}`, onclick: () => act.edit([`${verb} ${id}`]) });
    const matters = one.operation !== undefined && model.matter.has(one.operation);
    return el("div", { class: `line${matters ? " matters" : ""}` }, el("span", { class: "what sub", text: isHeld ? "held" : "in flight" }),
      el("span", {}, one.text, one.operation === undefined ? null : " of ", one.operation === undefined ? null : el("button", { type: "button", class: "op", text: `#${one.operation}`, onclick: () => act.select(one.operation) }),
        ` from ${from}`, el("span", { class: "sub", text: isHeld ? `, sent at ${fixed(one.sent_ms ?? 0, 1)}` : `, due ${fixed(one.due_ms, 1)}` }),
        el("span", { class: "do" }, act1("deliver", "deliver now"), act1("drop"), isHeld ? null : act1("hold"), act1("duplicate"))));
  };
  const order = (/** @type {any[]} */ list) => [...list].sort((a, b) => Number(model.matter.has(b.operation)) - Number(model.matter.has(a.operation)));
  const arriving = order(node.arriving ?? []), held = order(node.held ?? []), found = [];
  for (const [list, isHeld] of /** @type {[any[], boolean][]} */ ([[arriving, false], [held, true]])) {
    found.push(...list.slice(0, MESSAGES_MAX).map((one) => line(one, isHeld)));
    if (list.length > MESSAGES_MAX) {
      found.push(el("details", { class: "line more" }, el("summary", { text: `${int(list.length - MESSAGES_MAX)} more ${isHeld ? "held" : "in flight"}` }), ...list.slice(MESSAGES_MAX).map((one) => line(one, isHeld))));
    }
  }
  return found;
}

/** The operations that wait for an answer. @param {Model} model @param {Act} act */
function pending(model, act) {
  const list = model.state.pending ?? [];
  return el("section", { class: "card", "aria-label": "Operations under way" }, el("h2", { text: "Clients" }),
    list.length ? el("dl", { class: "facts" }, ...list.flatMap((/** @type {any} */ one) => [el("dt", {}, el("button", { type: "button", class: "op", text: `#${one.operation}`, onclick: () => act.select(one.operation) })),
      el("dd", {}, `${one.client} waits for ${one.node}: ${one.text}`, el("span", { class: "sub", text: ` since ${fixed(one.since_ms, 1)}` }))])) : el("p", { class: "sub small", text: "No operation is under way." }));
}
