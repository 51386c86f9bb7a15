// Past dialogues: a catalogue, and one to read.
import * as api from "./api.js";
import { $, face, make, say } from "./dom.js";
import { fillNotes, readTurn } from "./turns.js";

const WHAT = { commentary: "A comment", "human-role": "A conversation", "inter-role": "A duet" };
const when = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });

export class Past {
  constructor(cast, trouble) {
    this.cast = cast;
    this.trouble = trouble;
    this.before = null;
    $("older").addEventListener("click", () => this.#more());
  }

  async list() {
    $("catalogue").replaceChildren();
    this.before = null;
    await this.#more();
  }

  async #more() {
    try {
      const answer = await api.dialogues(this.before);
      $("catalogue").append(...answer.dialogues.map((d) => this.#card(d)));
      this.before = answer.before;
      $("older").hidden = !answer.before;
      $("past-none").hidden = $("catalogue").childElementCount > 0;
    } catch (error) { this.trouble(error.message); }
  }

  #names(ids) { return ids.map((id) => this.cast.all.get(id)?.name ?? id).join(" and "); }

  #card(d) {
    const cover = d.cover
      ? make("img", { class: "art", src: `/api/pictures/${d.cover}`, alt: "", loading: "lazy" })
      : make("span", { class: "heads" }, ...d.characters.slice(0, 3).map((id) => face(id)));
    return make("li", {}, make("a", { href: `#/past/${encodeURIComponent(d.id)}` },
      make("div", { class: "cover" }, cover),
      make("h2", {}, this.#names(d.characters) || "A dialogue"),
      make("p", { class: "opening" }, d.opening),
      make("p", {}, `${WHAT[d.scenario] ?? d.scenario} of ${d.turns} turn${d.turns === 1 ? "" : "s"}, ${when.format(new Date(d.last))}`)));
  }

  async read(id) {
    $("read-turns").replaceChildren();
    say($("reading-title"), "A dialogue");
    try {
      const { turns } = await api.dialogue(id);
      $("read-turns").replaceChildren(...turns.map(readTurn));
      fillNotes($("read-turns"));
      const names = new Set(turns.filter((t) => t.speaker.kind === "character").map((t) => t.speaker.name));
      if (names.size) $("reading-title").textContent = [...names].join(" and ");
    } catch (error) { this.trouble(error.message); }
  }
}
