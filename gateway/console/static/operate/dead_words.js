// Sums of the groups of dead letters. Pure.

/** The filters, each with its label; the reasons are chosen in their table. */
export const FILTERS = [["error_class", "Why"], ["lane", "Lane"], ["type", "Type"]];

/** Return the groups that have all values of a filter; empty ones and null do not count. */
export const narrow = (groups, filter) => groups.filter((each) => Object.entries(filter).every(([name, value]) => !value || each[name] === value));

/** Return how many dead letters a filter finds. */
export const countLetters = (groups, filter) => narrow(groups, filter).reduce((sum, each) => sum + each.letters, 0);

/** Sum groups by reason, the most frequent first: `{ error, letters, lanes, last }`. */
export function sumGroups(groups) {
  const found = new Map();
  for (const { error_class: error, letters, lane, last_at: last } of groups) {
    const sum = found.get(error) ?? { error, letters: 0, lanes: [], last };
    found.set(error, { error, letters: sum.letters + letters, lanes: [...new Set([...sum.lanes, lane])], last: last > sum.last ? last : sum.last });
  }
  return [...found.values()].sort((a, b) => b.letters - a.letters || (a.error < b.error ? -1 : 1));
}
