// A partner in JavaScript: partner.js URL [USER [SOURCE [ACCOUNT]]]. It reads CLIENTS in every way that the library has, and
// publishes to "projects" or "invoices" if its user may. A user's password is its name. With ACCOUNT the user is a team that may
// read the clients of that account. It exits with 0 if all of it works.
const assert = require("node:assert");
const { connect } = require("@nats-io/transport-node");
const { jetstream } = require("@nats-io/jetstream");

const [url, user, source, account] = process.argv.slice(2);
const filter = account ? `clients.${account}.>` : "clients.>";

// first returns the first event that a consumer delivers. In a cluster a consumer is there a moment after it was created.
async function first(consumer) {
  for (let attempt = 0; attempt < 10; attempt++) {
    try {
      const message = await consumer.next({ expires: 2000 });
      if (message) return message;
    } catch (error) {
      if (!/no responders/i.test(error.message)) throw error;
    }
  }
  throw new Error("nothing is delivered");
}

async function read(js, durable) {
  const manager = await js.jetstreamManager();
  assert.strictEqual((await manager.streams.info("CLIENTS")).config.name, "CLIENTS");

  const ordered = await js.consumers.get("CLIENTS", { filter_subjects: [filter] });
  assert.match((await first(ordered)).subject, /^clients\./);
  const messages = await (await js.consumers.get("CLIENTS", { filter_subjects: [filter] })).consume();
  for await (const message of messages) {
    assert.match(message.subject, /^clients\./);
    break;
  }

  const ephemeral = await manager.consumers.add("CLIENTS", { filter_subject: filter, ack_policy: "explicit" });
  if (account) assert(ephemeral.name.startsWith(`${durable}+`), ephemeral.name);
  assert(await (await first(await js.consumers.get("CLIENTS", ephemeral.name))).ackAck());
  await manager.consumers.add("CLIENTS", { durable_name: durable, filter_subject: filter, ack_policy: "explicit" });
  assert(await (await first(await js.consumers.get("CLIENTS", durable))).ackAck());
  assert(await manager.consumers.delete("CLIENTS", durable));
  if (account) {
    await assert.rejects(manager.consumers.add("CLIENTS", { filter_subject: "clients.>" }), /the filter has to be/);
    await assert.rejects(manager.consumers.add("CLIENTS", { durable_name: user, filter_subject: filter }), /is named crm\+default/);
  }

  await assert.rejects(
    manager.consumers.add("CLIENTS", { filter_subject: filter, ack_policy: "none", deliver_subject: "client-ids" }),
    /push consumers are not allowed/,
  );
}

async function publish(js) {
  for (const stream of ["projects", "invoices"]) {
    const sent = js.publish(`${stream}.default.1`, JSON.stringify({ id: 1, client_id: 1 }));
    if (source === stream || source === "all") {
      assert((await sent).seq > 0);
    } else {
      await assert.rejects(sent);
    }
  }
}

async function main() {
  const nc = await connect(user ? { servers: url, user, pass: user } : { servers: url });
  const js = jetstream(nc);
  await read(js, account ? `${user}+${account}` : user || "partner");
  await publish(js);
  await nc.close();
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
