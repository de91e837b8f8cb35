// Keeps an exact copy of the clients of an account in a file. See README.md.
import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { jetstream, jetstreamManager, type JsMsg } from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";

type Client = Record<string, unknown>;
/** The copy, and the position in the stream that it belongs to: they are stored together. */
interface State {
  epoch: string;
  sequence: number;
  id: string; // ce-id of the message at sequence; "" behind a list
  clock: string; // see EVENTS.md
  clients: Record<string, Client>;
  gone: Record<string, boolean>; // ids of clients that were deleted
}

const { values: options } = parseArgs({
  options: {
    api: { type: "string", default: "http://127.0.0.1:8080" },
    "nats-url": { type: "string", default: "nats://127.0.0.1:4222" },
    account: { type: "string", default: "default" },
    copy: { type: "string", default: "clients-copy.json" },
    once: { type: "boolean", default: false },
  },
});

class StartOver extends Error {}

// Integers that a number does not hold exactly are kept as texts. Inside a string the quotes would be escaped.
const parse = (json: string) => JSON.parse(json.replace(/("(?:id|highrise_id)"\s*:\s*)(-?\d+)/g, '$1"$2"'));
const format = (value: unknown) => JSON.stringify(value).replace(/("(?:id|highrise_id)":)"(-?\d+)"/g, "$1$2");

async function list(): Promise<State> {
  const { origin, username, password } = new URL(options.api);
  const login = Buffer.from(decodeURIComponent(`${username}:${password}`)).toString("base64");
  const response = await fetch(`${origin}/clients.json`, { headers: username ? { authorization: `Basic ${login}` } : undefined });
  if (!response.ok) throw new Error(`list: ${response.status}`);
  const clients: Client[] = parse(await response.text()).map((entry: { client: Client }) => entry.client);
  const sequence = Number(response.headers.get("Stream-Sequence"));
  console.log(`list up to ${sequence}`);
  const clock = clients.map((c) => c.updated_at as string).reduce((a, b) => (a > b ? a : b), "");
  const epoch = response.headers.get("Stream-Epoch") ?? "";
  return { epoch, sequence, id: "", clock, clients: Object.fromEntries(clients.map((c) => [c.id as string, c])), gone: {} };
}

function save(state: State) {
  writeFileSync(`${options.copy}.new`, format(state), { mode: 0o600 });
  renameSync(`${options.copy}.new`, options.copy);
}

const table = Array.from({ length: 256 }, (_, n) => {
  let crc = BigInt(n);
  for (let bit = 0; bit < 8; bit++) crc = (crc >> 1n) ^ (crc & 1n ? 0xc96c5795d7870f42n : 0n);
  return crc;
});

function checksum(parts: (string | Uint8Array)[]): string {
  let crc = 0xffffffffffffffffn;
  for (const part of parts) {
    for (const byte of [...Buffer.from(part), 0]) crc = table[Number(crc & 255n) ^ byte]! ^ (crc >> 8n);
  }
  return (crc ^ 0xffffffffffffffffn).toString(16).padStart(16, "0");
}

const names = "ce-specversion ce-id ce-source ce-subject ce-time ce-clientversion ce-checksum content-type ce-type".split(" ");
const valid = new RegExp(
  "^1\\.0\\n[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}\\n/clients\\n.+\\n\\d{4}-\\d\\d-\\d\\dT.+\\n" +
    "[1-9][0-9]*\\n.+\\napplication/json\\nclients\\..+$",
);
const all = ["name", "highrise_id", "currency", "currency_symbol", "active", "details"];
const kinds = new Map([["Created", all], ["Updated", all], ["Toggled", ["active"]], ["Deleted", []], ["Erased", []],
  ["InvoiceDefaultsChanged", ["default_invoice_timeframe", "last_invoice_kind"]]]);

