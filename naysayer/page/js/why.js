// Why no order works: the operations that matter in a table, and a slider over the order as far as one goes.

import { $, el, table, int } from "./dom.js";
import { call, link, mark, pill, sentence } from "./pieces.js";

/** @typedef {import("./run.js").Run} Run */
/** @typedef {import("./state.js").State} State */

/** @param {Run} run @param {State} state @param {(row: number, go?: boolean) => void} select */
export function showWhy(run, state, select) {
  const proof = run.proof;
  if (!proof || (!proof.ops.length && !proof.order)) return;
  $("#why").hidden = false;
  const order = proof.order;
  state.step = order && proof.ops.length ? order.steps.length : 0;
  if (!proof.ops.length) {
    $("#why-title").textContent = "An order that works";
    $("#why-sub").textContent = proof.whole ? "of all operations, as the checker found it" : `of key ${run.keyName(proof.key ?? 0)}, as the checker found it`;
    $("#proof").remove();
  } else {
    const count = proof.ops.length === 1 ? "the operation that matters" : `the ${int(proof.ops.length)} operations that matter`;
    $("#why-title").textContent = run.header.outcome === "invalid" ? "Why no order works" : "The operations that matter";
    $("#why-sub").textContent = count + (proof.cut ? `; ${int(proof.cut)} more in verdict.json` : "");
  }
  if (order) {
    const slider = /** @type {HTMLInputElement} */ ($("#slider"));
    $("#step").hidden = false;
    slider.max = String(order.steps.length);
    slider.addEventListener("input", () => setStep(state, Number(slider.value)));
  }
  const redraw = () => {
    if (proof.ops.length) drawTable(run, state, select);
    if (order) drawStep(run, state, select);
  };
  state.on((what) => (what === "select" || what === "step") && redraw());
  redraw();
}

/** @param {State} state @param {number} step */
export function setStep(state, step) {
  const most = state.run.proof?.order?.steps.length ?? 0;
  state.step = Math.max(0, Math.min(most, step));
  state.changed("step");
}

/** @param {Run} run @param {State} state @param {(row: number, go?: boolean) => void} select */
function drawTable(run, state, select) {
  const proof = /** @type {import("./run.js").Proof} */ (run.proof);
  const steps = new Map((proof.order?.steps ?? []).map((step, at) => [step[0], { before: step[1], after: step[2], at }]));
  const stuck = new Map(proof.order?.stuck ?? []);
  const notes = proof.notes ?? {};
  const keyed = proof.key !== null && !proof.whole ? run.keyCalled(proof.key) : "state";
  const used = run.header.used ?? {};
  const heads = ["operation", "call", "client, node|roomy", `began|num roomy`, `ended, ${run.timeUnit}|num roomy`];
  if (proof.order) heads.push(`${keyed} before, after`);
  const answers = Object.keys(used).length > 0;
  heads.push(answers ? "answers its node had when it decided (outlined: came too late)|roomy" : "note|roomy");
  const rows = proof.ops.map((row) => {
    const step = steps.get(row), done = step && step.at < state.step;
    const micros = run.text(row).startsWith("txn ") ? notes[row] : undefined; // those that matter, in place of all
    const cells = [
      el("td", {}, mark(run, row), link(run, row, select)),
      micros ? el("td", { class: "text", text: micros }) : el("td", {}, ...call(run, row)),
      el("td", { class: "roomy", text: run.who(row) }),
      el("td", { class: "num roomy", text: run.time(run.call[row]) }),
      el("td", { class: "num roomy", text: run.dur[row] < 0 ? "?" : run.time(run.ret(row)) }),
    ];
    if (proof.order) cells.push(stateCell(run, step, stuck.get(row), notes[row], state.step === proof.order.steps.length));
    cells.push(answers ? el("td", { class: "roomy" }, ...answered(run, used[row] ?? [], notes[row]))
      : el("td", { class: "roomy text sub", text: micros ? word(run, row) : notes[row] ?? word(run, row) }));
    const kind = [row === run.culprit && "culprit", row === state.selected && "selected", step && !done && "todo"];
    return el("tr", { class: kind.filter(Boolean).join(" "), "data-row": row, onclick: () => select(row, true) }, ...cells);
  });
  const focused = document.activeElement?.closest("#proof [data-op]")?.getAttribute("data-op");
  $("#proof").replaceChildren(table(heads, rows));
  if (focused) /** @type {HTMLElement | null} */ (document.querySelector(`#proof [data-op="${focused}"]`))?.focus();
}

