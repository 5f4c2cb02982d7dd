"use strict";
// What the pages of reports and of the leaderboard share.
const introbench = (() => {
  const at = (id) => document.getElementById(id);

  // Texts only ever become text nodes; nothing in these pages is read as markup.
  const make = (tag, attributes, ...children) => {
    const node = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes || {})) {
      if (name === "click") node.addEventListener("click", value);
      else if (value === true) node.setAttribute(name, "");
      else if (value !== false && value !== null && value !== undefined) node.setAttribute(name, value);
    }
    for (const child of children.flat(3)) if (child !== null && child !== undefined) node.append(child);
    return node;
  };

  const share = (mille) => (mille < 0 ? "–" : mille === 1000 ? "1.00" : "." + String(mille).padStart(3, "0"));

  const bar = (mille, chosen) =>
    make("td", { class: chosen ? "chosen" : "" },
      make("meter", { min: 0, max: 1000, value: Math.max(mille, 0), "aria-hidden": "true" }), " " + share(mille) + (chosen ? " ✓" : ""));

  const unpack = async (text) => {
    const bytes = Uint8Array.from(atob(text.trim()), (letter) => letter.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
    return new Response(stream).json();
  };

  // ---- colours and printing
  const themes = ["automatic", "dark", "light"];
  const themeButton = at("theme");
  themeButton.hidden = false;
  themeButton.addEventListener("click", () => {
    const now = document.documentElement.dataset.theme || "automatic";
    const next = themes[(themes.indexOf(now) + 1) % themes.length];
    if (next === "automatic") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = next;
    themeButton.textContent = "Colours: " + next;
  });
  const openedForPrint = [];
  addEventListener("beforeprint", () => {
    for (const part of document.querySelectorAll("main details:not([open])")) {
      part.open = true;
      openedForPrint.push(part);
    }
  });
  addEventListener("afterprint", () => {
    for (const part of openedForPrint.splice(0)) part.open = false;
  });

  // ---- the prompts of a case: turns are pairs of role and text
  const turns = (pairs) => pairs.map(([role, text]) =>
    make("div", { class: "turn" }, make("span", { class: "role" }, role), make("p", {}, text)));
  const prompt = (heading, before, pieces) =>
    make("section", { class: "prompt" }, make("h3", {}, heading), turns(before),
      make("div", { class: "turn" }, make("span", { class: "role" }, "user"), make("p", {}, pieces)));
  const prompts = ({ before, beforeAsked, prefix, cued, uncued, suffix, question }) => {
    const mark = (text, name) => make("mark", { class: name }, text);
    const shots = beforeAsked.length - before.length;
    return [
      make("div", { class: "prompts" },
        prompt("With the cue", before, [prefix, mark(cued, "in"), suffix]),
        prompt("Without the cue", before, [prefix, uncued ? mark(uncued, "out") : null, suffix])),
      make("section", {}, make("h3", {}, "How the explanation is asked for"),
        shots > 0
          ? make("details", {}, make("summary", {}, shots + " turns of solved examples come first"), turns(beforeAsked)) : null,
        make("div", { class: "turn" }, make("span", { class: "role" }, "user"),
          make("p", {}, make("span", { class: "quiet" }, "(the prompt with the cue) "), question))),
    ];
  };

  return { at, bar, make, share, unpack, prompts };
})();
