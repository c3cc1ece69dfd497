// The explorer: branches, the clock with its play head, and the state of the nodes there.

import { Clock } from "../../page/js/clock.js";
import { readColours, switchTheme } from "../../page/js/colours.js";
import { $, counted, el, fixed, int, table } from "../../page/js/dom.js";
import { useKeys } from "../../page/js/keyboard.js";
import { showActions } from "./actions.js";
import { showBranches } from "./branches.js";
import { called, nameClients, showState } from "./cards.js";
import { ClientLane, FaultLane, Head, LikelyLane, TICKS } from "./lanes.js";
import { runLikely, showLikely } from "./likelihood.js";
import { Model } from "./model.js";
import { NodeLane } from "./nodes.js";
import { showSteps } from "./steps.js";

const model = new Model(document.body.dataset.run ?? "");
const scrub = /** @type {HTMLInputElement} */ ($("#scrub"));
const keySelect = /** @type {HTMLSelectElement} */ ($("#key"));
/** @type {Clock} */
let clock;
/** @type {NodeLane} */
let nodes;
let waiting = 0, loading = 0;

/** @param {string} text */
function say(text) {
  $("#said").hidden = !text;
  $("#said").textContent = text;
}

/** Runs something that may fail; what is wrong is said at the top. @param {() => Promise<unknown>} work */
async function attempt(work) {
  document.body.setAttribute("aria-busy", "true");
  try {
    say("");
    await work();
  } catch (error) {
    say(error instanceof Error ? error.message : String(error));
  }
  document.body.removeAttribute("aria-busy");
  $("#loading").hidden = true;
}

/** Moves the play head. @param {number} event @param {boolean} [follow] whether the clock's view moves along */
function goTo(event, follow = true) {
  model.event = Math.max(1, Math.min(event, model.branch.events));
  scrub.value = String(model.event);
  const ticks = model.headMs * TICKS;
  if (follow && (ticks < clock.from || ticks > clock.to)) {
    const half = (clock.to - clock.from) / 2;
    clock.setView(ticks - half, ticks + half);
  }
  drawWhere();
  clock.draw();
  clearTimeout(loading);
  loading = setTimeout(() => attempt(async () => {
    if (!(await model.load())) return;
    showState(model, act);
    drawJumps();
    $("#announce").textContent = `Event ${model.event}: ${model.state.sentence}`;
    remember();
    document.documentElement.setAttribute("data-event", String(model.state.event));
  }), 40);
}

function drawWhere() {
  const { branch } = model;
  $("#where").replaceChildren(el("b", { text: `event ${int(model.event)}` }), el("span", { class: "sub", text: ` of ${int(branch.events)} at ${fixed(model.headMs, 1)} ms` }));
  scrub.setAttribute("aria-valuetext", `event ${model.event} of ${branch.events}, ${fixed(model.headMs, 1)} ms`);
  $("#to-failure").hidden = branch.failedMs === null;
  $("#view-window").hidden = branch.failedMs === null && branch.atMs === null;
  $("#view-window").textContent = branch.failedMs === null ? "Edit" : "Violation";
}

/** Buttons to what comes next. */
function drawJumps() {
  const logs = model.state.nodes.some((/** @type {any} */ node) => (node.fields ?? []).some((/** @type {any} */ field) => field.name === "role"));
  /** @type {[string, string][]} */
  const jumps = [[`event of ${model.node}`, model.node]];
  if (model.selected !== null) jumps.push([`message of #${model.selected}`, `#${model.selected}`]);
  if (logs) jumps.push(["role change", "role"], ["commit", "commit"]);
  jumps.push(["fault", "fault"]);
  $("#jumps").replaceChildren(...jumps.map(([text, of]) => el("button", { type: "button", class: "button", text, "data-focus": of, onclick: () => jump(of, "next") })));
}

/** @param {string} of @param {"next" | "previous"} towards */
function jump(of, towards) {
  return attempt(async () => {
    const { event } = await model.get("step", { event: model.event, towards, of });
    if (event === null) say(`There is no ${towards} ${of.startsWith("#") ? `event of ${of}` : of.startsWith("n") ? `event of ${of}` : of === "role" ? "change of role" : of} in this branch.`);
    else goTo(event);
  });
}

/** @param {number} id @param {number} [event] */
function show(id, event) {
  return attempt(async () => {
    await model.show(id, event);
    scrub.max = String(model.branch.events);
    clock.end = model.data.end * TICKS;
    const keys = model.data.keys.includes(model.key ?? "") || model.key === null ? model.data.keys : [model.key, ...model.data.keys];
    keySelect.replaceChildren(...keys.map((key) => el("option", { text: key, selected: key === model.key })));
    showBranches(model, act);
    showLikely(model, goTo);
    showSteps(model, goTo);
    clock.options.window = model.branch.failedMs === null ? null : [model.branch.window[0] * TICKS, model.branch.window[1] * TICKS];
    loadMessages();
    goTo(model.event);
  });
}

function loadMessages() {
  clearTimeout(waiting);
  waiting = setTimeout(() => attempt(async () => {
    await model.loadMessages(clock.from / TICKS, clock.to / TICKS);
    clock.draw();
    showMessages();
  }), 120);
}

