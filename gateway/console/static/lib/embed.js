// What draws itself, inside of components.

import { h, useEffect, useRef } from "/console/vendor/preact.js";

/** Show the element that `build()` makes; it is made anew when `of` changes. */
export function Embed({ build, of }) {
  const place = useRef(null);
  useEffect(() => place.current.replaceChildren(build()), [of]);
  return h("div", { ref: place });
}
