"use strict";

const EVERY = 1000; // milliseconds between two looks
const SHOWN = 400; // requests kept on the page
const KINDS = [
  ["profile", "Profiles", "profiles"], ["event", "Events", "events"], ["product", "Products", "products"],
  ["cart", "Carts", "carts"], ["order", "Orders", "orders"], ["session", "Sessions", "sessions"],
  ["coupon", "Coupons", "coupons"], ["refund", "Refunds", "refunds"], ["list", "Lists", "lists"],
  ["variant", "Variants", "variants"], ["property", "Properties", "properties"], ["action", "Actions", "actions"],
  ["app", "Apps", "apps"], ["form", "Forms", "forms"], ["object", "Custom objects", "objects"],
];
const FAULTS = [
  ["Slow (0.5 s)", { kind: "latency" }], ["503", { kind: "error" }], ["503, yet applied", { kind: "error", applied: true }],
  ["403", { kind: "error", status: 403 }], ["422", { kind: "error", status: 422 }], ["429", { kind: "rate_limit", retry_after: 2 }], ["Connection reset", { kind: "reset" }],
  ["Applied, no answer", { kind: "no_answer" }], ["Slow drip", { kind: "drip" }], ["Garbage", { kind: "garbage" }],
  ["Refuse connections (5 s)", { kind: "refuse" }], ["Revoke the token", { kind: "revoke" }],
];
const AT_ONCE = new Set(["refuse", "revoke"]);
const EMPTY = {
  profile: "No profile yet. Send one with POST /v1/profiles, or let a shop do it.",
  session: "No session yet. Hellotext.js announces one when a page starts; a short link makes one.",
};

const $ = (id) => document.getElementById(id);
const state = { kind: "profile", open: null, version: -1, seen: 0, paused: false, names: {}, faults: "", generation: null };

function el(tag, props = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === null || value === undefined) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (name in node && name !== "list") node[name] = value;
    else node.setAttribute(name, value);
  }
  node.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== ""));
  return node;
}

async function ask(path, options = {}) {
  const answer = await fetch(`/_emulator${path}`, options);
  const data = await answer.json();
  if (!answer.ok) throw new Error(data.errors ? data.errors[0].message : data.error);
  return data;
}

const clock = (seconds) => new Date(seconds * 1000).toLocaleTimeString([], { hourCycle: "h23" });
const day = (seconds) => new Date(seconds * 1000).toLocaleString([], { dateStyle: "medium", timeStyle: "short", hourCycle: "h23" });
const pretty = (value) => (typeof value === "string" ? value : JSON.stringify(value, null, 2));
const money = (price) => (price ? `${Number(price.amount).toFixed(2)} ${price.currency}` : "");
const named = (id) => (id ? state.names[id] || id : "");
const person = (p) => [p.first_name, p.last_name].filter(Boolean).join(" ") || p.emails[0] || p.phones[0] || "Nameless";
const count = (number, one, many) => `${number} ${number === 1 ? one : many}`;
const about = (event) => (event.trackable ? `${event.trackable.type.replace("_", " ")} ${named(event.trackable.id)}` : event.url || "");

function consent(value) {
  return el("span", { className: `pill ${{ subscribed: "good", unsubscribed: "bad" }[value] || ""}` }, value);
}

function words(kind, o) {
  const lines = (o.items || []).map((item) => `${item.quantity} × ${named(item.product)}`).join(", ");
  const origin = o.reference ? `reference ${o.reference}${o.source ? ` from ${o.source}` : ""}` : "";
  const owner = o.profile ? `profile ${named(o.profile)}` : o.session ? `session ${o.session}` : "";
  const join = (...parts) => parts.filter(Boolean).join(" · ");
  switch (kind) {
    case "profile": return [person(o), o.deleted ? "cleared" : consent(o.state), join([...o.emails, ...o.phones].join(", "), o.lists.map((l) => l.name).join(", "))];
    case "event": return [o.action.title || o.action.name, o.amount === null ? "" : money(o), join(about(o), owner, day(Number(o.tracked_at)))];
    case "product": return [o.name, money(o.price), join(o.sku && `SKU ${o.sku}`, origin, count(o.variants.length, "variant", "variants"))];
    case "variant": return [o.name, money(o.price), join(o.sku && `SKU ${o.sku}`, `of ${named(o.product)}`)];
    case "cart": return [o.reference ? `Cart ${o.reference}` : `Cart ${o.id}`, count(o.items.length, "product", "products"), join(lines || "empty", owner)];
    case "order": return [o.name || (o.reference ? `Order ${o.reference}` : `Order ${o.id}`), money(o.total), join(lines || "no lines", o.delivery, o.source)];
    case "refund": return [o.reference ? `Refund ${o.reference}` : `Refund ${o.id}`, money(o.total), o.refundable ? `of ${o.refundable.type} ${named(o.refundable.id)}` : ""];
    case "coupon": return [o.code, "", join(o.description, o.destination_url)];
    case "session": return [o.id, o.profile ? el("span", { className: "pill good" }, "attached") : el("span", { className: "pill" }, "anonymous"), join(owner, `from a ${o.origin}`, day(o.created_at))];
    case "property": return [o.name || `(${o.kind})`, o.kind, join(o.unique && "unique", o.profile && owner)];
    case "object": return [o.object_type, "", JSON.stringify(o.parameters)];
    default: return [o.title || o.name || o.id, "", join(o.name, day(o.created_at))];
  }
}

