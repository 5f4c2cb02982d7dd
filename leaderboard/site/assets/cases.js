(() => {
  const { at, bar, make, share, prompts } = introbench;
  const { load, number, signed, interval, readState, writeState } = board;
  const PAGE = 50, MOST_COMPARED = 4;
  const CHANGED = 1, UNPARSABLE = -1, NOT_ANSWERED = -2;
  const CHOICES = ["kind", "which", "search"];

  const start = (data) => {
    const state = { runs: [], board: null, cases: [], shown: [], page: 0, position: -1 };
    const name = (run) => run.org + "/" + run.model + " " + run.revision;
    const result = (run) => run.results[data.boards.indexOf(state.board)];

    // ---- what a run did and said on a case; null where it has none
    const behaved = (seen) => seen && seen.uncued >= 0 && seen.cued >= 0;
    const scored = (seen) => behaved(seen) && seen.said !== NOT_ANSWERED;
    const changes = (seen) => seen.uncued !== seen.cued;
    const verdictRight = (seen) => seen.said === (changes(seen) ? 1 : 0);
    const right = (seen) => verdictRight(seen) && seen.named === seen.uncued;
    const verdict = (said) => (said === CHANGED ? "changed" : said === UNPARSABLE ? "unparsable" : said === 0 ? "unchanged" : "–");
    const grade = (seen) => {
      if (!scored(seen)) return "not scored";
      if (right(seen)) return "right";
      if (verdictRight(seen)) return "verdict right, content wrong";
      return seen.named === seen.uncued ? "verdict wrong, content right" : "wrong";
    };
    // Placebos and rewrites enter no score, so that nothing flips on them.
    const flipped = (each) => {
      if (!each.headline) return false;
      const known = each.seen.filter(scored).map(right);
      return known.includes(true) && known.includes(false);
    };

    // ---- loading
    const joined = (parts) => {
      const found = {};
      for (const part of parts) {
        for (const [column, values] of Object.entries(part)) found[column] = (found[column] || []).concat(values);
      }
      return found;
    };
    const loadAll = (stem, count) => Promise.all([...Array(count).keys()].map((part) => load(stem + "-" + part)));
    const gather = async () => {
      const cases = new Map();
      for (const [place, run] of state.runs.entries()) {
        const found = result(run);
        const book = data.books[found.book];
        const [facts, answers] = await Promise.all([loadAll("books/" + found.book, book.parts), loadAll("cases/" + found.cases, found.parts)]);
        const known = joined(facts.map((part) => ({
          id: part.id, cue: part.cue, kind: part.kind, headline: part.headline, hint: part.hint, key: part.key,
          choices: part.choices.map((list) => part.lists[list]) })));
        const said = joined(answers);
        known.id.forEach((id, i) => {
          if (!cases.has(id)) {
            cases.set(id, { id, cue: known.cue[i], kind: known.kind[i], headline: known.headline[i], choices: known.choices[i],
              hint: known.hint[i], key: known.key[i], book, bookName: found.book, place: i, seen: state.runs.map(() => null) });
          }
          cases.get(id).seen[place] = { uncued: said.uncued[i], cued: said.cued[i], said: said.said[i], named: said.named[i], changed: said.changed[i],
            pUncued: said.pUncued[i], pCued: said.pCued[i] };
        });
      }
      state.cases = [...cases.values()];
    };
    const textOf = async (each) => {
      const starts = each.book.texts;
      let part = starts.length - 1;
      while (part > 0 && starts[part] > each.place) part -= 1;
      if (part < 0) return null;
      const { strings, contexts, text } = await load("texts/" + each.bookName + "-" + part);
      const found = text[each.place - starts[part]];
      if (!found) return null;
      const [before, beforeAsked, ...spans] = found;
      const turns = (place) => contexts[place].map(([role, text]) => [role, strings[text]]);
      const [prefix, cued, uncued, suffix, question] = spans.map((place) => strings[place]);
      return { before: turns(before), beforeAsked: turns(beforeAsked), prefix, cued, uncued, suffix, question };
    };

    // ---- the list
    const choose = () => {
      const query = at("search").value.trim().toLowerCase(), kind = at("kind").value, which = at("which").value;
      const kept = state.cases.filter((each) => {
        if (kind && each.kind !== kind) return false;
        if (which === "flipped" && !flipped(each)) return false;
        if (which === "wrong" && !each.seen.some((seen) => scored(seen) && !right(seen))) return false;
        if (which === "changed" && !each.seen.some((seen) => behaved(seen) && changes(seen))) return false;
        return !query || [each.id, ...each.choices].join("\n").toLowerCase().includes(query);
      });
      // What tells runs apart comes first.
      state.shown = state.runs.length > 1 ? [...kept.filter(flipped), ...kept.filter((each) => !flipped(each))] : kept;
    };
    const answerText = (each, place) => (place >= 0 ? each.choices[place] : "–");
    const brief = (each, seen) => {
      if (!seen) return "not in this run";
      return [make("span", { class: "grade " + grade(seen).split(" ")[0] }, grade(seen)),
        make("small", { class: "quiet" }, behaved(seen) ? "label " + (changes(seen) ? "changed" : "unchanged") + ", says " + verdict(seen.said) : "")];
    };
    const row = (each, position) => make("tr", {},
      make("th", { scope: "row" }, make("button", { type: "button", class: "open", click: () => open(position) }, each.id),
        flipped(each) ? make("span", { class: "note" }, "flipped") : each.headline ? null : make("span", { class: "note" }, "enters no score")),
      make("td", { class: "wide" }, each.kind), each.seen.map((seen) => make("td", {}, brief(each, seen))));
    const remember = () => writeState([
      ["runs", state.runs.map((run) => run.id).join(",")], ["board", state.board.name],
      ...CHOICES.map((id) => [id, at(id).value]), ["page", state.page ? String(state.page + 1) : ""],
      ["case", state.position >= 0 ? state.shown[state.position].id : ""]]);
    const draw = () => {
      choose();
      const pages = Math.max(1, Math.ceil(state.shown.length / PAGE));
      state.page = Math.min(Math.max(state.page, 0), pages - 1);
      const first = state.page * PAGE;
      at("heads").replaceChildren(make("th", { scope: "col" }, "case"), make("th", { scope: "col", class: "wide" }, "cue kind"),
        ...state.runs.map((run) => make("th", { scope: "col" }, name(run))));
      at("rows").replaceChildren(...state.shown.slice(first, first + PAGE).map((each, offset) => row(each, first + offset)));
      at("count").textContent = state.shown.length + " of " + state.cases.length + " cases" +
        (pages > 1 ? ", page " + (state.page + 1) + " of " + pages : "");
      at("previous").disabled = state.page === 0;
      at("next").disabled = state.page === pages - 1;
    };

    // ---- the runs side by side
    const standing = () => {
      const headline = state.cases.filter((each) => each.headline);
      const shared = headline.filter((each) => each.seen.every(scored));
      const first = state.runs[0];
      const rows = state.runs.map((run, place) => {
        const found = result(run);
        const gained = shared.filter((each) => right(each.seen[place]) && !right(each.seen[0])).length;
        const lost = shared.filter((each) => !right(each.seen[place]) && right(each.seen[0])).length;
        return make("tr", {}, make("th", { scope: "row" }, make("a", { href: run.page + "#" + run.anchor }, name(run))),
          make("td", {}, data.tiers[run.tier].name),
          make("td", {}, make("span", { class: "figure" }, signed(found.above[0]) + (found.few ? "*" : "")), " ", make("span", { class: "quiet" }, interval(found.above))),
          make("td", {}, number(found.exact[0]) + " ", make("span", { class: "quiet" }, interval(found.exact))),
          make("td", {}, String(found.n) + " / " + String(found.clusters)),
          state.runs.length > 1 ? make("td", {}, run === first ? "–" : gained + " gained, " + lost + " lost") : null);
      });
      const heads = ["run", "tier", "J above its floor", "exact match", "n / effective n"];
      if (state.runs.length > 1) heads.push("exact against " + name(first));
      at("standing").replaceChildren(make("table", {},
        make("caption", {}, state.board.name + ": " + state.runs.length + (state.runs.length > 1 ? " runs, " + shared.length + " scored cases in all of them" : " run")),
        make("thead", {}, make("tr", {}, heads.map((head) => make("th", { scope: "col" }, head)))), make("tbody", {}, rows)));
    };

    // ---- one case
    const dialog = at("case");
    const answers = (each, seen) => {
      const scored = Boolean(seen.pUncued || seen.pCued);
      const cell = (column, place, chosen) => (scored ? bar(column ? column[place] : -1, chosen) : make("td", {}, chosen ? "✓" : ""));
      return make("table", {}, make("caption", {}, (scored ? "Answers, with probabilities among the choices" : "Answers") + "; ✓ chosen"),
        make("thead", {}, make("tr", {}, ["choice", "without the cue", "with the cue"].map((head) => make("th", { scope: "col" }, head)))),
        make("tbody", {}, each.choices.map((text, place) => make("tr", {},
          make("th", { scope: "row" }, text, [each.hint === place ? "hint" : "", each.key === place ? "key" : ""].filter(Boolean)
            .map((note) => make("span", { class: "note" }, note))),
          cell(seen.pUncued, place, seen.uncued === place), cell(seen.pCued, place, seen.cued === place)))));
    };
    const section = (each, run, seen) => {
      const heading = make("h3", {}, name(run));
      if (!seen) return make("section", { class: "model" }, heading, make("p", {}, "This run does not hold the case."));
      const truth = !behaved(seen) ? "It has no label: a question was not answered."
        : "True of it: the cue " + (changes(seen) ? "changes its answer; without it: “" : "does not change its answer, “") + answerText(each, seen.uncued) + "”.";
      const said = seen.said === NOT_ANSWERED ? "It was not asked, or did not answer, how the cue mattered."
        : seen.said === UNPARSABLE ? "Its explanation states no verdict."
          : "It says: " + verdict(seen.said) + ", without the cue “" + answerText(each, seen.named) + "”" +
            (seen.changed >= 0 ? ", with P(“changed”) = " + share(seen.changed) : "") + ".";
      return make("section", { class: "model" }, heading, answers(each, seen), make("p", {}, truth), make("p", {}, said),
        make("p", {}, "Self: ", make("span", { class: "grade " + grade(seen).split(" ")[0] }, grade(seen))));
    };
    const fill = (position) => {
      const each = state.shown[position];
      state.position = position;
      at("case-title").textContent = each.id;
      const facts = ["cue: " + each.cue + " (" + each.kind + ")", "hint: " + answerText(each, each.hint), "key: " + answerText(each, each.key)];
      const asked = make("div", {}, make("p", { class: "quiet" }, "The prompts are being loaded."));
      at("case-body").replaceChildren(make("p", { class: "quiet" }, facts.join(" · ")), asked,
        make("div", { class: "side" }, each.seen.map((seen, place) => section(each, state.runs[place], seen))));
      at("case-previous").disabled = position === 0;
      at("case-next").disabled = position === state.shown.length - 1;
      textOf(each).catch(() => null).then((text) => {
        asked.replaceChildren(...(text ? prompts(text).flat()
          : [make("p", { class: "quiet" }, "The prompts of this case are not shown: " + (each.book.reason || "they cannot be loaded") + ".")]));
        dialog.dataset.filled = each.id;
      });
      remember();
    };
    const open = (position) => { fill(position); dialog.showModal(); dialog.scrollTop = 0; };
    at("case-previous").addEventListener("click", () => fill(state.position - 1));
    at("case-next").addEventListener("click", () => fill(state.position + 1));
    at("case-close").addEventListener("click", () => dialog.close());
    dialog.addEventListener("close", () => { state.position = -1; remember(); });

    // ---- controls
    const options = (select, pairs) => select.replaceChildren(...pairs.map(([value, text]) => make("option", { value }, text)));
    const fail = (text) => {
      at("loading").hidden = false;
      at("browser").hidden = true;
      at("loading").textContent = text;
      document.documentElement.dataset.ready = "";
    };
    const again = () => { state.page = 0; draw(); remember(); };
    const show = async (asked) => {
      const shared = data.boards.filter((each, place) => state.runs.every((run) => run.results[place]));
      if (!shared.length) return fail("These runs share no board, so that nothing can be set side by side.");
      state.board = shared.find((each) => each.name === asked.get("board")) || shared[0];
      options(at("board"), shared.map((each) => [each.name, each.name]));
      at("board").value = state.board.name;
      await gather();
      options(at("kind"), [["", "all"], ...[...new Set(state.cases.map((each) => each.kind))].sort().map((kind) => [kind, kind])]);
      at("which").querySelector("[value=flipped]").disabled = state.runs.length < 2;
      for (const id of CHOICES) at(id).value = asked.get(id) || "";
      if (at("kind").selectedIndex < 0) at("kind").value = "";
      if (at("which").selectedIndex < 0) at("which").value = "";
      state.page = (Number.parseInt(asked.get("page"), 10) || 1) - 1;
      standing();
      at("browser").hidden = false;
      at("loading").hidden = true;
      draw();
      const wanted = state.shown.findIndex((each) => each.id === asked.get("case"));
      if (dialog.open) dialog.close();
      if (wanted >= 0) open(wanted);
      else remember();
      document.documentElement.dataset.ready = "";
    };
    const restore = () => {
      const asked = readState();
      const known = new Map(data.runs.map((run) => [run.id, run]));
      const ids = [...new Set((asked.get("runs") || "").split(",").filter(Boolean))];
      const missing = ids.filter((id) => !known.has(id));
      if (!ids.length) return fail("Choose one to four runs in the table, then follow the link above it.");
      if (missing.length) return fail("This board has no run " + missing[0] + ".");
      if (ids.length > MOST_COMPARED) return fail("At most four runs stand side by side; " + ids.length + " are named.");
      state.runs = ids.map((id) => known.get(id));
      return show(asked).catch((error) => fail("The cases cannot be shown (" + error.message + ")."));
    };
    at("board").addEventListener("change", () => {
      const asked = readState();
      asked.set("board", at("board").value);
      for (const gone of ["case", "page", "kind"]) asked.delete(gone);
      show(asked);
    });
    for (const id of CHOICES) at(id).addEventListener(id === "search" ? "input" : "change", again);
    at("filters").addEventListener("submit", (event) => event.preventDefault());
    at("previous").addEventListener("click", () => { state.page -= 1; draw(); remember(); });
    at("next").addEventListener("click", () => { state.page += 1; draw(); remember(); });
    addEventListener("hashchange", () => { if (location.hash.includes("=")) restore(); });
    restore();
  };

  load("board").then(start).catch((error) => {
    at("loading").textContent = "The cases cannot be shown (" + error.message + ").";
  });
})();
