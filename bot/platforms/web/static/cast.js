// Choosing who is spoken to.
import * as api from "./api.js";
import { $, face, make, remember, remembered } from "./dom.js";

const fold = (words) => words.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();

export class Cast {
  constructor(onChange) {
    this.all = new Map();
    this.chosen = [];
    this.most = 8;
    this.duet = false; // two are chosen then
    this.untouched = true; // nobody was chosen by the person yet
    this.onChange = onChange;
    $("search").addEventListener("input", () => this.#filter());
    $("faces").addEventListener("keydown", (event) => this.#arrows(event));
  }

  async load() {
    const answer = await api.characters(remembered("call-me")); // greetings may speak to them by name
    this.pictures = answer.pictures_per_turn;
    for (const character of answer.characters) this.all.set(character.id, character);
    const kept = remembered("cast").split(" ").filter((id) => this.all.has(id));
    this.untouched = !kept.length;
    this.chosen = kept.length ? kept : [...this.all.keys()].slice(0, 1);
    $("faces").replaceChildren(...answer.characters.map((c) => make("li", { "data-words": fold(`${c.name} ${c.origin} ${c.kind}`) },
      make("button", { type: "button", "data-id": c.id, title: c.introduction.slice(0, 300), onclick: () => this.toggle(c.id) },
        face(c.id), make("span", {}, make("span", { class: "who" }, c.name), make("span", { class: "from" }, c.origin))))));
    this.#show();
    document.querySelector("#faces button[aria-pressed=true]")?.scrollIntoView({ block: "nearest", inline: "center" });
  }

  get characters() { return this.chosen.map((id) => this.all.get(id)); }
  get names() { return this.characters.map((c) => c.name); }

  toggle(id) {
    const others = this.chosen.filter((other) => other !== id);
    if (this.untouched && !this.duet) this.chosen = [id]; // whom we had chosen for them gives way
    else this.chosen = others.length < this.chosen.length ? others : [...others, id].slice(this.duet ? -2 : -this.most);
    this.untouched = false;
    remember("cast", this.chosen.join(" "));
    this.#show();
  }

  #show() {
    for (const button of $("faces").querySelectorAll("button"))
      button.setAttribute("aria-pressed", String(this.chosen.includes(button.dataset.id)));
    this.onChange();
  }

  #filter() {
    const typed = fold($("search").value.trim());
    let found = 0;
    for (const item of $("faces").children) {
      item.hidden = !item.dataset.words.includes(typed);
      if (!item.hidden) found += 1;
    }
    $("nobody").hidden = found > 0;
  }

  #arrows(event) {
    const step = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const buttons = [...$("faces").querySelectorAll("li:not([hidden]) button")];
    const next = buttons[buttons.indexOf(document.activeElement) + step];
    if (next) { event.preventDefault(); next.focus(); }
  }
}
