// Small helpers. Words of people and models only ever become text nodes, never markup.

export const $ = (id) => document.getElementById(id);

export function make(tag, props = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (name === "class") node.className = value;
    else node.setAttribute(name, value === true ? "" : String(value));
  }
  node.append(...children.filter((c) => c !== null && c !== undefined));
  return node;
}

const SVG = "http://www.w3.org/2000/svg";

export function icon(...paths) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  for (const d of paths) {
    const path = document.createElementNS(SVG, "path");
    path.setAttribute("d", d);
    svg.append(path);
  }
  return svg;
}

export const face = (id, cls = "face") =>
  make("img", { class: cls, src: `/api/faces/${encodeURIComponent(id)}.png`, alt: "" });

// The bot's own words may carry a little Markdown, meant for Discord: shown here as plain words.
export const plain = (words) => words.replace(/\*\*/g, "").replace(/`/g, "");

export function newId() {
  const bytes = crypto.getRandomValues(new Uint8Array(12));
  return "b" + Array.from(bytes, (b) => b.toString(16).padStart(2, "0")).join("");
}

// Storage may be switched off; the page works without it.
export function remembered(key, fallback = "") {
  try { return localStorage.getItem(`vignette.${key}`) ?? fallback; } catch { return fallback; }
}
export function remember(key, value) {
  try { localStorage.setItem(`vignette.${key}`, value); } catch { /* not kept, then */ }
}

export function announce(words) {
  const live = $("live");
  live.append(make("p", {}, words));
  while (live.childElementCount > 8) live.firstElementChild.remove();
}

export function say(node, words) {
  node.textContent = words;
  node.hidden = !words;
}
