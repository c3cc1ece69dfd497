// Puts the page together: unpacks the data, shows every panel, and connects them.

import { format, parse } from "./address.js";
import { Clock } from "./clock.js";
import { readColours, switchTheme } from "./colours.js";
import { showCycle } from "./cycle.js";
import { $, counted, int } from "./dom.js";
import { chooseKey, copy, showLacking, showServed } from "./extras.js";
import { showInspector } from "./inspector.js";
import { useKeys } from "./keyboard.js";
import { ClientLanes } from "./lanes_clients.js";
import { FaultLanes } from "./lanes_faults.js";
import { MessageLanes } from "./lanes_messages.js";
import { NodeLanes, nodesShown } from "./lanes_nodes.js";
import { showLegend } from "./legend.js";
import { describe, drawMini, firstView } from "./overview.js";
import { showPlots } from "./plots.js";
import { unpack } from "./run.js";
import { saveHistory } from "./save.js";
import { showSearch } from "./search.js";
import { State } from "./state.js";
import { showEvents, showFaults, showKeys, showTable } from "./tables.js";
import { States, Traffic } from "./traffic.js";
import { messagesOf, nodesAt } from "./traffic_parts.js";
import { setStep, showWhy } from "./why.js";

/** @param {import("./run.js").Run} run */
function start(run) {
  const state = new State(run), faults = new FaultLanes(run, state), clients = new ClientLanes(run, state);
  const traffic = new Traffic(run), states = new States(run);
  const nodes = new NodeLanes(nodesShown(run, states, traffic), states, {
    values: () => run.proof?.values ?? [], key: () => state.key, keyName: () => run.keyName(state.key),
    time: (tick) => `${run.time(tick, 3)} ${run.timeUnit}`, after: "not recorded",
  });
  const messages = new MessageLanes(run, state, traffic, clients, nodes);
  const violation = firstView(run);
  /** @type {[number, number]} The view to begin with, as far as the clock goes. */
  let home = [0, run.end];
  readColours();

  const clock = new Clock({
    place: $("#clock"), end: run.end, unit: run.unit, ordered: run.ordered, micro: run.micro, lanes: [faults, clients, nodes, messages],
    mini: (frame) => drawMini(frame, run, state, faults),
    time: (tick, digits) => run.time(tick, digits),
    window: run.header.outcome !== "invalid" ? null : run.proof?.window ?? (run.header.wrong === null ? null : [run.header.wrong, run.header.wrong]),
    moment: `✗ ${document.querySelector(".word")?.textContent?.toLowerCase()}`,
    describe: (kind, id) => describe(run, clients, nodes, traffic, kind, id),
    pick: (kind, id) => {
      if (kind === "op") select(id);
      else if (kind === "msg") traffic.op[id] >= 0 && select(traffic.op[id]);
      else if (kind === "fault") goToFault(run.faults[id]);
      else if (kind === "rest") (clients.unfold(), clock.draw());
    },
    hover: (kind, id) => (state.hovered = kind === "op" ? id : kind === "msg" && traffic.op[id] >= 0 ? traffic.op[id] : null),
    viewed: () => later(),
    drawn: () => count(),
    label: "Clock: faults and clients over time. j and k select the next and the previous operation; the table below lists the same.",
    miniLabel: `The whole run, ${run.time(run.end)} ${run.timeUnit}: operations and faults over time`,
  });

  /** @param {number | null} row @param {boolean} [go] */
  function select(row, go = false) {
    state.select(row);
    if (row !== null) {
      if (go) show(row);
      $("#announce").textContent = `#${run.number(row)} ${run.text(row)}, ${run.who(row)}, ${run.outcome(row)}`;
    }
    later();
  }

  /** Moves the view so that an operation is in it. @param {number} row */
  function show(row) {
    const from = run.call[row], to = Math.min(run.ret(row), run.end);
    if (from >= clock.from && to <= clock.to) return;
    const far = clock.to - clock.from > run.end / 3 && run.n > 200;
    const span = Math.max(far ? 2e8 / run.unit : clock.to - clock.from, (to - from) * 1.4);
    clock.setView(from - span * 0.4, from + span * 0.6);
  }

  /** @param {import("./run.js").Fault} fault */
  function goToFault(fault) {
    const span = Math.max(fault.to - fault.from, 4e7 / run.unit);
    clock.setView(fault.from - span * 0.3, fault.from + span * 1.2);
    $("#time").scrollIntoView({ block: "nearest" });
  }

  function count() {
    const span = `${run.time(Math.max(0, clock.from), 0)}–${run.time(Math.min(run.end, clock.to), 0)} ${run.timeUnit}`;
    const hidden = state.hiddenCount ? ` · hidden: ${counted(state.hiddenCount, "operation")}` : "";
    const cut = run.header.cut.operations ? ` · ${int(run.header.cut.operations)} more not in this page` : "";
    const some = clients.inView < run.n ? `${int(clients.inView)} of ` : "";
    $("#count").textContent = `${span} · ${some}${counted(run.n, "operation")}${clients.dense ? " as density" : ""}${cut}${hidden}${messageCount()}`;
    const near = (/** @type {number} */ a, /** @type {number} */ b) => Math.abs(a - b) < Math.max(1, (clock.to - clock.from) / 200);
    $("#view-whole").setAttribute("aria-pressed", String(clock.from <= 0 && clock.to >= run.end));
    if (violation) $("#view-window").setAttribute("aria-pressed", String(near(clock.from, home[0]) && near(clock.to, home[1])));
  }

  function messageCount() {
    if (!traffic.known) return "";
    if (messages.dense) return ` · ${int(traffic.total)} messages, ${int(traffic.lostTotal)} lost`;
    const hidden = messages.hidden ? `, ${int(messages.hidden)} hidden` : "";
    if (!messages.drawn && !hidden && !traffic.cut) return "";
    return ` · ${counted(messages.drawn, "message")}${traffic.cut ? `, ${int(traffic.cut)} not in this page` : ""}${hidden}`;
  }

  let waiting = 0;
  /** What may be late: the table of the window and the address. */
  function later() {
    clock.draw();
    plots.draw();
    clearTimeout(waiting);
    waiting = setTimeout(() => {
      state.changed("view");
      const scale = run.ordered ? 1 : run.unit / 1e6;
      const place = { op: state.selected === null ? undefined : run.number(state.selected), from: clock.from * scale, to: clock.to * scale, hide: [...state.hidden] };
      history.replaceState(null, "", format(place));
    }, 250);
  }

  const view = () => /** @type {[number, number]} */ ([clock.from, clock.to]);
  const plots = showPlots(run, state, faults, view, select);
  state.on((what) => what !== "view" && (clock.draw(), plots.draw()));

  /** @param {number} by */
  function stepOperation(by) {
    let row = state.selected === null ? (by > 0 ? run.firstFrom(clock.from) - 1 : run.firstFrom(clock.to)) : state.selected;
    do row += by;
    while (row >= 0 && row < run.n && !state.visible[row]);
    if (row >= 0 && row < run.n) select(row, true);
  }

  /** @param {number} by */
  function stepFault(by) {
    const middle = (clock.from + clock.to) / 2, slack = (clock.to - clock.from) / 1000;
    const next = by > 0 ? run.faults.find((one) => one.from > middle + slack) : [...run.faults].reverse().find((one) => one.from < middle - slack);
    const half = (clock.to - clock.from) / 2;
    if (next) clock.setView(next.from - half, next.from + half);
  }

  function toViolation() {
    if (!violation) return;
    clock.setView(...violation);
    select(run.culprit ?? run.proof?.ops[0] ?? null);
  }

  const theme = () => (switchTheme(), clock.draw(), plots.draw());
  const search = showSearch(run, select);
  useKeys([
    { keys: ["j", "k"], names: "j k", what: "next, previous operation", act: (key) => stepOperation(key === "j" ? 1 : -1) },
    { keys: ["v"], names: "v", what: "the violation", act: toViolation },
    { keys: ["n", "p"], names: "n p", what: "step through the order", act: (key) => setStep(state, state.step + (key === "n" ? 1 : -1)) },
    { keys: ["ArrowLeft", "ArrowRight"], names: "← →", what: "pan", act: (key) => clock.pan(key === "ArrowRight" ? 0.2 : -0.2) },
    { keys: ["+", "=", "-"], names: "+ −", what: "zoom", act: (key) => clock.zoom(key === "-" ? 1.7 : 0.6) },
    { keys: ["0"], names: "0", what: "whole run", act: () => clock.whole() },
    { keys: ["[", "]"], names: "[ ]", what: "previous, next fault", act: (key) => stepFault(key === "]" ? 1 : -1) },
    { keys: ["/"], names: "/", what: "search", act: search },
    { keys: ["d"], names: "d", what: "dark or light", act: theme },
    { keys: ["Escape"], names: "Esc", what: "select nothing, measure nothing", act: () => ((clock.measured = null), select(null)) },
    { keys: ["?"], names: "?", what: "these keys", act: () => /** @type {HTMLDialogElement} */ ($("#help")).showModal() },
  ]);

  showWhy(run, state, select);
  showCycle(run, state, select);
  showInspector(run, state, select, [(row) => nodesAt(run, states, row), (row) => messagesOf(run, traffic, row)]);
  showLegend(run, state, [{ name: "message", chips: traffic.kinds.map((kind, at) => ({ id: `m:${at}`, text: kind, count: traffic.kind.filter((one) => one === at).length })) }]);
  showLacking(run, traffic, states);
  chooseKey(run, state, states);
  showKeys(run, select);
  showFaults(run, goToFault);
  showTable(run, state, select, view);
  showEvents(run, select);
  showServed(run, select);

  $("#view-whole").addEventListener("click", () => clock.whole());
  $("#view-window").hidden = !violation;
  $("#view-window").addEventListener("click", toViolation);
  if (run.header.outcome !== "invalid") $("#view-window").textContent = "The operations";
  $("#zoom-in").addEventListener("click", () => clock.zoom(0.6));
  $("#zoom-out").addEventListener("click", () => clock.zoom(1.7));
  $("#search-button").addEventListener("click", search);
  $("#theme").addEventListener("click", theme);
  $("#save").addEventListener("click", () => saveHistory(run));
  document.querySelector("#copy")?.addEventListener("click", (event) => copy(/** @type {HTMLElement} */ (event.currentTarget)));
  for (const button of document.querySelectorAll("[data-go]")) {
    button.addEventListener("click", () => {
      const row = run.rowOf(Number(button.getAttribute("data-go")));
      if (row >= 0) select(row, true);
    });
  }
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => (readColours(), clock.draw(), plots.draw()));
  addEventListener("beforeprint", () => {
    document.documentElement.style.colorScheme = "light";
    readColours();
    if (violation) clock.setView(...violation);
    clock.paint();
  });
  addEventListener("hashchange", () => goTo(location.hash));

  /** @param {string} hash */
  function goTo(hash) {
    const place = parse(hash), scale = run.ordered ? 1 : 1e6 / run.unit;
    if (place.hide?.length) (state.hidden = new Set(place.hide)), state.filter();
    if (place.from !== undefined && place.to !== undefined) clock.setView(place.from * scale, place.to * scale);
    const row = place.op === undefined ? -1 : run.rowOf(place.op);
    if (row >= 0) {
      select(row, true);
      $("#time").scrollIntoView({ block: "nearest" });
    }
    return row >= 0 || place.from !== undefined;
  }
  if (!run.n) for (const panel of document.querySelectorAll("#time, section.two, #table, #raw")) /** @type {HTMLElement} */ (panel).hidden = true;
  if (violation) clock.setView(...violation);
  else clock.whole();
  home = [clock.from, clock.to];
  if (!goTo(location.hash)) select(run.culprit ?? run.proof?.ops[0] ?? null);
  clock.paint();
  Object.assign(globalThis, { naysayer: { run, state, clock, clients, messages, states, traffic } }); // for the console, and for tests
  document.documentElement.setAttribute("data-ready", "");
}

unpack($("#data").textContent ?? "").then(start);
