/**
 * The URLs of Redis Sentinel as Celery writes them, several in one text: `sentinel://one:26379;sentinel://two:26379/0`. No URL parser
 * takes that, so they become one URL with the other hosts in its query. Refuses what contradicts itself.
 */

/** How the hosts after the first travel, and what Celery calls the option that names the servers. */
const [hostsOption, celerysMaster] = ["hosts", "master_name"];

/** One `sentinel:` URL as text, or why there is none; what is said holds nothing of the text. */
export function oneSentinelUrl(text: string): { readonly url: string } | { readonly why: string } {
  const parts = text.split(";").filter((part) => part !== "");
  const urls: URL[] = [];
  for (const part of parts) {
    const full = part.startsWith("sentinel:") ? part : `sentinel://${part}`;
    if (!URL.canParse(full)) return { why: "one of its hosts is not a URL" };
    urls.push(new URL(full));
  }
  const [first, ...others] = urls;
  if (first === undefined) return { why: "it names no host" };
  const hosts = others.map(({ host }) => host);
  for (const url of others) {
    for (const [what, name] of [
      ["username", "logins"],
      ["password", "logins"],
      ["pathname", "databases"],
    ] as const) {
      if (url[what].replace(/^\/$/, "") === "" || url[what] === first[what]) continue;
      if (first[what].replace(/^\/$/, "") !== "") return { why: `its hosts have different ${name}` };
      first[what] = url[what];
    }
    for (const [option, value] of url.searchParams) {
      const known = first.searchParams.get(option);
      if (known !== null && known !== value) return { why: `its hosts say different things about "${option}"` };
      first.searchParams.set(option, value);
    }
  }
  if (hosts.includes("")) return { why: "one of its hosts has no name" };
  const named = [first.searchParams.get(hostsOption) ?? [], hosts].flat();
  if (named.length > 0) first.searchParams.set(hostsOption, named.join(","));
  const master = first.searchParams.get(celerysMaster);
  if (master !== null) {
    first.searchParams.delete(celerysMaster);
    first.searchParams.set("master", master);
  }
  return { url: first.href };
}