function showMessages() {
  const { shown, total, left } = model.messages;
  const span = `${fixed(Math.max(0, clock.from / TICKS), 0)}–${fixed(Math.min(clock.end, clock.to) / TICKS, 0)} ms`;
  $("#count").textContent = `${span} · ${counted(total, "message")}${left ? `, of which ${int(left)} between nodes are not drawn: zoom in` : ""}`;
  if (!(/** @type {HTMLDetailsElement} */ ($("#messages")).open)) return;
  const rows = shown.slice(0, 300).map(([source, dest, sent, delivered, text, operation, , held]) => el("tr", {},
    el("td", { class: "num", text: fixed(sent, 1) }), el("td", { class: "num", text: delivered === null ? (held ? "held back" : "lost") : fixed(delivered, 1) }),
    el("td", { text: `${called(source)} → ${called(dest)}` }), el("td", { text: operation === null ? "" : `#${operation}` }), el("td", { text })));
  $("#messages-body").replaceChildren(table(["sent, ms|num", "arrived, ms|num", "from, to", "operation", "message"], rows));
}

const act = {
  /** @param {unknown[]} changes @param {number} [after] */
  edit: (changes, after = model.event) => attempt(async () => {
    const made = await model.edit(after, changes);
    await show(made.id, after + 1);
    $("#announce").textContent = `New branch: ${made.label}: ${made.kind}`;
  }),
  /** @param {number} index */
  select: (index) => {
    model.selected = index;
    const op = model.data.operations.find((one) => one[0] === index);
    if (op && (op[2] * TICKS < clock.from || op[2] * TICKS > clock.to)) clock.setView(op[2] * TICKS - 0.4 * (clock.to - clock.from), op[2] * TICKS + 0.6 * (clock.to - clock.from));
    if (op) $("#announce").textContent = `#${index} ${op[6]}, ${model.data.clients[op[1]]} at ${op[8]}, key ${op[7]}`;
    drawJumps();
    clock.draw();
  },
  /** @param {string} name */
  node: (name) => {
    model.node = name;
    showState(model, act);
    drawJumps();
  },
  /** @param {number} id @param {number} [event] */
  go: (id, event) => show(id, event),
  twin: () => attempt(async () => {
    const made = await model.twin();
    await show(made.id, Math.min(made.differs ?? 1, made.events));
  }),
};

function remember() {
  history.replaceState(null, "", `#branch=${model.at}&event=${model.event}`);
}

