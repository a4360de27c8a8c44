/** Whether a person asks by a browser's own means, or a script does. */

export function wantsPage(request: Request): boolean {
  return request.method === "GET" && (request.headers.get("accept") ?? "").includes("text/html");
}

/** A script shows its own way to log in; the browser's window would come in between. */
export function asksByScript(request: Request): boolean {
  return request.headers.get("x-requested-with") === "celeriac";
}
