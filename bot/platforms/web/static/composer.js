// Words and pictures on their way to the wall.
import { $, make, say } from "./dom.js";
import { greetingTurn } from "./turns.js";

const COMMAND = /^\/(again|why|stop|new|help|privacy|forget)((?:\s+[a-z]+:\S+)*)$/; // as on every other platform

export class Composer {
  constructor(cast, conversation) {
    this.cast = cast;
    this.conversation = conversation;
    this.files = []; // { file, url }
    this.mode = "talk";
    this.sending = false;
    $("composer").addEventListener("submit", (event) => { event.preventDefault(); this.submit(); });
    $("words").addEventListener("keydown", (event) => {
      if (event.key === "Enter" && !event.shiftKey && !event.isComposing) { event.preventDefault(); this.submit(); }
    });
    $("words").addEventListener("input", () => this.#grow());
    $("pick").addEventListener("click", () => $("files").click());
    $("files").addEventListener("change", () => { this.add([...$("files").files]); $("files").value = ""; });
    $("stop").addEventListener("click", () => conversation.stop().then(() => $("words").focus()));
    $("new").addEventListener("click", () => this.#fresh());
    for (const mode of ["talk", "duet"]) $(`mode-${mode}`).addEventListener("click", () => this.choose(mode));
    document.addEventListener("paste", (event) => {
      const files = [...(event.clipboardData?.files ?? [])];
      if (files.length && !$("talk").hidden) { event.preventDefault(); this.add(files); }
    });
    this.#drops();
  }

  #drops() {
    const room = document.querySelector(".room");
    let depth = 0;
    const over = (on) => room.classList.toggle("over", on);
    const carries = (event) => [...(event.dataTransfer?.types ?? [])].includes("Files");
    window.addEventListener("dragenter", (event) => { if (carries(event)) { depth += 1; over(true); } });
    window.addEventListener("dragleave", (event) => { if (carries(event)) { depth = Math.max(0, depth - 1); over(depth > 0); } });
    window.addEventListener("dragover", (event) => { if (carries(event)) event.preventDefault(); });
    window.addEventListener("drop", (event) => {
      if (!carries(event)) return;
      event.preventDefault(); // or the browser would leave the page for the picture
      depth = 0;
      over(false);
      if (!$("talk").hidden) this.add([...event.dataTransfer.files]);
    });
  }

  add(files) {
    const most = this.cast.pictures ?? 8;
    const pictures = files.filter((file) => file.type.startsWith("image/") || /\.(hei[cf]|avif)$/i.test(file.name));
    const room = Math.max(0, most - this.files.length);
    this.files.push(...pictures.slice(0, room).map((file) => ({ file, url: URL.createObjectURL(file) })));
    if (pictures.length < files.length) this.complain("Only pictures can be hung here.");
    else if (pictures.length > room) this.complain(`One message takes at most ${most} pictures.`);
    else this.complain("");
    this.#previews();
    $("words").focus();
  }

  #previews() {
    $("previews").replaceChildren(...this.files.map((entry, n) => make("li", {},
      make("img", { src: entry.url, alt: `Picture ${n + 1}: ${entry.file.name}` }),
      make("button", { type: "button", "aria-label": `Remove picture ${n + 1}`, onclick: () => {
        this.files.splice(this.files.indexOf(entry), 1);
        URL.revokeObjectURL(entry.url);
        this.#previews();
        $("words").focus();
      } }, "×"))));
    this.refresh();
  }

  choose(mode) {
    this.mode = mode;
    this.cast.duet = mode === "duet";
    this.complain("");
    this.refresh();
  }

  refresh() {
    const { conversation, cast } = this;
    const steering = conversation.duet;
    const duet = this.mode === "duet" && !steering;
    $("mode-talk").setAttribute("aria-pressed", String(this.mode === "talk"));
    $("mode-duet").setAttribute("aria-pressed", String(this.mode === "duet"));
    $("turns-field").hidden = !duet;
    $("stop").hidden = !conversation.busy;
    $("send").textContent = duet ? "Begin" : steering ? "Steer" : "Send";
    $("send").disabled = this.sending;
    const label = duet ? "What about? (optional)" : steering ? "Steer them with a word" : "Say something";
    $("words").placeholder = label;
    $("words").setAttribute("aria-label", label);
    $("whom").textContent = this.#whom(duet, steering);
    this.#greet(cast.characters.length === 1 && !duet ? cast.characters[0] : null);
    $("empty-title").textContent = duet && cast.chosen.length === 2 ? "Hang a picture for the two" : "Hang a picture";
  }

  #whom(duet, steering) {
    const names = this.cast.names;
    if (steering) return "A duet is running";
    if (duet) return names.length === 2 ? `${names[0]} and ${names[1]}` : "Choose two characters";
    return names.length ? `To ${names.join(", ")}` : "Choose a character";
  }

  #greet(one) {
    const spot = $("greeting");
    if (spot.dataset.who === (one?.id ?? "")) return;
    spot.dataset.who = one?.id ?? "";
    spot.replaceChildren(...(one?.greeting ? [greetingTurn(one)] : []));
  }

  complain(words) { say($("complaint"), words); }

  #grow() {
    const words = $("words");
    if (CSS.supports("field-sizing", "content")) return;
    words.style.height = "auto";
    words.style.height = `${words.scrollHeight + 2}px`;
  }

  async submit() {
    if (this.sending) return;
    const words = $("words").value.trim();
    const command = COMMAND.exec(words);
    if (command && !this.files.length) return this.#order(command[1], command[2]);
    const steering = this.conversation.duet;
    const duet = this.mode === "duet" && !steering;
    if (duet ? this.cast.chosen.length !== 2 : !steering && !this.cast.chosen.length)
      return this.complain(duet ? "A duet takes two characters: choose two of the cast." : "Choose who should answer.");
    if (!duet && !words && !this.files.length) return this.complain("Say something, or hang a picture.");
    const turns = Number($("duet-turns").value);
    if (duet && !(Number.isInteger(turns) && turns >= 2 && turns <= 24)) return this.complain("A duet has 2 to 24 turns.");
    const files = this.files;
    this.sending = true;
    this.#hand([], "");
    try {
      if (duet) {
        const [first, second] = this.cast.chosen;
        await this.conversation.startDuet({ first, second, turns, about: words }, files);
      } else await this.conversation.send(words, steering ? [] : this.cast.chosen, files);
    } catch (error) { // nothing is lost: words and pictures come back to be mended and sent again
      this.#hand([...files, ...this.files], $("words").value ? `${words}\n${$("words").value}` : words);
      this.complain(error.message);
    } finally { this.sending = false; }
    this.refresh();
    $("words").focus();
  }

  async #order(name, rest) {
    this.#hand([], "");
    if (name === "new") return this.#fresh();
    await this.conversation.tell(name, Object.fromEntries(rest.trim().split(/\s+/).filter(Boolean).map((pair) => pair.split(":", 2))));
    if (name === "forget") await this.conversation.load();
  }

  #hand(files, words) {
    this.files = files;
    $("words").value = words;
    this.complain("");
    this.#previews();
    this.#grow();
  }

  async #fresh() {
    try {
      await this.conversation.fresh();
      this.complain("");
    } catch (error) { this.complain(error.message); }
    $("words").focus();
  }
}
