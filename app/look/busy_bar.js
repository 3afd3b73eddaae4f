// A thin bar over the page from a click until its answer. A clock's ticks do not show it. Start at listen.
// Streamlit tells the page of a run only when the server has begun it, which takes a while on a busy machine. So the
// bar listens to what page and server send each other: protobuf messages, of which it reads four fields.

(() => {
  const RERUN_SCRIPT = 11, IS_AUTO_RERUN = 6; // numbers of fields in BackMsg and in its ClientState
  const NEW_SESSION = 4, SCRIPT_FINISHED = 6; // and in ForwardMsg
  const SETTLED_MS = 500; // a tick under way at the click ends before the click's own run begins

  // Calls visit(number, value) for each field of a message: a number, or the bytes of what has a length.
  function fields(bytes, visit) {
    let at = 0;
    const varint = () => {
      let value = 0, shift = 1;
      while (at < bytes.length) {
        const byte = bytes[at++];
        value += (byte & 127) * shift;
        if (byte < 128) break;
        shift *= 128;
      }
      return value;
    };
    while (at < bytes.length) {
      const tag = varint(), kind = tag & 7;
      if (kind === 0) visit(tag >> 3, varint());
      else if (kind === 2) {
        const size = varint();
        visit(tag >> 3, bytes.subarray(at, at + size));
        at += size;
      } else return;
    }
  }

  // Whether a message to the server asks for a run of the script that somebody waits for.
  function asksForRun(data) {
    let asks = false;
    if (data instanceof Uint8Array)
      fields(data, (message, run) => {
        if (message !== RERUN_SCRIPT) return;
        asks = true;
        fields(run, (field, value) => { if (field === IS_AUTO_RERUN && value) asks = false; });
      });
    return asks;
  }

  function bar(label) {
    const element = document.createElement("div");
    element.id = "clps-busy";
    element.setAttribute("role", "progressbar");
    element.setAttribute("aria-label", label);
    element.hidden = true;
    document.body.append(element);
    return element;
  }

  // What a message of the server says of its script: "begins", "ends", or nothing.
  function news(bytes) {
    let found = "";
    fields(bytes, (field) => {
      if (field === NEW_SESSION) found = "begins";
      if (field === SCRIPT_FINISHED) found = "ends";
    });
    return found;
  }

  function listen(label) {
    const element = bar(label), send = WebSocket.prototype.send, heard = new WeakSet();
    let hiding = 0;
    const show = (shown) => { element.hidden = !shown; };
    const hear = ({ data: message }) => {
      const what = message instanceof ArrayBuffer ? news(new Uint8Array(message)) : "";
      if (what) clearTimeout(hiding);
      if (what === "ends") hiding = setTimeout(show, SETTLED_MS, false);
    };
    WebSocket.prototype.send = function (message) {
      if (!heard.has(this)) this.addEventListener("message", hear);
      heard.add(this);
      if (asksForRun(message)) {
        clearTimeout(hiding);
        show(true);
      }
      return send.call(this, message);
    };
  }

  const words = document.querySelector("[data-clps-working]");
  if (words && !document.getElementById("clps-busy")) listen(words.dataset.clpsWorking);
})();
