// Things over HTTP, by node-wot: `node servient.js BASE_URL NAME...` exposes things/NAME.json.
//
// Tells on standard output, one JSON document a line, what it exposes and everything that a consumer changed.
// Standard input takes {"thing", "name", "value"}: the property changes by itself; or {"thing", "event", "value"}.
"use strict";

const fs = require("fs");
const path = require("path");
const readline = require("readline");
const { Servient } = require("@node-wot/core");
const { HttpServer } = require("@node-wot/binding-http");

const tell = (message) => process.stdout.write(JSON.stringify(message) + "\n");

async function expose(wot, name) {
    const description = JSON.parse(fs.readFileSync(path.join(__dirname, "things", `${name}.json`), "utf8"));
    const values = {};
    for (const [property, affordance] of Object.entries(description.properties)) {
        values[property] = affordance.default;
        delete affordance.default;
    }
    const thing = await wot.produce(description);
    const change = (property, value) => {
        values[property] = value;
        if (description.properties[property].observable) thing.emitPropertyChange(property);
    };
    for (const [property, affordance] of Object.entries(description.properties)) {
        thing.setPropertyReadHandler(property, async () => values[property]);
        if (affordance.readOnly) continue;
        thing.setPropertyWriteHandler(property, async (input) => {
            const value = await input.value();
            change(property, value);
            tell({ thing: name, wrote: property, value });
        });
    }
    for (const action of Object.keys(description.actions ?? {})) {
        thing.setActionHandler(action, async (input) => {
            const value = await input.value().catch(() => undefined);
            if (action === "toggle") change("on", !values.on);
            if (action === "lock" || action === "unlock") change("locked", action === "lock");
            tell({ thing: name, invoked: action, value });
            return undefined;
        });
    }
    await thing.expose();
    return { change, emit: (event, value) => thing.emitEvent(event, value), description: thing.getThingDescription() };
}

async function main(base, names) {
    const { hostname, port } = new URL(base);
    const servient = new Servient();
    servient.addServer(new HttpServer({ address: hostname, port: Number(port), baseUri: base }));
    const wot = await servient.start();
    const things = {};
    for (const name of names) things[name] = await expose(wot, name);
    tell({ exposed: Object.values(things).map((thing) => thing.description) });
    for await (const line of readline.createInterface({ input: process.stdin })) {
        const { thing, name, event, value } = JSON.parse(line);
        if (event !== undefined) things[thing].emit(event, value);
        else things[thing].change(name, value);
    }
    process.exit(0);
}

main(process.argv[2], process.argv.slice(3)).catch((error) => {
    console.error(error);
    process.exit(1);
});
