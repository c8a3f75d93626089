// Who reads the console, and which parts they see. Parts keep pages calm; the gateway decides what may be done.

import { get } from "/console/lib/api.js";

let reader = null;

/** Read who it is; until that is known, all parts are shown. */
export async function loadReader() {
  reader = await get("/console/me");
}

/** Return `{ name, owner, role, is_operator, parts }`, or null while it is unknown. */
export const getReader = () => reader;

export const sees = (part) => reader === null || reader.parts.includes(part);