function row(kind, o) {
  const [title, side, under] = words(kind, o);
  return el("button", { type: "button", className: "row", "data-key": o.id, onclick: () => show(o.id) },
    el("span", { className: "title" }, title), el("span", { className: "side" }, side), el("span", { className: "under" }, under));
}

function facts(pairs) {
  const list = el("dl", { className: "facts" });
  for (const [name, value] of pairs) if (value !== null && value !== undefined && value !== "") list.append(el("dt", {}, name), el("dd", {}, value));
  return list;
}

function raw(o) {
  return el("details", {}, el("summary", { className: "quiet" }, "As the API shows it"), el("pre", {}, pretty(o)));
}

function lineList(items) {
  return el("ul", { className: "lines" }, items.map((item) => el("li", {}, el("span", {}, `${item.quantity} × ${named(item.product)}`), el("span", {}, money(item.price)))));
}

function back() {
  return el("button", { type: "button", "data-key": "back", onclick: () => show(null) }, "← All");
}

function detail(kind, o) {
  const [title, side, under] = words(kind, o);
  const plain = Object.entries(o).filter(([, value]) => value === null || typeof value !== "object").map(([name, value]) => [name.replaceAll("_", " "), name.endsWith("_at") && value ? day(Number(value)) : String(value ?? "")]);
  return el("div", { className: "detail" }, back(), el("div", { className: "top" }, el("strong", {}, title), side), el("p", { className: "quiet" }, under),
    o.items && o.items.length ? [el("h3", {}, "Lines"), lineList(o.items)] : null, el("h3", {}, "Attributes"), facts(plain), el("h3", {}, "Everything"), raw(o));
}

function profilePage(data) {
  const p = data.profile;
  const values = p.properties.filter((v) => !["email", "phone"].includes(v.kind)).map((v) => [v.name || v.kind, typeof v.value === "object" ? JSON.stringify(v.value) : String(v.value)]);
  const contact = (all, verified) => all.map((value) => (verified.includes(value) ? `${value} (verified)` : value)).join(", ");
  const events = data.events.map((e) => el("li", {},
    el("div", { className: "line" }, el("strong", {}, e.action.title || e.action.name), e.amount === null ? "" : el("span", {}, money(e)), el("time", { className: "quiet" }, day(Number(e.tracked_at)))),
    el("div", { className: "quiet" }, [about(e), e.session && `session ${e.session.slice(0, 8)}`].filter(Boolean).join(" · "))));
  return el("div", { className: "detail" }, back(),
    el("div", { className: "top" }, el("strong", {}, person(p)), p.deleted ? el("span", { className: "pill bad" }, "cleared") : consent(p.state)),
    facts([["Profile", el("code", {}, p.id)], ["E-mail", contact(p.emails, p.verified_emails)], ["Phone", contact(p.phones, p.verified_phones)], ["Lists", p.lists.map((l) => l.name).join(", ")], ["Since", day(p.created_at)], ...values]),
    el("h3", {}, `Timeline, ${count(data.events.length, "event", "events")}`),
    events.length ? el("ol", { className: "timeline" }, events) : el("p", { className: "quiet" }, "Nothing has happened yet."),
    data.carts.map((c) => [el("h3", {}, c.reference ? `Cart ${c.reference}` : `Cart ${c.id}`), c.items.length ? lineList(c.items) : el("p", { className: "quiet" }, "empty")]),
    data.sessions.length ? [el("h3", {}, "Sessions"), el("p", { className: "mono" }, data.sessions.map((s) => s.id).join(", "))] : null,
    el("h3", {}, "Everything"), raw(p));
}

function replace(target, ...nodes) {
  const key = target.contains(document.activeElement) ? document.activeElement.dataset.key : null;
  const open = [...target.querySelectorAll("details")].map((node) => node.open);
  const top = target.scrollTop;
  target.replaceChildren(...nodes);
  [...target.querySelectorAll("details")].forEach((node, place) => { node.open = Boolean(open[place]); });
  target.scrollTop = top;
  if (key) target.querySelector(`[data-key="${CSS.escape(key)}"]`)?.focus();
}

