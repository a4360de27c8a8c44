/** What a URL says about the way to its server: may others read what goes over it, and does the server know who comes? */

import { redactUrl } from "../../app/connect.ts";
import type { Check } from "../../port/check.ts";

const thisMachine = /^(?:localhost|127(?:\.\d{1,3}){3}|\[?::1\]?|)$/;
/** RabbitMQ's first user, whose password is its name. */
const factoryLogin = "guest";

export function transportChecks(url: URL): readonly Check[] {
  if (!/^(?:redis|rediss|sentinel|amqp|amqps):$/.test(url.protocol)) return [];
  const local = hostsOf(url).every((host) => thisMachine.test(host));
  return [tls(url, local), ...password(url, local)];
}

function hostsOf(url: URL): readonly string[] {
  const more = (url.searchParams.get("hosts") ?? "").split(",").filter((host) => host !== "");
  return [url.hostname, ...more.map((host) => host.replace(/:\d+$/, ""))];
}

function tls(url: URL, local: boolean): Check {
  const topic = "tls";
  const name = redactUrl(url);
  const { searchParams: query, protocol } = url;
  const encrypted = ["rediss:", "amqps:"].includes(protocol) || [...query.keys()].some((key) => key.startsWith("ssl_"));
  if (!encrypted) {
    if (local) return { topic, verdict: "ok", text: `${name} does not leave this machine` };
    const text = `${name} is not encrypted: whoever sits in between reads the password and every task, and can change both`;
    const secure = protocol === "amqp:" ? "amqps:" : protocol === "redis:" ? "rediss:" : "?ssl_cert_reqs=required";
    return { topic, verdict: "warning", text, remedy: `Use ${secure}, or a network that nobody else is on.` };
  }
  const demand = query.get("ssl_cert_reqs") ?? "";
  if (query.get("verify") !== "false" && demand !== "none" && demand !== "CERT_NONE")
    return { topic, verdict: "ok", text: `${name} is encrypted, and the server shows a certificate` };
  const text = `${name} is encrypted, and the server is not asked who it is: whoever sits in between can be it`;
  return {
    topic,
    verdict: "failed",
    text,
    remedy: "Verify it, with ca= (RabbitMQ) or ssl_ca_certs= (Redis) if its authority is your own.",
  };
}

function password(url: URL, local: boolean): readonly Check[] {
  const topic = "password";
  const name = redactUrl(url);
  const { username, protocol } = url;
  if (protocol.startsWith("amqp") && (username === "" || username === factoryLogin)) {
    const text = `${name} is used as guest, RabbitMQ's first user, whose password everybody knows`;
    const remedy = "Make a user of your own (rabbitmqctl add_user), put it into the URL, and delete guest.";
    return [{ topic, verdict: local ? "warning" : "failed", text, remedy }];
  }
  // A certificate of the client's own may be its login.
  if (url.password !== "" || url.searchParams.has("ssl_certfile") || url.searchParams.has("cert"))
    return [{ topic, verdict: "ok", text: `${name} is used with a login` }];
  if (local) return [];
  const text = `${name} is used without a password: whoever reaches it can run your tasks and read all results`;
  return [
    { topic, verdict: "failed", text, remedy: "Set requirepass or ACL users on the server, and the login in the URL." },
  ];
}
