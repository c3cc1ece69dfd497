// Building elements, and numbers as people read them. Values are always put in place as text, never as HTML.

/** The element of a selector that the page is known to have.
 * @param {string} selector @returns {HTMLElement} */
export function $(selector) {
  const found = document.querySelector(selector);
  if (!(found instanceof HTMLElement)) throw new Error(`the page has no ${selector}`);
  return found;
}

/** @typedef {Node | string | null | undefined | false} Child */

/** An element. Attributes: `text` is its text, `on...` a listener, null leaves one out.
 * @param {string} tag @param {Record<string, any>} [attributes] @param {Child[]} children @returns {HTMLElement} */
export function el(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  dress(made, attributes, children);
  return made;
}

/** An element of SVG.
 * @param {string} tag @param {Record<string, any>} [attributes] @param {Child[]} children @returns {SVGElement} */
export function svg(tag, attributes = {}, ...children) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  dress(made, attributes, children);
  return made;
}

/** @param {Element} made @param {Record<string, any>} attributes @param {Child[]} children */
function dress(made, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value == null || value === false) continue;
    if (name === "text") made.textContent = String(value);
    else if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else made.setAttribute(name, value === true ? "" : String(value));
  }
  for (const child of children) if (child != null && child !== false) made.append(child);
}

/** A whole number with its thousands apart. @param {number} n */
export function int(n) {
  return n.toLocaleString("en-US");
}

/** @param {number} n @param {string} one @param {string} [many] */
export function counted(n, one, many = `${one}s`) {
  return `${int(n)} ${n === 1 ? one : many}`;
}

/** A number with so many decimals. @param {number} x @param {number} digits */
export function fixed(x, digits) {
  return x.toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

/** A table with these heads (a class may stand behind a bar: "began|num") and rows.
 * @param {string[]} heads @param {HTMLElement[]} rows */
export function table(heads, rows) {
  const cells = heads.map((head) => {
    const [text, kind] = head.split("|");
    return el("th", { text, class: kind, scope: "col" });
  });
  return el("table", {}, el("thead", {}, el("tr", {}, ...cells)), el("tbody", {}, ...rows));
}
