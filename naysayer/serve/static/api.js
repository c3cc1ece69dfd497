// Asking the server: addresses below the token, JSON, and errors as sentences.

/** The address of this server with its token. */
export const base = document.body.dataset.base ?? "";

/** @param {string} path below the token @param {Record<string, string | number>} [query] */
export function address(path, query = {}) {
  const asked = new URLSearchParams(Object.entries(query).map(([name, value]) => [name, String(value)])).toString();
  return `${base}${path}${asked ? `?${asked}` : ""}`;
}

/** The path of a run in an address. @param {string} name */
export function escaped(name) {
  return name.split("/").map(encodeURIComponent).join("/");
}

/** Asks, and gives what the server answered. Throws an Error whose message is a sentence.
 * @param {string} path @param {Record<string, string | number>} [query] @param {RequestInit} [options] @returns {Promise<any>} */
export async function ask(path, query, options) {
  let answer;
  try {
    answer = await fetch(address(path, query), options);
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new Error("The server does not answer: was naysayer serve ended?");
  }
  const content = await answer.json().catch(() => ({ error: `The server answered ${answer.status}.` }));
  if (!answer.ok) throw new Error(content.error ?? `The server answered ${answer.status}.`);
  return content;
}

/** Asks for something to be done. @param {string} path @param {unknown} [content] @returns {Promise<any>} */
export function tell(path, content = null) {
  return ask(path, {}, { method: "POST", body: JSON.stringify(content), headers: { "content-type": "application/json" } });
}
