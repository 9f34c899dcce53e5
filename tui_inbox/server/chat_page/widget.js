// The website chat. Everything that anybody wrote is shown as text, never as markup.
//
// Nothing is lost: what the visitor writes stays in this browser until the server has it, under an id that makes a repeat harmless.
// Nothing is doubled: lines are numbered, and each is shown once. After a drop the stream begins where it ended.
(() => {
  "use strict";
  const script = document.currentScript;
  const base = new URL("./", script.src).href;
  const wholePage = script.dataset.wholePage === "yes";
  const store = "tui-inbox-chat:" + new URL(base).pathname;
  const MOST = 10000;
  const MOST_OF_FILE = 10 * 1024 * 1024;
  const FIRST_PAUSE = 500, LONGEST_PAUSE = 15000, SILENCE = 40000;

  // What outlives the page: the visitor's token, and what has not been sent yet, each message in a place of its own so that
  // two tabs do not write over each other. Without storage the chat lives as long as the page.
  const stored = (work) => { try { return work(localStorage); } catch (error) { return undefined; } };
  const own = { token: "", pending: [] };
  const readToken = () => { own.token = stored((place) => place.getItem(store)) || own.token; };
  const keepToken = (token) => {
    own.token = token;
    stored((place) => token ? place.setItem(store, token) : place.removeItem(store));
  };
  const keepPending = (item) => {
    own.pending.push(item);
    stored((place) => place.setItem(store + item.id, JSON.stringify(item)));
  };
  const dropPending = (id) => {
    own.pending = own.pending.filter((item) => item.id !== id);
    stored((place) => place.removeItem(store + id));
  };
  readToken();
  stored((place) => {
    for (const name of Object.keys(place).filter((name) => name !== store && name.startsWith(store))) {
      const item = JSON.parse(place.getItem(name));
      if (typeof item.id === "string" && typeof item.text === "string") own.pending.push(item);
    }
    own.pending.sort((one, other) => one.at - other.at);
  });

  // ------------------------------------------------------------------ what one sees
  const element = (name, className, text) => {
    const made = document.createElement(name);
    if (className) made.className = className;
    if (text) made.textContent = text;
    return made;
  };
  const host = element("div");
  const root = host.attachShadow({ mode: "open" });
  const style = new CSSStyleSheet();
  style.replaceSync(`
    :host { all: initial; font: 15px/1.4 system-ui, sans-serif; color: #1c1c1e; }
    .box { display: flex; flex-direction: column; background: #fff; border: 1px solid #c8c8cc; border-radius: 8px;
           position: fixed; right: 16px; bottom: 72px; width: min(360px, calc(100vw - 32px)); height: min(520px, calc(100vh - 100px)); }
    .box.whole { inset: 0; width: auto; height: auto; border: 0; border-radius: 0; }
    .box[hidden] { display: none; }
    .open { position: fixed; right: 16px; bottom: 16px; padding: 10px 18px; border: 0; border-radius: 22px;
            background: #1d4ed8; color: #fff; font: inherit; cursor: pointer; }
    h1 { font-size: 16px; margin: 0; padding: 10px 14px; border-bottom: 1px solid #e3e3e6; }
    ol { flex: 1; overflow-y: auto; list-style: none; margin: 0; padding: 12px; }
    li { max-width: 85%; width: fit-content; margin: 0 0 8px; padding: 7px 11px; border-radius: 12px; background: #ececf0;
         white-space: pre-wrap; overflow-wrap: anywhere; }
    li.visitor { margin-left: auto; background: #1d4ed8; color: #fff; }
    li.pending { opacity: .55; }
    .state { min-height: 1.4em; padding: 0 14px; font-size: 13px; color: #6b6b70; }
    form { display: flex; gap: 8px; padding: 10px; border-top: 1px solid #e3e3e6; }
    textarea { flex: 1; resize: none; height: 2.8em; font: inherit; padding: 6px 8px; border: 1px solid #c8c8cc; border-radius: 6px; }
    form.letter { padding: 6px 10px; }
    form.letter[hidden] { display: none; }
    input[type=email] { flex: 1; min-width: 0; font: inherit; padding: 4px 8px; border: 1px solid #c8c8cc; border-radius: 6px; }
    form button.clip { padding: 0 12px; background: #ececf0; color: #1c1c1e; font-size: 20px; }
    li button { display: block; font: inherit; padding: 0; border: 0; background: none; color: #1d4ed8; cursor: pointer;
                text-decoration: underline; text-align: left; overflow-wrap: anywhere; }
    form button { font: inherit; padding: 0 16px; border: 0; border-radius: 6px; background: #1d4ed8; color: #fff; cursor: pointer; }
  `);
  root.adoptedStyleSheets = [style];
  const box = element("section", wholePage ? "box whole" : "box");
  const list = element("ol");
  const state = element("div", "state");
  const form = element("form");
  const field = element("textarea");
  field.maxLength = MOST;
  field.setAttribute("aria-label", "Your message");
  list.setAttribute("aria-live", "polite");
  state.setAttribute("role", "status");
  const button = element("button", "", "Send");
  const picker = element("input");
  picker.type = "file";
  picker.hidden = true;
  const clip = element("button", "clip", "+");
  clip.type = "button";
  clip.setAttribute("aria-label", "Send a file");
  form.append(clip, picker, field, button);
  // Asked for once the visitor has written: an answer that they do not see here goes there.
  const letter = element("form", "letter");
  const address = element("input");
  address.type = "email";
  address.required = true;
  address.placeholder = "Your email, for when you are away";
  address.setAttribute("aria-label", address.placeholder);
  letter.append(address, element("button", "", "Save"));
  letter.hidden = true;
  box.append(element("h1", "", script.dataset.title || "Chat"), list, state, letter, form);
  root.append(box);
  if (!wholePage) {
    const opener = element("button", "open", script.dataset.title || "Chat");
    opener.type = "button";
    box.hidden = true;
    opener.addEventListener("click", () => { box.hidden = !box.hidden; if (!box.hidden) { begin(); tellRead(); field.focus(); } });
    root.append(opener);
  }
  document.body.append(host);

  let last = 0;
  const waiting = new Map();  // id -> list item, of lines that the server has not told yet

  const showPending = (item) => {
    const shown = element("li", "visitor pending", item.text);
    waiting.set(item.id, shown);
    list.append(shown);
    list.scrollTop = list.scrollHeight;
  };
  const showLine = (line) => {
    if (line.number <= last) return;
    last = line.number;
    const mine = line.from === "visitor";
    const before = mine ? waiting.get(line.id) : undefined;
    if (before) { before.remove(); waiting.delete(line.id); }
    const shown = element("li", mine ? "visitor" : "agent", line.text);
    for (const file of line.files || []) {
      const link = element("button", "", file.name);
      link.type = "button";
      link.addEventListener("click", () => fetchFile(file));
      shown.append(link);
    }
    const firstPending = waiting.values().next().value;
    list.insertBefore(shown, firstPending || null);
    list.scrollTop = list.scrollHeight;
    if (mine) { dropPending(line.id); askForAddress(); }
    else { tell("delivered"); tellRead(); }
  };

  // ------------------------------------------------------------------ talking with the server
  const ask = (path, options) => fetch(base + path, {
    ...options,
    credentials: "omit",
    cache: "no-store",
    headers: { ...(own.token ? { Authorization: "Bearer " + own.token } : {}), ...options.headers },
  });
  const post = (path, body) => ask(path, {
    method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body), signal: AbortSignal.timeout(20000),
  });
  const sleep = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));
  const pauses = () => {
    let next = FIRST_PAUSE;
    return {
      reset: () => { next = FIRST_PAUSE; },
      wait: async (answer) => {
        const told = answer ? 1000 * Number(answer.headers.get("Retry-After") || 0) : 0;
        // Some chance, so that not everybody comes back at the same moment.
        await sleep(Math.max(told, next * (0.75 + Math.random() / 2)));
        next = Math.min(LONGEST_PAUSE, next * 2);
      },
    };
  };

  // A visitor whom the server does not know (any more) begins anew; what was not sent yet is kept.
  const forget = () => {
    keepToken("");
    last = 0;
    list.replaceChildren();
    waiting.clear();
    own.pending.forEach(showPending);
  };
  let admission = null;
  const admitted = async () => {
    readToken();
    if (own.token) return true;
    admission = admission || (async () => {
      const { visitorName, visitorEmail } = script.dataset;
      const answer = await post("visitors", { name: visitorName || "", email: visitorEmail || "" });
      if (!answer.ok) return false;
      keepToken((await answer.json()).token);
      return true;
    })().catch(() => false).finally(() => { admission = null; });
    return admission;
  };

  let sending = false;
  const send = async () => {
    if (sending) return;
    sending = true;
    const pause = pauses();
    while (own.pending.length) {
      const item = own.pending[0];
      let answer = null;
      try {
        if (await admitted()) answer = await post("messages", { id: item.id, text: item.text });
      } catch (error) { /* no connection: once more */ }
      if (answer && answer.ok) {
        dropPending(item.id);
        pause.reset();
        begin();
      } else if (answer && answer.status === 401) {
        forget();
      } else if (answer && [400, 413].includes(answer.status)) {
        dropPending(item.id);
        const shown = waiting.get(item.id);
        if (shown) { shown.remove(); waiting.delete(item.id); }
        field.value = field.value || item.text;
        state.textContent = "This message could not be taken. It is too long, or empty.";
      } else {
        await pause.wait(answer);
      }
    }
    sending = false;
  };

  let begun = false;
  const begin = () => {
    if (begun || !own.token) return;
    begun = true;
    listen();
  };
  const listen = async () => {
    const pause = pauses();
    while (own.token) {
      let answer = null;
      try {
        answer = await readStream(pause);
      } catch (error) { /* the connection broke */ }
      if (answer && answer.status === 401) { forget(); break; }
      if (answer && answer.ok) { pause.reset(); }
      state.textContent = answer && answer.ok ? "" : "Connecting again…";
      await pause.wait(answer && answer.ok ? null : answer);
    }
    begun = false;
    if (own.pending.length) send();
  };
  const readStream = async (pause) => {
    const control = new AbortController();
    let timer = setTimeout(() => control.abort(), SILENCE);
    const answer = await ask("events", { headers: { "Last-Event-ID": String(last) }, signal: control.signal });
    try {
      if (!answer.ok) return answer;
      state.textContent = "";
      pause.reset();
      const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
      let text = "";
      for (;;) {
        const { value, done } = await reader.read();
        if (done) return answer;
        clearTimeout(timer);
        timer = setTimeout(() => control.abort(), SILENCE);
        text += value;
        const events = text.split("\n\n");
        text = events.pop();
        for (const event of events) {
          const data = event.split("\n").find((line) => line.startsWith("data: "));
          if (data) showLine(JSON.parse(data.slice(6)));
        }
      }
    } finally {
      clearTimeout(timer);
      control.abort();
    }
  };

  // ------------------------------------------------------------------ where to write when nobody is here
  const known = "tui-inbox-email:" + new URL(base).pathname;
  const askForAddress = () => {
    letter.hidden = Boolean(script.dataset.visitorEmail || stored((place) => place.getItem(known)));
  };
  letter.addEventListener("submit", async (event) => {
    event.preventDefault();
    try {
      if (!(await post("email", { email: address.value.trim() })).ok) throw new Error("refused");
      stored((place) => place.setItem(known, "yes"));
      letter.hidden = true;
      state.textContent = "Thank you. If you leave, our answer comes by email.";
    } catch (error) { state.textContent = "The address could not be saved. Try again."; }
  });

  // ------------------------------------------------------------------ files
  const newId = () => Array.from(
    crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
  const fetchFile = async (file) => {
    try {
      const answer = await ask("files/" + Number(file.id), {});
      if (!answer.ok) throw new Error("status " + answer.status);
      const link = element("a");
      link.href = URL.createObjectURL(await answer.blob());
      link.download = file.name;
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 60000);
    } catch (error) { state.textContent = "The file could not be fetched. Try again."; }
  };
  // A file lives as long as the page: it is sent again until the server has it, under one id.
  const sendFile = async (file) => {
    if (file.size > MOST_OF_FILE) { state.textContent = "This file is larger than 10 MB."; return; }
    const id = newId(), pause = pauses();
    const shown = element("li", "visitor pending", file.name);
    waiting.set(id, shown);
    list.append(shown);
    list.scrollTop = list.scrollHeight;
    const head = {
      "Content-Type": file.type || "application/octet-stream", "X-Message-Id": id, "X-File-Name": encodeURIComponent(file.name),
    };
    for (;;) {
      let answer = null;
      try {
        if (await admitted()) answer = await ask("files", { method: "POST", headers: head, body: file });
      } catch (error) { /* no connection: once more */ }
      if (answer && answer.ok) { begin(); return; }
      if (answer && answer.status === 401) { forget(); waiting.set(id, shown); list.append(shown); }
      if (answer && [400, 413].includes(answer.status)) {
        shown.remove();
        waiting.delete(id);
        state.textContent = "This file could not be taken.";
        return;
      }
      await pause.wait(answer);
    }
  };
  clip.addEventListener("click", () => picker.click());
  picker.addEventListener("change", () => {
    for (const file of picker.files) sendFile(file);
    picker.value = "";
  });

  // ------------------------------------------------------------------ receipts: a lost one is no harm, the next tells more
  const told = { delivered: 0, read: 0 };
  const planned = { delivered: false, read: false };
  const tell = (what) => {
    if (planned[what] || told[what] >= last) return;
    planned[what] = true;
    setTimeout(async () => {
      planned[what] = false;
      const upto = last;
      try {
        if ((await post("receipts", { upto, state: what })).ok) told[what] = Math.max(told[what], upto);
      } catch (error) { /* the next line tells it */ }
      if (last > upto) tell(what);
    }, 200);
  };
  const tellRead = () => {
    if (last && !box.hidden && document.visibilityState === "visible") tell("read");
  };
  document.addEventListener("visibilitychange", tellRead);

  // ------------------------------------------------------------------ writing
  const say = () => {
    const text = field.value.trim();
    if (!text) return;
    const id = newId();
    const item = { id, text, at: Date.now() };
    keepPending(item);
    showPending(item);
    field.value = "";
    state.textContent = "";
    send();
  };
  form.addEventListener("submit", (event) => { event.preventDefault(); say(); });
  field.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) { event.preventDefault(); say(); }
  });
  own.pending.forEach(showPending);
  if (own.pending.length) send();
  if (wholePage || own.token) begin();
})();
