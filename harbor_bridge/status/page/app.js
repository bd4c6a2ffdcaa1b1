// The status page of harbor-bridge. Whatever comes from outside (names of images, errors) becomes a
// text node, never markup.
"use strict";

const byId = (id) => document.getElementById(id);

function element(tag, className, text) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (text !== undefined) node.textContent = text;
  return node;
}

// Writes only what changed, so that a reader's selection and focus stay.
function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

function formatBytes(bytes) {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let unit = 0;
  while (bytes >= 1000 && unit < units.length - 1) {
    bytes /= 1000;
    unit += 1;
  }
  return (unit === 0 ? bytes : bytes.toFixed(1)) + " " + units[unit];
}

function formatSeconds(seconds) {
  if (seconds < 10) return Math.max(0, seconds).toFixed(1) + " s";
  if (seconds < 120) return Math.round(seconds) + " s";
  if (seconds < 7200) return Math.round(seconds / 60) + " min";
  if (seconds < 172800) return Math.round(seconds / 3600) + " h";
  return Math.round(seconds / 86400) + " d";
}

function ago(time) {
  return time ? formatSeconds((Date.now() - Date.parse(time)) / 1000) : "";
}

// Makes the rows of a table's body those of `items`, in their order. A row is made once for its key
// by `make(item)` and brought up to date by `update(row, item)`.
function showRows(body, items, keyOf, make, update, emptyText) {
  const columns = body.parentNode.tHead.rows[0].cells.length;
  const old = new Map();
  for (const row of Array.from(body.rows)) old.set(row.dataset.key, row);
  let place = body.firstChild;
  for (const item of items) {
    const key = "k:" + keyOf(item);
    let row = old.get(key);
    old.delete(key);
    if (!row) {
      row = make(item);
      row.dataset.key = key;
    }
    if (row === place) {
      place = place.nextSibling;
    } else {
      body.insertBefore(row, place);
    }
    update(row, item);
  }
  for (const row of old.values()) row.remove();
  if (items.length === 0) {
    const row = element("tr");
    const cell = element("td", "empty", emptyText);
    cell.colSpan = columns;
    row.dataset.key = "empty";
    row.append(cell);
    body.append(row);
  }
}

function makeRow(classNames) {
  const row = element("tr");
  for (const className of classNames) row.append(element("td", className));
  return row;
}

// ---- Harbors and events ----

function makeHarbor() {
  const row = makeRow(["name", "", "", "number", "number", "number", "number", "number", ""]);
  row.cells[0].append(element("span"), element("span", "detail"));
  row.cells[1].append(element("span", "health"), element("span", "detail"));
  row.cells[2].append(element("span"), element("span", "detail bad"));
  return row;
}

// When events were last checked against the Harbor; `rounds` undefined: they are not.
function reconciled(rounds) {
  if (!rounds) return "off";
  const last = rounds.ended ? ago(rounds.ended) + " ago" : "not yet";
  const missed = rounds.found + rounds.gone;
  return (rounds.running ? "now; before: " : "") + last +
      (missed > 0 ? ", " + missed + " found" : "");
}

function updateHarbor(row, harbor) {
  setText(row.cells[0].firstChild, harbor.name);
  setText(row.cells[0].lastChild, harbor.registry);
  const health = row.cells[1].firstChild;
  health.dataset.state = harbor.health;
  const words = { ok: "well", bad: "not well", unknown: "not asked yet" };
  const word = words[harbor.health] || harbor.health;
  setText(health, harbor.fault ? word + ": " + harbor.fault : word);
  setText(row.cells[1].lastChild, [harbor.problem, harbor.cure].filter(Boolean).join(" \u2014 "));
  setText(row.cells[2].firstChild, reconciled(harbor.reconciliation));
  setText(row.cells[2].lastChild, (harbor.reconciliation || {}).problem || "");
  const counts = [harbor.pending, harbor.running, harbor.done, harbor.failed, harbor.dead];
  counts.forEach((count, i) => setText(row.cells[3 + i], String(count || 0)));
  setText(row.cells[8], ago(harbor.oldest));
}

function showEvents(events) {
  const list = byId("events");
  for (const name of Object.keys(events).sort()) {
    let entry = Array.from(list.children).find((node) => node.firstChild.textContent === name);
    if (!entry) {
      entry = element("div");
      entry.append(element("dt", "", name), element("dd"));
      list.append(entry);
    }
    setText(entry.lastChild, String(events[name]));
  }
}

// `lease` null: this is the only bridge.
function showLease(lease) {
  const node = byId("lease");
  node.hidden = !lease;
  if (!lease) return;
  node.dataset.state = lease.held ? "held" : "standby";
  setText(node, lease.text);
}

// ---- Jobs ----

function makeRunning(job) {
  const row = makeRow(["name", "", "", ""]);
  const bar = element("progress");
  bar.setAttribute("aria-label", "progress of " + job.key);
  row.cells[1].append(bar, element("span", "detail"));
  return row;
}

function updateRunning(row, job) {
  const progress = job.progress;
  setText(row.cells[0], job.key);
  const bar = row.cells[1].firstChild;
  if (progress.bytes_total > 0) {
    bar.max = progress.bytes_total;
    bar.value = progress.bytes_done;
    setText(row.cells[1].lastChild,
            progress.blobs_done + " of " + progress.blobs_total + " blobs, " +
                formatBytes(progress.bytes_done) + " of " + formatBytes(progress.bytes_total) +
                (progress.agents_asked > 0
                     ? "; " + progress.agents_done + " of " + progress.agents_asked + " agents"
                     : ""));
  } else {
    bar.removeAttribute("value");
  }
  setText(row.cells[2], progress.step);
  setText(row.cells[3], ago(job.begun));
}

