/** Scripts by which shells complete, made from the declarations that `--help` prints. They start no process when a key is pressed. */

import type { Command, Option } from "commander";

/** One command, by its way from the top: "" is the program, "/dlq/list" one of its commands. */
interface Place {
  readonly path: string;
  readonly commands: readonly { readonly name: string; readonly text: string }[];
  readonly options: readonly Choice[];
  /** What its first argument may be. */
  readonly words: readonly string[];
}

interface Choice {
  readonly names: readonly string[];
  readonly text: string;
  /** Absent: it takes none. */
  readonly value: { readonly words: readonly string[]; readonly isPath: boolean } | undefined;
}

export function completionOf(shell: "bash" | "zsh" | "fish", program: Command): string {
  const places = placesOf(program, "");
  if (shell === "bash") return bash(places);
  return shell === "zsh" ? zsh(places) : fish(places);
}

function placesOf(command: Command, path: string): readonly Place[] {
  const help = command.createHelp();
  const commands = help.visibleCommands(command).filter((each) => each.name() !== "help" || path === "");
  const own: Place = {
    path,
    commands: commands.map((each) => ({ name: each.name(), text: each.description() })),
    options: help.visibleOptions(command).map(choiceOf),
    words: command.registeredArguments[0]?.argChoices ?? [],
  };
  const below = command.commands.filter((each) => commands.includes(each));
  return [own, ...below.flatMap((each) => placesOf(each, `${path}/${each.name()}`))];
}

function choiceOf(option: Option): Choice {
  const names = [option.short, option.long].filter((name) => name !== undefined && name !== null);
  const takesValue = option.required || option.optional;
  return {
    names,
    text: option.description,
    value: takesValue ? { words: option.argChoices ?? [], isPath: /<(?:file|folder)>/.test(option.flags) } : undefined,
  };
}

/** For the inside of single quotes. */
const quoted = (text: string): string => text.replaceAll("'", "'\\''");

/** `word` as the pattern of a `case`. */
const pattern = (names: readonly string[], path: string): string =>
  names.map((name) => `'${quoted(`${path} ${name}`)}'`).join("|");

/** Lines of a `case` that walks over the words before the one that is completed, in a variable `at`. */
function walk(places: readonly Place[]): string {
  const ways = places.filter(({ path }) => path !== "").map(({ path }) => `'${path}'`);
  return ways.join("|");
}

/** What follows an option, as cases of bash and zsh; `offer` is a command with its end, or nothing. */
function valueCases(
  places: readonly Place[],
  offer: (value: NonNullable<Choice["value"]>) => string,
): readonly string[] {
  return places.flatMap(({ path, options }) =>
    options.flatMap(({ names, value }) =>
      value === undefined ? [] : [`    ${pattern(names, path)}) ${offer(value)}return ;;`],
    ),
  );
}

function bash(places: readonly Place[]): string {
  const values = valueCases(places, bashValue);
  const words = places.map(({ path, commands, options, words: own }) => {
    const all = [...commands.map(({ name }) => name), ...own, ...options.flatMap(({ names }) => names)];
    return `    '${path}') COMPREPLY=($(compgen -W '${quoted(all.join(" "))}' -- "$word")) ;;`;
  });
  return `# celeriac for bash: source <(celeriac completion bash)
_celeriac() {
  local word="\${COMP_WORDS[COMP_CWORD]}" before="\${COMP_WORDS[COMP_CWORD-1]}" at="" i
  COMPREPLY=()
  for ((i = 1; i < COMP_CWORD; i++)); do
    case "$at/\${COMP_WORDS[i]}" in
      ${walk(places)}) at="$at/\${COMP_WORDS[i]}" ;;
    esac
  done
  case "$at $before" in
${values.join("\n")}
  esac
  case "$at" in
${words.join("\n")}
  esac
}
complete -F _celeriac celeriac`;
}

function bashValue({ words, isPath }: NonNullable<Choice["value"]>): string {
  if (words.length > 0) return `COMPREPLY=($(compgen -W '${quoted(words.join(" "))}' -- "$word")); `;
  // Names of files may hold spaces: one a line.
  return isPath ? `compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -f -- "$word"); ` : "";
}

function zsh(places: readonly Place[]): string {
  const values = valueCases(places, zshValue);
  const words = places.map(({ path, commands, options, words: own }) => {
    const all = [
      ...commands.map(({ name, text }) => [name, text] as const),
      ...own.map((word) => [word, ""] as const),
      ...options.flatMap(({ names, text }) => names.map((name) => [name, text] as const)),
    ];
    const list = all.map(([name, text]) => `'${quoted(`${name.replaceAll(":", "\\:")}:${text}`)}'`);
    return `    '${path}') choices=(${list.join(" ")}) ;;`;
  });
  return `#compdef celeriac
# celeriac for zsh: source <(celeriac completion zsh), or as _celeriac in a folder of fpath
_celeriac() {
  local at="" i before="\${words[CURRENT-1]}"
  local -a choices
  for ((i = 2; i < CURRENT; i++)); do
    case "$at/\${words[i]}" in
      ${walk(places)}) at="$at/\${words[i]}" ;;
    esac
  done
  case "$at $before" in
${values.join("\n")}
  esac
  case "$at" in
${words.join("\n")}
  esac
  _describe 'celeriac' choices
}
(( $+functions[compdef] )) && compdef _celeriac celeriac`;
}

function zshValue({ words, isPath }: NonNullable<Choice["value"]>): string {
  if (words.length > 0) return `compadd -- ${words.map((word) => `'${quoted(word)}'`).join(" ")}; `;
  return isPath ? "_files; " : "";
}

function fish(places: readonly Place[]): string {
  const lines = places.flatMap(({ path, commands, options, words }) => {
    const here = `complete -c celeriac -f -n '__celeriac_at "${path}"'`;
    return [
      ...commands.map(({ name, text }) => `${here} -a '${quoted(name)}' -d '${fishText(text)}'`),
      ...(words.length === 0 ? [] : [`${here} -a '${quoted(words.join(" "))}'`]),
      ...options.map(({ names, text, value }) => {
        const flags = names.map((name) => (name.startsWith("--") ? `-l ${name.slice(2)}` : `-s ${name.slice(1)}`));
        return `${here} ${flags.join(" ")}${fishValue(value)} -d '${fishText(text)}'`;
      }),
    ];
  });
  return `# celeriac for fish: celeriac completion fish | source
function __celeriac_at
  set -l at ""
  for word in (commandline -opc)[2..-1]
    switch "$at/$word"
      case ${walk(places).replaceAll("|", " ")}
        set at "$at/$word"
    end
  end
  test "$at" = "$argv[1]"
end
${lines.join("\n")}`;
}

function fishValue(value: Choice["value"]): string {
  if (value === undefined) return "";
  if (value.words.length > 0) return ` -x -a '${quoted(value.words.join(" "))}'`;
  return value.isPath ? " -r -F" : " -x";
}

/** There a backslash before a quote, and no way out of the quotes. */
const fishText = (text: string): string => text.replaceAll("\\", "\\\\").replaceAll("'", "\\'");
