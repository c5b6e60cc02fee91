"use strict";

// Everything is put in with textContent: what customers wrote is never read as markup.

const STATES = {
  new: ["新", "new", ""],
  answered: ["已回复", "answered", "good"],
  waiting_customer: ["等客户", "waiting for the customer", ""],
  queued: ["排队中", "queued", "wait"],
  offered: ["待接受", "offered", "wait"],
  assigned: ["处理中", "assigned", "wait"],
  wrapping: ["收尾", "wrapping up", "wait"],
  snoozed: ["搁置", "snoozed", ""],
  resolved: ["已解决", "resolved", "good"],
  closed: ["已关闭", "closed", ""],
};
const WITH_PEOPLE = new Set(["queued", "offered", "assigned", "waiting_customer"]);

let chinese = (localStorage.getItem("language") || navigator.language || "en").startsWith("zh");
let last = null;

const say = (words) => (chinese ? words.zh : words.en);

function element(tag, text, className) {
  const made = document.createElement(tag);
  if (text) made.textContent = text;
  if (className) made.className = className;
  return made;
}

function scene(act) {
  const item = element("li", say(act.title), act.state);
  const checks = element("ul");
  for (const words of act.seen) checks.append(element("li", "✓ " + say(words), "good"));
  if (act.failure) checks.append(element("li", "✗ " + say(act.failure), "bad"));
  if (checks.childElementCount) item.append(checks);
  if (act.state === "playing") item.setAttribute("aria-current", "step");
  return item;
}

function inquiry(row) {
  const [zh, en, tone] = STATES[row.state] || [row.state, row.state, ""];
  const made = element("tr");
  const queue = WITH_PEOPLE.has(row.state) ? row.queue : "";
  const urgent = row.urgent ? (chinese ? "紧急 " : "urgent ") : "";
  made.append(
    element("td", row.number),
    element("td", row.channel),
    element("td", row.contact_name),
    element("td", row.subject, "subject"),
    element("td", row.topic),
    element("td", chinese ? zh : en, tone),
    element("td", urgent + queue, row.urgent ? "bad" : ""),
    element("td", row.assigned_to),
  );
  return made;
}

function logged(event) {
  const item = element("li");
  item.append(
    element("time", new Date(event.at * 1000).toLocaleTimeString()),
    ` #${event.seq} `,
    element("span", event.inquiry, "faint"),
    ` ${event.kind} ${event.detail}`,
  );
  return item;
}

function show() {
  document.documentElement.lang = chinese ? "zh-CN" : "en";
  for (const node of document.querySelectorAll("[data-zh]")) {
    node.textContent = chinese ? node.dataset.zh : node.dataset.en;
  }
  const other = document.getElementById("language");
  other.textContent = chinese ? "English" : "中文";
  other.lang = chinese ? "en" : "zh-CN";
  if (!last) return;
  const seen = last.acts.filter((act) => act.state === "seen").length;
  document.getElementById("status").textContent = last.ended
    ? chinese
      ? `演完：${seen}/${last.acts.length} 幕`
      : `The end: ${seen} of ${last.acts.length} scenes seen`
    : last.now < 0
      ? ""
      : say(last.acts[last.now].title);
  document.getElementById("scenes").replaceChildren(...last.acts.map(scene));
  document.getElementById("inquiries").replaceChildren(...last.inquiries.map(inquiry));
  document.getElementById("events").replaceChildren(...last.events.slice().reverse().map(logged));
}

async function look() {
  try {
    const answer = await fetch("/demo/state", { cache: "no-store" });
    const text = await answer.text();
    if (!last || text !== look.text) {
      look.text = text;
      last = JSON.parse(text);
      show();
    }
  } catch {
    document.getElementById("status").textContent = chinese ? "演示已结束" : "The demo has ended";
  }
  setTimeout(look, 1000);
}

document.getElementById("language").addEventListener("click", () => {
  chinese = !chinese;
  localStorage.setItem("language", chinese ? "zh-CN" : "en");
  show();
});

document.getElementById("theme").addEventListener("click", () => {
  const root = document.documentElement;
  const dark = root.dataset.theme
    ? root.dataset.theme === "dark"
    : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = dark ? "light" : "dark";
  localStorage.setItem("theme", root.dataset.theme);
});

if (localStorage.getItem("theme")) {
  document.documentElement.dataset.theme = localStorage.getItem("theme");
}
show();
look();
