// Colours as CSS has them, for the canvases; and the colours of values.

const NAMES = ["bg", "raise", "fg", "fg2", "quiet", "fill", "line", "grid", "ok", "bad", "unknown", "fail", "old", "new",
  "third", "fourth", "ok-text", "bad-text", "unknown-text", "bad-wash", "link"];

/** @type {Record<string, string>} */
export const colours = {};

/** Reads the colours of the tokens; to be called again when light turns dark. */
export function readColours() {
  const probe = document.createElement("span");
  document.body.append(probe);
  for (const name of NAMES) {
    probe.style.color = `var(--${name})`;
    colours[name.replace("-", "_")] = getComputedStyle(probe).color;
  }
  colours.font = getComputedStyle(document.body).fontFamily;
  probe.remove();
}

/** Light becomes dark, or dark light. */
export function switchTheme() {
  const style = document.documentElement.style;
  const dark = style.colorScheme ? style.colorScheme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  style.colorScheme = dark ? "light" : "dark";
  readColours();
}

/** The place of a value among those of a proof, by its text: 0 the older, 1 the newest, then further ones; -1 for others.
 * @param {string[]} values in order of age @param {string | null} text */
export function place(values, text) {
  const at = text === null ? -1 : values.indexOf(text);
  if (at < 0) return -1;
  const back = values.length - 1 - at;
  if (values.length === 1) return 1;
  return back === 0 ? 1 : back === 1 ? 0 : back <= 3 ? back : -1;
}

/** @param {number} at */
export function colourOf(at) {
  return [colours.old, colours.new, colours.third, colours.fourth][at] ?? null;
}

/** The ink on it. @param {number} at */
export function inkOf(at) {
  return at === 1 ? "#fff" : at >= 0 ? "#111" : colours.fg;
}