/** @param {string} kind @param {number} id @returns {[string, string] | null} */
function describe(kind, id) {
  if (kind === "op") {
    const op = model.data.operations.find((one) => one[0] === id);
    return op ? [`#${id} ${op[6]}`, `${op[7]}, ${model.data.clients[op[1]]} at ${op[8]}, ${op[3] === null ? "never answered" : `${fixed(op[3] - op[2], 1)} ms`}, ${op[4]}`] : null;
  }
  if (kind === "message") {
    const one = model.messages.shown[id];
    return one ? [one[4], `${called(one[0])} → ${called(one[1])}${one[5] === null ? "" : ` of #${one[5]}`}, ${fixed(one[2], 1)} – ${one[3] === null ? "" : fixed(one[3], 1)} ms`] : null;
  }
  if (kind === "held" || kind === "standing") return nodes.bands.describe(kind, id);
  if (kind === "likely") {
    const one = model.likely[id];
    return [`${one.failed} of ${one.futures} futures fail`, `from ${fixed(one.time_ms, 1)} ms${model.culprit === null ? "" : `; ${one.named} name #${model.culprit}`}`];
  }
  return null;
}

/** @param {string} kind @param {number} id */
function pick(kind, id) {
  if (kind === "op") act.select(id);
  else if (kind === "message" && model.messages.shown[id][5] !== null) act.select(/** @type {number} */ (model.messages.shown[id][5]));
  else if (kind === "likely") goTo(model.likely[id].event);
  else if (clock.cross !== null) goTo(model.eventAt(clock.cross / TICKS), false);
}

function toWindow() {
  const { branch } = model, [from, to] = branch.window, room = Math.max((to - from) * 0.12, 5);
  if (branch.failedMs === null && branch.atMs !== null) clock.setView((branch.atMs - 60) * TICKS, (branch.atMs + 90) * TICKS);
  else clock.setView((from - room) * TICKS, (to + room) * TICKS);
}

async function start() {
  await model.open();
  const { run } = model;
  $("#title").textContent = run.target;
  $("#about").textContent = run.script ? model.name.split("/")[1] : `${run.scenario ? "scenario" : `seed ${run.seed}`}, ${run.workload}`;
  $("#likelihood").hidden = run.script;
  nameClients(run.names);
  document.title = `Explore ${run.target}, seed ${run.seed}`;
  readColours();
  // the play head is drawn over the lanes, and under the names of operations; faults take clicks that meet nothing else
  const head = new Head(model), faults = new FaultLane(model), likely = new LikelyLane(model), clients = new ClientLane(model);
  nodes = new NodeLane(model);
  clock = new Clock({
    place: $("#clock"), end: model.data.end * TICKS, unit: 1000, ordered: false, lanes: [head, faults, likely, clients, nodes],
    mini: (frame) => drawMini(frame), time: (tick, digits = 1) => fixed(tick / TICKS, digits), describe, pick, hover: () => {},
    viewed: loadMessages, label: "Clock: faults, clients, nodes and messages over time, with the play head. The arrow keys move it; the table of messages below has the same.",
    miniLabel: `The whole run, ${fixed(model.data.end, 0)} ms`,
  });
  $("#explore").hidden = false;
  showActions(model, act.edit, say);
  wire();
  const asked = new URLSearchParams(location.hash.slice(1)), branch = Number(asked.get("branch") ?? 0), event = Number(asked.get("event") ?? 0);
  toWindow();
  await show(run.branches[branch] ? branch : 0, event || undefined);
  if (run.identical === false) say("Running this again does not give the recorded history: it was recorded by another version, or interrupted.");
  clock.paint();
  document.documentElement.setAttribute("data-ready", "");
}

/** @param {import("../../page/js/frame.js").Frame} frame */
function drawMini(frame) {
  const { g, left, width } = frame, bins = new Uint32Array(Math.max(1, Math.floor((width - left) / 3))), scale = bins.length / Math.max(1, clock.end);
  const style = getComputedStyle(document.documentElement), ink = (/** @type {string} */ name) => style.getPropertyValue(name);
  for (const us of model.data.events) bins[Math.min(bins.length - 1, Math.floor(us * scale))]++;
  const most = bins.reduce((a, b) => Math.max(a, b), 1);
  g.fillStyle = "rgb(128 128 128 / .45)";
  bins.forEach((count, at) => count && g.fillRect(left + at * 3, 33 - (count / most) * 30, 2.5, (count / most) * 30));
  const x = frame.x(model.headMs * TICKS);
  g.fillStyle = ink("color") || "currentColor";
  frame.label("events", 18);
  g.fillRect(x - 0.75, 0, 1.5, 34);
}

function theme() {
  switchTheme();
  clock.draw();
}

function wire() {
  const on = (/** @type {string} */ id, /** @type {() => void} */ call) => $(id).addEventListener("click", call);
  on("#first", () => goTo(1));
  on("#back", () => goTo(model.event - 1));
  on("#forward", () => goTo(model.event + 1));
  on("#to-failure", toFailure);
  on("#zoom-in", () => clock.zoom(0.6, model.headMs * TICKS));
  on("#zoom-out", () => clock.zoom(1.7, model.headMs * TICKS));
  on("#view-whole", () => clock.whole());
  on("#view-window", toWindow);
  on("#likely", () => void runLikely(model, clock, attempt, goTo));
  on("#theme", theme);
  scrub.addEventListener("input", () => goTo(Number(scrub.value)));
  keySelect.addEventListener("change", () => attempt(async () => {
    await model.showKey(keySelect.value);
    clock.draw();
    showState(model, act);
  }));
  $("#messages").addEventListener("toggle", showMessages);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => (readColours(), clock.draw()));
  useKeys([
    { keys: ["ArrowLeft", "ArrowRight"], names: "← →", what: "previous, next event", act: (key) => goTo(model.event + (key === "ArrowRight" ? 1 : -1)) },
    { keys: ["n", "p"], names: "n p", what: "next, previous event of the chosen node", act: (key) => void jump(model.node, key === "n" ? "next" : "previous") },
    { keys: ["m", "M"], names: "m M", what: "next, previous message of the selected operation", act: (key) => model.selected !== null && void jump(`#${model.selected}`, key === "m" ? "next" : "previous") },
    { keys: ["r", "c"], names: "r c", what: "next change of role, next commit", act: (key) => void jump(key === "r" ? "role" : "commit", "next") },
    { keys: ["[", "]"], names: "[ ]", what: "previous, next fault", act: (key) => void jump("fault", key === "]" ? "next" : "previous") },
    { keys: ["v"], names: "v", what: "the violation", act: toFailure },
    { keys: ["Home", "End"], names: "Home End", what: "first, last event", act: (key) => goTo(key === "Home" ? 1 : model.branch.events) },
    { keys: ["+", "=", "-"], names: "+ −", what: "zoom", act: (key) => clock.zoom(key === "-" ? 1.7 : 0.6, model.headMs * TICKS) },
    { keys: ["0"], names: "0", what: "whole run", act: () => clock.whole() },
    { keys: ["b"], names: "b", what: "to the branches", act: () => /** @type {HTMLElement | null} */ (document.querySelector('.branches [aria-current="true"]'))?.focus() },
    { keys: ["d"], names: "d", what: "dark or light", act: theme },
    { keys: ["?"], names: "?", what: "these keys", act: () => /** @type {HTMLDialogElement} */ ($("#help")).showModal() },
  ]);
}

function toFailure() {
  if (model.branch.failedMs === null) return;
  toWindow();
  goTo(model.branch.startsAt);
}

attempt(start);
