// A service that uses Things, by node-wot's own consumer: does what it reads on standard input, one JSON document a line.
//
// {"id", "do", "thing", "name", "value", "options"} is answered by {"id", "value"} or {"id", "error"}; `thing` is the
// URL of a Thing Description, fetched at first use unless it comes as `description`. What is observed comes as {"thing", "observed", "value"}.
"use strict";

const readline = require("readline");
const { Servient } = require("@node-wot/core");
const { HttpClientFactory } = require("@node-wot/binding-http");

const tell = (message) => process.stdout.write(JSON.stringify(message) + "\n");
const things = new Map();
const subscriptions = new Map();

async function consumed(wot, url, description) {
    if (description !== undefined) things.set(url, await wot.consume(description));
    if (!things.has(url)) things.set(url, await wot.consume(await wot.requestThingDescription(url)));
    return things.get(url);
}

async function carryOut(wot, { do: operation, thing: url, name, value, options, description }) {
    const thing = await consumed(wot, url, description);
    const key = `${url} ${name}`;
    const told = (what) => async (output) => tell({ thing: url, [what]: name, value: await output.value() });
    const lost = (error) => tell({ thing: url, lost: name, error: error.message });
    switch (operation) {
        case "consume":
            return thing.getThingDescription();
        case "read":
            return (await thing.readProperty(name, options)).value();
        case "write":
            return thing.writeProperty(name, value, options);
        case "invoke":
            await thing.invokeAction(name, value, options);
            return null;
        case "observe":
            subscriptions.set(key, await thing.observeProperty(name, told("observed"), lost, options));
            return null;
        case "subscribe":
            subscriptions.set(key, await thing.subscribeEvent(name, told("happened"), lost, options));
            return null;
        case "stop":
            await subscriptions.get(key).stop();
            return null;
        default:
            throw new Error(`unknown: ${operation}`);
    }
}

async function main() {
    const servient = new Servient();
    servient.addClientFactory(new HttpClientFactory());
    const wot = await servient.start();
    tell({ ready: true });
    for await (const line of readline.createInterface({ input: process.stdin })) {
        const task = JSON.parse(line);
        carryOut(wot, { ...task, options: task.options ?? undefined }).then(
            (value) => tell({ id: task.id, value: value === undefined ? null : value }),
            (error) => tell({ id: task.id, error: error.message })
        );
    }
    process.exit(0);
}

// A long poll that ends with an error rejects a promise that nobody holds any more; it was told as `lost`.
process.on("unhandledRejection", (error) => console.error(error));
main().catch((error) => {
    console.error(error);
    process.exit(1);
});
