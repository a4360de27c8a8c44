/**
 * What a child inherits: an allow-list of the environment, because URLs of brokers and stores, with their passwords, must not be
 * in reach of task code; and those flags of node that decide how modules load.
 */

const always: readonly string[] = ["PATH", "HOME", "LANG", "TZ"];
/** Without these Windows starts no program. */
const windows: readonly string[] = ["Path", "SystemRoot", "SYSTEMROOT", "TEMP", "TMP", "USERPROFILE"];
/** Node's own ways of telling a child what it is; ours is another kind of child. */
const never = new Set(["NODE_CHANNEL_FD", "NODE_CHANNEL_SERIALIZATION_MODE", "NODE_UNIQUE_ID"]);

export function childEnvironment(
  names: readonly string[],
  from: NodeJS.ProcessEnv = process.env,
): Record<string, string> {
  const environment: Record<string, string> = {};
  const allowed = new Set([...always, ...(process.platform === "win32" ? windows : []), ...names]);
  for (const [name, value] of Object.entries(from)) {
    if (value === undefined || never.has(name)) continue;
    if (allowed.has(name) || name.startsWith("NODE_")) environment[name] = value;
  }
  environment["CELERIAC_ROLE"] = "child";
  return environment;
}

const withValue = new Set(["--import", "--require", "-r", "--loader", "--experimental-loader", "--conditions", "-C"]);

/** Loaders and conditions go on to children, so that an app that runs under `--import tsx` runs there too. No inspector, no `-e`. */
export function inheritedFlags(flags: readonly string[] = process.execArgv): string[] {
  const inherited: string[] = [];
  for (const [index, flag] of flags.entries()) {
    const name = flag.split("=", 1)[0] ?? flag;
    const value = flags[index + 1];
    if (withValue.has(name)) {
      if (flag !== name) inherited.push(flag);
      else if (value !== undefined) inherited.push(flag, value);
    } else if (name.startsWith("--experimental-") || name.startsWith("--preserve-symlinks")) inherited.push(flag);
  }
  return inherited;
}

/** Flags of a child process. `memoryLimit` in bytes; V8 takes whole MiB. */
export function childFlags(memoryLimit: number | undefined): string[] {
  const flags = ["--enable-source-maps", "--disable-warning=ExperimentalWarning", ...inheritedFlags()];
  if (memoryLimit !== undefined) flags.push(`--max-old-space-size=${mebibytes(memoryLimit)}`);
  return flags;
}

export function mebibytes(bytes: number): number {
  return Math.max(1, Math.ceil(bytes / 1024 / 1024));
}
