// Questions to the server. Every failure becomes an Error whose message can be shown to a person.

export async function ask(path, options = {}) {
  let response;
  try {
    response = await fetch(path, { credentials: "same-origin", ...options });
  } catch {
    throw new Error("The server does not answer. Is it still running?");
  }
  let body = null;
  try { body = await response.json(); } catch { /* an answer without a body */ }
  if (response.ok) return body;
  const error = body?.error;
  const words = error ? sentence(error.what) + (error.mend ? ` ${sentence(error.mend)}` : "") : `The server refused (${response.status}).`;
  throw Object.assign(new Error(words), { status: response.status });
}

const sentence = (words) => words.charAt(0).toUpperCase() + words.slice(1).replace(/\.?$/, ".");

const json = (body) => ({
  method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body),
});

function form(body, pictures) {
  if (!pictures.length) return json(body);
  const data = new FormData();
  data.append("body", JSON.stringify(body));
  for (const picture of pictures) data.append("picture", picture, picture.name || "picture");
  return { method: "POST", body: data };
}

export const characters = (callMe) => ask(`/api/characters${callMe ? `?call_me=${encodeURIComponent(callMe)}` : ""}`);
export const model = () => ask("/api/model");
export const models = () => ask("/api/models");
export const bring = (name) => ask(`/api/models/${encodeURIComponent(name)}`, json({}));
export const server = (address, model, key) => ask("/api/server", json({ address, model, key }));
export const begin = () => ask("/api/conversations", json({}));
export const conversation = (id) => ask(`/api/conversations/${id}`);
export const send = (id, body, pictures) => ask(`/api/conversations/${id}/messages`, form(body, pictures));
export const command = (body, pictures = []) => ask("/api/commands", form(body, pictures));
export const react = (turn, body) => ask(`/api/turns/${encodeURIComponent(turn)}/reactions`, json(body));
export const dialogues = (before) => ask(`/api/dialogues${before ? `?before=${encodeURIComponent(before)}` : ""}`);
export const dialogue = (id) => ask(`/api/dialogues/${encodeURIComponent(id)}`);
export const note = (sha256) => ask(`/api/pictures/${sha256}/note`);
