(() => {
  const { at, make } = introbench;
  const { load, number, signed, interval, size, readState, writeState } = board;
  const PAGE = 50, MOST_COMPARED = 4;
  const CHOICES = ["board", "search", "size", "tier", "trained", "relation", "weights"];
  const SIZES = { small: [0, 1e9], middle: [1e9, 1e10], large: [1e10, 1e11], huge: [1e11, Infinity] };

  const start = (data) => {
    const state = { sort: "", falling: true, page: 0, shown: [], chosen: [] };
    const where = () => data.boards.findIndex((each) => each.name === at("board").value);
    const result = (run) => run.results[where()] || null;
    const several = () => where() < 0;

    // ---- columns
    const svg = (tag, attributes, ...children) => {
      const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
      for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
      node.append(...children);
      return node;
    };
    const WIDTH = 140, EDGE = 6;
    const place = (value) => {
      const [low, high] = data.scale;
      return EDGE + (Math.min(Math.max(value, low), high) - low) / (high - low) * (WIDTH - 2 * EDGE);
    };
    const whisker = ([value, low, high]) => {
      const parts = [svg("line", { class: "zero", x1: place(0), x2: place(0), y1: 0, y2: 18 })];
      if (low !== null) parts.push(svg("line", { class: "whisker self", x1: place(low), x2: place(high), y1: 9, y2: 9 }));
      if (value !== null) parts.push(svg("circle", { class: "mark self", cx: place(value), cy: 9, r: 3.5 }));
      // The numbers stand beside it.
      return svg("svg", { class: "plot small", viewBox: "0 0 " + WIDTH + " 18", "aria-hidden": "true" }, ...parts);
    };
    const estimate = (values, few) => [
      make("span", { class: "figure" }, values[0] === null ? "–" : signed(values[0]) + (few ? "*" : "")), " ",
      make("span", { class: "quiet" }, interval(values))];

    const name = (run) => run.org + "/" + run.model;
    const of = (get) => (run) => (result(run) ? get(result(run)) : null);
    const model = {
      key: "model", name: "model", rising: true, value: (run) => (name(run) + "\u0000" + run.revision).toLowerCase(),
      cell: (run) => [make("a", { href: run.page + "#" + run.anchor }, name(run)),
        make("small", { class: "quiet" }, run.revision)],
    };
    const weight = { key: "size", name: "size", wide: true, value: (run) => run.parameters, cell: (run) => size(run.parameters) };
    const taken = { key: "accepted", name: "accepted", wide: true, value: (run) => run.accepted, cell: (run) => make("span", { class: "date" }, run.accepted) };
    const facts = (run) => [
      { true: "trained on the labels", null: "training not known" }[run.trained],
      { maker: "by the maker", affiliated: "by an affiliate", undisclosed: "submitter undisclosed" }[run.relation],
      { false: "closed weights", null: "openness not known" }[run.open],
      run.made > 1 ? "1 of " + run.made + " runs" : "",
    ].filter(Boolean);
    const notes = {
      name: "notes", cell: (run) => {
        const found = [...run.flags.map((flag) => "disputed: " + flag), ...run.warnings];
        return [
          facts(run).map((fact) => make("span", { class: "note" }, fact)),
          found.length ? make("details", { class: "warnings" }, make("summary", {}, found.length === 1 ? "1 warning" : found.length + " warnings"),
            make("ul", {}, found.map((each) => make("li", {}, each)))) : null];
      },
    };
    const ofBoard = [
      model,
      { key: "above", name: "J above its floor", value: of((found) => found.above[0]),
        cell: of((found) => estimate(found.above, found.few)) },
      { name: "95 % interval", wide: true, cell: of((found) => whisker(found.above)) },
      { key: "group", name: "tie group", rising: true, value: of((found) => found.group),
        cell: of((found) => (found.group === null ? "–" : [String(found.group), found.leads ? make("span", { class: "note" }, "leads") : null])) },
      { key: "j", name: "J of Self", wide: true, value: of((found) => found.j[0]), cell: of((found) => signed(found.j[0])) },
      { key: "exact", name: "exact match", wide: true, value: of((found) => found.exact[0]), cell: of((found) => number(found.exact[0])) },
      { key: "coupling", name: "coupling with base", wide: true, value: of((found) => found.coupling && found.coupling[0]),
        cell: of((found) => (found.coupling ? estimate(found.coupling, false) : "–")) },
      { key: "n", name: "n", wide: true, value: of((found) => found.n), cell: of((found) => String(found.n)) },
      { key: "clusters", name: "effective n", wide: true, value: of((found) => found.clusters), cell: of((found) => String(found.clusters)) },
      weight, taken, notes];
    const ofAll = [model, ...data.boards.map((each, number) => ({
      key: "above." + each.name, name: each.name, value: (run) => (run.results[number] ? run.results[number].above[0] : null),
      cell: (run) => (run.results[number] ? estimate(run.results[number].above, run.results[number].few) : "–"),
    })), weight, taken, notes];
    const columns = () => (several() ? ofAll : ofBoard);

    // ---- which runs
    const fits = (run) => {
      const value = (id) => at(id).value;
      if (!several() && !result(run)) return false;
      if (value("tier") && run.tier > data.tiers.findIndex((tier) => tier.name === value("tier"))) return false;
      if (value("size")) {
        if (value("size") === "unknown") { if (run.parameters !== null) return false; }
        else {
          const [low, high] = SIZES[value("size")];
          if (run.parameters === null || run.parameters < low || run.parameters >= high) return false;
        }
      }
      if (value("trained") && String(run.trained) !== value("trained")) return false;
      if (value("relation") && run.relation !== value("relation")) return false;
      if (value("weights") && String(run.open) !== value("weights")) return false;
      const query = value("search").trim().toLowerCase();
      return !query || run.words.includes(query);
    };
    const choose = () => {
      const column = columns().find((each) => each.key === state.sort);
      const sign = state.falling ? -1 : 1;
      const keyed = data.runs.filter(fits).map((run) => [run, column.value(run)]);
      keyed.sort(([one, a], [other, b]) => {
        // No order of columns puts what nobody has checked above what somebody has.
        if (one.tier !== other.tier) return one.tier - other.tier;
        if (a === null || b === null) { if (a !== b) return a === null ? 1 : -1; }
        else if (a !== b) return a < b ? -sign : sign;
        return one.place - other.place;
      });
      state.shown = keyed.map(([run]) => run);
    };

    // ---- drawing
    const pick = (run) => {
      const box = make("input", { type: "checkbox", autocomplete: "off", "aria-label": "Compare " + name(run) + " " + run.revision });
      box.checked = state.chosen.includes(run.id);
      box.disabled = !box.checked && state.chosen.length >= MOST_COMPARED;
      box.addEventListener("change", () => {
        state.chosen = box.checked ? [...state.chosen, run.id] : state.chosen.filter((id) => id !== run.id);
        for (const [other, each] of boxes) each.disabled = !each.checked && state.chosen.length >= MOST_COMPARED && other !== run;
        offer();
        remember();
      });
      boxes.set(run, box);
      return box;
    };
    let boxes = new Map();
    const row = (run) => make("tr", {}, make("td", {}, pick(run)), columns().map((column) =>
      make(column === model ? "th" : "td", { class: column.wide ? "wide" : null, scope: column === model ? "row" : null }, column.cell(run))));
    const bodies = (runs) => {
      const found = [];
      for (const run of runs) {
        const tier = data.tiers[run.tier];
        if (!found.length || found[found.length - 1].tier !== tier) {
          found.push({ tier, rows: [make("tr", {}, make("th", { scope: "rowgroup", colspan: columns().length + 1 },
            tier.name, make("small", {}, tier.means)))] });
        }
        found[found.length - 1].rows.push(row(run));
      }
      return found.map(({ rows }) => make("tbody", {}, rows));
    };
    const heads = () => {
      at("heads").replaceChildren(make("th", { scope: "col" }, "pick"), ...columns().map((column) => {
        const head = make("th", { scope: "col", class: column.wide ? "wide" : null, "data-sort": column.key || null });
        head.append(column.key ? make("button", { type: "button", click: () => sortBy(column) }, column.name) : column.name);
        return head;
      }));
    };
    const offer = () => {
      const count = state.chosen.length;
      const target = new URLSearchParams({ runs: state.chosen.join(",") });
      if (!several()) target.set("board", at("board").value);
      at("compare").hidden = count < 1;
      at("compare").href = "cases.html#" + target;
      at("compare").textContent = count === 1 ? "See the cases of the chosen run" : "Compare the " + count + " chosen runs case by case";
    };
    const remember = () => writeState([
      ...CHOICES.map((id) => [id, at(id).value === at(id).dataset.usual ? "" : at(id).value]),
      ["sort", state.sort === usual().key ? "" : state.sort], ["rising", state.falling === !usual().rising ? "" : String(!state.falling)],
      ["page", state.page ? String(state.page + 1) : ""], ["runs", state.chosen.join(",")]]);
    const usual = () => (several() ? model : ofBoard[1]);
    const draw = () => {
      choose();
      const pages = Math.max(1, Math.ceil(state.shown.length / PAGE));
      state.page = Math.min(Math.max(state.page, 0), pages - 1);
      boxes = new Map();
      for (const body of [...at("ranking").tBodies]) body.remove();
      at("ranking").append(...bodies(state.shown.slice(state.page * PAGE, (state.page + 1) * PAGE)));
      at("count").textContent = state.shown.length + " of " + data.runs.length + " submissions" +
        (pages > 1 ? ", page " + (state.page + 1) + " of " + pages : "");
      at("previous").disabled = state.page === 0;
      at("next").disabled = state.page === pages - 1;
      for (const head of at("heads").children) {
        if (head.dataset.sort === state.sort) head.setAttribute("aria-sort", state.falling ? "descending" : "ascending");
        else head.removeAttribute("aria-sort");
      }
      const chosen = data.boards[where()];
      at("about").replaceChildren(...(chosen ? [chosen.says, " ", make("a", { href: chosen.page }, "All about this board"), "."]
        : ["J of Self above its best floor on every board. Choose a board for intervals, ties and warnings."]));
      offer();
      remember();
    };
    const again = () => { state.page = 0; draw(); };
    const sortBy = (column) => {
      state.falling = state.sort === column.key ? !state.falling : !column.rising;
      state.sort = column.key;
      again();
    };
    const reset = () => { state.sort = usual().key; state.falling = !usual().rising; };

    // ---- controls
    const restore = () => {
      const asked = readState();
      for (const id of CHOICES) at(id).value = asked.has(id) ? asked.get(id) : at(id).dataset.usual;
      if (at("board").selectedIndex < 0) at("board").value = at("board").dataset.usual;
      for (const id of CHOICES) if (at(id).tagName === "SELECT" && at(id).selectedIndex < 0) at(id).value = "";
      reset();
      if (columns().some((column) => column.key === asked.get("sort"))) {
        state.sort = asked.get("sort");
        state.falling = !columns().find((column) => column.key === state.sort).rising;
      }
      if (asked.has("rising")) state.falling = asked.get("rising") !== "true";
      state.page = (Number.parseInt(asked.get("page"), 10) || 1) - 1;
      const known = new Set(data.runs.map((run) => run.id));
      state.chosen = (asked.get("runs") || "").split(",").filter((id) => known.has(id)).slice(0, MOST_COMPARED);
      heads();
      draw();
    };
    data.runs.forEach((run, number) => {
      run.place = number;
      run.words = [name(run), run.revision, run.run, run.spec, run.engine].join("\n").toLowerCase();
    });
    for (const id of CHOICES.slice(1)) at(id).addEventListener(id === "search" ? "input" : "change", again);
    at("board").addEventListener("change", () => { reset(); heads(); again(); });
    at("filters").addEventListener("submit", (event) => event.preventDefault());
    at("filters").addEventListener("reset", (event) => {
      event.preventDefault();
      for (const id of CHOICES.slice(1)) at(id).value = "";
      again();
    });
    at("previous").addEventListener("click", () => { state.page -= 1; draw(); });
    at("next").addEventListener("click", () => { state.page += 1; draw(); });
    // Links within the page have addresses without "=".
    addEventListener("hashchange", () => { if (location.hash === "" || location.hash.includes("=")) restore(); });
    at("browser").hidden = false;
    at("loading").hidden = true;
    restore();
    const narrow = matchMedia("(max-width: 40rem)").matches;
    at("more").open = !narrow || CHOICES.slice(2).some((id) => at(id).value);
    document.documentElement.dataset.ready = "";
  };

  load("board").then(start).catch((error) => {
    at("loading").hidden = false;
    at("loading").textContent = "The table cannot be shown (" + error.message + "). The boards below hold the same numbers.";
  });
})();
