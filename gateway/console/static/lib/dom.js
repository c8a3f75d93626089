// Creation of elements. Text becomes text nodes, never markup, which the page's policy forbids.

const SVG = "http://www.w3.org/2000/svg";

/** Create an element. Properties named `on...` are listeners; null and false are omitted. */
export function h(tag, properties = {}, ...children) {
  return fill(document.createElement(tag), properties, children);
}

/** Create an SVG element. */
export function s(tag, properties = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), properties, children);
}

export function show(element, ...children) {
  element.replaceChildren(...children.flat().filter((each) => each !== null && each !== false));
}

export const byId = (id) => document.getElementById(id);

function fill(element, properties, children) {
  for (const [name, value] of Object.entries(properties)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...children.flat().filter((each) => each !== null && each !== false));
  return element;
}
