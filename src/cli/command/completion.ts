/** `celeriac completion`: what makes a shell complete commands and options. */

import { Argument, Command } from "commander";

export function completionCommand(finish: (code: number) => void): Command {
  return new Command("completion")
    .description("print what makes a shell complete commands and options; for bash: source <(celeriac completion bash)")
    .addArgument(new Argument("<shell>", "which").choices(["bash", "zsh", "fish"]))
    .action(async (shell: "bash" | "zsh" | "fish", _flags: unknown, command: Command) => {
      const [{ completionOf }, { printLine }] = await Promise.all([
        import("../completion.ts"),
        import("../terminal.ts"),
      ]);
      printLine(completionOf(shell, command.parent ?? command));
      finish(0);
    });
}
