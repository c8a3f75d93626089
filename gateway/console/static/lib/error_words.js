// What the classes of errors are called. Pure.

const NAMES = {
  at_capacity: "at the limit of calls",
  bad_tool_calls: "tool calls that cannot be read",
  circuit_open: "not called after many failures",
  incomplete_stream: "the answer broke off",
  malformed_response: "a response that cannot be read",
  not_asked: "not called",
  provider_spend_cap: "cap of a provider",
  spend_cap: "spending cap",
};

/** Name a class of errors; one without words of its own by the words of its code. */
export const nameError = (code) => NAMES[code] ?? code.replaceAll("_", " ");
