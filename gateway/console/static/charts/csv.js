// Numbers of a chart as a CSV file.

import { downloadText } from "/console/lib/copy.js";

/** Return a text that no spreadsheet takes for a formula: https://owasp.org/www-community/attacks/CSV_Injection */
function escapeCell(value) {
  if (value === null || value === undefined) return "";
  if (typeof value === "number") return String(value);
  const text = /^[=+\-@\t\r\n]/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

export const formatCsv = (rows) => rows.map((cells) => `${cells.map(escapeCell).join(",")}\n`).join("");

/** Let the browser save rows as a file. */
export function saveCsv(name, rows) {
  downloadText(name, formatCsv(rows), "text/csv");
}
