// What models say, readable also before it is complete: data is shown as lines. The counterpart of
// cogo/watch/said.py; both are tested with the same examples.

const PIECE = /"((?:[^"\\]|\\.)*)"?|[{}[\],:]|[^\s{}[\],:"]+/gs;

/** Return a text; of JSON, also of its beginning, lines that people can read. */
export function formatSaid(text) {
  const start = text.trimStart().replace(/^```json/, "").trimStart();
  if (!start.startsWith("{")) return text;
  const shown = [];
  const stack = [];
  let isKey = false;
  let dash = "";
  for (const match of start.matchAll(PIECE)) {
    const [piece] = match;
    if (piece === "{" || piece === "[") {
      dash = stack.at(-1) === "[" && piece === "{" ? "- " : "";
      stack.push(piece);
      isKey = piece === "{";
    } else if (piece === "}" || piece === "]") {
      stack.pop();
      if (!stack.length) break;
    } else if (piece === ",") isKey = stack.at(-1) === "{";
    else if (isKey) {
      shown.push(`\n${"  ".repeat(stack.length - 1 - dash.length / 2)}${dash}${decode(match)}: `);
      [isKey, dash] = [false, ""];
    } else if (piece !== ":" && piece !== "\\") {
      shown.push(stack.at(-1) === "[" ? `\n${"  ".repeat(stack.length - 1)}- ` : "", decode(match));
    }
  }
  return shown.join("").replace(/^\n+/, "");
}

/** Return a string without its quotes and escapes, or another value as it is. */
function decode([piece, body]) {
  if (body === undefined) return piece;
  try {
    return JSON.parse(`"${body.replaceAll("\n", "\\n").replaceAll("\t", "\\t")}"`);
  } catch {
    return body.slice(0, Math.max(0, body.lastIndexOf("\\"))); // it ends in the middle of an escape
  }
}
