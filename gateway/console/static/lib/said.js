// A sentence of the gateway, in which `commands` stand in backticks.

import { h } from "/console/vendor/preact.js";

export const Said = ({ text }) => String(text).split(/`([^`]+)`/).map((part, place) => (place % 2 ? h("code", {}, part) : part));
