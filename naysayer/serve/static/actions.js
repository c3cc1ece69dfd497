// What can be done at the play head: each makes a branch, which is run to its end and judged.

import { $, el } from "../../page/js/dom.js";
import { called } from "./cards.js";

/** @typedef {import("./model.js").Model} Model */

/** @param {string} name @param {string} label @param {string[]} options */
function choice(name, label, options) {
  return el("label", {}, el("span", { class: "sub", text: label }), el("select", { name }, ...options.map((text) => el("option", { value: text, text: called(text) }))));
}

/** @param {string} name @param {string} label @param {string} value @param {Record<string, any>} [more] */
function field(name, label, value, more = {}) {
  return el("label", {}, el("span", { class: "sub", text: label }), el("input", { name, value, type: "text", autocomplete: "off", ...more }));
}

/** @param {Model} model @param {(changes: unknown[]) => void} edit @param {(text: string) => void} say */
export function showActions(model, edit, say) {
  const { nodes, offers } = model.run, places = [...nodes, ...Array.from({ length: model.run.clients }, (_, n) => `c${n}`)];
  /** @type {[string, HTMLElement[], (get: (name: string) => string) => unknown[]][]} */
  const forms = [
    ["Kill a node", [choice("node", "node", nodes), choice("how", "how", ["the process ends", "power loss", "power loss, last write torn"]), choice("when", "when", ["now", "after 1 effect", "after 2 effects", "after 3 effects", "after 5 effects"])],
      (get) => [`kill ${get("node")}${get("how").startsWith("power") ? " power" : ""}${get("how").endsWith("torn") ? " torn" : ""}${get("when") === "now" ? "" : ` ${get("when")}`}`]],
    ["Pause, resume or restart", [choice("what", "what", ["pause", "resume", "restart"]), choice("node", "node", nodes)], (get) => [`${get("what")} ${get("node")}`]],
    ["Cut or degrade a link", [choice("what", "what", ["cut both ways", "cut one way", "lose half", "delay by 50 ms"]), choice("from", "from", places), choice("to", "to", [...places].reverse())],
      (get) => [{ "cut both ways": `cut ${get("from")} - ${get("to")}`, "cut one way": `cut ${get("from")} -> ${get("to")}`, "lose half": `degrade ${get("from")} -> ${get("to")} loss 0.5`,
        "delay by 50 ms": `degrade ${get("from")} -> ${get("to")} delay 50` }[get("what")]]],
    ["Heal everything", [], () => ["heal"]],
    ["Skew a clock", [choice("node", "node", nodes), field("ms", "ahead by, ms", "500"), field("rate", "rate", "1")],
      (get) => [`clock ${get("node")} ${Number(get("ms")) < 0 ? "-" : "+"}${Math.abs(Number(get("ms")))}${Number(get("rate")) === 1 ? "" : ` rate ${Number(get("rate"))}`}`]],
    ["Invoke an operation", [choice("f", "operation", offers), choice("node", "at", nodes), field("key", "key", model.run.key ?? ""), field("input", "input", "", { placeholder: "JSON: 7, [1, 2]" })],
      (get) => [{ type: "ask", f: get("f"), node: get("node"), key: value(get("key")), input: value(get("input")) }]],
  ];
  $("#actions").replaceChildren(...forms.map(([name, fields, changes]) => {
    const form = /** @type {HTMLFormElement} */ (el("form", { class: "act" }, ...fields, el("button", { class: "button", text: fields.length ? "Make a branch" : name })));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const given = new FormData(form);
      try {
        edit(changes((one) => String(given.get(one) ?? "").trim()));
      } catch (error) {
        say(error instanceof Error ? error.message : String(error));
      }
    });
    return fields.length ? el("details", { name: "act" }, el("summary", { text: name }), form) : form;
  }));
}

/** A text as JSON, or as itself where it is a word; nothing where it is empty. @param {string} text */
function value(text) {
  if (!text) return null;
  try {
    return JSON.parse(text);
  } catch {
    if (/^[\w.-]+$/.test(text)) return text;
    throw new Error(`${text} is neither JSON nor a word: text with spaces needs quotation marks`);
  }
}
