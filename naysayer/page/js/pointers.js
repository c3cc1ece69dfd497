// What pointers and wheels do to a clock and its minimap.

import { margin } from "./frame.js";

/** @typedef {import("./clock.js").Clock} Clock */

/** Zoom, pan, measuring and picking. @param {Clock} clock */
export function pointers(clock) {
  const { canvas, options } = clock;
  /** @type {Map<number, number>} */
  const down = new Map();
  /** @type {{x: number, from: number, to: number, moved: boolean, shift: boolean, at: number} | null} */
  let drag = null;
  let pinched = 0;
  /** @type {(event: MouseEvent) => [number, number]} */
  const place = (event) => {
    const box = canvas.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  };
  const at = (/** @type {number} */ x) => clock.frame?.at(x) ?? 0;
  canvas.addEventListener("pointerdown", (event) => {
    const [x] = place(event);
    down.set(event.pointerId, x);
    drag = { x, from: clock.from, to: clock.to, moved: false, shift: event.shiftKey, at: at(x) };
    pinched = 0;
    canvas.setPointerCapture(event.pointerId);
    canvas.focus({ preventScroll: true });
  });
  canvas.addEventListener("pointermove", (event) => {
    const [x, y] = place(event);
    if (down.has(event.pointerId)) down.set(event.pointerId, x);
    clock.cross = clock.frame && x > clock.frame.left ? at(x) : null;
    if (down.size === 2) {
      const [a, b] = [...down.values()], span = Math.max(8, Math.abs(a - b));
      if (pinched) clock.zoom(pinched / span, at((a + b) / 2));
      pinched = span;
      if (drag) drag.moved = true;
    } else if (drag) {
      drag.moved ||= Math.abs(x - drag.x) > 3;
      if (drag.shift) clock.measured = [drag.at, at(x)];
      else if (drag.moved && clock.frame) {
        const by = (x - drag.x) / clock.frame.scale;
        clock.setView(drag.from - by, drag.to - by);
      }
      clock.showTip(null, x, y);
    } else {
      const hit = clock.frame?.find(x, y);
      options.hover(hit?.kind ?? null, hit?.id ?? 0);
      clock.showTip(hit ? options.describe(hit.kind, hit.id) : null, x, y);
    }
    clock.draw();
  });
  const up = (/** @type {PointerEvent} */ event) => {
    down.delete(event.pointerId);
    if (drag && !drag.moved && event.type === "pointerup") {
      const hit = clock.frame?.find(...place(event));
      if (!drag.shift) clock.measured = null;
      if (hit && !drag.shift) options.pick(hit.kind, hit.id);
    }
    drag = null;
    clock.draw();
  };
  canvas.addEventListener("pointerup", up);
  canvas.addEventListener("pointercancel", up);
  canvas.addEventListener("pointerleave", () => {
    clock.cross = null;
    options.hover(null, 0);
    clock.showTip(null, 0, 0);
    clock.draw();
  });
  canvas.addEventListener("wheel", (event) => {
    const [x] = place(event);
    if (Math.abs(event.deltaX) > Math.abs(event.deltaY)) {
      event.preventDefault();
      clock.pan(event.deltaX / Math.max(1, canvas.clientWidth));
    } else if (event.ctrlKey || event.metaKey || document.activeElement === canvas) {
      event.preventDefault();
      clock.zoom(Math.exp(event.deltaY * 0.0016), at(x));
    }
  }, { passive: false });
  canvas.addEventListener("dblclick", (event) => clock.zoom(0.4, at(place(event)[0])));
}

/** The minimap: dragging its frame moves the view, dragging elsewhere chooses one, a click centres it. @param {Clock} clock */
export function brush(clock) {
  const { mini } = clock;
  /** @type {{tick: number, inside: boolean, from: number, to: number} | null} */
  let drag = null;
  const tickOf = (/** @type {PointerEvent} */ event) => {
    const box = mini.getBoundingClientRect();
    return ((event.clientX - box.left - margin()) / Math.max(1, box.width - margin())) * clock.end;
  };
  mini.addEventListener("pointerdown", (event) => {
    const tick = tickOf(event), slack = clock.end / 160;
    mini.setPointerCapture(event.pointerId);
    drag = { tick, inside: tick > clock.from - slack && tick < clock.to + slack, from: clock.from, to: clock.to };
  });
  mini.addEventListener("pointermove", (event) => {
    if (!drag) return;
    const by = tickOf(event) - drag.tick;
    if (drag.inside) clock.setView(drag.from + by, drag.to + by);
    else if (Math.abs(by) > clock.end / 300) clock.setView(Math.min(drag.tick, drag.tick + by), Math.max(drag.tick, drag.tick + by));
  });
  mini.addEventListener("pointerup", (event) => {
    if (drag && !drag.inside && Math.abs(tickOf(event) - drag.tick) <= clock.end / 300) {
      const half = (clock.to - clock.from) / 2;
      clock.setView(drag.tick - half, drag.tick + half);
    }
    drag = null;
  });
}
