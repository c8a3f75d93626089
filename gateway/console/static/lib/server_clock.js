// The time at the gateway: a browser's clock may be wrong, and deadlines are the server's.

let offset = 0;

/** Learn the time from the `Date` header of an answer, which has whole seconds. */
export function learnTime(header) {
  const at = Date.parse(header ?? "");
  if (Number.isNaN(at)) return;
  const found = at - Date.now();
  offset = Math.abs(found) > 2_000 ? found : 0;
}

export const now = () => Date.now() + offset;
