// Puts the page together and follows the address.
import { Cast } from "./cast.js";
import { Composer } from "./composer.js";
import { Conversation } from "./conversation.js";
import { $, say } from "./dom.js";
import { Past } from "./past.js";
import { Privacy } from "./privacy.js";
import { Shop } from "./shop.js";

const VIEWS = ["talk", "past", "reading", "privacy"];
const trouble = (words) => say($("trouble"), words);

let composer = null;
const refresh = () => composer?.refresh();
const cast = new Cast(refresh);
const conversation = new Conversation({ cast, onState: refresh, onTrouble: trouble });
composer = new Composer(cast, conversation);
const past = new Past(cast, trouble);
const privacy = new Privacy(conversation, trouble);

function show(view, moved) {
  for (const other of VIEWS) $(other).hidden = other !== view;
  for (const link of document.querySelectorAll("nav a")) {
    const here = link.dataset.view === view || (view === "reading" && link.dataset.view === "past");
    if (here) link.setAttribute("aria-current", "page"); else link.removeAttribute("aria-current");
  }
  const title = $(`${view}-title`);
  document.title = view === "talk" ? "Vignette" : `${title.textContent} · Vignette`;
  if (view === "talk") conversation.shown();
  if (!moved) return;
  scrollTo(0, 0);
  if (view === "talk") $("words").focus(); else title.focus();
}

async function follow(moved = true) {
  trouble("");
  const [, view, id] = location.hash.split("/");
  if (view === "past" && id) { show("reading", moved); await past.read(decodeURIComponent(id)); }
  else if (view === "past") { show("past", moved); await past.list(); }
  else if (view === "privacy") { show("privacy", moved); await privacy.show(); }
  else show("talk", moved);
}

window.addEventListener("hashchange", () => follow());
document.querySelector(".skip").addEventListener("click", (event) => {
  event.preventDefault(); // the address after # is ours
  ($("talk").hidden ? $("main") : $("words")).focus();
});

try {
  await cast.load();
  await conversation.open();
  await follow(false);
  document.documentElement.dataset.ready = "yes";
  await new Shop().open(); // last: a model that is being loaded keeps the page from nothing
} catch (error) {
  trouble(error.message);
}
