// Elements made from code. Every string becomes a text node, so a title cannot become markup.
// Knows nothing of forecasts.

const SVG = "http://www.w3.org/2000/svg";

const isAttributes = (thing) => Object.getPrototypeOf(thing ?? 0) === Object.prototype;

const filled = (element, classes, content) => {
  if (classes.length) element.setAttribute("class", classes.join(" "));
  const [first, ...rest] = content;
  for (const [name, value] of Object.entries(isAttributes(first) ? first : {})) {
    if (value !== null && value !== undefined) element.setAttribute(name, String(value));
  }
  const children = (isAttributes(first) ? rest : content).flat(Infinity);
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
};

/** el("p.hint", {id: "x"}, "text", [more]): attributes may be left out, null children are. */
export const el = (tag, ...content) => {
  const [name, ...classes] = tag.split(".");
  return filled(document.createElement(name), classes, content);
};

export const svg = (tag, ...content) => {
  const [name, ...classes] = tag.split(".");
  return filled(document.createElementNS(SVG, name), classes, content);
};

export const list = (lines, tag = "ul") =>
  el(
    tag,
    lines.map((line) => el("li", line)),
  );

/** A row of a table of drawings: its name, the drawing, what it says. */
export const drawnRow = (name, drawing, said, kind) =>
  el("tr", { class: kind }, el("th", { scope: "row" }, name), el("td.drawn", drawing), el("td.said", said));

export const byId = (id) => document.getElementById(id);
