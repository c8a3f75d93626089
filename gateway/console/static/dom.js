// Elements from data. Text becomes text nodes, never markup; the page's policy refuses markup anyway.

const SVG = "http://www.w3.org/2000/svg";

/** Make an element. Properties named `on...` are listeners; null and false are left out. */
export function h(tag, properties = {}, ...children) {
  return filled(document.createElement(tag), properties, children);
}

/** The same for SVG. */
export function s(tag, properties = {}, ...children) {
  return filled(document.createElementNS(SVG, tag), properties, children);
}

export function show(element, ...children) {
  element.replaceChildren(...children.flat().filter((each) => each !== null && each !== false));
}

export const byId = (id) => document.getElementById(id);

function filled(element, properties, children) {
  for (const [name, value] of Object.entries(properties)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...children.flat().filter((each) => each !== null && each !== false));
  return element;
}
