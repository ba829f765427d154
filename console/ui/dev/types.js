// Writes the API's types: `node dev/types.js FILE`. A schema that the document names and lacks is taken for a text, as
// those of enumerations in queries are.
import { readFileSync, writeFileSync } from "node:fs";
import openapiTS, { astToString } from "openapi-typescript";

const text = readFileSync(new URL("../../openapi.json", import.meta.url), "utf8");
const document = JSON.parse(text);
for (const [, name] of text.matchAll(/#\/components\/schemas\/(\w+)/g)) {
  document.components.schemas[name] ??= { type: "string" };
}
writeFileSync(process.argv[2] ?? "src/api/schema.d.ts", astToString(await openapiTS(document)));