/** @param {Run} run @param {number} row */
function word(run, row) {
  return ["ok", `failed${run.error[row] ? `: ${run.header.error[run.error[row]]}` : ""}`, "outcome unknown"][run.status[row]];
}

/** @param {Run} run @param {{before: string, after: string, at: number} | undefined} step @param {string | undefined} why
 * @param {string | undefined} note @param {boolean} last */
function stateCell(run, step, why, note, last) {
  if (step && !step.at && anything(run)) return el("td", {}, el("span", { class: "sub", text: "anything" }), " → ", pill(run, step.after));
  if (step && step.before === step.after) return el("td", {}, pill(run, step.after));
  if (step) return el("td", {}, pill(run, step.before), " → ", pill(run, step.after));
  if (why !== undefined && last) return el("td", { class: "bad stuck", text: `✗ ${note && note.length < 40 ? note.replace(/:.*/, "") : "cannot be next"}` });
  return el("td", { class: "sub", text: "–" });
}

/** Whether the state before the first step is of no account: the step is a write, of a key that was in use before. @param {Run} run */
function anything(run) {
  const first = run.proof?.order?.steps[0]?.[0];
  if (first === undefined || !run.matter.has(first) || run.header.f[run.f[first]] !== "write") return false;
  for (let i = 0; i < first; i++) if (run.key[i] === run.key[first] && run.ret(i) < run.call[first] && !run.matter.has(i)) return true;
  return false;
}

/** @param {Run} run @param {[string, string, string][]} used node, value, how: "", "lost", "late", "none" @param {string} [note] */
function answered(run, used, note) {
  const shown = used.map(([node, value, how]) => {
    const got = how === "none" ? el("span", { class: "sub", text: " nothing" }) : pill(run, value, how);
    return el("span", { class: "got" }, node, got, how === "lost" ? el("span", { class: "bad", text: " lost" }) : null,
      how === "late" ? el("span", { class: "hidden-visually", text: " came too late" }) : null);
  });
  return shown.length ? shown : [el("span", { class: "sub", text: note ?? "not recorded" })];
}

/** @param {Run} run @param {State} state @param {(row: number, go?: boolean) => void} select */
function drawStep(run, state, select) {
  const proof = /** @type {import("./run.js").Proof} */ (run.proof);
  const order = proof.order;
  if (!order) return;
  const slider = /** @type {HTMLInputElement} */ ($("#slider"));
  slider.value = String(state.step);
  const object = proof.key !== null && !proof.whole ? run.keyCalled(proof.key) : "the state";
  /** @type {(Node | string)[]} */
  const words = [];
  if (state.step) {
    const [row, , after] = order.steps[state.step - 1];
    words.push("After ", link(run, row, select), `, ${object} is `, pill(run, after), ". ");
  } else if (order.steps.length) {
    words.push(`At the beginning ${object} is `, anything(run) ? "anything" : pill(run, order.steps[0][1]), ". ");
  }
  if (state.step < order.steps.length) {
    const row = order.steps[state.step][0];
    words.push("Next: ", link(run, row, select), ` (${run.text(row)}).`);
  } else if (order.stuck.length) {
    words.push("Next: ");
    order.stuck.forEach(([row, why], at) => {
      words.push(at ? "; or " : "", el("span", { class: "bad", text: "✗ " }), link(run, row, select), " ", ...sentence(run, why, select));
    });
    words.push(". No operation can be next.");
  } else {
    words.push(order.cut ? `${int(order.cut)} further operations follow; they are not in this page.` : "The order is complete.");
  }
  $("#state").replaceChildren(...words);
  slider.setAttribute("aria-valuetext", $("#state").textContent ?? "");
}
