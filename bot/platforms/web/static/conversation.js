// The conversation on the wall: drawn from the journal, kept up by the event stream.
import * as api from "./api.js";
import { $, announce, newId, plain, remember, remembered } from "./dom.js";
import { aside, border, characterTurn, fillNotes, greetingTurn, onceMore, personTurn, readTurn, tools, waiting } from "./turns.js";

const NEAR = 140; // pixels from the end within which the wall follows what is said
const LONG = 7_000; // milliseconds of silence after which the page says why

export class Conversation {
  constructor({ cast, onState, onTrouble }) {
    this.cast = cast;
    this.id = "";
    this.live = new Map(); // turn id -> { node, text }
    this.nodes = new Map(); // message or turn id -> node
    this.duet = false; // whether one runs
    this.over = false; // whether the next words begin a new dialogue
    this.onState = onState;
    this.onTrouble = onTrouble;
    this.source = null;
    this.epoch = 0; // counts loads, so that an answer that comes late is not drawn over a newer one
    this.following = true; // the wall keeps showing what is said last, unless a person scrolled up
    $("wall").addEventListener("scroll", () => { if (!$("talk").hidden) this.following = this.#nearEnd(); }, { passive: true });
    new ResizeObserver(() => { if (this.following) this.#toEnd(); }).observe($("turns"));
  }

  get busy() { return this.live.size > 0 || this.duet; }

  async open() {
    this.id = remembered("conversation");
    if (!/^c-[\w-]{16,64}$/.test(this.id)) await this.#begin();
    await this.load();
  }

  async #begin() {
    this.id = (await api.begin()).id;
    remember("conversation", this.id);
  }

  async fresh() {
    if (this.busy) await this.command("stop");
    await this.command("new");
    await this.#begin();
    await this.load();
  }

  async load() {
    const epoch = ++this.epoch;
    this.following = true;
    this.source?.close();
    const state = await api.conversation(this.id);
    if (epoch !== this.epoch) return;
    this.live.clear();
    this.nodes.clear();
    $("turns").replaceChildren();
    this.duet = state.duet;
    this.over = state.turns.at(-1)?.over ?? false;
    const [greeted, who] = remembered("greeted").split(" ");
    if (state.turns.length + state.heard.length && greeted === this.id) this.#greet(this.cast.all.get(who));
    let dialogue = state.turns[0]?.dialogue;
    for (const turn of state.turns) {
      if (turn.dialogue !== dialogue) $("turns").append(border());
      dialogue = turn.dialogue;
      const node = readTurn(turn);
      this.#put(turn.speaker.kind === "human" ? turn.message_id || turn.id : turn.id, node);
      if (turn.gone) this.#unsaid(turn.id, node, turn.speaker.name);
      else if (turn.speaker.kind !== "human") this.#finished(turn.id, node, turn.speaker.name);
    }
    for (const turn of state.heard) this.#human(turn);
    for (const turn of state.live) { this.#opened(turn); this.#updated({ turn: turn.turn, text: turn.text }); }
    this.#changed();
    this.#listen(state.after);
    fillNotes($("turns"));
  }

  #listen(after) {
    const source = new EventSource(`/api/conversations/${this.id}/events?after=${encodeURIComponent(after)}`);
    this.source = source;
    const on = (name, act) => source.addEventListener(name, (event) => {
      if (this.source !== source) return;
      act.call(this, JSON.parse(event.data));
      this.#changed();
    });
    on("human-turn", this.#human);
    on("human-withdrawn", (data) => this.#drop(data.id));
    on("turn-open", this.#opened);
    on("turn-update", this.#updated);
    on("turn-finish", this.#done);
    on("turn-abort", this.#aborted);
    on("duet", ({ running }) => { this.duet = running; this.over = !running; });
    on("notice", (data) => this.notice(plain(data.words)));
    on("resync", () => { source.close(); this.#reload(); });
    source.onopen = () => { this.onTrouble(""); };
    source.onerror = () => {
      if (this.source !== source) return;
      this.onTrouble("The connection is lost. Trying again.");
      if (source.readyState === EventSource.CLOSED) setTimeout(() => this.source === source && this.#reload(), 2000);
    };
  }

  #reload() {
    this.load().catch((error) => {
      this.onTrouble(error.message);
      if (error.status !== 401) setTimeout(() => this.#reload(), 4000);
    });
  }

  #put(id, node) {
    this.nodes.set(id, node);
    $("turns").append(node);
  }

  #drop(id) {
    this.nodes.get(id)?.remove();
    this.nodes.delete(id);
  }

  #human(turn) {
    const mine = this.nodes.get(turn.client);
    if (mine) { // drawn already when it was sent: from now on it goes by the server's id
      this.nodes.delete(turn.client);
      this.nodes.set(turn.id, mine);
      mine.classList.remove("sending");
      mine.querySelectorAll("figcaption").forEach((caption, n) => { caption.dataset.sha = turn.pictures[n]?.sha256 ?? ""; });
    } else if (!this.nodes.has(turn.id)) {
      this.#border();
      this.#put(turn.id, personTurn(turn));
    }
  }

  #border() {
    if (this.over && !this.duet) $("turns").append(border());
    this.over = false;
  }

  // A greeting is for the eye: it is no turn, and the model does not know of it.
  #greet(character) {
    if (character?.greeting) $("turns").append(greetingTurn(character));
  }

  #opened({ turn, character }) {
    if (this.nodes.has(turn)) return;
    const node = characterTurn(turn, character);
    node.classList.add("writing-now");
    node.setAttribute("aria-busy", "true");
    this.#put(turn, node);
    const live = { node, text: "" };
    this.live.set(turn, live);
    node.append(waiting(`${character.name} is thinking`));
    setTimeout(() => {
      const wait = node.querySelector(".wait");
      if (wait && this.live.get(turn) === live) wait.replaceWith(waiting(`${character.name} is still thinking. The first answer takes the longest`));
    }, LONG);
    fillNotes($("turns"));
  }

  #updated({ turn, more, text }) {
    const live = this.live.get(turn);
    if (!live) return;
    live.text = text ?? live.text + more;
    if (live.text) live.node.querySelector(".wait")?.remove();
    if (live.due) return; // many pieces, one drawing a frame
    live.due = requestAnimationFrame(() => {
      live.due = 0;
      if (this.live.get(turn) === live) live.node.querySelector(".text").textContent = live.text;
    });
  }

  #done({ turn, text, character }) {
    this.#opened({ turn, character });
    const node = this.nodes.get(turn);
    this.#still(turn, node, text);
    if (!node.querySelector(".tools")) {
      this.#finished(turn, node, character.name);
      announce(`${character.name}: ${text}`);
    }
    fillNotes($("turns"));
  }

  #still(turn, node, text) {
    this.live.delete(turn);
    node.classList.remove("writing-now");
    node.removeAttribute("aria-busy");
    node.querySelector(".wait")?.remove();
    node.querySelector(".text").textContent = text;
  }

  #aborted({ turn, words, character }) {
    const node = this.nodes.get(turn);
    if (!node || !words) { this.live.delete(turn); return this.#drop(turn); }
    this.#still(turn, node, words);
    node.classList.add("gone");
    this.#unsaid(turn, node, character.name);
    announce(words);
  }

  #unsaid(turn, node, name) {
    node.append(onceMore(name, () => this.tell("again", { message: turn })));
  }

  #finished(turn, node, name) {
    node.append(tools(name, {
      onReact: (emoji, removed) => this.#try(() => api.react(turn, { place: this.id, emoji, removed })),
      onWhy: () => this.#why(turn, node),
      onAgain: () => this.tell("again", { message: turn }),
    }));
  }

  // Told where it was asked; asked once more, it is taken away.
  async #why(turn, node) {
    if (node.nextElementSibling?.classList.contains("because")) return node.nextElementSibling.remove();
    await this.#try(async () => {
      const words = plain((await this.command("why", { message: turn })).text);
      const told = aside(words);
      told.classList.add("because");
      node.after(told);
      told.scrollIntoView({ block: "nearest" });
      announce(words);
    });
  }

  async tell(name, args = {}) {
    this.following = true;
    await this.#try(async () => {
      const answer = await this.command(name, args);
      if (answer.private) this.notice(plain(answer.text)); // what is for everybody comes as an event
    });
  }

  async #try(act) {
    try { await act(); return true; } catch (error) { this.notice(error.message); return false; }
  }

  notice(words) {
    if (!words) return;
    $("turns").append(aside(words));
    announce(words);
    this.#changed();
  }

  async send(words, characters, files) {
    const id = newId();
    this.following = true;
    const first = $("turns").childElementCount === 0 && characters.length === 1 && this.cast.all.get(characters[0]);
    if (first) {
      remember("greeted", `${this.id} ${first.id}`);
      this.#greet(first);
    }
    this.#border();
    const mine = personTurn({ id, name: this.me(), text: words, pictures: files.map((f) => ({ sha256: "", blob: f.url })) });
    mine.classList.add("sending");
    this.#put(id, mine);
    this.#changed();
    try {
      await api.send(this.id, { id, words, characters, call_me: remembered("call-me") }, files.map((f) => f.file));
    } catch (error) {
      this.#drop(id);
      if (first) $("turns").replaceChildren();
      this.#changed();
      throw error;
    }
  }

  async startDuet(args, files) {
    this.following = true;
    const answer = await this.command("duet", args, files.map((f) => f.file));
    if (answer.private) throw new Error(plain(answer.text)); // a refusal; a duet that begins is told to everybody
  }

  async stop() {
    await this.#try(async () => {
      const answer = await this.command("stop");
      if (answer.private) announce(answer.text);
    });
    this.#changed();
  }

  command(name, args = {}, pictures = []) {
    return api.command({ id: newId(), place: this.id, name, arguments: args, call_me: remembered("call-me") }, pictures);
  }

  me() { return remembered("call-me") || "Visitor"; }

  // A hidden wall forgets where it was scrolled to.
  shown() {
    this.following = true;
    this.#toEnd();
  }

  #nearEnd() {
    const wall = $("wall");
    return wall.scrollHeight - wall.scrollTop - wall.clientHeight < NEAR;
  }

  #toEnd() { if ($("empty").hidden) $("wall").scrollTop = $("wall").scrollHeight; }

  #changed() {
    $("empty").hidden = $("turns").childElementCount > 0;
    this.onState();
  }
}
