// What was typed and not sent, kept in this tab's session storage: it outlives a reload.

const PREFIX = "cogo-draft:";

/** Return what was kept by this name, or null. */
export function readDraft(name) {
  try {
    return JSON.parse(sessionStorage.getItem(PREFIX + name));
  } catch {
    return null;
  }
}

/** Keep a value by a name; null forgets it. */
export function keepDraft(name, value) {
  try {
    if (value === null) sessionStorage.removeItem(PREFIX + name);
    else sessionStorage.setItem(PREFIX + name, JSON.stringify(value));
  } catch {
    // This browser stores nothing for this page: it stays until a reload.
  }
}

/** Forget everything that was kept: somebody else may read next. */
export function forgetDrafts() {
  for (const name of Object.keys(sessionStorage)) if (name.startsWith(PREFIX)) sessionStorage.removeItem(name);
}
