// How figures read. An unknown figure is a dash: it is not zero.

const UNKNOWN = "–";

export function money(value) {
  if (value === null || value === undefined) return UNKNOWN;
  const amount = Number(value);
  const digits = amount === 0 || amount >= 0.995 ? 2 : Math.min(8, 2 - Math.floor(Math.log10(amount)));
  return `$${amount.toFixed(digits)}`;
}

export function milliseconds(value) {
  if (value === null || value === undefined) return UNKNOWN;
  if (value < 1000) return `${Math.round(value)} ms`;
  if (value < 60_000) return `${(value / 1000).toFixed(1)} s`;
  const seconds = Math.round(value / 1000);
  return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}

export function between(begin, end) {
  return begin && end ? milliseconds(new Date(end) - new Date(begin)) : UNKNOWN;
}

export function clock(iso) {
  return iso ? new Date(iso).toLocaleTimeString([], { hour12: false }) : UNKNOWN;
}

export function count(value) {
  return value === null || value === undefined ? UNKNOWN : value.toLocaleString("en");
}

export function firstLine(text, most = 120) {
  const line = text.trim().split("\n", 1)[0];
  return line.length > most ? `${line.slice(0, most - 1)}…` : line;
}

/** What an error of a row says: the sentence, and what to do. */
export function explained(error) {
  if (!error) return "";
  return [error.message ?? error.class ?? "it failed", error.hint].filter(Boolean).join(" – ");
}

export const isOver = (status) => ["completed", "failed", "cancelled"].includes(status);