async function showObjects() {
  const { kind, open } = state;
  if (open && kind === "profile") {
    const data = await ask(`/timeline?profile=${encodeURIComponent(open)}`).catch(() => null);
    if (data === null) return show(null);
    state.names = data.names;
    if (open === state.open) replace($("objects"), profilePage(data));
    return;
  }
  const which = open ? `id=${encodeURIComponent(open)}` : `limit=100&q=${encodeURIComponent($("object-filter").value)}`;
  const data = await ask(`/objects?kind=${kind}&${which}`);
  if (kind !== state.kind || open !== state.open) return;
  state.names = data.names;
  if (open && data.objects.length) return replace($("objects"), detail(kind, data.objects[0]));
  if (open) return show(null);
  const text = $("object-filter").value ? "Nothing matches the filter." : EMPTY[kind] || "Nothing of this kind yet.";
  const rows = data.objects.map((o) => row(kind, o));
  if (data.total > rows.length && rows.length === 100) rows.push(el("p", { className: "empty" }, `The newest 100 of ${data.total}; filter to find others.`));
  replace($("objects"), ...(rows.length ? rows : [el("p", { className: "empty" }, text)]));
}

function show(id) {
  const was = state.open;
  state.open = id;
  $("objects").scrollTop = 0;
  showObjects().then(() => {
    const key = id ? "back" : was;
    if (key) $("objects").querySelector(`[data-key="${CSS.escape(key)}"]`)?.focus();
  });
}

function choose(kind, focus) {
  state.kind = kind;
  state.open = null;
  for (const tab of $("kinds").children) {
    const chosen = tab.dataset.kind === kind;
    tab.setAttribute("aria-selected", String(chosen));
    tab.tabIndex = chosen ? 0 : -1;
    if (chosen && focus) tab.focus();
  }
  $("objects").scrollTop = 0;
  showObjects();
}

function buildTabs() {
  for (const [kind, title, plural] of KINDS) {
    $("kinds").append(el("button", { type: "button", role: "tab", "data-kind": kind, onclick: () => choose(kind) }, title, el("b", { id: `count-${plural}` }, "0")));
  }
  $("kinds").addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const place = KINDS.findIndex(([kind]) => kind === state.kind);
    choose(KINDS[(place + step + KINDS.length) % KINDS.length][0], true);
  });
}

function fits(r) {
  const which = $("which").value;
  if (which === "refused" && r.accepted) return false;
  if (which === "faults" && !r.fault) return false;
  if (which === "writes" && r.method === "GET") return false;
  const text = $("request-filter").value.trim().toLowerCase();
  return !text || r.text.includes(text);
}

function requestNode(r, fresh) {
  r.text = [r.method, r.path, r.query, r.status, r.operation, r.reason, r.ignored.join(" "), r.uuid, r.fault, pretty(r.body_json), pretty(r.answer_json)].join(" ").toLowerCase();
  const good = r.accepted && r.status && r.status < 400;
  const status = el("span", { className: `pill ${good ? "good" : r.accepted ? "warn" : "bad"}` }, r.status ? String(r.status) : "none");
  const fault = r.fault ? el("span", { className: "pill warn fault" }, r.fault.replaceAll("_", " ")) : el("span", { className: "fault" });
  const action = r.body_json && typeof r.body_json.action === "string" ? el("span", { className: "action" }, r.body_json.action) : null;
  const unheard = r.accepted && !good ? "took effect, but the client was not told" : "";
  const ignored = r.ignored.length ? `ignored: ${r.ignored.join(", ")}` : "";
  const reason = [r.reason.startsWith("fault:") ? "did not take effect" : r.reason, unheard, ignored].filter(Boolean).join("; ");
  const body = r.body_json === null ? null : el("div", {}, el("h3", {}, "Request"), el("pre", {}, pretty(r.body_json)));
  const answer = el("div", {}, el("h3", {}, "Answer"), el("pre", {}, r.answer_json === null ? "nothing" : pretty(r.answer_json)));
  const info = [`number ${r.number}`, `${r.milliseconds} ms`, r.operation, r.uuid && `UUID ${r.uuid}`].filter(Boolean).join(" · ");
  const node = el("details", { className: `request ${r.accepted ? "" : "bad"} ${fresh ? "new" : ""}` },
    el("summary", {}, el("time", { className: "quiet" }, clock(r.at)), status, el("span", { className: "method" }, r.method),
      el("span", { className: "where" }, r.path + (r.query ? `?${r.query}` : ""), action), fault, reason ? el("span", { className: "reason" }, reason) : null),
    el("div", { className: "bodies" }, body, answer, el("p", { className: "quiet mono" }, info)));
  node.request = r;
  node.hidden = !fits(r);
  return node;
}

