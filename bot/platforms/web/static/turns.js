// How a turn, a picture on the wall, and its label look.
import * as api from "./api.js";
import { face, icon, make } from "./dom.js";

const THUMB = ["M7 11v9H3.5v-9zM7 11l4-8c1.7 0 2.5 1.2 2.5 2.7v3.8h5.3c1.3 0 2 1 1.8 2.2l-1.3 6.6c-.2 1-1 1.7-2 1.7H7"];
const MAKERS = { eyes: "Seen by the fallback eyes", model: "Described by a model", person: "Described by a person" };

function label(caption, note) {
  if (!note) return;
  const sure = note.sure ? "" : ", unsure of the subject";
  const by = note.version ? ` (${note.version})` : "";
  caption.replaceChildren(
    make("span", { class: "shows" }, note.text),
    make("span", { class: "maker" }, `${MAKERS[note.maker] ?? note.maker}${by}${sure}`),
  );
  caption.hidden = false;
}

export function pictures(list) {
  if (!list.length) return null;
  return make("div", { class: "hung" }, ...list.map((picture) => {
    const caption = make("figcaption", { hidden: true, "data-sha": picture.sha256 });
    const image = make("img", {
      src: picture.blob ?? `/api/pictures/${picture.sha256}`, alt: "A picture that was shown",
      width: picture.width || undefined, height: picture.height || undefined,
    });
    label(caption, picture.note);
    return make("figure", {}, make("div", { class: "frame" }, image), caption);
  }));
}

// Notes are made when a character first needs them: asked for when a reply begins and when it ends.
export async function fillNotes(root) {
  for (const caption of root.querySelectorAll("figcaption[hidden]")) {
    if (!caption.dataset.sha) continue; // still on its way
    try {
      label(caption, (await api.note(caption.dataset.sha)).note);
    } catch { /* the picture stands without a label */ }
  }
}

export function personTurn(turn) {
  return make("li", { class: "turn person", "data-id": turn.id },
    make("p", { class: "name" }, turn.name),
    pictures(turn.pictures ?? []),
    turn.text ? make("p", { class: "text" }, turn.text) : null);
}

export function characterTurn(turn, character) {
  return make("li", { class: "turn", "data-id": turn, "data-character": character.id },
    face(character.id), make("p", { class: "name" }, character.name), make("p", { class: "text" }));
}

export function tools(name, { onReact, onWhy, onAgain }) {
  const thumb = (cls, words, emoji) => {
    const button = make("button", { type: "button", class: cls, "aria-label": `${words} this answer by ${name}`, "aria-pressed": "false", title: words }, icon(...THUMB));
    button.addEventListener("click", async () => {
      const on = button.getAttribute("aria-pressed") !== "true";
      if (await onReact(emoji, !on)) button.setAttribute("aria-pressed", String(on));
    });
    return button;
  };
  return make("div", { class: "tools" },
    thumb("up", "Like", "👍"), thumb("down", "Dislike", "👎"),
    make("button", { type: "button", class: "again", onclick: onAgain, "aria-label": `Another answer by ${name}` }, "Again"),
    make("button", { type: "button", class: "why", onclick: onWhy, "aria-label": `Why ${name} answered so` }, "Why"));
}

// Of an answer that did not come, the way on is what can be used.
export const onceMore = (name, onAgain) => make("div", { class: "tools" },
  make("button", { type: "button", class: "again", onclick: onAgain, "aria-label": `Another answer by ${name}` }, "Again"));

export const waiting = (words) => make("p", { class: "wait" }, words, make("span", { class: "dots", "aria-hidden": "true" }, "…"));

export function greetingTurn(character) {
  const node = characterTurn(undefined, character);
  node.classList.add("greeted");
  node.querySelector(".text").textContent = character.greeting;
  return node;
}

// Between two dialogues of one place: what was said above is not remembered below.
export const border = () => make("li", { class: "border" }, "A new dialogue");

export const aside = (words) => make("li", { class: "aside" }, words);

// A turn as the journal tells it, for reading.
export function readTurn(turn) {
  if (turn.speaker.kind === "human")
    return personTurn({ id: turn.message_id || turn.id, name: turn.speaker.name, text: turn.text, pictures: turn.pictures });
  const node = characterTurn(turn.id, turn.speaker);
  node.querySelector(".text").textContent = turn.gone || turn.text;
  node.classList.toggle("gone", Boolean(turn.gone));
  const hung = pictures(turn.pictures);
  if (hung) node.append(hung);
  return node;
}
