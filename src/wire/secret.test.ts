import { inspect } from "node:util";
import { expect, test } from "vitest";
import { coverCall, coverSignatures, maskJson, maskOf, pointersIn, secretsIn, wrapSecrets } from "./cover.ts";
import { stringifyJson } from "./json.ts";
import { argsRepr, kwargsRepr } from "./repr.ts";
import { Secret } from "./secret.ts";

const canary = "sk-canary-4711";

test("a secret shows itself in no text that is made of it", () => {
  const secret = new Secret(canary);
  const shown = [
    String(secret),
    `${secret as unknown as number}`,
    JSON.stringify({ secret }),
    inspect(secret, { showHidden: true, depth: 9 }),
    inspect({ secret }, { customInspect: false, showHidden: true, depth: 9 }),
    inspect(structuredClone({ deep: [{ secret: String(secret) }] })),
    argsRepr([secret]),
    kwargsRepr({ secret, list: [secret] }),
    JSON.stringify(Object.entries(secret)),
    stringifyJson({ secret }, { onSecret: "cover" }),
  ];
  expect(shown.filter((text) => text.includes(canary))).toEqual([]);
  expect(kwargsRepr({ secret })).toBe("{'secret': ***}");
  expect([secret.reveal(), Secret.reveal(secret), Secret.reveal(canary)]).toEqual([canary, canary, canary]);
  expect(Secret.from(secret)).toBe(secret);
});

test("a secret is written whole into a message alone, and refused where it would be kept to be shown", () => {
  const secret = new Secret({ pin: 4711 });
  expect(stringifyJson({ secret })).toBe('{"secret":{"pin":4711}}');
  expect(() => stringifyJson({ a: [secret] }, { root: "result", onSecret: "refuse" })).toThrow(
    /result\.a\[0\].*Secret/,
  );
});

test("secrets are found where they are, and wrapped there again", () => {
  const call = { args: ["front", { "a/b~c": new Secret(1) }], kwargs: { list: [new Secret("x"), "y"] } };
  expect(secretsIn(call, false)).toEqual(["/args/1/a~1b~0c", "/kwargs/list/0"]);
  const pointers = secretsIn(call, true);
  expect(pointers).toEqual(["/args/-1/a~1b~0c", "/kwargs/list/0"]);
  const sent = JSON.parse(stringifyJson(call)) as typeof call;
  const given = wrapSecrets({ args: ["more", ...sent.args], kwargs: sent.kwargs }, pointers);
  expect(given.args[2]).toEqual({ "a/b~c": expect.any(Secret) as unknown });
  expect(Secret.reveal((given.kwargs["list"] as unknown[])[0])).toBe("x");
});

test.each([
  ["a member", ["/kwargs/card/number"], "(1,)", "{'card': {'number': ***, 'cvc': 12}, 'all': ['a', 'b']}"],
  ["every member", ["/kwargs/all/*", "/args/*"], "(***,)", "{'card': {'number': '4', 'cvc': 12}, 'all': [***, ***]}"],
  ["what is not there", ["/kwargs/none/x", "/args/7", "/args/-2", "/other"], "(1,)", undefined],
])("covers %s", (_what, pointers, args, kwargs) => {
  const call = { args: [1], kwargs: { card: { number: "4", cvc: 12 }, all: ["a", "b"] } };
  const covered = coverCall(call, pointers);
  expect(argsRepr(covered.args)).toBe(args);
  expect(kwargsRepr(covered.kwargs)).toBe(kwargs ?? kwargsRepr(call.kwargs));
  expect(call.kwargs.card.number).toBe("4");
});

test.each([
  ["text", { "celeriac.redact": "/kwargs/x" }, ["/kwargs/x"]],
  ["numbers", { "celeriac.redact": [1] }, ["/args/*", "/kwargs/*"]],
  ["too many", { "celeriac.secret": Array<string>(300).fill("/kwargs/x") }, ["/args/*", "/kwargs/*"]],
  ["an object", { "celeriac.redact": { a: 1 } }, ["/args/*", "/kwargs/*"]],
  ["null", { "celeriac.redact": null }, []],
])("a header that is %s covers too much rather than too little", (_what, headers, pointers) => {
  expect(pointersIn(headers)).toEqual(pointers);
});

test("calls that follow are covered by what they say of themselves, however deep they stand", () => {
  const inner = {
    task: "b",
    args: [],
    kwargs: { token: canary },
    options: { headers: { "celeriac.secret": ["/kwargs/token"] } },
  };
  const body = [[], { tasks: [inner] }, { chain: [{ task: "c", args: [], kwargs: { body: inner }, options: {} }] }];
  expect(JSON.stringify(coverSignatures(body))).not.toContain(canary);
  const plain = [[1], { x: { y: [] } }];
  expect(coverSignatures(plain)).toBe(plain);
});

test("a mask covers values wherever they stand in a text, also as JSON and URLs write them", () => {
  const call = { args: ['p@ss "word"'], kwargs: { pin: 471_100, few: "abc", long: 'p@ss "word" and more' } };
  const mask = maskOf(call, ["/args/*", "/kwargs/*"]);
  expect(mask('no p@ss "word" and more, p%40ss%20%22word%22, 471100, abc')).toBe("no ***, ***, ***, abc");
  expect(maskJson(JSON.stringify({ at: 471_100, text: 'p@ss "word"', n: 7 }), mask)).toBe(
    '{"at":"***","text":"***","n":7}',
  );
  expect(maskJson("{", mask)).toBe('"***"');
});