async function showRequests({ requests: total, generation }) {
  const target = $("requests");
  if (generation !== state.generation) { state.generation = generation; state.seen = 0; target.replaceChildren(); }
  if (total > state.seen) {
    const data = await ask(`/log?after=${state.seen}&limit=${SHOWN}`);
    const first = state.seen === 0;
    target.querySelector(".empty")?.remove();
    for (const r of data.requests) { target.prepend(requestNode(r, !first)); state.seen = r.number; }
    while (target.children.length > SHOWN) target.lastElementChild.remove();
  }
  if (!target.children.length) target.append(el("p", { className: "empty" }, `Waiting for the first request to ${location.origin}`));
}

function filterRequests() {
  for (const node of $("requests").children) if (node.request) node.hidden = !fits(node.request);
}

function showFaults(overview) {
  const now = JSON.stringify([overview.faults, overview.token_revoked, Math.ceil(overview.refusing)]);
  if (now === state.faults) return;
  state.faults = now;
  const chips = overview.faults.map((f) => {
    const scope = f.times ? `${f.times - f.hits} more` : f.rate < 1 ? `${Math.round(f.rate * 100)} % of requests` : "every request";
    return el("span", { className: "chip" }, `${f.kind.replace("_", " ")}${f.kind === "error" ? ` ${f.status}` : ""}, ${scope}, hit ${f.hits}`);
  });
  if (overview.token_revoked) chips.push(el("span", { className: "chip" }, "the token is revoked"));
  if (overview.refusing > 0) chips.push(el("span", { className: "chip" }, `refusing connections for ${Math.ceil(overview.refusing)} s`));
  if (chips.length) chips.push(el("button", { type: "button", "data-key": "clear", onclick: clearFaults }, "Let all go well again"));
  replace($("active"), ...chips);
}

async function steer(path, options) {
  await ask(path, options).catch(() => null); // the look that follows says when the emulator is away
  await look(true);
}

async function addFault(fault) {
  const [name, value] = $("scope").value.split(":");
  const scope = AT_ONCE.has(fault.kind) || name === "all" ? {} : { [name]: Number(value) };
  await steer("/faults", { method: "POST", body: JSON.stringify({ ...fault, ...scope }) });
}

async function clearFaults() {
  await steer("/faults", { method: "DELETE" });
  $("scope").focus(); // the button that was pressed is gone
}

async function look(now) {
  if (state.paused && !now) return;
  try {
    const overview = await ask("/overview");
    $("live").textContent = state.paused ? "paused" : "live";
    $("live").className = state.paused ? "live" : "live on";
    const changed = overview.version !== state.version || overview.generation !== state.generation;
    showFaults(overview);
    if (!changed) return;
    state.version = overview.version;
    $("business").textContent = `business ${overview.business_id} · ${overview.reading} reading`;
    $("total").textContent = overview.requests;
    $("accepted").textContent = overview.accepted;
    $("refused").textContent = overview.requests - overview.accepted;
    $("refused").className = overview.requests > overview.accepted ? "some" : "";
    for (const [plural, number] of Object.entries(overview.counts)) {
      const shown = $(`count-${plural}`);
      shown.textContent = number;
      shown.parentElement.classList.toggle("none", number === 0);
    }
    await Promise.all([showRequests(overview), showObjects()]);
  } catch (error) {
    state.version = -1;
    $("live").textContent = "not reachable";
    $("live").className = "live off";
  }
}

buildTabs();
for (const [title, fault] of FAULTS) $("fault-buttons").append(el("button", { type: "button", onclick: () => addFault(fault) }, title));
$("object-filter").addEventListener("input", () => { state.open = null; showObjects(); });
for (const id of ["request-filter", "which"]) $(id).addEventListener("input", filterRequests);
$("pause").addEventListener("click", () => {
  state.paused = !state.paused;
  $("pause").setAttribute("aria-pressed", String(state.paused));
  look(true);
});
$("reset").addEventListener("click", async () => {
  if (!confirm("Forget every object, request and fault?")) return;
  state.open = null;
  await steer("/reset", { method: "POST" });
});
document.addEventListener("keydown", (event) => {
  const typing = ["INPUT", "SELECT", "TEXTAREA"].includes(document.activeElement.tagName);
  if (event.key === "/" && !typing) { event.preventDefault(); $("request-filter").focus(); }
  if (event.key === "Escape" && state.open && !typing) show(null);
});
choose("profile");
(async function loop() {
  const began = performance.now();
  await look(false);
  setTimeout(loop, Math.max(EVERY, 4 * (performance.now() - began))); // a search among many objects costs the emulator
})();
