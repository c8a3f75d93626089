// Formatting of values. An unknown value is shown as a dash, not as zero.

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

/** A time to wait, in two units. */
export function remaining(ms) {
  const seconds = Math.ceil(ms / 1000);
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${seconds % 60} s`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return `${hours} h ${minutes % 60} min`;
  return `${Math.floor(hours / 24)} days ${hours % 24} h`;
}

export function between(begin, end) {
  return begin && end ? milliseconds(new Date(end) - new Date(begin)) : UNKNOWN;
}

/** The time, with the date unless it is today. */
export function clock(iso) {
  if (!iso) return UNKNOWN;
  const at = new Date(iso);
  const isToday = at.toDateString() === new Date().toDateString();
  return isToday ? at.toLocaleTimeString([], { hour12: false }) : moment(iso);
}

/** Date and time. */
export function moment(iso) {
  if (!iso) return UNKNOWN;
  const at = new Date(iso);
  const month = at.toLocaleDateString("en", { month: "short" });
  return `${at.getDate()} ${month} ${at.getFullYear()} ${at.toLocaleTimeString([], { hour12: false })}`;
}

/** Date and time with the name of the time zone. */
export function zonedMoment(iso) {
  const parts = new Intl.DateTimeFormat("en", { timeZoneName: "short" }).formatToParts(new Date(iso));
  return `${moment(iso)} ${parts.find(({ type }) => type === "timeZoneName").value}`;
}

/** The cost, marked if the simulator answered instead of a model. */
export function cost(row) {
  return row.simulated ? `${money(row.cost_usd)} simulated` : money(row.cost_usd);
}

export function count(value) {
  return value === null || value === undefined ? UNKNOWN : value.toLocaleString("en");
}

export function firstLine(text, most = 120) {
  const line = text.trim().split("\n", 1)[0];
  return line.length > most ? `${line.slice(0, most - 1)}…` : line;
}

/** The message of a row's error, and its hint unless that is the one that is `shown` already. */
export function explain(error, shown = null) {
  if (!error) return "";
  return [error.message ?? error.class ?? "it failed", error.hint !== shown && error.hint].filter(Boolean).join(" – ");
}

export const isOver = (status) => ["completed", "failed", "cancelled"].includes(status);
