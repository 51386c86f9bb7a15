// A few checks in the manner of axe, on what is visible now. Returns a list of complaints.
() => {
  const found = [];
  const shown = (node) => node.checkVisibility({ opacityProperty: false, visibilityProperty: true });
  const say = (node, what) => found.push(`${what}: ${node.outerHTML.slice(0, 120)}`);
  const named = (node) => (node.getAttribute("aria-label") || node.textContent.trim()
    || (node.getAttribute("aria-labelledby") || "").split(" ").map((id) => document.getElementById(id)?.textContent ?? "").join("").trim()
    || [...(node.labels ?? [])].map((l) => l.textContent.trim()).join(""));

  for (const node of document.querySelectorAll("button, a[href], input:not([hidden]), textarea, [role=region], aside, nav, dialog"))
    if (shown(node) && !named(node)) say(node, "has no name");
  for (const node of document.querySelectorAll("img")) if (!node.hasAttribute("alt")) say(node, "has no alt");
  const ids = [...document.querySelectorAll("[id]")].map((n) => n.id);
  for (const id of new Set(ids)) if (ids.filter((other) => other === id).length > 1) found.push(`id twice: ${id}`);
  for (const node of document.querySelectorAll("[aria-labelledby]"))
    if (!document.getElementById(node.getAttribute("aria-labelledby"))) say(node, "is labelled by nothing");
  if (!document.documentElement.lang) found.push("no language");
  if (document.querySelectorAll("main").length !== 1) found.push("not one main");
  if ([...document.querySelectorAll("h1")].filter(shown).length !== 1) found.push("not one visible h1");
  for (const node of document.querySelectorAll("ul > :not(li), ol > :not(li)")) say(node, "not an item");
  for (const node of document.querySelectorAll("button, input, textarea, nav a")) {
    const box = node.getBoundingClientRect();
    if (shown(node) && box.width && (box.width < 24 || box.height < 24)) say(node, "is too small to touch");
  }
  if (document.documentElement.scrollWidth > innerWidth) found.push(`scrolls sideways: ${document.documentElement.scrollWidth}`);

  const parse = (colour) => {
    const n = colour.match(/[\d.]+/g).map(Number);
    return colour.startsWith("color(") ? [n[0] * 255, n[1] * 255, n[2] * 255, n[3] ?? 1] : [n[0], n[1], n[2], n[3] ?? 1];
  };
  const over = (top, under) => [0, 1, 2].map((i) => top[i] * top[3] + under[i] * (1 - top[3])).concat(1);
  const ground = (node) => {
    const stack = [];
    for (let at = node; at; at = at.parentElement) {
      const colour = parse(getComputedStyle(at).backgroundColor);
      stack.push(colour);
      if (colour[3] === 1) break;
    }
    return stack.reverse().reduce((under, top) => over(top, under), [255, 255, 255, 1]);
  };
  const light = (c) => {
    const [r, g, b] = c.slice(0, 3).map((v) => { v /= 255; return v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let text = walker.nextNode(); text; text = walker.nextNode()) {
    const node = text.parentElement;
    if (!text.data.trim() || !shown(node) || node.closest(".unseen, .skip, noscript, :disabled, svg")) continue;
    const style = getComputedStyle(node), back = ground(node);
    const [a, b] = [light(over(parse(style.color), back)), light(back)];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    const size = parseFloat(style.fontSize), large = size >= 24 || (size >= 18.66 && style.fontWeight >= 700);
    if (ratio < (large ? 3 : 4.5)) say(node, `contrast ${ratio.toFixed(2)}`);
  }
  return found;
}
