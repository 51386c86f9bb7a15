// Which model speaks, and for the owner the way to one that sees.
import * as api from "./api.js";
import { $, announce, make, say } from "./dom.js";

const LOOK = 1_000; // milliseconds between two looks at a download
const LINE = 50e6 / 8; // bytes a second of the connection that the estimate speaks of
const gb = (bytes) => `${(bytes / 1e9).toFixed(2)} GB`;
const minutes = (seconds) => `about ${Math.max(1, Math.round(seconds / 60))} min`;

export class Shop {
  constructor() {
    this.stage = null; // of the last look: a change is announced, not each second
    this.since = null; // { at, arrived } at the first look at this download
  }

  async open() {
    say($("model"), (await api.model()).words);
    const told = await api.models();
    $("shop").hidden = !told.mine;
    if (!told.mine) return;
    $("offers").replaceChildren(...(told.obstacle ? [] : told.offers.map((one) => this.#offer(one))));
    $("server").addEventListener("submit", (event) => { event.preventDefault(); this.#connect(event.target); });
    if (told.obstacle) say($("coming"), `No other file can be loaded here: ${told.obstacle}.`);
    if (told.progress.name) this.#show(told.progress);
  }

  async #connect(form) {
    const { address, model, key } = Object.fromEntries(new FormData(form));
    try {
      await api.server(address.trim(), model.trim(), key.trim());
      this.#show({ stage: "asking", name: address.trim() });
    } catch (error) { say($("coming"), error.message); }
  }

  #offer(one) {
    return make("li", {},
      make("span", {}, `${one.title}. ${one.size} GB on disk, ${one.memory} GB of memory, `
        + `${minutes(one.size * 1e9 / LINE)} at 50 Mbit/s. ${one.licence}`),
      make("button", { type: "button", "data-model": one.name, "aria-label": `Get ${one.name}`, onclick: () => this.#get(one.name) }, "Get"));
  }

  async #get(name) {
    this.since = null;
    try {
      await api.bring(name);
      this.#show({ stage: "fetching", name, arrived: 0, size: 0 });
    } catch (error) { say($("coming"), error.message); }
  }

  #show(now) {
    const busy = ["fetching", "loading", "asking"].includes(now.stage);
    const focused = $("shop").contains(document.activeElement) && document.activeElement.tagName === "BUTTON";
    for (const button of $("shop").querySelectorAll("button")) button.disabled = busy;
    if (busy && focused) $("coming").focus();
    $("arrived").hidden = !busy;
    if (now.size && now.stage === "fetching") $("arrived").value = now.arrived / now.size;
    else $("arrived").removeAttribute("value");
    say($("coming"), this.#words(now));
    say($("keep"), now.keep ?? "");
    if (busy) setTimeout(() => this.#look(), LOOK);
    if (now.stage !== this.stage) this.#told(now);
    this.stage = now.stage;
  }

  async #look() {
    try {
      const { progress } = await api.models();
      if (progress) this.#show(progress);
    } catch (error) {
      say($("coming"), error.message);
      setTimeout(() => this.#look(), LOOK * 4);
    }
  }

  async #told(now) {
    if (this.stage === null && now.stage === "done") return; // it was told before this page was loaded
    announce(this.#words({ ...now, arrived: 0, size: 0 }));
    if (now.stage !== "done") return;
    try { say($("model"), (await api.model()).words); } catch { /* told at the next load */ }
  }

  #words(now) {
    if (now.stage === "failed") return `${now.name} did not come: ${now.error}.`;
    if (now.stage === "asking") return `${now.name} is asked whether it answers, and whether it sees. Until then the former speaks.`;
    if (now.stage === "done") return `${now.name} speaks from now on${now.keep ? ", until this program ends. To keep it, put this into config.toml:" : "."}`;
    if (now.stage === "loading") return `${now.name} is here. It is checked and loaded; until then the former speaks.`;
    return `${now.name} is on its way${now.arrived ? `: ${gb(now.arrived)}` : ""}${now.size ? ` of ${gb(now.size)}${this.#left(now)}` : ""}. Broken off, it goes on where it was.`;
  }

  #left(now) {
    const at = performance.now();
    this.since ??= { at, arrived: now.arrived };
    const rate = (now.arrived - this.since.arrived) / (at - this.since.at);
    return rate > 0 ? `, ${minutes((now.size - now.arrived) / rate / 1000)} left` : "";
  }
}
