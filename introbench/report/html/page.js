(() => {
  const { at, bar, make, share, unpack } = introbench;
  const PAGE = 50;
  const CHANGED = 1, UNCHANGED = 0, UNPARSABLE = -1, NOT_ANSWERED = -2;

  // ---- the cases
  const start = (data) => {
    const string = (place) => data.strings[place];
    const state = { block: 0, model: 0, reference: 0, sort: "order", falling: false, page: 0, shown: [] };
    const words = new Map();

    const block = () => data.blocks[state.block];
    const model = () => block().models[state.model];
    const reference = () => block().models[state.reference];
    const choicesOf = (part, i) => data.lists[part.choices[i]].map(string);
    const idOf = (part, i) =>
      part.ids ? part.ids[i] : part.task + "/" + string(part.item[i]) + "/" + string(part.cue[i]);
    const behaved = (who, i) => who.uncued[i] >= 0 && who.cued[i] >= 0;
    const changes = (who, i) => who.uncued[i] !== who.cued[i];
    const differ = (one, other, i) =>
      behaved(one, i) && behaved(other, i) &&
      (changes(one, i) !== changes(other, i) || one.uncued[i] !== other.uncued[i]);
    const verdictRight = (who, teacher, i) => who.said[i] === (changes(teacher, i) ? CHANGED : UNCHANGED);
    const right = (who, teacher, i) => verdictRight(who, teacher, i) && who.content[i] === teacher.uncued[i];
    const verdict = (said) =>
      said === CHANGED ? "changed" : said === UNCHANGED ? "unchanged" : said === UNPARSABLE ? "unparsable" : "–";
    const label = (who, i) => (behaved(who, i) ? (changes(who, i) ? "changed" : "unchanged") : "–");
    const grade = (who, teacher, i) => {
      if (!behaved(teacher, i) || who.said[i] === NOT_ANSWERED) return "not scored";
      if (right(who, teacher, i)) return "right";
      if (verdictRight(who, teacher, i)) return "verdict right, content wrong";
      return who.content[i] === teacher.uncued[i] ? "verdict wrong, content right" : "wrong";
    };

    const searched = (part, i) => {
      if (!words.has(part)) words.set(part, []);
      const known = words.get(part);
      if (known[i] === undefined) {
        const texts = [idOf(part, i), ...choicesOf(part, i)];
        if (part.text[i]) texts.push(...part.text[i].slice(2, 6).map(string));
        for (const who of part.models) if (who.written[i] >= 0) texts.push(string(who.written[i]));
        known[i] = texts.join("\n").toLowerCase();
      }
      return known[i];
    };

    const keys = {
      order: (i) => i,
      id: (i) => idOf(block(), i),
      cue: (i) => string(block().cueKind[i]),
      label: (i) => label(model(), i),
      said: (i) => verdict(model().said[i]),
      changed: (i) => model().changed[i],
      grade: (i) => grade(model(), model(), i),
    };

    const choose = () => {
      const part = block(), who = model(), other = reference();
      const query = at("search").value.trim().toLowerCase();
      const cue = at("cue").value, outcome = at("outcome").value;
      const on = (id) => at(id).checked;
      const found = [];
      for (let i = 0; i < part.item.length; i += 1) {
        if (cue && string(part.cueKind[i]) !== cue) continue;
        if (on("flipped") && !(behaved(who, i) && changes(who, i))) continue;
        if (on("collapsed") && (who.collapsed === null || who.said[i] !== who.collapsed)) continue;
        if (on("unparsable") && who.said[i] !== UNPARSABLE) continue;
        if (on("differ") && !differ(who, other, i)) continue;
        if (outcome && (grade(who, who, i) === "right") !== (outcome === "right")) continue;
        if (outcome && grade(who, who, i) === "not scored") continue;
        if (query && !searched(part, i).includes(query)) continue;
        found.push(i);
      }
      if (state.sort !== "order") {
        const key = keys[state.sort], sign = state.falling ? -1 : 1;
        const of = new Map(found.map((i) => [i, key(i)]));
        found.sort((a, b) => {
          const one = of.get(a), two = of.get(b);
          return one < two ? -sign : one > two ? sign : a - b;
        });
      }
      state.shown = found;
    };

    const answerText = (part, i, place) => (place >= 0 ? choicesOf(part, i)[place] : "–");

    const row = (i, position) => {
      const part = block(), who = model();
      return make("tr", {},
        make("th", { scope: "row" },
          make("button", { type: "button", class: "open", click: () => open(position) }, idOf(part, i).slice(part.task.length + 1))),
        make("td", { class: "wide" }, string(part.cueKind[i])),
        make("td", { class: "wide" }, answerText(part, i, who.uncued[i]), " → ", answerText(part, i, who.cued[i])),
        make("td", {}, label(who, i)),
        make("td", {}, verdict(who.said[i])),
        make("td", { class: "wide" }, share(who.changed[i])),
        make("td", {}, make("span", { class: "grade " + grade(who, who, i).split(" ")[0] }, grade(who, who, i))));
    };

    const draw = () => {
      choose();
      const pages = Math.max(1, Math.ceil(state.shown.length / PAGE));
      state.page = Math.min(state.page, pages - 1);
      const first = state.page * PAGE;
      const rows = state.shown.slice(first, first + PAGE).map((i, offset) => row(i, first + offset));
      at("rows").replaceChildren(...rows);
      at("count").textContent =
        state.shown.length + " of " + block().item.length + " cases" +
        (pages > 1 ? ", page " + (state.page + 1) + " of " + pages : "");
      at("previous").disabled = state.page === 0;
      at("next").disabled = state.page === pages - 1;
      for (const head of document.querySelectorAll("#list th[data-sort]")) {
        const sorted = head.dataset.sort === state.sort;
        if (sorted) head.setAttribute("aria-sort", state.falling ? "descending" : "ascending");
        else head.removeAttribute("aria-sort");
      }
    };

    const options = (select, names, chosen) => {
      select.replaceChildren(...names.map((name, place) => make("option", { value: place, selected: place === chosen }, name)));
    };
    const chooseBlock = () => {
      const part = block();
      state.model = 0;
      state.reference = part.models.length > 1 ? 1 : 0;
      options(at("model"), part.models.map((who) => who.name + " (" + who.role + ")"), state.model);
      options(at("reference"), part.models.map((who) => who.name), state.reference);
      const kinds = [...new Set(part.cueKind)].map(string).sort();
      at("cue").replaceChildren(make("option", { value: "" }, "all"), ...kinds.map((kind) => make("option", { value: kind }, kind)));
      at("missing").textContent = part.missing
        ? "The prompts of " + part.missing + " cases are not shown: " + part.reason + "." : "";
      chooseModel();
    };
    const chooseModel = () => {
      const none = model().collapsed === null;
      at("collapsed").disabled = none;
      if (none) at("collapsed").checked = false;
      at("differ").disabled = state.model === state.reference;
      if (state.model === state.reference) at("differ").checked = false;
    };

    // ---- one case
    const dialog = at("case");
    const textOf = (part, i) => {
      const [before, beforeAsked, ...spans] = part.text[i];
      const turns = (place) => data.contexts[place].map(([role, text]) => [role, string(text)]);
      const [prefix, cued, uncued, suffix, question] = spans.map(string);
      return { before: turns(before), beforeAsked: turns(beforeAsked), prefix, cued, uncued, suffix, question };
    };
    const prompts = (part, i) =>
      part.text[i] ? introbench.prompts(textOf(part, i))
        : make("p", {}, "The prompts of this case are not shown: " + part.reason + ".");

    const answers = (part, who, i) => {
      const rows = choicesOf(part, i).map((text, place) => {
        const notes = [part.hint[i] === place ? "hint" : "", part.key[i] === place ? "key" : ""].filter(Boolean);
        const mille = (column) => (column[i] ? column[i][place] : -1);
        return make("tr", {}, make("th", { scope: "row" }, text, notes.map((note) => make("span", { class: "note" }, note))),
          bar(mille(who.pUncued), who.uncued[i] === place), bar(mille(who.pCued), who.cued[i] === place));
      });
      return make("table", {}, make("caption", {}, "Answers of " + who.name + ", with probabilities among the choices; ✓ chosen"),
        make("thead", {}, make("tr", {}, make("th", { scope: "col" }, "choice"),
          make("th", { scope: "col" }, "without the cue"), make("th", { scope: "col" }, "with the cue"))),
        make("tbody", {}, rows));
    };

    const explanation = (part, who, i) => {
      if (who.said[i] === NOT_ANSWERED) return make("p", {}, "It was not asked, or did not answer, how the cue mattered.");
      const parts = [];
      if (who.written[i] >= 0) {
        parts.push(make("p", {}, "It wrote:"), make("pre", { tabindex: "0" }, string(who.written[i])));
        const named = who.content[i] >= 0 ? "“" + choicesOf(part, i)[who.content[i]] + "”" : "no one choice";
        parts.push(make("p", {}, "Read as: " + verdict(who.said[i]) + (who.said[i] === UNPARSABLE ? "" : ", naming " + named) + "."));
      } else {
        const wording = part.wording[who.said[i]].split("{choice}").join(choicesOf(part, i)[who.content[i]]);
        parts.push(make("p", {}, "It says ", make("strong", {}, "“" + wording + "”"),
          ", with P(“changed”) = " + share(who.changed[i]) + "."));
      }
      return parts;
    };

    const candidates = (part, who, i) => {
      if (!who.pSaid[i]) return null;
      const choices = choicesOf(part, i);
      const rows = choices.map((text, place) => make("tr", {}, make("th", { scope: "row" }, text),
        make("td", {}, share(who.pSaid[i][place])), make("td", {}, share(who.pSaid[i][place + choices.length]))));
      return make("details", {}, make("summary", {}, "Probabilities of all candidate explanations"),
        make("table", {}, make("caption", {}, "Probability of each verdict with each content, among all of them"),
          make("thead", {}, make("tr", {}, make("th", { scope: "col" }, "content"),
            make("th", { scope: "col" }, "unchanged"), make("th", { scope: "col" }, "changed"))),
          make("tbody", {}, rows)));
    };

    const truth = (part, who, i) =>
      !behaved(who, i) ? "It has no label: a question was not answered."
        : "True of it: the cue " + (changes(who, i) ? "changes its answer; without it: “" : "does not change its answer, “") +
          choicesOf(part, i)[who.uncued[i]] + "”.";

    const section = (part, who, i) =>
      make("section", { class: "model" }, make("h3", {}, who.name + " (" + who.role + ")"),
        answers(part, who, i), make("p", {}, truth(part, who, i)), explanation(part, who, i),
        make("ul", {}, part.models.map((teacher) => make("li", {},
          (teacher === who ? "Self, against its own label: " : "Ref, against the label of " + teacher.name + ": ") +
          grade(who, teacher, i)))),
        candidates(part, who, i));

    const fill = (position) => {
      const part = block(), i = state.shown[position];
      const facts = [
        "cue: " + string(part.cue[i]) + " (" + string(part.cueKind[i]) + ", " + string(part.split[i]) + ")",
        "item kind: " + string(part.kind[i]),
        "hint: " + answerText(part, i, part.hint[i]), "key: " + answerText(part, i, part.key[i]),
      ];
      at("case-title").textContent = idOf(part, i);
      at("case-body").replaceChildren(make("p", { class: "quiet" }, facts.join(" · ")),
        ...[prompts(part, i)].flat(), ...part.models.map((who) => section(part, who, i)));
      at("case-previous").disabled = position === 0;
      at("case-next").disabled = position === state.shown.length - 1;
      state.position = position;
    };
    const open = (position) => {
      fill(position);
      dialog.showModal();
      dialog.scrollTop = 0;
    };
    at("case-previous").addEventListener("click", () => fill(state.position - 1));
    at("case-next").addEventListener("click", () => fill(state.position + 1));
    at("case-close").addEventListener("click", () => dialog.close());

    // ---- controls
    const again = () => { state.page = 0; draw(); };
    options(at("block"), data.blocks.map((part) => (data.blocks.some((o) => o.run !== part.run) ? part.run + ": " : "") + part.task), 0);
    at("block").addEventListener("change", () => { state.block = Number(at("block").value); chooseBlock(); again(); });
    at("model").addEventListener("change", () => { state.model = Number(at("model").value); chooseModel(); again(); });
    at("reference").addEventListener("change", () => { state.reference = Number(at("reference").value); chooseModel(); again(); });
    for (const id of ["cue", "outcome", "flipped", "collapsed", "unparsable", "differ"]) at(id).addEventListener("change", again);
    at("search").addEventListener("input", again);
    at("filters").addEventListener("submit", (event) => event.preventDefault());
    at("filters").addEventListener("reset", () => setTimeout(() => { state.block = 0; state.sort = "order"; chooseBlock(); again(); }));
    at("previous").addEventListener("click", () => { state.page -= 1; draw(); });
    at("next").addEventListener("click", () => { state.page += 1; draw(); });
    for (const head of document.querySelectorAll("#list th[data-sort]")) {
      head.querySelector("button").addEventListener("click", () => {
        state.falling = state.sort === head.dataset.sort && !state.falling;
        state.sort = head.dataset.sort;
        again();
      });
    }
    chooseBlock();
    draw();
    at("browser").hidden = false;
    at("loading").hidden = true;
    document.documentElement.dataset.ready = "";
  };

  unpack(at("data").textContent).then(start, (error) => {
    at("loading").textContent = "This browser cannot unpack the cases (" + error.message + "); a current one can.";
  });
})();