function button(text, what, act) {
  const node = element("button", "", text);
  node.type = "button";
  node.setAttribute("aria-label", text + " " + what);
  node.addEventListener("click", act);
  return node;
}

function makeDead(job) {
  const row = makeRow(["name", "bad", "number", ""]);
  row.cells[3].append(
      button("Retry", job.key, () => order("/api/v1/dead-letters/retry", { key: job.key })), " ",
      button("Drop", job.key, () => order("/api/v1/dead-letters/drop", { key: job.key })));
  return row;
}

function updateDead(row, job) {
  setText(row.cells[0], job.key);
  setText(row.cells[1], job.error || "");
  setText(row.cells[2], String(job.attempts));
}

function updatePending(row, job) {
  setText(row.cells[0], job.key);
  setText(row.cells[1], String(job.priority));
  setText(row.cells[2], String(job.attempts));
  const seconds = (Date.parse(job.next_attempt) - Date.now()) / 1000;
  setText(row.cells[3], seconds > 0 ? "in " + formatSeconds(seconds) : "due");
  setText(row.cells[4], job.error || "");
}

function updateRecent(row, job) {
  setText(row.cells[0], job.key);
  row.cells[1].className = job.ok ? "" : "bad";
  setText(row.cells[1], job.result);
  setText(row.cells[2], formatSeconds((Date.parse(job.ended) - Date.parse(job.begun)) / 1000));
  setText(row.cells[3], ago(job.ended) + " ago");
}

function count(harbors, what) {
  return harbors.reduce((sum, harbor) => sum + (harbor[what] || 0), 0);
}

let latest = null;

function show(state) {
  if (state.error) return notice(state.error);
  const key = (job) => job.key;
  const ended = (job) => job.key + " " + job.ended;
  const row = (classNames) => () => makeRow(classNames);
  showRows(byId("harbors"), state.harbors, (h) => h.name, makeHarbor, updateHarbor, "none");
  showEvents(state.events);
  showLease(state.lease);
  showRows(byId("running"), state.running, key, makeRunning, updateRunning, "nothing");
  showRows(byId("dead"), state.dead, key, makeDead, updateDead, "none");
  showRows(byId("pending"), state.pending, key, row(["name", "number", "number", "", ""]),
           updatePending, "nothing");
  showRows(byId("recent"), state.recent, ended, row(["name", "", "", ""]), updateRecent,
           "nothing since the start");
  setText(byId("running-count"), String(state.running.length));
  setText(byId("dead-count"), String(count(state.harbors, "dead")));
  setText(byId("pending-count"), String(count(state.harbors, "pending")));
  byId("dead-all").hidden = state.dead.length < 2;
}

// ---- Orders and questions ----

function notice(text) {
  const node = byId("notice");
  node.hidden = !text;
  setText(node, text || "");
}

async function ask(path, options) {
  const response = await fetch(path, options);
  const answer = await response.json().catch(() => ({ error: response.statusText }));
  if (!response.ok) throw new Error(answer.error || response.statusText);
  return answer;
}

async function order(path, body) {
  try {
    await ask(path, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
    });
    notice("");
  } catch (error) {
    notice(error.message);
  }
}

async function tryImage(event) {
  event.preventDefault();
  const place = byId("decision");
  try {
    const path = "/api/v1/routes/explain?image=" + encodeURIComponent(byId("image").value.trim());
    const decision = await ask(path);
    const summary = element("p");
    summary.append(element("span", "name", decision.image), " of Harbor " + decision.harbor + ": ",
                   element("strong", "", decision.summary));
    const steps = element("ol");
    for (const step of decision.steps) {
      const name = step.rule ? step.rule + ": " : "";
      steps.append(element("li", step.matched ? "" : "detail",
                           (step.matched ? "\u2713 " : "\u2717 ") + name + step.reason));
    }
    place.replaceChildren(summary, steps);
  } catch (error) {
    place.replaceChildren(element("p", "bad", error.message));
  }
}

async function showRoutes() {
  try {
    const { routes } = await ask("/api/v1/routes");
    const update = (row, rule) => {
      setText(row.cells[0], rule.name);
      setText(row.cells[1], rule.image);
      setText(row.cells[2], rule.harbors.join(", ") || "all");
      setText(row.cells[3], rule.actions + (rule.continue ? ", and goes on" : ""));
    };
    showRows(byId("routes"), routes, (rule) => rule.name,
             () => makeRow(["", "pattern", "", ""]), update,
             "no routes: every image is prefetched and its tag set");
  } catch (error) {
    notice(error.message);
  }
}

// ---- Live ----

function connect() {
  const connection = byId("connection");
  const tell = (state, text) => {
    connection.dataset.state = state;
    setText(connection, text);
  };
  const source = new EventSource("/api/v1/events");
  source.addEventListener("snapshot", (event) => {
    latest = JSON.parse(event.data);
    tell("live", "live");
    show(latest);
  });
  source.addEventListener("error", () => {
    tell("lost", "the bridge does not answer; what you see is old");
    // A refusal ends an EventSource for good.
    if (source.readyState === EventSource.CLOSED) setTimeout(connect, 3000);
  });
}

byId("try").addEventListener("submit", tryImage);
byId("retry-all").addEventListener("click",
                                   () => order("/api/v1/dead-letters/retry", { all: true }));
// Times grow older without news.
setInterval(() => latest && show(latest), 1000);
showRoutes();
connect();
