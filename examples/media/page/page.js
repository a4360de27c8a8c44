// @ts-check
/** Uploads a picture, orders twelve thumbnails, and follows each task's events until it is final. Texts go in as text, never as HTML. */

const formats = ["jpeg", "png", "webp", "avif"];
const crops = ["wide", "square", "tall"];
/** A browser keeps six connections to a host over HTTP/1.1; streams must leave room for the pictures. */
const mostStreams = 3;

const input = /** @type {HTMLInputElement} */ (element("file"));
const drop = element("drop");

input.addEventListener("change", () => void take(input.files?.[0]));
drop.addEventListener("dragover", (event) => {
  event.preventDefault();
  drop.classList.add("over");
});
drop.addEventListener("dragleave", () => drop.classList.remove("over"));
drop.addEventListener("drop", (event) => {
  event.preventDefault();
  drop.classList.remove("over");
  void take(event.dataTransfer?.files[0]);
});

/** Grows with every picture, so that the events of an earlier one are no longer shown. */
let turn = 0;

/** @param {File | undefined} file */
async function take(file) {
  if (file === undefined) return;
  const mine = ++turn;
  element("problem").hidden = true;
  try {
    show(file);
    const { image } = await post("/images", form(file));
    const variations = crops.flatMap((crop) => formats.map((format) => ({ width: 320, crop, format })));
    const { tasks } = await post(`/images/${encodeURIComponent(image)}/thumbnails`, JSON.stringify({ variations }));
    if (mine === turn) await followAll(tasks, mine);
  } catch (error) {
    if (mine !== turn) return;
    element("problem").textContent = error instanceof Error ? error.message : String(error);
    element("problem").hidden = false;
    element("work").hidden = element("tiles").childElementCount === 0;
  } finally {
    input.value = "";
  }
}

/** @param {File} file */
function show(file) {
  const original = /** @type {HTMLImageElement} */ (element("original"));
  URL.revokeObjectURL(original.src);
  original.src = URL.createObjectURL(file);
  original.alt = `The picture ${file.name}`;
  element("work-title").textContent = file.name;
  element("work").hidden = false;
  element("tiles").replaceChildren();
  /** @type {HTMLProgressElement} */ (element("bar")).value = 0;
  say("Sending …");
}

/** @param {File} file */
function form(file) {
  const body = new FormData();
  body.append("file", file, file.name);
  return body;
}

/** @param {string} url @param {FormData | string} body */
async function post(url, body) {
  const headers = typeof body === "string" ? { "content-type": "application/json" } : undefined;
  const response = await fetch(url, { method: "POST", body, headers });
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) throw new Error(answer.message ?? `The server answered ${response.status}.`);
  return answer;
}

/**
 * @typedef {{ id: string, location: string, width: number, crop: string, format: string }} Ordered
 * @param {Ordered[]} tasks @param {number} mine
 */
async function followAll(tasks, mine) {
  const started = performance.now();
  const bar = /** @type {HTMLProgressElement} */ (element("bar"));
  bar.max = tasks.length;
  let done = 0;
  let failed = 0;
  say(`0 of ${tasks.length} thumbnails`);
  const waiting = tasks.map((task) => ({ task, tile: makeTile(task) }));
  const lane = async () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const state = await follow(next.task, next.tile, mine);
      if (mine !== turn) return;
      if (state !== "SUCCESS") failed++;
      bar.value = ++done;
      const seconds = ((performance.now() - started) / 1000).toFixed(1);
      const all = done === tasks.length;
      say(
        `${done} of ${tasks.length} thumbnails${failed > 0 ? `, ${failed} failed` : ""}${all ? ` in ${seconds} s` : ""}`,
      );
    }
  };
  await Promise.all(Array.from({ length: mostStreams }, lane));
}

/** @param {Ordered} task @param {HTMLElement} tile @param {number} mine @returns {Promise<string>} */
function follow(task, tile, mine) {
  return new Promise((resolve) => {
    const events = new EventSource(`${task.location}/events`);
    /** @param {string} state */
    const end = (state) => {
      events.close();
      resolve(state);
    };
    events.addEventListener("progress", (event) => {
      if (mine !== turn) return end("");
      const { state, progress } = JSON.parse(event.data);
      tile.dataset["state"] = state;
      caption(tile, progress?.note ?? (state === "PENDING" ? "waiting" : state.toLowerCase()));
    });
    events.addEventListener("result", (event) => {
      const { state, result, error } = JSON.parse(event.data);
      tile.dataset["state"] = state;
      if (state === "SUCCESS") fill(tile, task, result);
      else caption(tile, error?.message ?? state.toLowerCase());
      end(state);
    });
    events.addEventListener("error", () => {
      // The browser connects again by itself, except where the server has refused.
      if (events.readyState !== EventSource.CLOSED) return;
      caption(tile, "the server no longer answers");
      end("FAILURE");
    });
  });
}

/** @param {Ordered} task */
function makeTile(task) {
  const tile = document.createElement("li");
  tile.dataset["state"] = "PENDING";
  const frame = document.createElement("div");
  frame.className = "frame";
  const text = document.createElement("p");
  text.className = "caption";
  text.append(`${task.crop} ${task.format}`, document.createElement("span"));
  tile.append(frame, text);
  element("tiles").append(tile);
  caption(tile, "waiting");
  return tile;
}

/** @param {HTMLElement} tile @param {Ordered} task @param {{ file: string, width: number, height: number, bytes: number }} result */
function fill(tile, task, result) {
  const url = `/thumbnails/${encodeURIComponent(result.file)}`;
  const picture = document.createElement("img");
  picture.src = url;
  picture.width = result.width;
  picture.height = result.height;
  picture.alt = `Thumbnail, ${task.crop}, as ${task.format}`;
  const link = document.createElement("a");
  link.href = url;
  link.append(picture);
  tile.querySelector(".frame")?.replaceChildren(link);
  caption(tile, `${result.width} × ${result.height}, ${Math.max(1, Math.round(result.bytes / 1024))} KiB`);
}

/** @param {HTMLElement} tile @param {string} text */
function caption(tile, text) {
  const line = tile.querySelector(".caption span");
  if (line !== null) line.textContent = text;
}

/** @param {string} text */
function say(text) {
  element("status").textContent = text;
}

/** @param {string} id */
function element(id) {
  const found = document.getElementById(id);
  if (found === null) throw new Error(`the page has no #${id}`);
  return found;
}
