// The address of what is shown: `#/tasks?status=failed` is the path /tasks with one filter.

/** Return the path and the query (URLSearchParams) of the address. */
export function readAddress(hash = location.hash) {
  const [path, query = ""] = hash.replace(/^#/, "").split("?", 2);
  return { path: path || "/", query: new URLSearchParams(query) };
}

/** Build an address. Values that are null or empty are left out; an array gives one parameter for each item. */
export function buildAddress(path, values = {}) {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(values)) {
    for (const each of [value].flat()) {
      if (each !== null && each !== undefined && each !== "" && each !== false) query.append(name, String(each));
    }
  }
  const text = query.toString();
  return text ? `#${path}?${text}` : `#${path}`;
}

/** Show another address. With `replace`, Back does not return to this one. */
export function go(address, { replace = false } = {}) {
  if (!replace) {
    location.hash = address;
    return;
  }
  history.replaceState(null, "", address);
  window.dispatchEvent(new HashChangeEvent("hashchange"));
}

/** Change parameters of the present address; null removes one. Each value is a string or an array. */
export function changeQuery(changes, { replace = true } = {}) {
  const { path, query } = readAddress();
  const values = Object.fromEntries([...query.keys()].map((name) => [name, query.getAll(name)]));
  go(buildAddress(path, { ...values, ...changes }), { replace });
}
