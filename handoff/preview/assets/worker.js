// One connection for all tabs: a browser opens no more than six to one host.
"use strict";
const ports = new Set();
let state = { isStopped: false, versions: null };

function share(change) {
  state = { ...state, ...change };
  for (const port of ports) port.postMessage(state);
}

const events = new EventSource("/events");
events.onopen = () => share({ isStopped: false });
events.onerror = () => share({ isStopped: true });
events.onmessage = (event) => share({ versions: JSON.parse(event.data) });

onconnect = ({ ports: [port] }) => {
  ports.add(port);
  port.onmessage = () => ports.delete(port);
  port.postMessage(state);
};
