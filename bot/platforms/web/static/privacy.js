// What is kept, consent, and being forgotten.
import { $, plain, remember, remembered } from "./dom.js";

export class Privacy {
  constructor(conversation, trouble) {
    this.conversation = conversation;
    this.trouble = trouble;
    $("call-me").value = remembered("call-me");
    $("call-me").addEventListener("input", () => remember("call-me", $("call-me").value.trim()));
    $("consent").addEventListener("click", () => this.#ask("privacy", { training: "on" }));
    $("refuse").addEventListener("click", () => this.#ask("privacy", { training: "off" }));
    $("forget").addEventListener("click", () => { $("sure").returnValue = "no"; $("sure").showModal(); });
    $("sure").addEventListener("close", () => {
      $("forget").focus();
      if ($("sure").returnValue === "yes") this.#forget();
    });
  }

  show() { return this.#ask("privacy", {}); }

  async #forget() {
    if (await this.#ask("forget", { confirm: "yes" })) {
      try { await this.conversation.fresh(); } catch (error) { this.trouble(error.message); }
    }
  }

  async #ask(name, args) {
    try {
      const words = plain((await this.conversation.command(name, args)).text);
      $("standing").textContent = words.replace(/ ?\/(forget|privacy)\b[^.]*\./g, ""); // here there are buttons for that
      return true;
    } catch (error) {
      this.trouble(error.message);
      return false;
    }
  }
}
