// The view in the page's address: #op-588, #t=3300-3400&key=z (times in ms), so that a place can be sent to others.

/** @typedef {{op?: number, from?: number, to?: number, key?: string, hide?: string[]}} Place */

/** @param {string} hash @returns {Place} */
export function parse(hash) {
  /** @type {Place} */
  const found = {};
  for (const piece of hash.replace(/^#/, "").split("&")) {
    const op = /^op-(\d+)$/.exec(piece), time = /^t=(-?[\d.]+)-([\d.]+)$/.exec(piece);
    if (op) found.op = Number(op[1]);
    else if (time) [found.from, found.to] = [Number(time[1]), Number(time[2])];
    else if (piece.startsWith("key=")) found.key = decoded(piece.slice(4));
    else if (piece.startsWith("hide=")) found.hide = decoded(piece.slice(5)).split(",").filter((id) => /^[a-z]:\d+$/.test(id));
  }
  return found;
}

/** @param {Place} place */
export function format(place) {
  const pieces = [];
  if (place.op !== undefined) pieces.push(`op-${place.op}`);
  if (place.from !== undefined && place.to !== undefined) pieces.push(`t=${short(place.from)}-${short(place.to)}`);
  if (place.key !== undefined) pieces.push(`key=${encodeURIComponent(place.key)}`);
  if (place.hide?.length) pieces.push(`hide=${place.hide.join(",")}`);
  return `#${pieces.join("&")}`;
}

/** @param {number} x */
function short(x) {
  return String(Number(Math.max(0, x).toFixed(3)));
}

/** @param {string} text */
function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