/** Returns false for a message that is no event, or that its client already has: see EVENTS.md. */
function apply(s: State, m: JsMsg): boolean {
  const get = (name: string) => m.headers?.get(name) ?? "";
  const [, , id, ...more] = m.subject.split(".");
  if (!id || more.length || !valid.test(names.map(get).join("\n"))) return false;
  const kind = get("ce-type").replace(/^clients\.v1\.Client/, "");
  const sum = checksum([m.subject, get("ce-id"), get("ce-type"), get("ce-clientversion"), get("ce-time"), m.data]);
  if (sum !== get("ce-checksum")) throw new Error(`wrong checksum at ${m.seq}`);
  if (get("ce-subject") !== id) return false;
  const data = parse(m.string());
  const named = kinds.get(kind);
  if (!named || data.id !== id) throw new Error(`${get("ce-type")} at ${m.seq}, which this program cannot read: update it`);
  const at = new Date(Number(m.timestampNanos / 1000000000n) * 1000).toISOString().replace(".000", "");
  if (at > s.clock) s.clock = at;
  const version = Number(get("ce-clientversion"));
  const client = s.clients[id];
  const next = client ? (client.cache_version as number) + 2 : 1;
  const [created, erased] = [kind === "Created", kind === "Erased"];
  if (version < next || (!erased && (s.gone[id] || (!client && !created)))) return false; // the last: deleted before the list
  if (erased || (version === next && kind === "Deleted")) {
    delete s.clients[id];
    s.gone[id] = true;
    return true;
  }
  if (version !== next || created === !!client) throw new Error(`${m.seq} does not continue its client`);
  const after: Client = client ?? { id, created_at: s.clock, default_invoice_timeframe: null, last_invoice_kind: null };
  for (const name of named) if (name in data) after[name] = name === "details" ? (data[name] ?? "") : data[name];
  s.clients[id] = { ...after, updated_at: s.clock, cache_version: version - 1 };
  return true;
}

async function follow(s: State) {
  const at = new URL(options["nats-url"]);
  const nc = await connect({ servers: at.host, user: decodeURIComponent(at.username), pass: decodeURIComponent(at.password) });
  try {
    const manager = await jetstreamManager(nc);
    const { name } = await manager.consumers.add("CLIENTS", {
      filter_subject: `clients.${options.account}.>`,
      ack_policy: "none",
      deliver_policy: "by_start_sequence",
      opt_start_seq: Math.max(s.sequence, 1), // the last message again, to compare its ce-id
    });
    const consumer = await jetstream(nc).consumers.get("CLIENTS", name);
    for (let delivered = 0, before = -1; !options.once || delivered !== before; save(s)) {
      before = delivered;
      const pulled: JsMsg[] = [];
      for await (const m of await consumer.fetch({ max_messages: 50, expires: 1000 })) pulled.push(m);
      const info = await manager.streams.info("CLIENTS"); // after the pull: no message of another history is applied
      const epoch = info.config.metadata?.epoch ?? info.created;
      if (epoch !== s.epoch || info.state.last_seq < s.sequence) throw new StartOver();
      delivered += pulled.length;
      if ((await consumer.info()).delivered.consumer_seq !== delivered) throw new Error("a message was lost on the way");
      for (const m of pulled) {
        const id = m.headers?.get("ce-id") ?? "";
        if (m.seq === s.sequence && s.id && id !== s.id) throw new StartOver();
        if (m.seq <= s.sequence) continue;
        const applied = apply(s, m);
        [s.sequence, s.id] = [m.seq, id];
        console.log(m.seq, m.headers?.get("ce-type"), applied);
      }
    }
  } finally {
    await nc.close();
  }
}

for (let done = false; !done; ) {
  try {
    await follow(existsSync(options.copy) ? parse(readFileSync(options.copy, "utf8")) : await list());
    done = true;
  } catch (error) {
    if (!(error instanceof StartOver)) throw error;
    console.log("starting over: the copy belongs to another history");
    rmSync(options.copy);
  }
}
